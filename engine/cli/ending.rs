//! How a command ends: it did it, the answer is no, or it could not.

use std::fmt::{self, Display, Formatter};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Good,
    /// The answer is no.
    No,
}

impl Exit {
    /// Good where something holds.
    pub(crate) fn when(holds: bool) -> Self {
        if holds { Self::Good } else { Self::No }
    }
}

/// Why a command could not do what was asked.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Used wrongly, or something cannot be read, written or reached: exit code 2.
    Usage(String),
    /// Our own fault: exit code 3.
    Internal(String),
}

impl Trouble {
    pub(crate) fn usage(what: impl Display) -> Self {
        Self::Usage(format!("{what}"))
    }

    pub(crate) fn internal(what: impl Display) -> Self {
        Self::Internal(format!("{what}"))
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) => f.write_str(why),
            Self::Internal(why) => write!(
                f,
                "{why}\nthis is a fault of mux, not of yours; please report it with the command you ran, what was printed, and `mux {} on {} {}`",
                env!("CARGO_PKG_VERSION"),
                std::env::consts::OS,
                std::env::consts::ARCH
            ),
        }
    }
}

/// What a command returns.
pub(crate) type Outcome = Result<Exit, Trouble>;

/// The exit code: 0 good, 1 the answer is no, 2 used wrongly or unreadable, 3 our own fault.
pub(crate) fn code(outcome: &Outcome) -> u8 {
    match outcome {
        Ok(Exit::Good) => 0,
        Ok(Exit::No) => 1,
        Err(Trouble::Usage(_)) => 2,
        Err(Trouble::Internal(_)) => 3,
    }
}

/// Runs a command; a panic, whose message has been printed by then, is a fault like any other of ours.
pub(crate) fn guarded(command: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(command))
        .unwrap_or_else(|_| Err(Trouble::internal("the command ended in the middle")))
}

#[cfg(test)]
mod tests {
    use super::{Exit, Trouble, code, guarded};

    #[test]
    fn every_ending_has_its_exit_code() {
        assert_eq!(code(&Ok(Exit::Good)), 0);
        assert_eq!(code(&Ok(Exit::No)), 1);
        assert_eq!(code(&Err(Trouble::usage("no such file"))), 2);
        assert_eq!(code(&Err(Trouble::internal("a torn page"))), 3);
    }

    #[test]
    fn a_panic_is_our_fault_and_says_how_to_report_it() {
        let outcome = guarded(|| std::panic::panic_any("planted"));
        assert_eq!(code(&outcome), 3);
        let text = outcome.map_or_else(|trouble| trouble.to_string(), |_| String::new());
        assert!(
            text.contains("report it") && text.contains(env!("CARGO_PKG_VERSION")),
            "{text}"
        );
    }

    #[test]
    fn who_used_mux_wrongly_is_not_asked_to_report_it() {
        let text = Trouble::usage("no such file").to_string();
        assert_eq!(text, "no such file");
    }
}

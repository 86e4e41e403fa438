//! What can be wrong with a provider, and when.

use mux_routing::Nanos;
use serde::Serialize;

/// Something that is wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// From then …
    pub from: Nanos,
    /// … to then.
    pub until: Nanos,
}

/// The alphabet of faults. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "fault")]
pub enum Kind {
    /// 503 at once.
    Fails,
    /// 529 at once.
    Overloaded,
    /// Takes requests and never answers.
    Hangs,
    /// So for a share of the requests.
    HangsSome {
        /// Share.
        share: f64,
    },
    /// A good head, then nothing.
    HangsAfterHead,
    /// Events without content, for ever.
    PingsForever,
    /// Failures and slowness that rise over the whole time.
    BrownOut {
        /// Share of failures at the end.
        errors: f64,
        /// Times slower at the end.
        slower: f64,
    },
    /// So many times slower to the first content.
    Slow {
        /// Times.
        times: f64,
    },
    /// 429 for a share of the requests.
    Throttles {
        /// Share.
        share: f64,
        /// Seconds it asks to wait; nothing where absent.
        retry_after: Option<f64>,
    },
    /// A 429 that says the money is used up.
    Spent,
    /// 401.
    Refuses,
    /// No connection.
    Unreachable,
    /// The answer breaks off after some content.
    Cuts {
        /// Share.
        share: f64,
    },
    /// A 200 that holds nothing that can be read.
    Garbage,
    /// Fails and works in turns.
    Flaps {
        /// Seconds of each.
        period: f64,
    },
}

/// Names of all kinds, for what must be seen sometimes.
pub const NAMES: [&str; 15] = [
    "fails",
    "overloaded",
    "hangs",
    "hangs-some",
    "hangs-after-head",
    "pings-forever",
    "brown-out",
    "slow",
    "throttles",
    "spent",
    "refuses",
    "unreachable",
    "cuts",
    "garbage",
    "flaps",
];

impl Kind {
    /// One of a name, as bad as such a fault commonly is.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (share, times) = (0.5, 5.0);
        let kinds = [
            Self::Fails,
            Self::Overloaded,
            Self::Hangs,
            Self::HangsSome { share },
            Self::HangsAfterHead,
            Self::PingsForever,
            Self::BrownOut {
                errors: 0.6,
                slower: times,
            },
            Self::Slow { times },
            Self::Throttles {
                share,
                retry_after: Some(1.0),
            },
            Self::Spent,
            Self::Refuses,
            Self::Unreachable,
            Self::Cuts { share },
            Self::Garbage,
            Self::Flaps { period: 10.0 },
        ];
        kinds.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Overloaded => "overloaded",
            Self::Hangs => "hangs",
            Self::HangsSome { .. } => "hangs-some",
            Self::HangsAfterHead => "hangs-after-head",
            Self::PingsForever => "pings-forever",
            Self::BrownOut { .. } => "brown-out",
            Self::Slow { .. } => "slow",
            Self::Throttles { .. } => "throttles",
            Self::Spent => "spent",
            Self::Refuses => "refuses",
            Self::Unreachable => "unreachable",
            Self::Cuts { .. } => "cuts",
            Self::Garbage => "garbage",
            Self::Flaps { .. } => "flaps",
        }
    }
}

impl Fault {
    /// Whether it is there.
    #[must_use]
    pub fn holds(&self, now: Nanos) -> bool {
        (self.from..self.until).contains(&now)
    }

    /// How much of its time is over, from 0 to 1.
    #[must_use]
    pub fn progress(&self, now: Nanos) -> f64 {
        let span = super::draw::seconds(self.until.saturating_sub(self.from)).max(1e-9);
        (super::draw::seconds(now.saturating_sub(self.from)) / span).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_named() {
        for name in NAMES {
            assert_eq!(Kind::named(name).unwrap().name(), name);
        }
        assert_eq!(Kind::named("sulks"), None);
    }
}

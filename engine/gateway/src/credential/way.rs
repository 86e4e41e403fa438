//! How a policy says where a credential is, as far as it was followed.

use crate::credential::pass::Pass;

/// What was found at the place a policy names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// A text, in the variable of that name or the file at that path if it is from one.
    Text {
        variable: Option<&'a str>,
        file: Option<&'a str>,
        text: &'a str,
    },
    /// Whoever the machine is, or somebody it may be.
    Role(&'a str),
}

/// What a scheme makes of it.
#[derive(Debug)]
pub(crate) enum Found<A> {
    /// A credential as it is.
    Pass(Pass),
    /// Somebody for whom credentials are handed out.
    Account(A),
}

/// What stands for "whoever this machine is" after `role`.
pub(crate) const MACHINE: &str = "default";

/// The front of a variable's name before `end`: its siblings have the same.
pub(crate) fn family<'n>(variable: Option<&'n str>, end: &str) -> Option<&'n str> {
    variable?.strip_suffix(end)
}

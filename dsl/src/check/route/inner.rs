//! What the block of a strategy holds, once read.

use crate::image::{Accept, Arm, BasisPoints, Judge};
use crate::lines::Line;
use crate::source::Span;

/// Its lines, sorted out.
#[derive(Debug, Default)]
pub(super) struct Inner<'t> {
    pub(super) arms: Vec<Given>,
    /// The shares of all arms, those included whose route is wrong.
    pub(super) shares: Vec<(BasisPoints, Span)>,
    /// A share is wrong or cannot be known, which has been reported.
    pub(super) uncounted: bool,
    pub(super) judge: Option<Judge>,
    /// What only this strategy has.
    pub(super) lines: Vec<Line<'t>>,
    /// Something of it is wrong, which has been reported.
    pub(super) wrong: bool,
    /// Braces are missing: what is not there may well have been written.
    pub(super) broken: bool,
}

/// One arm, and how it was written.
#[derive(Debug)]
pub(super) struct Given {
    /// The word it begins with: `try`, `ask`, `base`, `otherwise`, or what the table calls its line.
    pub(super) role: &'static str,
    pub(super) arm: Arm,
    pub(super) share: Option<BasisPoints>,
    pub(super) accept: Option<Accept>,
    pub(super) span: Span,
}

impl Inner<'_> {
    /// Takes out the arm of this role.
    pub(super) fn take(&mut self, role: &str) -> Option<Given> {
        let at = self.arms.iter().position(|a| a.role == role)?;
        Some(self.arms.remove(at))
    }
}

//! How a replay is made: what is drawn, what is made to fail, what is told, and who lends a hand.

use crate::by::By;
use crate::outage::Outage;
use mux_routing::chance::Chance;
use std::fmt::Debug;
use std::num::NonZeroU64;

/// Requests of a stage, where nothing else is said.
pub const STAGE: u64 = 1_000_000;

/// What somebody else is to do meanwhile.
pub type Work = Box<dyn FnOnce() + Send>;

/// Who carries out work beside the caller, such as threads: what is told is the same with any number of them.
pub trait Hands: Debug {
    /// How many things they do at a time.
    fn many(&self) -> usize;
    /// Begins with something, and comes back at once.
    fn begin(&self, work: Work);
}

/// How a replay is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'t> {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// What is made to fail.
    pub outages: &'t [Outage],
    /// Facts that figures are told by.
    pub by: &'t [By],
    /// The request of which everything is to be told.
    pub trace: Option<&'t str>,
    /// Requests of a stage; [`STAGE`] where nothing is said.
    pub stage: Option<NonZeroU64>,
    /// Who lends a hand.
    pub hands: Option<&'t dyn Hands>,
}

impl Terms<'_> {
    pub(crate) fn stage(&self) -> u64 {
        self.stage.map_or(STAGE, NonZeroU64::get)
    }
}

/// What is drawn in a stage. The first is drawn as all would be.
pub(crate) fn drawn_in(seed: u64, stage: u64) -> Chance {
    Chance::new(if stage == 0 {
        seed
    } else {
        Chance::nth(seed, stage)
    })
}

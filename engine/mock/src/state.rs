//! What all connections of one provider share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::books::Books;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::options::Options;
use crate::reply::Reply;

/// The provider's set-up, its present fault and script, and its books.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) books: watch::Sender<Books>,
    fault: Mutex<Fault>,
    reply: Mutex<Option<Reply>>,
    turn: AtomicU64,
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        let fault = Mutex::new(options.fault.clone());
        Self {
            options,
            books: watch::Sender::default(),
            fault,
            reply: Mutex::default(),
            turn: AtomicU64::new(0),
        }
    }

    /// The number of the next request, from 1.
    pub(crate) fn next_turn(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The fault that this turn meets, if the dice and the count say that it meets one.
    pub(crate) fn strike(&self, turn: u64) -> Option<Fault> {
        let mut fault = lock(&self.fault);
        if fault.is_none() || Dice::new(self.options.seed, turn).share() >= fault.rate {
            return None;
        }
        if let Some(left) = fault.times {
            fault.times = Some(left.checked_sub(1)?);
        }
        Some(fault.clone())
    }

    /// Whether connections are to be closed at once.
    pub(crate) fn refuses(&self) -> bool {
        lock(&self.fault).refuse
    }

    pub(crate) fn fault(&self) -> Fault {
        lock(&self.fault).clone()
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        *lock(&self.fault) = fault;
    }

    pub(crate) fn reply(&self) -> Option<Reply> {
        lock(&self.reply).clone()
    }

    pub(crate) fn set_reply(&self, reply: Option<Reply>) {
        *lock(&self.reply) = reply;
    }

    /// The time to first content of this turn.
    pub(crate) fn latency(&self, turn: u64) -> Duration {
        let mut dice = Dice::new(self.options.seed, turn);
        dice.throw();
        self.options.latency + self.options.jitter.mul_f64(dice.share())
    }

    /// The time between two tokens.
    pub(crate) fn pause(&self, slow: f64) -> Duration {
        if self.options.rate > 0.0 {
            Duration::try_from_secs_f64(slow / self.options.rate).unwrap_or(Duration::MAX)
        } else {
            Duration::ZERO
        }
    }
}

/// A value whose holder panicked is still whole: all that is done under these locks is assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

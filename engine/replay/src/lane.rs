//! A lane: the run of one bundle, here or in the hands of somebody else. It is told the same requests in the same order
//! either way, so the same comes out of it.

use crate::fate::Ended;
use crate::run::{Numbered, Run};
use crate::terms::Hands;
use mux_traffic::record::Facts;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

/// Requests that are handed over at once, and how many such batches may wait.
const BATCH: usize = 128;
const WAITING: usize = 8;

/// A request that is over: its number, what became of it, and its facts.
type Over = (u64, Ended, Facts);

/// The run of one bundle.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Where it is here.
    run: Option<Box<Run>>,
    /// Where it is not.
    beside: Option<Beside>,
}

/// A run in the hands of somebody else.
#[derive(Debug)]
struct Beside {
    batch: Vec<Numbered>,
    to: SyncSender<Vec<Numbered>>,
    over: Receiver<Vec<Over>>,
    /// Where it comes back once nothing more is handed over.
    back: Receiver<Box<Run>>,
}

impl Lane {
    /// Of a run that stays here, or is given into these hands.
    pub(crate) fn new(run: Run, hands: Option<&dyn Hands>) -> Self {
        let run = Box::new(run);
        match hands {
            Some(hands) => Self {
                run: None,
                beside: Some(Beside::begin(run, hands)),
            },
            None => Self {
                run: Some(run),
                beside: None,
            },
        }
    }

    /// Lets a request arrive, as [`Run::take`] does. Those that are known to be over are handed to `over`.
    pub(crate) fn take(&mut self, request: Numbered, over: &mut impl FnMut(u64, Ended, Facts)) {
        if let Some(run) = &mut self.run {
            run.take(request, over);
        } else if let Some(beside) = &mut self.beside {
            beside.batch.push(request);
            if beside.batch.len() >= BATCH {
                beside.hand_over();
                let ended = beside.over.try_iter().flatten();
                ended.for_each(|(number, ended, facts)| over(number, ended, facts));
            }
        }
    }

    /// Lets every request end; from then on the run is here.
    pub(crate) fn land(&mut self, over: &mut impl FnMut(u64, Ended, Facts)) {
        if let Some(beside) = self.beside.take() {
            self.run = Some(beside.land(over));
        } else if let Some(run) = &mut self.run {
            run.finish(over);
        }
    }

    /// The run, where it is here.
    pub(crate) fn run(&mut self) -> Option<&mut Run> {
        self.run.as_deref_mut()
    }
}

impl Beside {
    fn begin(mut run: Box<Run>, hands: &dyn Hands) -> Self {
        let (to, requests) = sync_channel::<Vec<Numbered>>(WAITING);
        let (ended, over) = channel();
        let (home, back) = channel();
        hands.begin(Box::new(move || {
            for batch in requests {
                let mut some = Vec::with_capacity(batch.len());
                for request in batch {
                    run.take(request, &mut |number, ended, facts| {
                        some.push((number, ended, facts));
                    });
                }
                if ended.send(some).is_err() {
                    return;
                }
            }
            let mut rest = Vec::new();
            run.finish(&mut |number, ended, facts| rest.push((number, ended, facts)));
            // Nobody listens any more where the replay was given up.
            let _ = ended.send(rest).is_ok() && home.send(run).is_ok();
        }));
        Self {
            batch: Vec::with_capacity(BATCH),
            to,
            over,
            back,
        }
    }

    fn hand_over(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        if self.to.send(batch).is_err() {
            lost();
        }
    }

    fn land(mut self, over: &mut impl FnMut(u64, Ended, Facts)) -> Box<Run> {
        self.hand_over();
        drop(self.to);
        let ended = self.over.into_iter().flatten();
        ended.for_each(|(number, ended, facts)| over(number, ended, facts));
        match self.back.recv() {
            Ok(run) => run,
            Err(_) => lost(),
        }
    }
}

/// Whoever carried it out panicked, and so does who waits for it.
fn lost() -> ! {
    resume_unwind(Box::new(
        "a run was lost with the thread that carried it out",
    ))
}

//! The thread that asks for a branch: every so often, and at once where its repository is on this machine and changes.

use super::Branch;
use crate::watch::Watch;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Follows a branch until dropped.
#[derive(Debug)]
pub struct Follower {
    pokes: Sender<Poke>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poke {
    Look,
    Stop,
}

impl Follower {
    /// Asks for a branch every so often, and at once where its repository is on this machine and changes; `changed` is
    /// called when there is something else.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        branch: Arc<Branch>,
        every: Duration,
        changed: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let (pokes, coming) = channel();
        let poke = pokes.clone();
        std::thread::Builder::new()
            .name("mux-git".to_owned())
            .spawn(move || follow(&branch, every, &changed, &poke, &coming))?;
        Ok(Self { pokes })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // A thread that is gone need not be stopped.
        let _ = self.pokes.send(Poke::Stop);
    }
}

fn follow(
    branch: &Branch,
    every: Duration,
    changed: &dyn Fn(),
    poke: &Sender<Poke>,
    coming: &Receiver<Poke>,
) {
    let mut watch = branch.local.is_some().then(|| {
        let poke = poke.clone();
        let told = move || {
            // A thread that is gone needs to be told nothing.
            let _ = poke.send(Poke::Look);
        };
        Watch::new(told)
            .inspect_err(|why| tracing::warn!("{why}; the branch is looked at every {every:?}"))
            .ok()
    });
    let mut troubled = false;
    loop {
        if let Some(Some(watch)) = &mut watch {
            let files = branch.files();
            let there = |file: &PathBuf| file.parent().is_some_and(Path::is_dir);
            let files: BTreeSet<PathBuf> = files.into_iter().filter(there).collect();
            if let Err(why) = watch.follow(&[], files) {
                tracing::warn!("{why}; the branch is looked at every {every:?}");
            }
        }
        match branch.fetch() {
            Ok(other) => {
                if std::mem::take(&mut troubled) {
                    tracing::info!("`{}` can be fetched again", branch.shown());
                }
                if other {
                    changed();
                }
            }
            Err(why) if !troubled => {
                troubled = true;
                tracing::error!("{why}; what was fetched before stays");
                changed();
            }
            Err(_) => {}
        }
        match coming.recv_timeout(every) {
            Ok(Poke::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Poke::Look) | Err(RecvTimeoutError::Timeout) => {}
        }
        // Several at once are one.
        if coming.try_iter().any(|poke| poke == Poke::Stop) {
            return;
        }
    }
}

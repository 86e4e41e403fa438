//! Places in flight, and the line of those who wait for one. Higher priority comes first; among equals the newest does,
//! since under overload its client is the likeliest to wait still.
//!
//! While nobody waits, taking a place and giving it back is one atomic each. The line is locked only by those who wait, and
//! by those who give a place back while somebody does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// All the places there are.
#[derive(Debug)]
pub(crate) struct Places {
    all: usize,
    free: AtomicUsize,
    /// How many wait, kept beside the line so that nobody locks it to find nobody there.
    waiting: AtomicUsize,
    line: Mutex<Line>,
}

/// By priority, then by when they came: whoever is last is served first.
#[derive(Debug, Default)]
struct Line {
    came: u64,
    waiters: BTreeMap<Turn, Waiter>,
}

type Turn = (u8, u64);

#[derive(Debug)]
struct Waiter {
    kept: usize,
    hand: oneshot::Sender<Place>,
}

/// How somebody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Most that may wait in all.
    pub(crate) most: usize,
    /// Longest that this one waits.
    pub(crate) time: Duration,
    /// Who comes first.
    pub(crate) priority: u8,
    /// Places that this one leaves to others.
    pub(crate) kept: usize,
}

/// A place; free again when it is dropped.
pub(crate) struct Place {
    /// Taken when it is given back.
    places: Option<Arc<Places>>,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(places) = self.places.take() else {
            return;
        };
        places.free.fetch_add(1, SeqCst);
        // Either this sees whoever has joined the line, or whoever joins it sees the place.
        if places.waiting.load(SeqCst) > 0 {
            places.hand_on(&mut places.line());
        }
    }
}

impl Places {
    /// So many.
    #[must_use]
    pub(crate) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            free: AtomicUsize::new(all),
            waiting: AtomicUsize::new(0),
            line: Mutex::default(),
        })
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn all(&self) -> usize {
        self.all
    }

    /// How many are free.
    #[must_use]
    pub(crate) fn free(&self) -> usize {
        self.free.load(SeqCst)
    }

    /// How many wait for one.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(SeqCst)
    }

    /// Takes a place, if that leaves `kept` of them.
    #[must_use]
    pub(crate) fn take(self: &Arc<Self>, kept: usize) -> Option<Place> {
        let less = |free: usize| (free > kept).then(|| free - 1);
        self.free.fetch_update(SeqCst, SeqCst, less).ok()?;
        let places = Some(Arc::clone(self));
        Some(Place { places })
    }

    /// Takes a place as [`Places::take`] does, and past nobody who waits.
    #[must_use]
    pub(crate) fn pass(self: &Arc<Self>, kept: usize) -> Option<Place> {
        (self.waiting() == 0).then(|| self.take(kept)).flatten()
    }

    /// Waits for a place; does not wait where one is free and nobody comes first. `None` when the time is up, or so many
    /// wait who come first that this one would not be among them. Dropped while it waits, it leaves the line.
    pub(crate) async fn wait(self: &Arc<Self>, patience: Patience) -> Option<Place> {
        let (hand, mut handed) = oneshot::channel();
        // After the receiver, so that it is dropped before it: whoever is in the line can take what is handed to them.
        let standing = self.join(patience, hand);
        let waited = tokio::time::timeout(patience.time, &mut handed).await;
        if let Ok(place) = waited {
            return place.ok();
        }
        drop(standing);
        // It may have been handed over at the last moment.
        handed.try_recv().ok()
    }

    fn join(self: &Arc<Self>, patience: Patience, hand: oneshot::Sender<Place>) -> Standing {
        let mut line = self.line();
        line.came += 1;
        let turn = (patience.priority, line.came);
        let kept = patience.kept;
        line.waiters.insert(turn, Waiter { kept, hand });
        self.waiting.store(line.waiters.len(), SeqCst);
        self.hand_on(&mut line);
        while line.waiters.len() > patience.most {
            // Dropping the sender tells that waiter.
            line.waiters.pop_first();
        }
        self.waiting.store(line.waiters.len(), SeqCst);
        let places = Arc::clone(self);
        Standing { places, turn }
    }

    /// Hands free places to those who come first.
    fn hand_on(self: &Arc<Self>, line: &mut Line) {
        while let Some(first) = line.waiters.last_entry()
            && let Some(place) = self.take(first.get().kept)
        {
            if let Err(mut place) = first.remove().hand.send(place) {
                // Not dropped, which would lock the line again.
                place.places = None;
                self.free.fetch_add(1, SeqCst);
            }
        }
        self.waiting.store(line.waiters.len(), SeqCst);
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody in the line; dropped, they leave it.
#[derive(Debug)]
struct Standing {
    places: Arc<Places>,
    turn: Turn,
}

impl Drop for Standing {
    fn drop(&mut self) {
        let mut line = self.places.line();
        line.waiters.remove(&self.turn);
        // Whoever was kept from a place by this one's turn may have it now.
        self.places.hand_on(&mut line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn patience(priority: u8) -> Patience {
        Patience {
            most: 2,
            time: Duration::from_secs(5),
            priority,
            kept: 0,
        }
    }

    /// Polls once, by which somebody joins the line or sees what became of it.
    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn has<T>(polled: Poll<Option<T>>) -> Option<T> {
        match polled {
            Poll::Ready(Some(place)) => Some(place),
            Poll::Ready(None) => panic!("it was turned away"),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn the_newest_of_the_highest_priority_is_served_first() {
        let places = Places::new(1);
        let only = places.take(0).unwrap();
        assert!(places.take(0).is_none());
        let three = |priority| Patience {
            most: 3,
            ..patience(priority)
        };
        let (mut low, mut old, mut new) = (
            pin!(places.wait(three(1))),
            pin!(places.wait(three(5))),
            pin!(places.wait(three(5))),
        );
        // The lowest comes last, and is served last all the same.
        for waits in [&mut old, &mut new, &mut low] {
            assert!(poll(waits.as_mut()).is_pending());
        }
        assert_eq!((places.waiting(), places.free()), (3, 0));
        drop(only);
        assert!(poll(old.as_mut()).is_pending() && poll(low.as_mut()).is_pending());
        let first = has(poll(new.as_mut())).unwrap();
        drop(first);
        assert!(poll(low.as_mut()).is_pending());
        let second = has(poll(old.as_mut())).unwrap();
        drop(second);
        let third = has(poll(low.as_mut())).unwrap();
        assert_eq!((places.waiting(), places.free()), (0, 0));
        drop(third);
        assert_eq!(places.free(), 1);
    }

    #[tokio::test]
    async fn where_too_many_wait_whoever_would_come_last_is_turned_away() {
        let places = Places::new(1);
        let _only = places.take(0).unwrap();
        let (mut oldest, mut urgent, mut newest, mut low) = (
            pin!(places.wait(patience(5))),
            pin!(places.wait(patience(9))),
            pin!(places.wait(patience(5))),
            pin!(places.wait(patience(1))),
        );
        assert!(poll(oldest.as_mut()).is_pending());
        assert!(poll(urgent.as_mut()).is_pending());
        assert!(poll(newest.as_mut()).is_pending());
        assert!(matches!(poll(oldest.as_mut()), Poll::Ready(None)));
        assert!(matches!(poll(low.as_mut()), Poll::Ready(None)));
        assert!(poll(urgent.as_mut()).is_pending() && poll(newest.as_mut()).is_pending());
        assert_eq!(places.waiting(), 2);
    }

    #[tokio::test]
    async fn a_wait_has_an_end_and_leaves_the_line_as_it_was() {
        let places = Places::new(1);
        let only = places.take(0).unwrap();
        let begin = tokio::time::Instant::now();
        let time = Duration::from_millis(20);
        let short = Patience {
            time,
            ..patience(5)
        };
        assert!(places.wait(short).await.is_none());
        assert!(begin.elapsed() >= time);
        assert_eq!(places.waiting(), 0);
        drop(only);
        assert_eq!(places.free(), 1);
    }

    #[tokio::test]
    async fn who_leaves_while_waiting_is_in_nobodys_way_and_takes_no_place_along() {
        let places = Places::new(1);
        let only = places.take(0).unwrap();
        let mut stays = pin!(places.wait(patience(5)));
        assert!(poll(stays.as_mut()).is_pending());
        let mut leaves = Box::pin(places.wait(patience(9)));
        assert!(poll(leaves.as_mut()).is_pending());
        drop(leaves);
        assert_eq!(places.waiting(), 1);
        // Once handed a place before it knows, too.
        let mut handed = Box::pin(places.wait(patience(9)));
        assert!(poll(handed.as_mut()).is_pending());
        drop(only);
        assert_eq!(places.waiting(), 1, "the one of higher priority has it");
        drop(handed);
        assert!(has(poll(stays.as_mut())).is_some());
        assert_eq!(places.free(), 1);
    }

    #[tokio::test]
    async fn places_kept_for_others_are_waited_for_by_nobody_else() {
        let places = Places::new(4);
        let mut taken: Vec<Place> = (0..3).filter_map(|_| places.take(0)).collect();
        let humble = Patience {
            kept: 2,
            ..patience(1)
        };
        let mut waits = pin!(places.wait(humble));
        assert!(poll(waits.as_mut()).is_pending());
        assert!(
            places.take(0).is_some(),
            "and the kept one is there for others"
        );
        taken.pop();
        assert!(
            poll(waits.as_mut()).is_pending(),
            "two free ones are still kept"
        );
        taken.pop();
        assert!(has(poll(waits.as_mut())).is_some());
    }

    #[test]
    fn no_place_is_lost_or_made_however_threads_take_wait_and_leave() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_time()
            .build()
            .unwrap();
        let places = Places::new(3);
        runtime.block_on(async {
            let one = |n: u64| {
                let places = Arc::clone(&places);
                tokio::spawn(async move {
                    for turn in 0..200 {
                        let patience = Patience {
                            most: 4,
                            time: Duration::from_micros((n * 7 + turn) % 90),
                            priority: u8::try_from(n % 3).unwrap(),
                            kept: usize::from(n.is_multiple_of(3)),
                        };
                        let place = places.wait(patience).await;
                        assert!(places.free() <= 3);
                        tokio::task::yield_now().await;
                        drop(place);
                    }
                })
            };
            for task in (0..16).map(one).collect::<Vec<_>>() {
                task.await.unwrap();
            }
        });
        assert_eq!((places.free(), places.waiting()), (3, 0));
    }
}

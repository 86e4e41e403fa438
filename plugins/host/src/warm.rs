//! Instances kept warm, one for each guest and worker thread: no lock, no hand-over between threads.

use std::cell::RefCell;
use std::sync::Weak;

use crate::instance::Instance;

struct Kept {
    guest: u64,
    /// Gone when the guest is: then the instance goes too.
    alive: Weak<()>,
    instance: Instance,
}

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Takes this thread's instance of a guest. A call that fails simply does not put it back.
pub(crate) fn take(guest: u64) -> Option<Instance> {
    KEPT.with_borrow_mut(|kept| {
        let place = kept.iter().position(|kept| kept.guest == guest)?;
        Some(kept.swap_remove(place).instance)
    })
}

/// The memory that this thread's instance of a guest has, in bytes.
pub(crate) fn memory(guest: u64) -> Option<usize> {
    KEPT.with_borrow(|kept| {
        let kept = kept.iter().find(|kept| kept.guest == guest)?;
        Some(kept.instance.memory())
    })
}

/// Keeps an instance for this thread's next call. Instances of guests that are gone are dropped on the way.
pub(crate) fn keep(guest: u64, alive: Weak<()>, instance: Instance) {
    let gone: Vec<Kept> = KEPT.with_borrow_mut(|kept| {
        let gone = kept
            .extract_if(.., |kept| {
                kept.guest == guest || kept.alive.strong_count() == 0
            })
            .collect();
        kept.push(Kept {
            guest,
            alive,
            instance,
        });
        gone
    });
    drop(gone);
}

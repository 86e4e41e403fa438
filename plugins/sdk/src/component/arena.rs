//! Where an adapter's memory comes from. What a call takes is small and gone when it ends, so it is laid out in one place
//! from the beginning to the end, and from the beginning again once nothing of it is left.
//!
//! What the adapter keeps from its settings lies before that beginning. Whatever is large, and whatever no longer fits, comes
//! from the system's allocator: an adapter that keeps more than it should is slower, and nothing else.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};

/// Bytes of the place: enough for what a request of a few KiB takes.
const SIZE: usize = 64 << 10;
/// What is larger is not laid there, in bytes.
const LARGEST: usize = 16 << 10;
/// No alignment of more is asked for there.
const ALIGN: usize = 16;

/// The place, and how much of it is taken.
struct Arena {
    place: UnsafeCell<Place>,
    /// Where what is kept ends.
    kept: Cell<usize>,
    /// Where what is taken ends.
    taken: Cell<usize>,
    /// How many pieces beyond `kept` were taken and not yet given back.
    live: Cell<usize>,
}

#[repr(C, align(16))]
struct Place([u8; SIZE]);

#[expect(
    unsafe_code,
    reason = "a component has one thread, so nothing is ever shared between threads"
)]
// SAFETY: see the reason.
unsafe impl Sync for Arena {}

#[global_allocator]
static ARENA: Arena = Arena {
    place: UnsafeCell::new(Place([0; SIZE])),
    kept: Cell::new(0),
    taken: Cell::new(0),
    live: Cell::new(0),
};

/// Keeps what is there now for as long as the component lives.
pub(super) fn keep() {
    ARENA.kept.set(ARENA.taken.get());
    ARENA.live.set(0);
}

impl Arena {
    /// The place of a piece in the arena, where it is there.
    fn at(&self, piece: *mut u8) -> Option<usize> {
        let at = piece.addr().wrapping_sub(self.place.get().addr());
        (at < SIZE).then_some(at)
    }

    /// Where the next piece of that layout would begin and end, if it fits.
    fn next(&self, layout: Layout) -> Option<(usize, usize)> {
        if layout.size() > LARGEST || layout.align() > ALIGN {
            return None;
        }
        let start = self.taken.get().next_multiple_of(layout.align());
        let end = start + layout.size();
        (end <= SIZE).then_some((start, end))
    }

    /// Takes a piece, where it fits.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let (start, end) = self.next(layout)?;
        self.taken.set(end);
        self.live.set(self.live.get() + 1);
        Some(self.place.get().cast::<u8>().wrapping_add(start))
    }

    /// Gives a piece back that begins there.
    fn give_back(&self, at: usize, size: usize) {
        if at < self.kept.get() {
            return;
        }
        let live = self.live.get().saturating_sub(1);
        self.live.set(live);
        if live == 0 {
            self.taken.set(self.kept.get());
        } else if at + size == self.taken.get() {
            self.taken.set(at);
        }
    }

    /// Lets a piece become that large where it lies: the last one may grow, and any may shrink.
    fn resize(&self, at: usize, old: usize, new: usize) -> bool {
        if at + old != self.taken.get() || at < self.kept.get() {
            return new <= old;
        }
        let fits = at + new <= SIZE && new <= LARGEST;
        if fits {
            self.taken.set(at + new);
        }
        fits
    }
}

#[expect(unsafe_code, reason = "allocators are")]
// SAFETY: pieces of the arena do not overlap: a piece begins at `taken` or beyond, and `taken` goes back only over the last
// piece as it is given back, or where none is left. Each piece is of its layout: it lies within the place, which is aligned
// to more than any of them asks for. What is not in the arena is the system's, and is given back to it.
//
// Not inlined: there are hundreds of places that allocate.
unsafe impl GlobalAlloc for Arena {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(piece) => piece,
            // SAFETY: the caller's promise is handed on.
            None => unsafe { System.alloc(layout) },
        }
    }

    #[inline(never)]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match self.at(piece) {
            Some(at) => self.give_back(at, layout.size()),
            // SAFETY: the caller's promise is handed on; what is not in the arena is the system's.
            None => unsafe { System.dealloc(piece, layout) },
        }
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(piece) => {
                // SAFETY: the piece was just taken, and has that size.
                unsafe { piece.write_bytes(0, layout.size()) };
                piece
            }
            // SAFETY: the caller's promise is handed on.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(at) = self.at(piece) else {
            // SAFETY: the caller's promise is handed on; what is not in the arena is the system's.
            return unsafe { System.realloc(piece, layout, size) };
        };
        if self.resize(at, layout.size(), size) {
            return piece;
        }
        // SAFETY: the caller promises a size that is not nought and does not overflow when rounded up; the old piece is
        // given back after it was copied, and has at least as many bytes as are copied.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(piece, layout.size().min(size));
                self.dealloc(piece, layout);
            }
            moved
        }
    }
}

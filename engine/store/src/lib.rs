//! Content-addressed versions, the refs that say which one is served, and who moved them when: an fsynced journal in
//! front of sled.
//!
//! It may not know what policies mean: a version is named files, plugin hashes and a price table's hash. One process at a
//! time opens a store; whoever comes second is told who holds it.
//!
//! # What is on the disk
//!
//! | in the folder | what it is |
//! |---|---|
//! | `lock` | who holds the store: process id and command |
//! | `journal/<first number>.journal` | the truth: every event since the first, in frames that are never rewritten |
//! | `store/` | sled: a second copy of every event and object, for reading and for mending the journal |
//! | `ballast` | room that is given up, piece by piece, so that a rollback can be written on a full disk |
//! | `backups/<time>-<events>.mux-store` | copies of the journal, made and removed by [`Store::back_up`] |
//! | `corrupt-<time>`, `journal-damaged-<time>`, `torn-<time>` | what was found broken and set aside; never read again |
//!
//! **The journal is complete.** A version is small and its files are stored once, so nothing is ever dropped from the
//! journal: segments only rotate. sled can therefore be thrown away and rebuilt at any time, which is what happens when it
//! cannot be opened or its records do not match their checksums. It is more than a cache all the same: a frame that rots
//! in the journal is taken back from sled when its copy still has the right hash, and from the backups where sled's has
//! not.
//!
//! **Acknowledged means on the disk.** A change is one frame: manifest, new objects and the moved refs together. It is
//! written, `fdatasync`ed, applied in memory, acknowledged; sled follows in the same call. A crash at any point leaves the
//! change whole or absent.
//!
//! **Nothing is trusted on reading.** Frames carry a CRC and the hash of the frame before, sled's values a CRC over key and
//! content, objects are checked against their BLAKE3 name, a version against its id.
//!
//! **A failing disk is said, not hidden.** A write the disk refuses changes nothing and is an error. When sled fails (after
//! a full disk it refuses everything until reopened) the store takes no saves, answers reads from the journal, and reopens
//! sled on the next write or [`Store::tend`], whichever comes first.
//!
//! **Going back works on a full disk.** Saves end before the disk does ([`Room::floor`]); what only moves refs does not: it
//! needs no index, and where even the journal finds no room it takes that of the ballast.
//!
//! **A disk that is mounted read-only is read.** There the journal is all there is: nothing is mended, nothing is changed,
//! and every version can be served, verified and exported. When it takes writes again, the next one or [`Store::tend`] opens
//! the store anew.

mod ballast;
mod boot;
mod canary;
mod catalogue;
mod copy;
mod digest;
mod disk;
mod error;
mod event;
mod frame;
mod index;
mod journal;
mod ladder;
mod lock;
mod room;
mod state;
mod store;
mod version;

pub use canary::{Bounds, Canary, Terms, Unit};
pub use copy::Copied;
pub use error::{StoreError, advice};
pub use room::{Room, bytes};
pub use state::{Report, Standing};
pub use store::{Store, VERSION_BYTES};
pub use version::{
    Action, Back, Committed, HistoryEntry, NewVersion, Refs, Version, VersionHead, version_id,
};

//! Getting the index open, by ever stronger means: as it is, without its snapshots, new.

use crate::digest::Digest;
use crate::disk::set_aside;
use crate::event::Event;
use crate::frame;
use crate::index::{Contents, Fault, Index, snapshots};
use std::collections::BTreeMap;
use std::path::Path;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Climb {
    /// The open index and what it holds; absent when every rung failed.
    pub(crate) index: Option<(Index, Contents)>,
    /// Events that the journal lacks, as whole frames with the hash they had when they were written.
    pub(crate) rescued: BTreeMap<u64, Rescued>,
    /// What happened, in words.
    pub(crate) notices: Vec<String>,
    /// Whether the last failure was for want of space.
    pub(crate) full: bool,
}

/// A frame taken out of the index.
#[derive(Debug)]
pub(crate) struct Rescued {
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
    pub(crate) bytes: Vec<u8>,
}

/// Opens the index in `dir`. `known` are the journal's events; an index that says otherwise about one of them is damaged.
pub(crate) fn climb(dir: &Path, known: &BTreeMap<u64, Digest>) -> Climb {
    let mut climb = Climb::default();
    climb.clear_unfinished(dir);
    if climb.step(dir, known) || climb.full {
        return climb;
    }
    match snapshots::set_aside(dir) {
        Ok(0) => {}
        Ok(count) => {
            climb.notices.push(format!(
                "set {count} snapshots of the index aside to read it from its log"
            ));
            if climb.step(dir, known) || climb.full {
                return climb;
            }
        }
        Err(error) => climb.notices.push(format!(
            "cannot set the snapshots of the index aside: {error}"
        )),
    }
    match set_aside(dir, "corrupt") {
        Ok(to) => climb.notices.push(format!(
            "set the index aside as `{}`, building it anew from the journal",
            to.display()
        )),
        Err(error) => {
            climb.notices.push(format!(
                "cannot set the index `{}` aside: {error}",
                dir.display()
            ));
            return climb;
        }
    }
    climb.step(dir, known);
    climb
}

impl Climb {
    fn clear_unfinished(&mut self, dir: &Path) {
        match snapshots::remove_unfinished(dir) {
            Ok(0) => {}
            Ok(count) => self.notices.push(format!(
                "removed {count} half-written snapshots of the index"
            )),
            Err(error) => self.notices.push(format!(
                "cannot remove half-written snapshots of the index: {error}"
            )),
        }
    }

    /// Tries to open the index as it now is; `true` where it is sound.
    fn step(&mut self, dir: &Path, known: &BTreeMap<u64, Digest>) -> bool {
        match Index::open(dir) {
            Ok((index, contents)) => {
                self.rescue(&index, &contents, known);
                let wrong = contents.damaged + disagreeing(&contents, known);
                if wrong == 0 {
                    self.index = Some((index, contents));
                    return true;
                }
                self.notices
                    .push(format!("{wrong} records of the index are damaged"));
                if let Err(fault) = index.close() {
                    self.notices.push(fault.reason);
                }
                false
            }
            Err(Fault { full, reason }) => {
                self.full = full;
                self.notices.push(reason);
                false
            }
        }
    }

    /// Takes out of the index what the journal lacks.
    fn rescue(&mut self, index: &Index, contents: &Contents, known: &BTreeMap<u64, Digest>) {
        for seq in contents
            .events
            .keys()
            .filter(|seq| !known.contains_key(seq))
        {
            if let Some(frame) = whole(index, contents, *seq) {
                self.rescued.insert(*seq, frame);
            }
        }
    }
}

fn disagreeing(contents: &Contents, known: &BTreeMap<u64, Digest>) -> usize {
    known
        .iter()
        .filter(|(seq, hash)| {
            contents
                .events
                .get(seq)
                .is_some_and(|row| row.hash != **hash)
        })
        .count()
}

/// Builds the frame of an event again; only one with the hash it had is the frame.
fn whole(index: &Index, contents: &Contents, seq: u64) -> Option<Rescued> {
    let row = contents.events.get(&seq)?;
    let mut body = Vec::new();
    for object in Event::decode(&row.head).ok()?.objects {
        body.extend(index.object(&object.hash).ok()??);
    }
    let (bytes, hash) = frame::encode(row.kind, seq, &row.prev, &row.head, &body)?;
    (hash == row.hash).then_some(Rescued {
        prev: row.prev,
        hash,
        bytes,
    })
}

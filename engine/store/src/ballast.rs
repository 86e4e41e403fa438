//! A file that is there to be given up, so that a rollback can still be written when the disk is full.

use crate::room::Room;
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How large it is on a disk of any size …
const WHOLE: u64 = 8 << 20;
/// … and the part of a small one.
const PART: u64 = 16;
/// What is given up at a time: enough for a hundred rollbacks, and too little to be of use to whoever filled the disk.
const STEP: u64 = 64 << 10;

/// The ballast of a store.
#[derive(Debug)]
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    pub(crate) fn of(dir: &Path) -> Self {
        Self(dir.join("ballast"))
    }

    /// Bytes of it that are left.
    pub(crate) fn left(&self) -> u64 {
        fs::metadata(&self.0).map_or(0, |about| about.len())
    }

    /// Gives up a part; `false` where none is left. The last part is the file itself, which a new one can take the place of.
    pub(crate) fn give(&self) -> bool {
        let left = self.left();
        let cut = || {
            let file = OpenOptions::new().write(true).open(&self.0)?;
            file.set_len(left - STEP)?;
            file.sync_all()
        };
        // Where even that takes room, as it does on disks that copy what is written, all of it goes.
        left > STEP && cut().is_ok() || fs::remove_file(&self.0).is_ok()
    }

    /// Makes it whole again where that leaves twice what is left alone anyway.
    pub(crate) fn fill(&self, room: Room) -> io::Result<()> {
        let (whole, left) = (WHOLE.min(room.total / PART), self.left());
        if left >= whole || room.free < whole - left + 2 * room.floor() {
            return Ok(());
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.0)?;
        let filled = fallocate(&file, FallocateFlags::empty(), left, whole - left);
        if filled.is_ok() {
            return file.sync_all();
        }
        write_out(&file, whole).inspect_err(|_| _ = fs::remove_file(&self.0))
    }
}

/// Takes the blocks by writing to them, with what no file system can make smaller.
fn write_out(mut file: &File, whole: u64) -> io::Result<()> {
    let mut noise = blake3::Hasher::new().finalize_xof();
    let mut piece = vec![0; usize::try_from(STEP).map_err(io::Error::other)?];
    for _ in 0..whole.div_ceil(STEP) {
        noise.fill(&mut piece);
        file.write_all(&piece)?;
    }
    file.set_len(whole)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(free: u64, total: u64) -> Room {
        Room {
            free,
            total,
            files: None,
        }
    }

    #[test]
    fn it_takes_its_part_and_gives_it_up_piece_by_piece_until_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast::of(dir.path());
        assert!(!ballast.give());
        ballast.fill(disk(1 << 40, 3 << 20)).unwrap();
        assert_eq!(ballast.left(), 3 * STEP);
        for left in [2 * STEP, STEP, 0] {
            assert!(ballast.give());
            assert_eq!(ballast.left(), left);
        }
        assert!(!ballast.give());
    }

    #[test]
    fn it_is_made_whole_only_where_there_is_room_to_spare() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast::of(dir.path());
        ballast.fill(disk(100 << 20, 1 << 40)).unwrap();
        assert_eq!(ballast.left(), 0);
        ballast.fill(disk(1 << 30, 1 << 40)).unwrap();
        assert_eq!(ballast.left(), WHOLE);
        assert!(ballast.give());
        ballast.fill(disk(1 << 30, 1 << 40)).unwrap();
        assert_eq!(ballast.left(), WHOLE);
    }

    #[test]
    fn where_blocks_cannot_be_asked_for_they_are_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("ballast")).unwrap();
        write_out(&file, STEP + 5).unwrap();
        let written = fs::read(dir.path().join("ballast")).unwrap();
        assert_eq!(written.len() as u64, STEP + 5);
        let zeros: usize = written.iter().map(|byte| usize::from(*byte == 0)).sum();
        assert!(zeros < 1_000, "{zeros}");
    }
}

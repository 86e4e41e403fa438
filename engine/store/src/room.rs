//! How much room a disk has, and how much of it is left alone.

use rustix::fs::statvfs;
use serde::Serialize;
use std::io;
use std::path::Path;

/// What is left alone on a disk of any size …
const FLOOR: u64 = 64 << 20;
/// … and the part of a small one.
const PART: u64 = 20;

/// Room on the disk that a folder lies on. Quotas do not show in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes of the disk.
    pub total: u64,
    /// Files that can still be made; absent where the file system does not count them.
    pub files: Option<u64>,
}

impl Room {
    /// Asks the system.
    ///
    /// # Errors
    /// The folder is not there, or may not be looked at.
    pub fn of(dir: &Path) -> io::Result<Self> {
        let said = statvfs(dir)?;
        Ok(Self {
            free: said.f_bavail.saturating_mul(said.f_frsize),
            total: said.f_blocks.saturating_mul(said.f_frsize),
            files: (said.f_files > 0).then_some(said.f_favail),
        })
    }

    /// Bytes below which no version is saved: 64 MiB, and of a small disk a twentieth. A rollback is still written.
    #[must_use]
    pub fn floor(self) -> u64 {
        FLOOR.min(self.total / PART)
    }

    /// Whether less than that is left.
    #[must_use]
    pub fn is_low(self) -> bool {
        self.free < self.floor()
    }
}

/// Bytes as people read them.
#[must_use]
pub fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} bytes"),
        1_024..0x10_0000 => format!("{} KiB", count >> 10),
        0x10_0000..0x1000_0000_0000 => format!("{} MiB", count >> 20),
        _ => format!("{} GiB", count >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_alone_is_never_much_of_a_disk() {
        let floor = |total| {
            let room = Room {
                free: 0,
                total,
                files: None,
            };
            room.floor()
        };
        assert_eq!(floor(12 << 20), (12 << 20) / 20);
        assert_eq!(floor(4 << 40), 64 << 20);
        assert_eq!(floor(0), 0, "what is not known is not low");
    }

    #[test]
    fn a_folder_that_is_there_has_room_and_one_that_is_not_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let room = Room::of(dir.path()).unwrap();
        assert!(room.total > 0 && room.free <= room.total);
        assert!(Room::of(&dir.path().join("nowhere")).is_err());
    }
}

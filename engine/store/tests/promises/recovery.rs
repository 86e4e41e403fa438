//! Damage of every kind to journal and index: repaired from the other copy, or said, never silent and never a panic.

use crate::fixture::{numbered, version, with_files};
use mux_store::Store;
use std::fs;
use std::path::{Path, PathBuf};

fn filled(dir: &Path, count: u64) -> Vec<String> {
    let store = Store::open(dir).unwrap();
    let ids = (0..count)
        .map(|n| store.commit(numbered(n)).unwrap().id)
        .collect();
    store.close().unwrap();
    ids
}

/// Opens the store, checks that all of `ids` are whole and takes another version; returns the notices.
fn sound(dir: &Path, ids: &[String]) -> Vec<String> {
    let store = Store::open(dir).unwrap();
    let notices = store.notices();
    for id in ids {
        store
            .version(id)
            .unwrap_or_else(|error| panic!("{error}; {notices:?}"));
    }
    store.commit(version("after the damage")).unwrap();
    let report = store.verify().unwrap();
    assert!(
        report.problems.is_empty(),
        "{:?}; {notices:?}",
        report.problems
    );
    store.close().unwrap();
    notices
}

fn files_in(dir: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| wanted(path.file_name().unwrap().to_str().unwrap()))
        .collect()
}

fn segment(dir: &Path) -> PathBuf {
    files_in(&dir.join("journal"), |name| name.ends_with(".journal")).remove(0)
}

#[test]
fn a_half_written_snapshot_is_removed_before_it_stops_the_start() {
    for content in [&b""[..], b"half a snapshot"] {
        let dir = tempfile::tempdir().unwrap();
        let ids = filled(dir.path(), 3);
        let leftover = dir.path().join("store/snap.00000000FFFFFFFF.generating");
        fs::write(&leftover, content).unwrap();
        assert_eq!(
            sound(dir.path(), &ids),
            ["removed 1 half-written snapshots of the index"]
        );
        assert!(!leftover.exists());
    }
}

#[test]
fn a_damaged_snapshot_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path(), 5);
    // sled writes a snapshot when it opens a log that is longer than the last one.
    drop(Store::open(dir.path()).unwrap());
    let snapshots = files_in(&dir.path().join("store"), |name| name.starts_with("snap."));
    assert!(!snapshots.is_empty());
    for snapshot in snapshots {
        let mut bytes = fs::read(&snapshot).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xFF;
        fs::write(&snapshot, bytes).unwrap();
    }
    let notices = sound(dir.path(), &ids);
    assert!(
        notices
            .iter()
            .any(|notice| notice.contains("snapshots of the index aside")),
        "{notices:?}"
    );
}

#[test]
fn an_index_that_is_garbage_is_set_aside_and_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path(), 5);
    for file in files_in(&dir.path().join("store"), |name| {
        name == "db" || name == "conf" || name.starts_with("snap.")
    }) {
        let len = fs::metadata(&file).unwrap().len();
        fs::write(&file, vec![0xEE; usize::try_from(len).unwrap()]).unwrap();
    }
    let notices = sound(dir.path(), &ids);
    assert!(
        notices
            .iter()
            .any(|notice| notice.contains("building it anew")),
        "{notices:?}"
    );
    assert_eq!(
        files_in(dir.path(), |name| name.starts_with("corrupt-")).len(),
        1
    );
}

#[test]
fn the_index_never_writes_the_blob_files_that_sled_neither_syncs_nor_cleans_up() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 60);
    let store = Store::open(dir.path()).unwrap();
    let files = (0..200_u8)
        .map(|n| (n.to_string(), vec![n; 20_000]))
        .collect();
    store.commit(with_files(files)).unwrap();
    store.close().unwrap();
    assert_eq!(
        files_in(&dir.path().join("store/blobs"), |_| true),
        Vec::<PathBuf>::new()
    );
}

#[test]
fn a_lost_index_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path(), 5);
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    assert_eq!(
        sound(dir.path(), &ids),
        ["brought 5 events from the journal into the index"]
    );
}

#[test]
fn an_index_of_another_store_is_set_aside() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ids = filled(dir.path(), 3);
    let store = Store::open(other.path()).unwrap();
    store.commit(version("elsewhere")).unwrap();
    store.close().unwrap();
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    fs::rename(other.path().join("store"), dir.path().join("store")).unwrap();
    let notices = sound(dir.path(), &ids);
    assert!(
        notices
            .iter()
            .any(|notice| notice.contains("1 records of the index are damaged")),
        "{notices:?}"
    );
}

#[test]
fn a_lost_journal_is_written_again_from_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path(), 5);
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    assert_eq!(
        sound(dir.path(), &ids),
        ["took 5 events back into the journal from the index"]
    );
}

#[test]
fn an_acknowledged_frame_rotten_at_the_end_is_taken_back_from_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path(), 5);
    let path = segment(dir.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let notices = sound(dir.path(), &ids);
    assert_eq!(
        notices,
        ["took 1 events back into the journal from the index"]
    );
    assert_eq!(
        files_in(dir.path(), |name| name.starts_with("journal-damaged-")).len(),
        1
    );
}

#[test]
fn a_flip_anywhere_in_the_journal_is_mended_from_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path(), 4);
    let len = fs::metadata(segment(dir.path())).unwrap().len();
    for step in 0..12 {
        let path = segment(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        let at = usize::try_from(len * step / 12).unwrap();
        bytes[at] ^= 0x10;
        fs::write(&path, bytes).unwrap();
        let notices = sound(dir.path(), &ids);
        assert!(
            notices
                .iter()
                .any(|notice| notice.contains("took 1 events back")),
            "flip at {at}: {notices:?}"
        );
    }
}

/// Loses the n-th event: damages its frame in the journal and takes the index away.
fn lose(dir: &Path, n: usize) {
    fs::remove_dir_all(dir.join("store")).unwrap();
    let path = segment(dir);
    let mut bytes = fs::read(&path).unwrap();
    let begin = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, bytes)| *bytes == b"mxJ\x01")
        .nth(n)
        .unwrap()
        .0;
    bytes
        .iter_mut()
        .skip(begin + 60)
        .take(1)
        .for_each(|byte| *byte ^= 1);
    fs::write(&path, bytes).unwrap();
}

#[test]
fn journal_damage_without_an_index_costs_that_event_only_and_is_said_at_every_start() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path(), 4);
    lose(dir.path(), 1);
    for _ in 0..2 {
        let store = Store::open(dir.path()).unwrap();
        let notices = store.notices();
        assert!(
            notices
                .iter()
                .any(|notice| notice == "events 2 to 2 are missing"),
            "{notices:?}"
        );
        assert_eq!(store.versions().len(), 3);
        assert!(store.version(&ids[1]).is_err());
        assert!([0, 2, 3].iter().all(|n| store.version(&ids[*n]).is_ok()));
        assert_eq!(store.refs().live.as_ref(), Some(&ids[3]));
    }
}

#[test]
fn a_version_whose_file_is_lost_does_not_go_live_and_saving_it_again_heals_it() {
    let dir = tempfile::tempdir().unwrap();
    // The first event holds the file that all of them share.
    let ids = filled(dir.path(), 3);
    lose(dir.path(), 0);
    let store = Store::open(dir.path()).unwrap();
    let before = store.refs();
    let said = store
        .rollback(Some(&ids[1]), "ann", "back")
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("`shared.mux` of version") && said.contains("is lost"),
        "{said}"
    );
    assert_eq!(store.refs(), before);

    assert!(!store.commit(numbered(1)).unwrap().new);
    assert_eq!(store.version(&ids[1]).unwrap().files, numbered(1).files);
    assert_eq!(store.version(&ids[2]).unwrap().files, numbered(2).files);
    assert_eq!(store.versions().len(), 2);
    store.rollback(Some(&ids[2]), "ann", "back").unwrap();
}

#[test]
fn flips_and_cuts_anywhere_in_the_index_never_cost_a_version() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path(), 6);
    let db = fs::read(dir.path().join("store/db")).unwrap();
    let used = db.iter().rposition(|byte| *byte != 0).unwrap();
    for step in 0..16 {
        let mut bytes = db.clone();
        if step % 4 == 3 {
            bytes.truncate(used * step / 16);
        } else {
            bytes[used * step / 16] ^= 1 << (step % 8);
        }
        fs::write(dir.path().join("store/db"), bytes).unwrap();
        sound(dir.path(), &ids);
    }
}

#[test]
fn a_frame_of_a_newer_mux_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 1);
    let path = segment(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[4] = 2;
    let covered = bytes.len() - 4;
    let crc = crc32c::crc32c(&bytes[..covered]).to_le_bytes();
    bytes[covered..].copy_from_slice(&crc);
    fs::write(&path, &bytes).unwrap();
    let said = Store::open(dir.path()).unwrap_err().to_string();
    assert!(said.contains("written by a newer mux"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

//! Exports, imports, backups, and an index built anew.

use crate::fixture::numbered;
use mux_store::{Store, StoreError};
use std::fs;
use std::path::{Path, PathBuf};

fn backups(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("backups")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn filled(dir: &Path, count: u64) -> Store {
    let store = Store::open(dir).unwrap();
    for n in 0..count {
        store.commit(numbered(n)).unwrap();
    }
    store
}

fn same(a: &Store, b: &Store) {
    assert_eq!(
        (a.versions(), a.refs(), a.history()),
        (b.versions(), b.refs(), b.history())
    );
    for head in a.versions() {
        assert_eq!(a.version(&head.id).unwrap(), b.version(&head.id).unwrap());
    }
}

#[test]
fn an_imported_export_is_the_store_it_was_made_of() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = filled(from.path(), 5);
    store.rollback(None, "ann", "too dear").unwrap();
    let file = from.path().join("all.mux-store");
    let copied = store.export(&file).unwrap();
    assert_eq!(
        (copied.events, copied.bytes),
        (6, fs::metadata(&file).unwrap().len())
    );
    let dir = to.path().join("store");
    assert_eq!(Store::import(&dir, &file).unwrap(), copied);
    let again = Store::open(&dir).unwrap();
    same(&store, &again);
    assert_eq!(again.verify().unwrap().problems, Vec::<String>::new());
    // And goes on as one.
    again.commit(numbered(9)).unwrap();
    drop(again);
    assert!(matches!(
        Store::import(&dir, &file),
        Err(StoreError::Taken { .. })
    ));
}

#[test]
fn an_export_with_any_byte_changed_or_missing_is_refused_and_nothing_is_made() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = from.path().join("all.mux-store");
    filled(from.path(), 2).export(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let step = bytes.len() / 97;
    for at in (0..bytes.len()).step_by(step) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        for bad in [&flipped[..], &bytes[..at]] {
            fs::write(&file, bad).unwrap();
            let why = Store::import(to.path(), &file).unwrap_err().to_string();
            assert!(why.contains("all.mux-store"), "{at}: {why}");
            assert!(!to.path().join("journal").exists(), "{at}");
        }
    }
}

#[test]
fn a_backup_is_made_where_anything_happened_and_can_be_imported() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.back_up().unwrap(), None);
    store.commit(numbered(0)).unwrap();
    let first = store.back_up().unwrap().unwrap();
    assert_eq!(store.back_up().unwrap(), None);
    store.commit(numbered(1)).unwrap();
    let second = store.back_up().unwrap().unwrap();
    assert_eq!(backups(dir.path()).len(), 2);
    Store::import(&to.path().join("1"), &first).unwrap();
    Store::import(&to.path().join("2"), &second).unwrap();
    assert_eq!(
        Store::open(&to.path().join("1")).unwrap().versions().len(),
        1
    );
    same(&store, &Store::open(&to.path().join("2")).unwrap());
}

#[test]
fn a_backup_is_not_made_again_by_a_clock_that_went_back_and_half_of_one_does_not_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path(), 1);
    let first = store.back_up().unwrap().unwrap();
    // Made before the clock was set back.
    let folder = dir.path().join("backups");
    fs::rename(&first, folder.join("9999999999999-1.mux-store")).unwrap();
    store.commit(numbered(1)).unwrap();
    fs::write(folder.join("1793527200250-2.mux-store.partial"), "half").unwrap();
    assert!(store.back_up().unwrap().is_some());
    assert_eq!(store.back_up().unwrap(), None);
    assert_eq!(backups(dir.path()).len(), 2, "{:?}", backups(dir.path()));
}

#[test]
fn an_import_is_not_rolled_on_by_backups_that_lie_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("early.mux-store");
    let store = filled(dir.path(), 1);
    store.export(&file).unwrap();
    store.commit(numbered(1)).unwrap();
    store.back_up().unwrap().unwrap();
    store.close().unwrap();
    for lost in ["journal", "store"] {
        fs::remove_dir_all(dir.path().join(lost)).unwrap();
    }
    let why = Store::import(dir.path(), &file).unwrap_err();
    assert!(matches!(why, StoreError::BackedUp { .. }), "{why}");
    fs::rename(dir.path().join("backups"), dir.path().join("before")).unwrap();
    Store::import(dir.path(), &file).unwrap();
    assert_eq!(Store::open(dir.path()).unwrap().versions().len(), 1);
}

#[test]
fn a_store_of_another_history_takes_nothing_from_a_backup_that_lies_in_it() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let theirs = filled(other.path(), 4).back_up().unwrap().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit(numbered(7)).unwrap();
    store.close().unwrap();
    fs::create_dir(dir.path().join("backups")).unwrap();
    fs::copy(
        &theirs,
        dir.path().join("backups").join(theirs.file_name().unwrap()),
    )
    .unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.versions().len(), 1);
    let notices = store.notices();
    assert!(
        notices.iter().any(|n| n.contains("another history")),
        "{notices:?}"
    );
}

#[test]
fn compacting_loses_nothing_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path(), 8);
    let before = (store.versions(), store.refs(), store.history());
    // As an earlier one leaves it that is killed before it ends.
    fs::create_dir(dir.path().join("replaced-1793527200250")).unwrap();
    store.compact().unwrap();
    assert_eq!((store.versions(), store.refs(), store.history()), before);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    store.commit(numbered(8)).unwrap();
    store.close().unwrap();
    let names = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["journal", "lock", "store"]);
    assert_eq!(Store::open(dir.path()).unwrap().versions().len(), 9);
}

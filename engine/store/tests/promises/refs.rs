//! Versions, refs, hold and history.

use crate::fixture::{version, with_files};
use mux_store::{Action, Refs, Store, StoreError};

fn refs(folder: &str, live: &str, held: Option<&str>) -> Refs {
    Refs {
        folder: Some(folder.to_owned()),
        live: Some(live.to_owned()),
        held: held.map(str::to_owned),
    }
}

fn prefix(id: &str) -> &str {
    id.split_at(8).0
}

#[test]
fn a_new_store_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("deep/data")).unwrap();
    assert_eq!(
        (store.versions(), store.refs(), store.history()),
        (Vec::new(), Refs::default(), Vec::new())
    );
    assert!(store.notices().is_empty());
    assert!(matches!(
        store.rollback(None, "ann", "why"),
        Err(StoreError::NoEarlier)
    ));
    assert!(store.release("ann").unwrap().is_none());
}

#[test]
fn a_version_comes_back_as_it_was_committed_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let files = vec![
        ("b/ä.mux".to_owned(), vec![0; 100_000]),
        ("a.mux".to_owned(), Vec::new()),
    ];
    let new = with_files(files.clone());
    let store = Store::open(dir.path()).unwrap();
    let committed = store.commit(new.clone()).unwrap();
    assert!(committed.new && committed.live && committed.id == new.id);
    store.close().unwrap();

    let read = Store::open(dir.path())
        .unwrap()
        .version(prefix(&new.id))
        .unwrap();
    assert_eq!(
        (read.files, read.plugins, read.prices),
        (files, new.plugins, new.prices)
    );
    let head = read.head;
    assert_eq!((head.id, head.files, head.bytes), (new.id, 2, 100_000));
    assert_eq!(
        (head.note.as_str(), head.author.as_str(), head.forced),
        ("a note", "ann", false)
    );
}

#[test]
fn committing_the_same_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(store.commit(version("a")).unwrap().new);
    let again = store.commit(version("a")).unwrap();
    assert!(!again.new && again.live);
    assert_eq!((store.versions().len(), store.history().len()), (1, 1));
}

#[test]
fn saving_an_old_content_again_moves_the_refs_back_to_its_version() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (a, b) = (version("a"), version("b"));
    for version in [&a, &b, &a] {
        store.commit(version.clone()).unwrap();
    }
    assert_eq!(
        (store.refs(), store.versions().len(), store.history().len()),
        (refs(&a.id, &a.id, None), 2, 3)
    );
}

#[test]
fn a_rollback_holds_so_that_saves_are_stored_and_not_served_until_the_release() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (a, b, c) = (version("a"), version("b"), version("c"));
    store.commit(a.clone()).unwrap();
    store.commit(b.clone()).unwrap();

    assert_eq!(store.rollback(None, "bob", "b is slow").unwrap().id, a.id);
    assert_eq!(store.refs(), refs(&b.id, &a.id, Some("b is slow")));

    let saved = store.commit(c.clone()).unwrap();
    assert!(saved.new && !saved.live);
    assert_eq!(store.refs(), refs(&c.id, &a.id, Some("b is slow")));

    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.refs(), refs(&c.id, &a.id, Some("b is slow")));
    assert_eq!(store.release("bob").unwrap().unwrap().id, c.id);
    assert_eq!(store.refs(), refs(&c.id, &c.id, None));
    assert!(store.release("bob").unwrap().is_none());
}

#[test]
fn rolling_back_by_prefix_and_rolling_back_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let versions: Vec<_> = ["a", "b", "c", "d"].map(version).into();
    for version in &versions {
        store.commit(version.clone()).unwrap();
    }
    store
        .rollback(Some(prefix(&versions[2].id)), "bob", "one")
        .unwrap();
    store.rollback(None, "bob", "two").unwrap();
    assert_eq!(
        store.refs(),
        refs(&versions[3].id, &versions[1].id, Some("two"))
    );
    assert!(matches!(
        store.rollback(Some("ffffff"), "bob", ""),
        Err(StoreError::Unknown { .. })
    ));
    assert!(matches!(
        store.rollback(Some("ff"), "bob", ""),
        Err(StoreError::TooShort { .. })
    ));
    assert_eq!(store.refs().held.as_deref(), Some("two"));
}

#[test]
fn the_history_says_who_did_what_and_is_chained() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut forced = version("b");
    forced.forced = true;
    store.commit(version("a")).unwrap();
    store.commit(forced).unwrap();
    store.rollback(None, "bob", "oops").unwrap();
    store.release("cat").unwrap();

    let history = store.history();
    let actions: Vec<_> = history
        .iter()
        .map(|entry| (entry.seq, entry.action, entry.author.as_str()))
        .collect();
    let expected = [
        (1, Action::Save, "ann"),
        (2, Action::ForcedSave, "ann"),
        (3, Action::Rollback, "bob"),
        (4, Action::Release, "cat"),
    ];
    assert_eq!(actions, expected);
    assert_eq!(history[2].reason, "oops");
    assert_eq!(history[0].prev, "0".repeat(64));
    assert!(history.windows(2).all(|pair| pair[1].prev == pair[0].hash));
    assert!(store.versions()[0].forced);
    assert!(store.verify().unwrap().problems.is_empty());
}

#[test]
fn what_contradicts_itself_or_is_too_large_is_refused_and_nothing_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut wrong = version("a");
    wrong.id = version("b").id;
    assert!(matches!(
        store.commit(wrong),
        Err(StoreError::Invalid { .. })
    ));
    let twice = with_files(vec![("a".to_owned(), vec![1]), ("a".to_owned(), vec![2])]);
    assert!(
        store
            .commit(twice)
            .unwrap_err()
            .to_string()
            .contains("`a` is in it twice")
    );
    let large = with_files(vec![("a".to_owned(), vec![0; 65 << 20])]);
    let said = store.commit(large).unwrap_err().to_string();
    assert!(
        said.contains("too large") && said.contains("68157440 bytes"),
        "{said}"
    );
    assert!(store.history().is_empty());
}

#[test]
fn a_file_shared_by_versions_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let large = vec![7; 200_000];
    for n in 0..20 {
        let files = vec![
            ("large".to_owned(), large.clone()),
            ("own".to_owned(), vec![n]),
            ("copy".to_owned(), large.clone()),
        ];
        store.commit(with_files(files)).unwrap();
    }
    let journal = dir.path().join("journal");
    let bytes: u64 = std::fs::read_dir(journal)
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes < 250_000, "{bytes} bytes");
    assert_eq!(store.verify().unwrap().versions, 20);
}

#[test]
fn damage_that_happens_while_the_store_is_open_is_found_by_verify() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit(version("a")).unwrap();
    store.commit(version("b")).unwrap();
    let segment = std::fs::read_dir(dir.path().join("journal"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = std::fs::read(&segment).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let report = store.verify().unwrap();
    assert_eq!((report.events, report.objects, report.versions), (1, 1, 2));
    assert_eq!(
        report.problems.len(),
        3,
        "torn end, damaged object, index ahead: {:?}",
        report.problems
    );
}

#[test]
fn a_second_opener_is_told_who_holds_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let Err(StoreError::Held { by, .. }) = Store::open(dir.path()) else {
        panic!("opened twice")
    };
    assert!(
        by.starts_with(&format!("pid {} (`promises-", std::process::id())),
        "{by}"
    );
    drop(store);
    Store::open(dir.path()).unwrap();
}

#[test]
fn promoting_the_newest_save_ends_a_hold_and_promoting_another_version_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(store.promote(None, "ann", "").is_err());
    let ids: Vec<String> = ["a", "b", "c"]
        .map(|text| store.commit(version(text)).unwrap().id)
        .into();
    store.rollback(Some(&ids[0]), "ann", "slow").unwrap();
    assert_eq!(
        store.promote(Some(&ids[1]), "bob", "try it").unwrap().id,
        ids[1]
    );
    assert_eq!(store.refs(), refs(&ids[2], &ids[1], Some("try it")));
    assert_eq!(store.promote(None, "bob", "good").unwrap().id, ids[2]);
    assert_eq!(store.refs(), refs(&ids[2], &ids[2], None));
    let last = store.history().pop().unwrap();
    assert_eq!(
        (last.action, last.reason.as_str()),
        (Action::Promote, "good")
    );
    // And is undone as any other.
    assert_eq!(store.rollback(None, "ann", "back").unwrap().id, ids[1]);
    let kept = (store.refs(), store.history());
    store.close().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!((store.refs(), store.history()), kept);
}

//! Versions, refs, hold and history.

use crate::fixture::{version, with_files};
use mux_store::{Action, Bounds, Canary, Refs, Store, StoreError, Terms, Unit};

fn refs(folder: &str, live: &str, held: Option<&str>) -> Refs {
    Refs {
        folder: Some(folder.to_owned()),
        live: Some(live.to_owned()),
        held: held.map(str::to_owned),
        ..Refs::default()
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

    assert_eq!(
        store.rollback(None, "bob", "b is slow").unwrap().head.id,
        a.id
    );
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
    assert_eq!(store.rollback(None, "ann", "back").unwrap().head.id, ids[1]);
    let kept = (store.refs(), store.history());
    store.close().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!((store.refs(), store.history()), kept);
}

fn terms(share_bp: u32) -> Terms {
    Terms {
        share_bp,
        by: Unit::Client,
        span_ms: Some(60_000),
        answers: 100,
        bounds: Bounds::default(),
    }
}

#[test]
fn a_draft_is_kept_and_served_to_nobody_until_it_is_promoted() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (a, b) = (version("a"), version("b"));
    assert!(matches!(
        store.version("draft"),
        Err(StoreError::Nothing { .. })
    ));
    store.commit(a.clone()).unwrap();
    assert_eq!(store.draft(b.clone()).unwrap().id, b.id);
    let drafted = Refs {
        draft: Some(b.id.clone()),
        ..refs(&a.id, &a.id, None)
    };
    assert_eq!(store.refs(), drafted);
    assert_eq!(store.version("draft").unwrap().head.id, b.id);
    store.draft(b.clone()).unwrap();
    assert_eq!(
        store.history().len(),
        2,
        "the same draft again is nothing new"
    );
    store.draft(a.clone()).unwrap();
    assert_eq!(store.refs(), drafted, "what is served is no draft");

    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.refs(), drafted);
    store.promote(Some("draft"), "bob", "good").unwrap();
    assert_eq!(store.refs(), refs(&a.id, &b.id, Some("good")));
    assert_eq!(store.rollback(None, "bob", "bad").unwrap().head.id, a.id);
}

#[test]
fn a_hold_that_a_promotion_made_ends_when_the_folder_has_what_was_promoted() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (a, b, c) = (version("a"), version("b"), version("c"));
    store.commit(a.clone()).unwrap();
    store.draft(b.clone()).unwrap();
    store.promote(Some(&b.id), "bob", "good").unwrap();
    store.commit(b.clone()).unwrap();
    assert_eq!(store.refs(), refs(&b.id, &b.id, None));
    store.commit(c.clone()).unwrap();
    assert_eq!(store.refs(), refs(&c.id, &c.id, None));
    // A rollback is another matter: it holds until it is released.
    store.rollback(Some(&a.id), "bob", "slow").unwrap();
    store.commit(a.clone()).unwrap();
    assert_eq!(store.refs(), refs(&a.id, &a.id, Some("slow")));
}

#[test]
fn a_canary_is_remembered_with_its_terms_and_saves_wait_for_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (a, b, c) = (version("a"), version("b"), version("c"));
    let try_out = |store: &Store, id: &str, share| store.canary(id, terms(share), "ann", "cheaper");
    store.draft(b.clone()).unwrap();
    let nothing = try_out(&store, &b.id, 1_000).unwrap_err().to_string();
    assert!(nothing.contains("nothing is live"), "{nothing}");
    store.commit(a.clone()).unwrap();
    let live = try_out(&store, &a.id, 1_000).unwrap_err().to_string();
    assert!(live.contains("live already"), "{live}");
    try_out(&store, "draft", 1_000).unwrap();
    drop(store);

    let store = Store::open(dir.path()).unwrap();
    let Some(Canary { version, terms, .. }) = store.refs().canary else {
        panic!("forgotten")
    };
    assert_eq!((version, terms.share_bp), (b.id.clone(), 1_000));
    assert!(!store.commit(c.clone()).unwrap().live, "a save waits");
    assert!(matches!(
        try_out(&store, &c.id, 1),
        Err(StoreError::Canary { .. })
    ));
    try_out(&store, "canary", 5_000).unwrap();
    assert_eq!(store.refs().canary.unwrap().terms.share_bp, 5_000);

    let back = store.rollback(None, "bob", "enough").unwrap();
    assert_eq!((back.ended.as_ref(), &back.head.id), (Some(&b.id), &c.id));
    let after = Refs {
        draft: Some(b.id.clone()),
        ..refs(&c.id, &c.id, None)
    };
    assert_eq!(
        store.refs(),
        after,
        "the save that waited is followed, nothing is held"
    );
    assert!(store.end_canary("bob", "").is_err());
    let actions: Vec<_> = store.history().iter().map(|entry| entry.action).collect();
    assert_eq!(
        actions,
        [
            Action::Draft,
            Action::Save,
            Action::Canary,
            Action::Save,
            Action::Canary,
            Action::EndCanary
        ]
    );
}

#[test]
fn whatever_else_goes_live_ends_a_canary_and_a_release_waits_for_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (a, b, c) = (version("a"), version("b"), version("c"));
    let try_out = |id: &str| store.canary(id, terms(1_000), "ann", "").unwrap();
    for version in [&a, &b] {
        store.commit(version.clone()).unwrap();
    }
    store.draft(c.clone()).unwrap();
    try_out(&c.id);
    store.promote(Some(&c.id), "mux", "it did well").unwrap();
    assert_eq!(store.refs(), refs(&b.id, &c.id, Some("it did well")));
    try_out(&b.id);
    assert!(matches!(
        store.release("ann"),
        Err(StoreError::Canary { .. })
    ));
    store.rollback(Some(&a.id), "ann", "all bad").unwrap();
    assert_eq!(store.refs(), refs(&b.id, &a.id, Some("all bad")));
    store.release("ann").unwrap();
    assert_eq!(store.refs(), refs(&b.id, &b.id, None));
}

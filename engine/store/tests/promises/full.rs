//! A full disk, by a limit on file sizes: a real refusal of the system's, to journal and index alike.
//!
//! The work is done by this very test in a process of its own, because the limit holds for a whole process. A shell starts
//! it with the limit's signal ignored; it sets and lifts the limit itself.

use crate::fixture::{numbered, with_files};
use mux_store::{Store, StoreError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use std::process::Command;

const WORKER: &str = "MUX_STORE_TEST_FULL";
const LIMIT: u64 = 1 << 20;

#[test]
fn a_full_disk_is_said_loses_nothing_and_is_over_when_there_is_space_again() {
    if let Some(dir) = std::env::var_os(WORKER) {
        println!("recovered after: {}", fill_and_recover(Path::new(&dir)));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args([
            "full::a_full_disk_is_said_loses_nothing_and_is_over_when_there_is_space_again",
            "--exact",
            "--nocapture",
        ])
        .env(WORKER, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains("recovered after"),
        "the worker did not run: {said}"
    );
}

fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: bytes.or(maximum),
            maximum,
        },
    )
    .unwrap();
}

/// Returns what was said while the disk was full, and the notices until it was over.
fn fill_and_recover(dir: &Path) -> String {
    let store = Store::open(dir).unwrap();
    let mut kept = vec![store.commit(numbered(0)).unwrap().id];
    limit(Some(LIMIT));

    // Too much for the journal at once: refused, and everything else goes on.
    let large = with_files(vec![("large".to_owned(), vec![1; 3 << 20])]);
    let refused = store.commit(large.clone()).unwrap_err();
    assert!(
        matches!(refused, StoreError::Full { .. })
            && refused.to_string().contains("the disk is full"),
        "{refused}"
    );
    kept.push(store.commit(numbered(1)).unwrap().id);

    // Little by little, until journal or index can take no more.
    let refused = loop {
        match store.commit(numbered(kept.len() as u64)) {
            Ok(committed) => kept.push(committed.id),
            Err(error) => break error,
        }
    };
    assert!(refused.is_full(), "{refused}");
    assert!(
        refused.to_string().contains("the disk is full"),
        "{refused}"
    );
    // Going back needs no index: only where the journal itself has no room it is refused, too.
    let live = match store.rollback(None, "ann", "no space") {
        Ok(back) => back.head.id,
        Err(error) => {
            assert!(error.is_full(), "{error}");
            kept.last().unwrap().clone()
        }
    };
    assert!(kept.iter().all(|id| store.version(id).is_ok()));
    assert_eq!(store.refs().live, Some(live));

    limit(None);
    kept.push(store.commit(large).unwrap().id);
    kept.push(store.commit(numbered(1_000)).unwrap().id);
    let report = store.verify().unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let said = format!("{refused}; {:?}", store.notices());
    store.close().unwrap();

    let store = Store::open(dir).unwrap();
    assert!(kept.iter().all(|id| store.version(id).is_ok()));
    said
}

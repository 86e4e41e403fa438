//! Bits flipped and files cut, anywhere in any file of a store: repaired, or said, and never silently wrong.

use crate::fixture::{Chance, numbered};
use mux_store::Store;
use std::fs;
use std::path::{Path, PathBuf};

/// So many trials, for soaking.
const TRIALS: &str = "MUX_TEST_DAMAGE";
const SEED: &str = "MUX_TEST_SEED";
const USUAL: u64 = 60;

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Damages a file, at random; what was done.
fn hurt(path: &Path, chance: &mut Chance) -> String {
    let mut bytes = fs::read(path).unwrap();
    let len = bytes.len() as u64;
    if len == 0 {
        return "nothing".to_owned();
    }
    // Files of sled are mostly zeros, whose damage says little.
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .unwrap_or_default() as u64
        + 1;
    let at = chance.below(used);
    let place = usize::try_from(at).unwrap();
    let done = if chance.below(3) == 0 {
        bytes.truncate(place);
        format!("cut at {at} of {len}")
    } else {
        bytes[place] ^= 1 << chance.below(8);
        format!("flipped a bit at {at} of {len}")
    };
    fs::write(path, bytes).unwrap();
    format!("{}: {done}", path.display())
}

/// What became of a damaged store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Whole,
    Repaired,
    Refused,
}

/// Opens it, and holds that everything is there as it was, or that it was said.
fn fate(dir: &Path, ids: &[String], live: &str, done: &str) -> Fate {
    let store = match Store::open(dir) {
        Ok(store) => store,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Fate::Refused;
        }
    };
    let notices = store.notices();
    for (n, id) in (0..).zip(ids) {
        let version = store
            .version(id)
            .unwrap_or_else(|error| panic!("{done}: {error}; {notices:?}"));
        assert_eq!(version.files, numbered(n).files, "{done}: silently wrong");
    }
    assert_eq!(
        store.refs().live.as_deref(),
        Some(live),
        "{done}: {notices:?}"
    );
    assert_eq!(store.history().len(), ids.len() + 1, "{done}: {notices:?}");
    let report = store.verify().unwrap();
    assert!(report.problems.is_empty(), "{done}: {:?}", report.problems);
    if notices.is_empty() {
        Fate::Whole
    } else {
        Fate::Repaired
    }
}

fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// A store of some versions, a rollback and a backup; its ids, and what is live.
fn sound(dir: &Path) -> (Vec<String>, String) {
    let store = Store::open(dir).unwrap();
    let ids: Vec<String> = (0..6)
        .map(|n| store.commit(numbered(n)).unwrap().id)
        .collect();
    let live = store
        .rollback(Some(&ids[2]), "ann", "back")
        .unwrap()
        .head
        .id;
    store.back_up().unwrap().unwrap();
    store.close().unwrap();
    (ids, live)
}

#[test]
fn damage_to_any_one_file_is_repaired_or_refused_with_its_reason_and_never_silently_wrong() {
    let (good, trial) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ids, live) = sound(good.path());
    let mut chance = Chance(asked(SEED, 20_261_127));
    let mut fates = Vec::new();
    let trials = asked(TRIALS, USUAL);
    for n in 0..trials {
        let dir = trial.path().join(n.to_string());
        copy(good.path(), &dir);
        let files = files(&dir);
        let path = &files[usize::try_from(n % files.len() as u64).unwrap()];
        let done = hurt(path, &mut chance);
        fates.push(fate(&dir, &ids, &live, &done));
        fs::remove_dir_all(dir).unwrap();
    }
    let count = |wanted| fates.iter().filter(|fate| **fate == wanted).count();
    println!(
        "{trials} trials: {} without effect, {} repaired, {} refused",
        count(Fate::Whole),
        count(Fate::Repaired),
        count(Fate::Refused)
    );
    assert_eq!(count(Fate::Refused), 0, "two copies are left of everything");
    assert!(
        count(Fate::Repaired) * 5 > fates.len(),
        "too few had an effect to mean anything"
    );
}

#[test]
fn damage_to_journal_and_index_at_once_is_repaired_from_the_backup() {
    let dir = tempfile::tempdir().unwrap();
    let (ids, live) = sound(dir.path());
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    let journal = files(&dir.path().join("journal")).remove(0);
    let bytes = fs::read(&journal).unwrap();
    for cut in [bytes.len() - 1, bytes.len() / 2, 0] {
        fs::write(&journal, &bytes[..cut]).unwrap();
        let _ = fs::remove_dir_all(dir.path().join("store"));
        assert_eq!(fate(dir.path(), &ids, &live, "cut"), Fate::Repaired);
    }
}

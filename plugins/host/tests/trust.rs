//! Which files of a plugin folder may be loaded: all, those in a lock, or those that are signed.
#![expect(clippy::expect_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use mux_plugins::trust::key;
use mux_plugins::{Host, Limits, Lock, Locked, Trust};

const SAMPLE: &[u8] = include_bytes!("signed/sample.wasm");

fn signed(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/signed");
    folder.join(name)
}

fn refused(trust: &Trust, file: &Path, bytes: &[u8]) -> String {
    trust.judge().allow(file, bytes).expect_err("refused")
}

#[test]
fn a_folder_that_is_trusted_takes_every_file() {
    let judge = Trust::Folder.judge().allow(Path::new("x.wasm"), b"any");
    assert_eq!(judge, Ok(()));
}

#[test]
fn only_what_is_in_the_lock_is_taken_whatever_it_is_called() {
    let home = tempfile::tempdir().expect("a folder");
    let lock = home.path().join("plugins.lock");
    let trust = Trust::Pinned(lock.clone());
    let file = Path::new("plugins/sample.wasm");
    let why = refused(&trust, file, SAMPLE);
    assert!(
        why.contains("plugins.lock` cannot be read") && why.contains("mux plugin lock"),
        "{why}"
    );

    let host = Host::new(Limits::default()).expect("a host");
    let plugin = host.load("sample", SAMPLE).expect("it loads");
    let locked = Locked::of("sample.wasm", &plugin);
    assert_eq!(locked.upstreams, ["https://crafted.example /chat"]);
    Lock::new(vec![locked.clone(), locked])
        .write(&lock)
        .expect("it can be written");
    assert_eq!(Lock::read(&lock).expect("a lock").plugins.len(), 1);
    for name in [file, Path::new("other.wasm")] {
        assert_eq!(trust.judge().allow(name, SAMPLE), Ok(()));
    }
    let mut changed = SAMPLE.to_vec();
    changed.push(0);
    let why = refused(&trust, file, &changed);
    let hash = blake3::hash(&changed).to_hex();
    assert!(
        why.contains(hash.as_str()) && why.contains("mux plugin inspect plugins/sample.wasm"),
        "{why}"
    );
    assert!(trust.judge().still_allows(plugin.hash()));
    assert!(!trust.judge().still_allows(&hash));
}

#[test]
fn a_lock_that_cannot_be_understood_approves_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let lock = home.path().join("plugins.lock");
    let hash = blake3::hash(SAMPLE).to_hex();
    for (text, words) in [
        (hash.to_string(), "is no lock"),
        (String::from(r#"{"format":9,"plugins":[]}"#), "format 9"),
    ] {
        fs::write(&lock, text).expect("it can be written");
        let trust = Trust::Pinned(lock.clone());
        let why = refused(&trust, Path::new("sample.wasm"), SAMPLE);
        assert!(why.contains(words), "{why}");
        assert!(!trust.judge().still_allows(&hash));
    }
}

#[test]
fn only_what_a_trusted_key_signed_is_taken() {
    let path = |name: &str| signed(name).display().to_string();
    let (mine, other) = (key(&path("sample.pub")), key(&path("other.pub")));
    let (mine, other) = (mine.expect("a key"), other.expect("a key"));
    let file = signed("sample.wasm");
    for keys in [vec![mine.clone()], vec![other.clone(), mine.clone()]] {
        assert_eq!(Trust::Signed(keys).judge().allow(&file, SAMPLE), Ok(()));
    }
    let trust = Trust::Signed(vec![mine]);
    let mut changed = SAMPLE.to_vec();
    for at in [0, SAMPLE.len() / 2, SAMPLE.len() - 1] {
        changed[at] ^= 1;
        let why = refused(&trust, &file, &changed);
        assert!(why.contains("does not hold"), "{why}");
        changed[at] ^= 1;
    }
    let why = refused(&trust, &signed("absent.wasm"), SAMPLE);
    assert!(
        why.contains("it is not signed") && why.contains("minisign -Sm"),
        "{why}"
    );
    let why = refused(&Trust::Signed(vec![other]), &file, SAMPLE);
    assert!(why.contains("by none of the keys"), "{why}");

    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("x.wasm");
    fs::write(home.path().join("x.wasm.minisig"), "nonsense").expect("it can be written");
    let why = refused(&trust, &file, SAMPLE);
    assert!(why.contains("no signature of minisign"), "{why}");
}

#[test]
fn a_key_is_given_as_its_line_or_as_a_file() {
    let text = fs::read_to_string(signed("sample.pub")).expect("a key");
    let line = text.lines().last().expect("a line");
    assert!(key(line).is_ok());
    let why = key("nowhere.pub").expect_err("no key");
    assert!(why.contains("`nowhere.pub`"), "{why}");
    let why = key(&signed("sample.wasm.minisig").display().to_string()).expect_err("no key");
    assert!(why.contains("no public key"), "{why}");
}

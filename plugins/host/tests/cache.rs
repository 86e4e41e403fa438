//! Compiled code that is kept: used when it is what was written, and never when anybody touched it.
#![expect(clippy::expect_used, reason = "a test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use mux_plugins::{Cache, Host, Limits, Plugin};

#[path = "shared/crafted.rs"]
mod crafted;
#[path = "shared/stage.rs"]
mod stage;

use crafted::Crafted;

fn host(folder: &Path) -> Arc<Host> {
    host_with(folder, 4)
}

fn host_with(folder: &Path, instances: u32) -> Arc<Host> {
    let limits = Limits {
        instances,
        ..Limits::default()
    };
    Host::with_cache(limits, Cache::open(folder).expect("a cache")).expect("a host")
}

fn component(id: &str) -> Vec<u8> {
    Crafted {
        id,
        ..Crafted::default()
    }
    .component()
}

/// Loads with a host of its own, as a process that starts does, and sees that the plugin works.
fn load(folder: &Path, bytes: &[u8]) -> Arc<Plugin> {
    let plugin = host(folder).load("crafted", bytes).expect("it loads");
    let adapter = plugin.adapter("{}", None).expect("an adapter");
    let body = Bytes::from_static(br#"{"model":"m","messages":[]}"#);
    assert!(adapter.plan(&stage::call(&body, "m", false)).is_ok());
    plugin
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "cwasm"));
    files.sort();
    files
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn a_component_is_compiled_once_and_not_at_every_start() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("deep/compiled");
    let bytes = component("once");
    assert!(!load(&folder, &bytes).is_from_cache());
    assert!(load(&folder, &bytes).is_from_cache());
    assert!(!load(&folder, &component("other")).is_from_cache());
    assert_eq!(files(&folder).len(), 2);
    assert_eq!((mode(&folder), mode(&folder.join("key"))), (0o700, 0o600));
    assert!(files(&folder).iter().all(|file| mode(file) == 0o600));
}

#[test]
fn a_host_without_a_place_for_code_keeps_none() {
    let bytes = component("none");
    for _ in 0..2 {
        let plugin = stage::host().load("crafted", &bytes).expect("it loads");
        assert!(!plugin.is_from_cache());
    }
}

#[test]
fn code_that_somebody_touched_is_compiled_anew_and_never_run() {
    let home = tempfile::tempdir().expect("a folder");
    let bytes = component("touched");
    load(home.path(), &bytes);
    let file = files(home.path()).remove(0);
    let good = fs::read(&file).expect("code");
    let flipped = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 1;
        bad
    };
    let mut changes: Vec<Vec<u8>> = (0..good.len())
        .step_by(good.len() / 20)
        .map(flipped)
        .collect();
    changes.push(flipped(good.len() - 1));
    changes.push(good[..good.len() / 2].to_vec());
    changes.push(good[..10].to_vec());
    changes.push(Vec::new());
    changes.push([&good[..], &[0]].concat());
    for bad in changes {
        fs::write(&file, bad).expect("it can be written");
        assert!(!load(home.path(), &bytes).is_from_cache());
        assert_eq!(fs::read(&file).expect("code"), good, "it is mended");
        assert!(load(home.path(), &bytes).is_from_cache());
    }
}

#[test]
fn code_of_one_component_does_not_pass_for_that_of_another() {
    let home = tempfile::tempdir().expect("a folder");
    let (one, two) = (component("one"), component("two"));
    load(home.path(), &one);
    let first = files(home.path()).remove(0);
    load(home.path(), &two);
    let second = files(home.path())
        .into_iter()
        .find(|file| *file != first)
        .expect("a second");
    fs::copy(&first, &second).expect("a copy");
    let plugin = load(home.path(), &two);
    assert!(!plugin.is_from_cache() && plugin.id() == "two");
}

#[test]
fn a_key_that_others_could_read_or_that_is_damaged_is_replaced() {
    let home = tempfile::tempdir().expect("a folder");
    let (bytes, key) = (component("key"), home.path().join("key"));
    load(home.path(), &bytes);
    let first = fs::read(&key).expect("a key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("a mode");
    assert!(!load(home.path(), &bytes).is_from_cache());
    let second = fs::read(&key).expect("a key");
    assert_ne!(first, second);
    assert_eq!(mode(&key), 0o600);
    fs::write(&key, b"short").expect("it can be written");
    assert!(!load(home.path(), &bytes).is_from_cache());
    assert!(load(home.path(), &bytes).is_from_cache());
    assert_eq!(fs::read(&key).expect("a key").len(), 32);
}

#[test]
fn code_for_another_engine_is_not_taken() {
    let home = tempfile::tempdir().expect("a folder");
    let bytes = component("engine");
    load(home.path(), &bytes);
    // So many slots that the whole range cannot be reserved for each: loads and stores are compiled otherwise.
    let host = host_with(home.path(), 40_000);
    let plugin = host.load("crafted", &bytes).expect("it loads");
    assert!(!plugin.is_from_cache());
    assert_eq!(files(home.path()).len(), 2);
}

#[test]
fn the_folder_does_not_grow_without_end() {
    let home = tempfile::tempdir().expect("a folder");
    let host = host(home.path());
    for n in 0..70 {
        let bytes = component(&format!("many{n}"));
        host.load("crafted", &bytes).expect("it loads");
    }
    assert_eq!(files(home.path()).len(), 64);
}

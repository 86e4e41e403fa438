//! Disks that are really full, out of inodes or read-only: file systems in memory, mounted where nobody else sees them.
//!
//! Each test runs once more in a process of its own that may mount, in a user and mount namespace. Where the system permits
//! none, it says that it was skipped.

use crate::fixture::numbered;
use mux_store::{Room, Store};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const WORKER: &str = "MUX_STORE_TEST_DISK";

/// Past what captures the output of tests: that one was skipped is for everybody to see.
fn say(text: &str) {
    // Who does not listen misses nothing.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A file system of its own.
struct Disk(PathBuf);

impl Disk {
    /// In the process that may mount, the disk; elsewhere that process is run, and there is nothing left to do.
    fn mounted(test: &str, options: &str) -> Option<Self> {
        if let Some(dir) = std::env::var_os(WORKER) {
            let disk = Self(dir.into());
            disk.mount(&["-t", "tmpfs", "-o", options, "mux"]);
            say("mounted");
            return Some(disk);
        }
        let dir = tempfile::tempdir().unwrap();
        let try_out = r#"mount -t tmpfs mux "$0""#;
        let mut may = Command::new("unshare");
        may.args(["-rm", "sh", "-c", try_out]).arg(dir.path());
        if !may.output().is_ok_and(|tried| tried.status.success()) {
            say("skipped: this system permits no mounts in a namespace of one's own");
            return None;
        }
        let output = Command::new("unshare")
            .arg("-rm")
            .arg(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(WORKER, dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{errors}");
        assert!(said.contains("mounted"), "it did not run: {said}{errors}");
        None
    }

    fn mount(&self, arguments: &[&str]) {
        let mut mount = Command::new("mount");
        let status = mount.args(arguments).arg(&self.0).status().unwrap();
        assert!(status.success(), "mount {arguments:?}");
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// Takes all of it but so many bytes.
    fn fill(&self, leave: u64) {
        self.empty();
        let free = Room::of(self.path()).unwrap().free;
        let filler = File::create(self.path().join("filler")).unwrap();
        let none = rustix::fs::FallocateFlags::empty();
        rustix::fs::fallocate(filler, none, 0, free - leave).unwrap();
    }

    fn empty(&self) {
        // Where it was not filled there is nothing to remove.
        let _ = fs::remove_file(self.path().join("filler"));
    }
}

#[test]
fn going_back_works_on_a_full_disk_and_saves_go_on_when_there_is_room_again() {
    let name = "disk::going_back_works_on_a_full_disk_and_saves_go_on_when_there_is_room_again";
    let Some(disk) = Disk::mounted(name, "size=24m") else {
        return;
    };
    let dir = disk.path().join("store");
    let store = Store::open(&dir).unwrap();
    let whole = store.tend();
    assert!(
        whole.problem.is_none() && whole.ballast > whole.floor,
        "{whole:?}"
    );
    let mut kept: Vec<String> = (0..3)
        .map(|n| store.commit(numbered(n)).unwrap().id)
        .collect();

    disk.fill(whole.floor / 2);
    let refused = store.commit(numbered(3)).unwrap_err();
    assert!(
        refused.is_full() && refused.to_string().contains("nearly full"),
        "{refused}"
    );
    assert!(store.tend().problem.unwrap().contains("nearly full"));
    let draft = store.draft(numbered(3)).unwrap_err();
    assert!(draft.is_full(), "a draft is no way back: {draft}");
    store
        .rollback(Some(&kept[0]), "ann", "little room")
        .unwrap();

    disk.fill(0);
    for n in 0..400 {
        let to = &kept[n % 2];
        store.rollback(Some(to), "ann", "no room").unwrap();
        assert_eq!(store.refs().live.as_ref(), Some(to));
    }
    assert!(store.tend().ballast < whole.ballast, "it was made use of");
    assert!(kept.iter().all(|id| store.version(id).is_ok()));
    drop(store);

    let store = Store::open(&dir).unwrap();
    assert_eq!(store.refs().live.as_ref(), Some(&kept[1]));
    assert!(store.tend().problem.is_some());
    store.rollback(Some(&kept[0]), "ann", "still none").unwrap();
    assert!(kept.iter().all(|id| store.version(id).is_ok()));

    disk.empty();
    let again = store.tend();
    assert_eq!((again.problem, again.ballast), (None, whole.ballast));
    kept.push(store.commit(numbered(4)).unwrap().id);
    let report = store.verify().unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.events, 4 + 402);
    assert!(kept.iter().all(|id| store.version(id).is_ok()));
    store.close().unwrap();
}

#[test]
fn a_disk_without_inodes_is_called_that_and_what_needs_no_new_file_goes_on() {
    let name = "disk::a_disk_without_inodes_is_called_that_and_what_needs_no_new_file_goes_on";
    let Some(disk) = Disk::mounted(name, "size=24m,nr_inodes=40") else {
        return;
    };
    let dir = disk.path().join("store");
    let store = Store::open(&dir).unwrap();
    let first = store.commit(numbered(0)).unwrap().id;
    store.commit(numbered(1)).unwrap();
    let crumbs = disk.path().join("crumbs");
    fs::create_dir(&crumbs).unwrap();
    let mut made = 0;
    while File::create(crumbs.join(made.to_string())).is_ok() {
        made += 1;
    }
    store.commit(numbered(2)).unwrap();
    store.rollback(Some(&first), "ann", "no inodes").unwrap();
    let refused = Store::open(&disk.path().join("other")).unwrap_err();
    assert!(
        refused.is_full() && refused.to_string().contains("inodes are used up"),
        "{refused}"
    );
    fs::remove_dir_all(crumbs).unwrap();
    store.back_up().unwrap().unwrap();
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    assert_eq!(store.refs().live, Some(first));
}

#[test]
fn a_read_only_disk_is_read_in_full_and_nothing_is_changed_on_it() {
    let name = "disk::a_read_only_disk_is_read_in_full_and_nothing_is_changed_on_it";
    let Some(disk) = Disk::mounted(name, "size=24m") else {
        return;
    };
    let dir = disk.path().join("store");
    let store = Store::open(&dir).unwrap();
    let kept = [0, 1].map(|n| store.commit(numbered(n)).unwrap().id);
    store.close().unwrap();

    disk.mount(&["-o", "remount,ro"]);
    let store = Store::open(&dir).unwrap();
    assert!(store.reads_only());
    assert!(kept.iter().all(|id| store.version(id).is_ok()));
    let report = store.verify().unwrap();
    assert_eq!((report.problems, report.versions), (Vec::new(), 2));
    for refused in [
        store.commit(numbered(2)).unwrap_err(),
        store.rollback(None, "ann", "read-only").unwrap_err(),
    ] {
        assert!(refused.to_string().contains("read-only"), "{refused}");
    }
    assert!(store.tend().problem.unwrap().contains("read-only"));
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("all.mux-store");
    assert_eq!(store.export(&copy).unwrap().events, 2);
    let held = Store::open(&dir).unwrap_err();
    assert!(held.to_string().contains("is held by"), "{held}");
    drop(store);
    let new = Store::open(&disk.path().join("new")).unwrap_err();
    assert!(
        new.to_string()
            .contains("mount its file system for writing"),
        "{new}"
    );

    disk.mount(&["-o", "remount,rw"]);
    let store = Store::open(&dir).unwrap();
    assert!(!store.reads_only());
    store.commit(numbered(2)).unwrap();
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_store_that_was_opened_on_a_read_only_disk_takes_writes_when_the_disk_does() {
    let name = "disk::a_store_that_was_opened_on_a_read_only_disk_takes_writes_when_the_disk_does";
    let Some(disk) = Disk::mounted(name, "size=24m") else {
        return;
    };
    let dir = disk.path().join("store");
    let first = {
        let store = Store::open(&dir).unwrap();
        store.commit(numbered(0)).unwrap().id
    };
    for (n, without_lock) in [(1, false), (2, true)] {
        if without_lock {
            fs::remove_file(dir.join("lock")).unwrap();
        }
        disk.mount(&["-o", "remount,ro"]);
        let store = Store::open(&dir).unwrap();
        store.commit(numbered(n)).unwrap_err();
        disk.mount(&["-o", "remount,rw"]);
        assert_eq!(store.tend().problem, None);
        assert!(!store.reads_only());
        let held = Store::open(&dir).unwrap_err();
        assert!(held.to_string().contains("is held by pid"), "{held}");
        let kept = store.commit(numbered(n)).unwrap().id;
        assert!([&first, &kept].iter().all(|id| store.version(id).is_ok()));
        store.back_up().unwrap();
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
        let notices = store.notices().join("\n");
        assert!(notices.contains("read-only no more"), "{notices}");
    }

    // Whoever asks first finds it out, not only the one who looks after the store.
    disk.mount(&["-o", "remount,ro"]);
    let store = Store::open(&dir).unwrap();
    disk.mount(&["-o", "remount,rw"]);
    store.rollback(Some(&first), "ann", "at once").unwrap();
    assert_eq!(store.refs().live, Some(first));
}

//! Disks that are full, out of inodes, read-only or not ours: clients are served all the same, and operators are told.
//!
//! The disks are file systems in memory. Only a user and mount namespace of its own lets a test mount them, so each test runs
//! once more in a process that has one; where the system permits none, it says that it was skipped.

use super::home::{Gateway, Home, admin, mock};
use super::http::chat;
use super::patience::soon;
use super::policy::{bundle, only, openai};
use super::process::{Ended, Process, Said, mux, run};
use hyper::Method;
use mux_mock::Mock;
use mux_store::Room;
use serde_json::json;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const WORKER: &str = "MUX_E2E_MAY_MOUNT";
/// Large enough for all that a gateway keeps, and small enough to be filled.
const SIZE: &str = "size=64m";

/// Past what captures the output of tests: that one was skipped is for everybody to see.
fn say(text: &str) {
    // Who does not listen misses nothing.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Whether this process may mount. Another one runs the test in one that may, and has nothing left to do.
fn apart(test: &str) -> bool {
    if std::env::var_os(WORKER).is_some() {
        say("may mount");
        return true;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut may = Command::new("unshare");
    may.args(["-rm", "mount", "-t", "tmpfs", "mux"]);
    let may = may.arg(folder.path()).output();
    if !may.is_ok_and(|tried| tried.status.success()) {
        say("skipped: this system permits no mounts in a namespace of one's own");
        return false;
    }
    let output = Command::new("unshare")
        .arg("-rm")
        .arg(std::env::current_exe().unwrap())
        .args([
            &format!("e2e::disk::{test}"),
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(WORKER, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("may mount"), "it did not run: {said}{errors}");
    false
}

fn mount(at: &Path, arguments: &[&str]) {
    let mut mount = Command::new("mount");
    let status = mount.args(arguments).arg(at).status().unwrap();
    assert!(status.success(), "mount {arguments:?}");
}

/// A home whose data folder is a disk of its own.
fn home(provider: &Mock, options: &str) -> Home {
    let home = Home::new(&text(provider, 1));
    fs::create_dir(home.data()).unwrap();
    mount(&home.data(), &["-t", "tmpfs", "-o", options, "mux"]);
    home
}

fn text(provider: &Mock, n: usize) -> String {
    bundle(&[
        openai("a", provider.addr),
        only("chat", "a/m"),
        format!("# {n}\n"),
    ])
}

/// Takes all of a disk but so many bytes, which are fewer than are left.
fn fill(data: &Path, leave: u64) {
    let free = Room::of(data).unwrap().free;
    let filler = File::options()
        .append(true)
        .create(true)
        .open(data.join("filler"))
        .unwrap();
    let taken = filler.metadata().unwrap().len();
    let none = rustix::fs::FallocateFlags::empty();
    rustix::fs::fallocate(filler, none, taken, free.saturating_sub(leave).max(1)).unwrap();
}

fn empty(data: &Path) {
    // Where it was not filled there is nothing to remove.
    let _ = fs::remove_file(data.join("filler"));
}

/// Takes all inodes, and puts them into a folder.
fn crumble(data: &Path) -> std::path::PathBuf {
    let crumbs = data.join("crumbs");
    fs::create_dir(&crumbs).unwrap();
    let made = (0..).take_while(|n| File::create(crumbs.join(n.to_string())).is_ok());
    assert!(made.count() > 0);
    crumbs
}

fn heard(what: &'static str) -> impl Fn(&Said) -> Option<()> {
    move |said| {
        said.err
            .iter()
            .any(|line| line.contains(what))
            .then_some(())
    }
}

/// The version that serves a client.
async fn served(gateway: &Gateway) -> String {
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.header("x-mux-version").to_owned()
}

async fn verified(home: &Home) {
    let whole = home.run(&["store", "verify"]).await;
    assert!(
        whole.code == Some(0) && whole.out.contains("all is well"),
        "{whole:?}"
    );
}

#[tokio::test]
async fn a_full_disk_ends_recording_then_saves_and_neither_rollbacks_nor_requests() {
    if !apart("a_full_disk_ends_recording_then_saves_and_neither_rollbacks_nor_requests") {
        return;
    }
    let a = mock("a").await;
    let home = home(&a, SIZE);
    let data = home.data();
    let floor = Room::of(&data).unwrap().floor();
    let gateway = home.start().await;
    let first = gateway.version().await;
    home.save(&text(&a, 2));
    let second = gateway.version_after(&first).await;
    assert_eq!(served(&gateway).await, second);

    fill(&data, floor * 3 / 2);
    let says = async |what| gateway.process.says(what, heard(what)).await;
    says("recording has stopped").await;
    assert_eq!(served(&gateway).await, second);
    // It is counted behind the answer.
    soon("a request that was not recorded", async {
        while gateway.admin("/health").await["unrecorded"] != 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let health = gateway.admin("/health").await;
    assert_eq!(
        health["store"]["problem"],
        json!(null),
        "versions come first"
    );
    home.save(&text(&a, 3));
    let third = gateway.version_after(&second).await;

    fill(&data, floor / 2);
    says("no version can be saved").await;
    home.save(&text(&a, 4));
    let refused = gateway
        .policy_when("the save to be refused", |p| p["ok"] == false)
        .await;
    assert!(
        refused["error"].as_str().unwrap().contains("nearly full"),
        "{refused}"
    );
    assert_eq!(served(&gateway).await, third);
    let told = home.run(&["health"]).await.out;
    assert!(
        told.contains("no version can be saved: the disk of")
            && told.contains("recording has stopped"),
        "{told}"
    );

    fill(&data, 0);
    for to in [&first, &second] {
        let back = home.run(&["rollback", to, "--reason", "no room"]).await;
        assert_eq!(back.code, Some(0), "{}", back.err);
        assert_eq!(&served(&gateway).await, to);
    }
    let released = home.run(&["release"]).await;
    assert_eq!(released.code, Some(0), "{}", released.err);
    assert_eq!(served(&gateway).await, third);

    empty(&data);
    let fourth = gateway.version_after(&third).await;
    says("versions can be saved again").await;
    says("recording goes on").await;
    assert_eq!(served(&gateway).await, fourth);
    let health = gateway.admin("/health").await;
    assert_eq!(
        (
            &health["store"]["problem"],
            &health["recording"]["problems"]
        ),
        (&json!(null), &json!([]))
    );
    assert_eq!(gateway.stop().await.code, Some(0));
    verified(&home).await;
    let versions = home.run(&["versions"]).await.out;
    for version in [&first, &second, &third, &fourth] {
        assert!(versions.contains(&version[..12]), "{versions}");
    }
    assert_eq!(home.records().len(), 2, "before and after");
}

#[tokio::test]
async fn a_gateway_begins_on_a_full_disk_with_what_it_served_and_a_new_one_says_whose_fault_it_is()
{
    if !apart(
        "a_gateway_begins_on_a_full_disk_with_what_it_served_and_a_new_one_says_whose_fault_it_is",
    ) {
        return;
    }
    let a = mock("a").await;
    let home = home(&a, SIZE);
    let data = home.data();
    fill(&data, 0);
    let ended = home.start_in_vain(&[]).await;
    assert!(
        ended.code == Some(2)
            && ended.err.contains("the disk")
            && ended.err.contains("free some space"),
        "{ended:?}"
    );
    empty(&data);
    let gateway = home.start().await;
    let first = gateway.version().await;
    home.save(&text(&a, 2));
    let second = gateway.version_after(&first).await;
    gateway.stop().await;

    // Nothing is kept for going back any more.
    fs::remove_file(data.join("store/ballast")).unwrap();
    home.save(&text(&a, 3));
    fill(&data, 0);
    let gateway = home.start().await;
    gateway
        .process
        .says("whose fault it is", heard("the policies cannot be kept"))
        .await;
    assert_eq!(served(&gateway).await, second);
    let body = json!({ "id": first, "author": "t", "reason": "r".repeat(6_000) }).to_string();
    let (status, answer) = admin(&data, Method::POST, "/rollback", &body).await;
    assert_eq!(status, 507, "{answer}");
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("nothing was changed"),
        "{answer}"
    );
    assert_eq!(served(&gateway).await, second);

    empty(&data);
    let third = gateway.version_after(&second).await;
    assert_eq!(served(&gateway).await, third);
    gateway.stop().await;
    verified(&home).await;
}

#[tokio::test]
async fn without_inodes_clients_are_served_and_versions_saved_and_the_cause_is_named() {
    if !apart("without_inodes_clients_are_served_and_versions_saved_and_the_cause_is_named") {
        return;
    }
    let a = mock("a").await;
    let home = home(&a, "size=64m,nr_inodes=300");
    let data = home.data();
    let gateway = home.start().await;
    let first = gateway.version().await;
    let crumbs = crumble(&data);
    home.save(&text(&a, 2));
    let second = gateway.version_after(&first).await;
    assert_eq!(served(&gateway).await, second);
    let says = async |what| gateway.process.says(what, heard(what)).await;
    says("its inodes are used up").await;
    says("recordings: cannot write records").await;
    let back = home.run(&["rollback", "--reason", "no inodes"]).await;
    assert_eq!(back.code, Some(0), "{}", back.err);
    assert_eq!(served(&gateway).await, first);

    fs::remove_dir_all(crumbs).unwrap();
    assert_eq!(served(&gateway).await, first);
    says("recordings are well again").await;
    gateway.stop().await;
    verified(&home).await;
}

#[tokio::test]
async fn from_a_read_only_disk_what_was_served_is_served_and_all_goes_on_when_it_takes_writes() {
    if !apart(
        "from_a_read_only_disk_what_was_served_is_served_and_all_goes_on_when_it_takes_writes",
    ) {
        return;
    }
    let a = mock("a").await;
    let home = home(&a, SIZE);
    let data = home.data();
    let gateway = home.start().await;
    let first = gateway.version().await;
    gateway.stop().await;
    mount(&data, &["-o", "remount,ro"]);

    let looked = home.run(&["store", "verify"]).await;
    assert!(
        looked.code == Some(0)
            && looked.out.contains("read-only")
            && looked.out.contains("all is well"),
        "{looked:?}"
    );
    let copy = home.policies().join("all.mux-store");
    let exported = home.run(&["store", "export", copy.to_str().unwrap()]).await;
    assert_eq!(exported.code, Some(0), "{}", exported.err);
    let back = home.run(&["rollback", &first]).await;
    assert!(
        back.code == Some(1) && back.err.contains("read-only"),
        "{back:?}"
    );

    home.save(&text(&a, 2));
    let gateway = home.start().await;
    for what in [
        "the policies cannot be kept",
        "operators cannot be served yet",
    ] {
        gateway.process.says(what, heard(what)).await;
    }
    assert_eq!(served(&gateway).await, first);

    let said = gateway.process.said().err.join("\n");
    assert!(
        !said.contains("compiled plugins cannot be kept"),
        "what is there is of use: {said}"
    );

    // It goes on by itself.
    let lost = "recordings: cannot write records";
    gateway.process.says(lost, heard(lost)).await;
    mount(&data, &["-o", "remount,rw"]);
    for what in ["versions can be saved again", "recordings are well again"] {
        served(&gateway).await;
        gateway.process.says(what, heard(what)).await;
    }
    soon("operators to be served", async {
        while !data.join("admin.sock").exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let second = gateway.version_after(&first).await;
    assert_eq!(served(&gateway).await, second);
    let back = home.run(&["rollback", &first]).await;
    assert_eq!(back.code, Some(0), "{back:?}");
    assert_eq!(gateway.stop().await.code, Some(0));

    mount(&data, &["-o", "remount,ro"]);
    let new = data.join("new");
    let new = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--policies",
        home.policies().to_str().unwrap(),
        "--data",
        new.to_str().unwrap(),
    ]
    .map(str::to_owned);
    let new = run(&new.each_ref().map(String::as_str)).await;
    assert!(
        new.code == Some(2) && new.err.contains("mount its file system for writing"),
        "{new:?}"
    );
    mount(&data, &["-o", "remount,rw"]);
    verified(&home).await;
}

/// Runs `mux` without the right to pass over the rights of others, which root has.
async fn plainly(arguments: &[&str]) -> Option<Ended> {
    if !rustix::process::geteuid().is_root() {
        return Some(run(arguments).await);
    }
    let plain = ["--bounding-set=-all", "--inh-caps=-all"];
    let mut may = Command::new("setpriv");
    if !may
        .args(plain)
        .arg("true")
        .output()
        .is_ok_and(|tried| tried.status.success())
    {
        say("skipped: there is no `setpriv` to give up root's rights with");
        return None;
    }
    let whole = mux(arguments);
    let mut command = Command::new("setpriv");
    command
        .args(plain)
        .arg(whole.get_program())
        .args(whole.get_args());
    Some(Process::start(command).end().await)
}

#[tokio::test]
async fn a_data_folder_of_another_user_or_without_the_right_to_write_is_named_with_what_to_do() {
    let a = mock("a").await;
    let home = Home::new(&text(&a, 1));
    home.start().await.stop().await;
    let data = home.data();
    let policies = home.policies();
    let serve = |data: &Path| {
        let all = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--policies",
            policies.to_str().unwrap(),
            "--data",
            data.to_str().unwrap(),
        ];
        all.map(str::to_owned)
    };
    let verify = ["store", "verify", "--data", data.to_str().unwrap()];
    let lock = data.join("store/lock");
    fs::set_permissions(&lock, Permissions::from_mode(0o400)).unwrap();
    for arguments in [&serve(&data).each_ref().map(String::as_str)[..], &verify] {
        let Some(ended) = plainly(arguments).await else {
            return;
        };
        assert!(
            ended.code == Some(2)
                && ended.err.contains("store/lock")
                && ended.err.contains("`chmod -R u+rwX`"),
            "{ended:?}"
        );
    }
    fs::set_permissions(&lock, Permissions::from_mode(0o600)).unwrap();

    // Root gives the folder away; who is not root has root's.
    let other = if rustix::process::geteuid().is_root() {
        let status = Command::new("chown")
            .args(["-R", "12345"])
            .arg(&data)
            .status();
        assert!(status.unwrap().success());
        data.clone()
    } else {
        Path::new("/mux-is-not-root").to_owned()
    };
    let ended = plainly(&serve(&other).each_ref().map(String::as_str))
        .await
        .unwrap();
    assert!(
        ended.code == Some(2)
            && ended.err.contains("belongs to user")
            && ended.err.contains("`chown -R"),
        "{ended:?}"
    );
}

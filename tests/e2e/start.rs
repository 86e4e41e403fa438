//! Starting where something is wrong: a clear message, the right exit code, and nothing lost.

use super::home::{Home, mock};
use super::http::chat;
use super::policy::{bundle, only, openai};
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn a_second_gateway_is_told_who_holds_the_folder_or_the_port() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let gateway = home.start().await;
    let old = home.data().join("recordings/0000000000001-0000.jsonl.zst");
    let file = std::fs::File::create(&old).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let second = home.start_in_vain(&["--keep", "1h"]).await;
    assert!(old.exists(), "it touches nothing in the folder of another");
    assert_eq!(second.code, Some(2), "{}", second.err);
    let holder = format!("pid {}", gateway.process.id());
    assert!(
        second.err.contains(&holder) && second.err.contains("mux serve"),
        "{}",
        second.err
    );

    let other = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let ended = super::process::run(&[
        "serve",
        "--policies",
        other.policies().to_str().unwrap(),
        "--data",
        other.data().to_str().unwrap(),
        "--listen",
        &gateway.address.to_string(),
    ])
    .await;
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    let address = format!("`{}` is in use", gateway.address);
    assert!(
        ended.err.contains(&address) && ended.err.contains("`--listen`"),
        "{}",
        ended.err
    );

    assert_eq!(
        gateway.ask(&chat("@chat")).await.status,
        200,
        "the first one is not disturbed"
    );
    assert_eq!(gateway.admin("/policy").await["ok"], true);
}

#[tokio::test]
async fn policies_that_cannot_be_served_stop_the_start_with_the_reason() {
    let a = mock("a").await;
    let good = bundle(&[openai("a", a.addr), only("chat", "a/m")]);
    let home = Home::new(&good);
    let file = home.policies().join("main.mux");

    std::fs::remove_file(&file).unwrap();
    let ended = home.start_in_vain(&[]).await;
    assert!(
        ended.code == Some(1) && ended.err.contains("there is no `.mux` file in"),
        "{ended:?}"
    );
    for (content, words) in [
        (Vec::new(), "there is nothing in these files"),
        ([0x00, 0xff, 0xfe, 0x80].repeat(1_000), "main.mux"),
        (good.repeat(40_000).into_bytes(), "main.mux"),
        (b"policy @chat {\n  else use ".to_vec(), "main.mux"),
    ] {
        std::fs::write(&file, &content).unwrap();
        let ended = home.start_in_vain(&[]).await;
        assert_eq!(
            ended.code,
            Some(1),
            "{} bytes: {}",
            content.len(),
            ended.err
        );
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
        assert!(
            ended.err.len() < 20_000,
            "a report that nobody reads: {} bytes",
            ended.err.len()
        );
    }
    std::fs::write(&file, &good).unwrap();
    let gateway = home.start().await;
    assert_eq!(
        gateway.ask(&chat("@chat")).await.status,
        200,
        "nothing of this is left behind"
    );
}

#[tokio::test]
async fn a_policy_folder_that_is_missing_or_locked_is_named() {
    let home = Home::new("");
    let missing = home.policies().join("none");
    let ended = super::process::run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--policies",
        missing.to_str().unwrap(),
        "--data",
        home.data().to_str().unwrap(),
    ])
    .await;
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(
        ended.err.contains(missing.to_str().unwrap()),
        "{}",
        ended.err
    );

    let folder = home.policies();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read_dir(&folder).is_ok() {
        println!("skipped: this user may read everything");
    } else {
        let ended = home.start_in_vain(&[]).await;
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(
            ended.err.contains(folder.to_str().unwrap()),
            "{}",
            ended.err
        );
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

//! Files of Google's by what they say they are, and machines.

use super::*;
use crate::credential::cloud::{around, cloud};
use crate::credential::pass::Pass;

/// Made for tests and trusted by nobody.
const PEM: &str = include_str!("../../../../../tests/e2e/service_account.pem");

fn refused(text: &str) -> String {
    let way = Way::Text {
        variable: None,
        file: None,
        text,
    };
    find(way, &[], &around(&[])).unwrap_err()
}

#[tokio::test]
async fn a_machine_is_given_tokens_of_the_account_that_is_meant() {
    let upstream = cloud(|asked| {
        assert_eq!(asked.header("metadata-flavor"), "Google");
        let accounts = "GET metadata.google.internal/computeMetadata/v1/instance/service-accounts/";
        let account = asked.line.strip_prefix(accounts).unwrap();
        let said = serde_json::json!({ "access_token": account, "expires_in": 3599 });
        (200, said.to_string())
    });
    for account in ["default", "mux@p-1.iam.gserviceaccount.com"] {
        let found = find(Way::Role(account), &[], &around(&[]))
            .unwrap()
            .unwrap();
        let Pass::Word(word) = found.mint(&upstream).await.unwrap().pass else {
            panic!("it is a word");
        };
        assert_eq!(word.expose_secret(), format!("{account}/token"));
    }
    let why = find(Way::Role("a/../b"), &[], &around(&[])).unwrap_err();
    assert!(why.contains("no service account"), "{why}");
}

#[test]
fn a_file_that_is_incomplete_or_of_another_kind_says_so() {
    let other = refused(r#"{"type":"external_account","audience":"x"}"#);
    assert!(
        other.contains("`external_account`") && other.contains("`service_account`"),
        "{other}"
    );
    let half = refused(r#"{"type":"service_account","client_email":"a@b"}"#);
    assert_eq!(half, "needs `private_key` in its Google credentials");
    let damaged =
        refused(r#"{"type":"service_account","client_email":"a@b","private_key":"canary"}"#);
    assert!(
        damaged.contains("an RSA key in PEM") && !damaged.contains("canary"),
        "{damaged}"
    );
    let plain = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","token_uri":"http://evil.example/"}"#;
    assert!(refused(plain).contains("not https"));
}

#[test]
fn what_is_no_file_of_googles_is_a_plain_key() {
    let way = Way::Text {
        variable: Some("VERTEX_KEY"),
        file: None,
        text: "AIzaPlain",
    };
    assert!(matches!(find(way, &[], &around(&[])), Ok(None)));
}

/// A service account whose file does not say what its key is called.
fn service(key: &str) -> Account {
    let text = json!({ "type": "service_account", "client_email": "a@b", "private_key": key });
    let text = text.to_string();
    let way = Way::Text {
        variable: None,
        file: None,
        text: &text,
    };
    find(way, &[], &around(&[])).unwrap().unwrap()
}

#[tokio::test]
async fn a_key_without_a_name_signs_all_the_same() {
    let upstream = cloud(|asked| {
        let assertion = asked.body.rsplit('=').next().unwrap();
        let head = assertion.split('.').next().unwrap();
        let head = URL_SAFE_NO_PAD.decode(head).unwrap();
        let head: Value = serde_json::from_slice(&head).unwrap();
        assert_eq!(head, json!({ "alg": "RS256", "typ": "JWT" }));
        (
            200,
            json!({ "access_token": "t", "expires_in": 3599 }).to_string(),
        )
    });
    assert!(service(PEM).mint(&upstream).await.is_ok());
}

#[test]
fn another_key_of_the_same_account_is_another_one_even_without_a_name() {
    let (one, other) = (service(PEM), service(&format!("# rotated\n{PEM}")));
    assert_eq!(one.identity(), service(PEM).identity());
    assert_ne!(one.identity(), other.identity());
}

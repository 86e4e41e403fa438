//! Applications as tools write them, workloads and machines.

use super::*;
use crate::credential::cloud::{around, cloud};
use crate::credential::pass::Pass;
use std::sync::Arc;

const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

fn text(text: &str) -> Way<'_> {
    Way::Text {
        variable: None,
        file: None,
        text,
    }
}

async fn token(way: Way<'_>, around: &Surroundings, upstream: &Upstream) -> String {
    let account = find(way, SCOPE, around).unwrap().unwrap();
    match account.mint(upstream).await.unwrap().pass {
        Pass::Word(word) => word.expose_secret().to_owned(),
        Pass::Aws(_) => panic!("it is a word"),
    }
}

#[tokio::test]
async fn an_application_is_read_in_both_forms_its_tool_writes() {
    let upstream = cloud(|asked| {
        assert_eq!(asked.line, "POST 127.0.0.1:9/t-1/oauth2/v2.0/token");
        for field in [
            "grant_type=client_credentials",
            "client_id=a-1",
            "client_secret=s%2B1",
            "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default",
        ] {
            assert!(
                asked.body.split('&').any(|part| part == field),
                "{field}: {}",
                asked.body
            );
        }
        (
            200,
            r#"{"access_token":"x","expires_in":"3599"}"#.to_owned(),
        )
    });
    let around = around(&[("AZURE_AUTHORITY_HOST", "http://127.0.0.1:9/")]);
    for written in [
        r#"{"clientId":"a-1","clientSecret":"s+1","tenantId":"t-1","subscriptionId":"x"}"#,
        r#"{"appId":"a-1","displayName":"mux","password":"s+1","tenant":"t-1"}"#,
    ] {
        assert_eq!(token(text(written), &around, &upstream).await, "x");
    }
}

#[tokio::test]
async fn a_workload_shows_the_token_of_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "canary.token\n").unwrap();
    let path = file.display().to_string();
    let around = Surroundings::of(Arc::new(move |name| match name {
        "AZURE_FEDERATED_TOKEN_FILE" => Some(path.clone()),
        "AZURE_TENANT_ID" => Some("t-1".to_owned()),
        "AZURE_CLIENT_ID" => Some("a-1".to_owned()),
        "AZURE_AUTHORITY_HOST" => Some("http://127.0.0.1:9/".to_owned()),
        _ => None,
    }));
    let upstream = cloud(|asked| {
        assert!(
            asked.body.contains("client_assertion=canary.token"),
            "{}",
            asked.body
        );
        let client = asked
            .body
            .split('&')
            .find_map(|part| part.strip_prefix("client_id="));
        let said = serde_json::json!({ "access_token": client, "expires_in": 3599 });
        (200, said.to_string())
    });
    assert_eq!(token(Way::Role("default"), &around, &upstream).await, "a-1");
    assert_eq!(token(Way::Role("b-2"), &around, &upstream).await, "b-2");
}

#[tokio::test]
async fn a_virtual_machine_asks_the_metadata_service() {
    let upstream = cloud(|asked| {
        assert_eq!(
            asked.line,
            "GET 169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com"
        );
        assert_eq!(asked.header("metadata"), "true");
        (
            200,
            r#"{"access_token":"vm","expires_in":"86399"}"#.to_owned(),
        )
    });
    assert_eq!(
        token(Way::Role("default"), &around(&[]), &upstream).await,
        "vm"
    );
}

#[test]
fn what_is_no_application_is_none_and_half_of_one_says_what_is_missing() {
    let nobody = around(&[]);
    assert!(matches!(
        find(text("0123456789abcdef"), SCOPE, &nobody),
        Ok(None)
    ));
    assert!(matches!(
        find(text(r#"{"other":1}"#), SCOPE, &nobody),
        Ok(None)
    ));
    let why = find(text(r#"{"tenantId":"t"}"#), SCOPE, &nobody).unwrap_err();
    assert!(why.contains("`clientSecret`"), "{why}");
    let way = Way::Text {
        variable: Some("AZURE_CLIENT_SECRET"),
        file: None,
        text: "s",
    };
    let why = find(way, SCOPE, &nobody).unwrap_err();
    assert_eq!(why, "needs the environment variable `AZURE_TENANT_ID`");
    let climbing = r#"{"tenant":"../x","appId":"a","password":"s"}"#;
    assert!(
        find(text(climbing), SCOPE, &nobody)
            .unwrap_err()
            .contains("tenant")
    );
}

//! Keys in every form in which they are written down, and who a machine is.

use super::*;
use crate::credential::cloud::{around, cloud};
use secrecy::ExposeSecret;
use std::sync::Arc;

fn text(text: &'static str) -> Way<'static> {
    Way::Text {
        variable: None,
        file: None,
        text,
    }
}

fn written(way: Way<'_>, around: &Surroundings) -> (String, String, Option<String>) {
    match find(way, "eu-central-1", around) {
        Ok(Some(Found::Pass(Pass::Aws(key)))) => (
            key.id,
            key.secret.expose_secret().to_owned(),
            key.session
                .map(|session| session.expose_secret().to_owned()),
        ),
        other => panic!("{other:?}"),
    }
}

const FILE: &str = "# keys\n[default]\naws_access_key_id = AKIA1\naws_secret_access_key=s/1=\n\n\
    [profile team]\nregion = x\naws_access_key_id=AKIA2\naws_secret_access_key = s2\naws_session_token = t2\n[half]\naws_access_key_id = AKIA3\n";

#[test]
fn a_file_of_profiles_gives_the_one_that_is_meant() {
    let key = |around: &Surroundings| written(text(FILE), around);
    assert_eq!(key(&around(&[])), ("AKIA1".into(), "s/1=".into(), None));
    let team = around(&[("AWS_PROFILE", "team")]);
    assert_eq!(key(&team), ("AKIA2".into(), "s2".into(), Some("t2".into())));
    let half = find(text(FILE), "x", &around(&[("AWS_PROFILE", "half")]));
    let why = half.unwrap_err();
    assert!(
        why.contains("`aws_secret_access_key` in the profile `half`"),
        "{why}"
    );
}

#[test]
fn a_key_in_json_is_one_and_a_plain_word_is_none() {
    let json = r#"{"AccessKeyId":"A","SecretAccessKey":"S","Token":"T"}"#;
    assert_eq!(
        written(text(json), &around(&[])),
        ("A".into(), "S".into(), Some("T".into()))
    );
    assert!(matches!(
        find(text("ABSKQmVkcm9jaw"), "x", &around(&[])),
        Ok(None)
    ));
}

#[tokio::test]
async fn a_key_in_a_file_is_read_again_when_others_rewrite_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let path = file.display().to_string();
    let text = |id: &str| format!("[default]\naws_access_key_id={id}\naws_secret_access_key=s\n");
    let first = text("ONE");
    let way = Way::Text {
        variable: None,
        file: Some(&path),
        text: &first,
    };
    let found = find(way, "x", &around(&[])).unwrap();
    let Some(Found::Account(account)) = found else {
        panic!("it may change");
    };
    let nobody = cloud(|_| (500, String::new()));
    for name in ["ONE", "TWO"] {
        std::fs::write(&file, text(name)).unwrap();
        let minted = account.mint(&nobody).await.unwrap();
        assert_eq!((id(&minted), minted.lives), (name, Some(REREAD)));
    }
    std::fs::write(&file, "# gone\n").unwrap();
    let why = account.mint(&nobody).await.unwrap_err();
    assert!(why.contains("holds no access key any more"), "{why}");
}

#[test]
fn a_variable_brings_its_siblings_or_says_which_is_missing() {
    let way = Way::Text {
        variable: Some("A_ACCESS_KEY_ID"),
        file: None,
        text: "AKIA1",
    };
    let why = find(way, "x", &around(&[])).unwrap_err();
    assert_eq!(why, "needs the environment variable `A_SECRET_ACCESS_KEY`");
}

#[test]
fn a_machine_is_looked_for_in_the_order_of_amazons_own_clients() {
    let name =
        |role: &str, variables| match find(Way::Role(role), "eu-central-1", &around(variables)) {
            Ok(Some(Found::Account(account))) => account.name(),
            Ok(Some(Found::Pass(Pass::Aws(key)))) => format!("the plain key `{}`", key.id),
            other => panic!("{other:?}"),
        };
    assert_eq!(name("default", &[]), "this machine at AWS");
    let task = &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x")];
    assert_eq!(name("default", task), "this container at AWS");
    let pod = &[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod"),
    ];
    assert_eq!(name("default", pod), "the role `arn:aws:iam::1:role/pod`");
    assert_eq!(
        name("arn:aws:iam::1:role/other", pod),
        "the role `arn:aws:iam::1:role/other`"
    );
    let written = &[
        ("AWS_ACCESS_KEY_ID", "AKIA1"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    assert_eq!(name("default", written), "the plain key `AKIA1`");
    assert_eq!(
        name("arn:aws:iam::1:role/other", written),
        "the role `arn:aws:iam::1:role/other`"
    );
    let why = find(Way::Role("router"), "x", &around(&[])).unwrap_err();
    assert!(why.contains("no ARN"), "{why}");
    let off = find(
        Way::Role("default"),
        "x",
        &around(&[("AWS_EC2_METADATA_DISABLED", "true")]),
    );
    assert!(off.unwrap_err().contains("holds none"));
}

/// An account of this machine, and what comes of asking for it.
async fn minted(role: &str, around: &Surroundings, upstream: &Upstream) -> Result<Minted, String> {
    match find(Way::Role(role), "eu-central-1", around) {
        Ok(Some(Found::Account(account))) => account.mint(upstream).await,
        other => panic!("{other:?}"),
    }
}

fn id(minted: &Minted) -> &str {
    match &minted.pass {
        Pass::Aws(key) => &key.id,
        Pass::Word(_) => panic!("it is no word"),
    }
}

fn in_an_hour() -> String {
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    until.to_string()
}

#[tokio::test]
async fn a_container_shows_what_it_was_given_and_reads_it_again_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let path = file.display().to_string();
    let around = Surroundings::of(Arc::new(move |name| match name {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some("http://127.0.0.1:9/v1/keys".to_owned()),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" => Some(path.clone()),
        _ => None,
    }));
    let upstream = cloud(|asked| {
        assert_eq!(asked.line, "GET 127.0.0.1:9/v1/keys");
        let id = asked.header("authorization");
        let until = in_an_hour();
        let said = serde_json::json!({ "AccessKeyId": id, "SecretAccessKey": "s", "Token": "t", "Expiration": until });
        (200, said.to_string())
    });
    for word in ["one", "two"] {
        std::fs::write(&file, format!("{word}\n")).unwrap();
        let minted = minted("default", &around, &upstream).await.unwrap();
        assert_eq!(id(&minted), word);
        let lives = minted.lives.unwrap().as_secs();
        assert!((3_590..=3_600).contains(&lives), "{lives}");
    }
    std::fs::remove_file(&file).unwrap();
    let why = minted("default", &around, &upstream).await.unwrap_err();
    assert!(why.contains("needs the file"), "{why}");
}

#[tokio::test]
async fn a_pod_shows_the_token_of_its_cluster_and_takes_on_a_further_role_with_what_it_gets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "canary.cluster.token\n").unwrap();
    let path = file.display().to_string();
    let around = Surroundings::of(Arc::new(move |name| match name {
        "AWS_WEB_IDENTITY_TOKEN_FILE" => Some(path.clone()),
        "AWS_ROLE_ARN" => Some("arn:aws:iam::1:role/pod".to_owned()),
        "AWS_ENDPOINT_URL_STS" => Some("http://127.0.0.1:9".to_owned()),
        _ => None,
    }));
    let upstream = cloud(|asked| {
        assert_eq!(asked.line, "POST 127.0.0.1:9/");
        let pod = asked.body.contains("Action=AssumeRoleWithWebIdentity");
        let proof = asked.header("authorization");
        if pod {
            assert!(
                asked.body.contains("WebIdentityToken=canary.cluster.token"),
                "{}",
                asked.body
            );
            assert!(
                asked
                    .body
                    .contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fpod"),
                "{}",
                asked.body
            );
            assert_eq!(proof, "", "the token is the proof");
        } else {
            assert!(
                asked
                    .body
                    .contains("RoleArn=arn%3Aaws%3Aiam%3A%3A2%3Arole%2Ffar"),
                "{}",
                asked.body
            );
            assert!(
                proof.contains("Credential=POD/") && proof.contains("/eu-central-1/sts/"),
                "{proof}"
            );
            assert_eq!(asked.header("x-amz-security-token"), "t");
        }
        let id = if pod { "POD" } else { "FAR" };
        let key = format!(
            "<AccessKeyId>{id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        );
        (
            200,
            format!(
                "<R><Credentials>{key}<Expiration>{}</Expiration></Credentials></R>",
                in_an_hour()
            ),
        )
    });
    let own = minted("arn:aws:iam::1:role/pod", &around, &upstream)
        .await
        .unwrap();
    let far = minted("arn:aws:iam::2:role/far", &around, &upstream)
        .await
        .unwrap();
    assert_eq!((id(&own), id(&far)), ("POD", "FAR"));
    assert!(far.lives.is_some());
}

#[tokio::test]
async fn a_machine_that_has_a_role_already_does_not_take_it_on_again() {
    let upstream = cloud(|asked| {
        let said = match asked.line.split_once(' ').unwrap().1 {
            "169.254.169.254/latest/api/token" => "right".to_owned(),
            "169.254.169.254/latest/meta-data/iam/security-credentials/" => "router\n".to_owned(),
            "169.254.169.254/latest/meta-data/iam/security-credentials/router" => {
                serde_json::json!({ "AccessKeyId": "OWN", "SecretAccessKey": "s", "Token": "t" })
                    .to_string()
            }
            other => panic!("{other}"),
        };
        (200, said)
    });
    let role = "arn:aws:iam::1:role/path/router";
    let minted = minted(role, &around(&[]), &upstream).await.unwrap();
    assert_eq!(id(&minted), "OWN");
}

#[tokio::test]
async fn a_machine_that_may_not_take_on_a_role_says_so() {
    let variables = &[
        ("AWS_ACCESS_KEY_ID", "AKIA1"),
        ("AWS_SECRET_ACCESS_KEY", "canary-secret"),
        ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"),
    ];
    let upstream = cloud(|_| {
        let said = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>canary words</Message></Error></ErrorResponse>";
        (403, said.to_owned())
    });
    let why = minted("arn:aws:iam::1:role/x", &around(variables), &upstream)
        .await
        .unwrap_err();
    assert_eq!(why, "`127.0.0.1:9` answered 403, `AccessDenied`");
}

#[tokio::test]
async fn the_word_that_a_container_shows_is_shown_there_alone() {
    let variables = &[
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://127.0.0.1:9/keys",
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-word"),
    ];
    let found = find(Way::Role("default"), "x", &around(variables)).unwrap();
    let shown = format!("{found:?}");
    assert!(!shown.contains("canary"), "{shown}");
    let upstream = cloud(|asked| {
        let id = asked.header("authorization");
        let said = serde_json::json!({ "AccessKeyId": id, "SecretAccessKey": "s" });
        (200, said.to_string())
    });
    let minted = minted("default", &around(variables), &upstream)
        .await
        .unwrap();
    assert_eq!(id(&minted), "canary-word");
}

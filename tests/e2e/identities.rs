//! Whoever the machine is elsewhere: identities that Google trusts, and logins at Amazon's portal. Everybody who hands out
//! something here looks at what is shown.

use super::clouds::{
    ID, KEYS, SECRET, SESSION, TOKEN, alone, bedrock, converse, for_chat, gemini, start, stop,
    token, vertex,
};
use super::endpoint::{Asked, Endpoint, Said};
use super::home::Home;
use super::http::{Reply, chat, streamed};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const AUDIENCE: &str =
    "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/pool/providers/cluster";
const SUBJECT: &str = "canary-subject-token-";
const ACTING: &str =
    "/v1/projects/-/serviceAccounts/mux@p-1.iam.gserviceaccount.com:generateAccessToken";
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A file of the type `external_account`, and a policy that points at it.
fn trusted(google: &Endpoint, exchange: &Endpoint, more: &Value) -> Home {
    let home = Home::new("");
    let file = home.policies().join("../identity.json");
    let mut said = json!({
        "type": "external_account", "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/v1/token", exchange.url()),
    });
    for (name, value) in more.as_object().expect("fields") {
        said[name] = value.clone();
    }
    std::fs::write(&file, said.to_string()).expect("a file");
    let key = format!("file \"{}\"", file.display());
    home.save(&for_chat(vertex(&google.url(), &key)));
    home
}

/// Looks at what is to be exchanged.
fn exchanged(asked: &Asked, subject: &str) {
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/v1/token")
    );
    let field = |name| asked.field(name).unwrap_or_default();
    assert_eq!(
        field("grant_type"),
        "urn:ietf:params:oauth:grant-type:token-exchange"
    );
    assert_eq!(
        field("requested_token_type"),
        "urn:ietf:params:oauth:token-type:access_token"
    );
    assert_eq!(
        field("subject_token_type"),
        "urn:ietf:params:oauth:token-type:jwt"
    );
    assert_eq!(field("audience"), AUDIENCE);
    assert_eq!(field("scope"), CLOUD);
    assert_eq!(field("subject_token"), subject);
}

#[tokio::test]
async fn a_token_that_the_cluster_keeps_fresh_is_exchanged_and_acts_as_a_service_account() {
    let exchanges = Arc::new(AtomicUsize::new(0));
    let books = Arc::clone(&exchanges);
    let google_side = Endpoint::new(move |asked| {
        if asked.path == ACTING {
            assert_eq!(asked.header("authorization"), "Bearer canary-federated");
            let wanted: Value = serde_json::from_slice(&asked.body).expect("json");
            assert_eq!(wanted, json!({ "scope": [CLOUD], "lifetime": "900s" }));
            let number = books.load(Ordering::Relaxed);
            let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(900);
            return Said::json(
                200,
                &json!({ "accessToken": format!("{TOKEN}{number}"), "expireTime": until.to_string() }),
            );
        }
        let number = books.fetch_add(1, Ordering::Relaxed) + 1;
        exchanged(asked, &format!("{SUBJECT}{number}"));
        Said::json(
            200,
            &json!({ "access_token": "canary-federated", "expires_in": 3599, "token_type": "Bearer" }),
        )
    })
    .await;
    let good = Arc::new(AtomicUsize::new(1));
    let wanted = Arc::clone(&good);
    let google = Endpoint::new(move |asked| gemini(asked, wanted.load(Ordering::Relaxed))).await;
    let folder = Home::new("");
    let kept = folder.policies().join("../token");
    std::fs::write(&kept, format!("{SUBJECT}1\n")).expect("a file");
    let home = trusted(
        &google,
        &google_side,
        &json!({
            "credential_source": { "file": kept.display().to_string() },
            "service_account_impersonation_url": format!("{}{ACTING}", google_side.url()),
            "service_account_impersonation": { "token_lifetime_seconds": 900 },
        }),
    );
    let gateway = start(&home, &[]).await;
    let body = chat("@chat");
    gateway.ask(&body).await.says("yes", Reply::said);
    let health = gateway.admin("/health").await;
    let credential = &health["targets"][0]["credential"];
    let left = credential["left_s"].as_u64().expect("it ends");
    assert!((800..=900).contains(&left), "{left}");
    let account = credential["of"].as_str().expect("whose it is");
    assert!(
        account.contains("mux@p-1.iam.gserviceaccount.com"),
        "{account}"
    );

    // The cluster has written another one: it is read anew for the next token.
    std::fs::write(&kept, format!("{SUBJECT}2\n")).expect("a file");
    good.store(2, Ordering::Relaxed);
    assert_eq!(gateway.ask(&body).await.status, 502);
    gateway.ask(&body).await.says("yes", Reply::said);
    assert_eq!(exchanges.load(Ordering::Relaxed), 2);
    stop(gateway, &home, &[TOKEN, SUBJECT, "canary-federated"]).await;
}

#[tokio::test]
async fn a_token_that_the_platform_hands_out_is_found_in_its_json_and_exchanged() {
    let platform = Endpoint::new(|asked| {
        assert_eq!(asked.path, "/oidc?audience=google");
        assert_eq!(asked.header("authorization"), "bearer canary-platform");
        Said::json(200, &json!({ "value": format!("{SUBJECT}1") }))
    })
    .await;
    let exchange = Endpoint::new(|asked| {
        exchanged(asked, &format!("{SUBJECT}1"));
        token(1)
    })
    .await;
    let google = Endpoint::new(|asked| gemini(asked, 1)).await;
    let source = json!({
        "url": format!("{}/oidc?audience=google", platform.url()),
        "headers": { "Authorization": "bearer canary-platform" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    let home = trusted(&google, &exchange, &json!({ "credential_source": source }));
    let gateway = start(&home, &[]).await;
    for _ in 0..3 {
        let reply = gateway.ask(&chat("@chat")).await;
        reply.says("yes", Reply::said);
    }
    assert_eq!((platform.asked().len(), exchange.asked().len()), (1, 1));
    stop(gateway, &home, &[TOKEN, SUBJECT, "canary-platform"]).await;
}

#[tokio::test]
async fn an_exchange_that_is_refused_names_the_identity_and_shows_no_token() {
    let exchange = Endpoint::new(|asked| {
        let shown = asked.field("subject_token").expect("a token");
        let words = format!("Invalid value for {shown}");
        Said::json(
            400,
            &json!({ "error": "invalid_grant", "error_description": words }),
        )
    })
    .await;
    let google = Endpoint::new(|asked| gemini(asked, 1)).await;
    let folder = Home::new("");
    let kept = folder.policies().join("../token");
    std::fs::write(&kept, format!("{SUBJECT}1")).expect("a file");
    let source = json!({ "credential_source": { "file": kept.display().to_string() } });
    let home = trusted(&google, &exchange, &source);
    let gateway = start(&home, &[]).await;
    let refused = gateway.ask(&chat("@chat")).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    for words in [AUDIENCE, "answered 400", "`invalid_grant`"] {
        assert!(
            refused.text().contains(words),
            "{words}: {}",
            refused.text()
        );
    }
    assert!(google.asked().is_empty(), "nothing is sent without a token");
    stop(gateway, &home, &[SUBJECT, "Invalid value"]).await;
}

/// A home folder in which somebody has logged in until then.
fn logged_in(until: jiff::Timestamp) -> Home {
    let folder = Home::new("");
    let below = |path: &str| folder.policies().join("..").join(path);
    std::fs::create_dir_all(below(".aws/sso/cache")).expect("a folder");
    let profiles = "[default]\nregion = us-east-1\n\n[profile team]\nsso_session = corp\nsso_account_id = 123456789012\n\
        sso_role_name = Router\n\n[sso-session corp]\nsso_region = eu-central-1\n\
        sso_start_url = https://corp.awsapps.com/start\n";
    std::fs::write(below(".aws/config"), profiles).expect("a file");
    // The name is the SHA-1 of `corp`.
    let name = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
    let login = json!({ "startUrl": "https://corp.awsapps.com/start", "region": "eu-central-1", "accessToken": "canary-login", "expiresAt": until.to_string() });
    std::fs::write(below(name), login.to_string()).expect("a file");
    folder
}

#[tokio::test]
async fn whoever_logged_in_at_amazons_portal_signs_with_the_keys_of_the_role() {
    let aws = Endpoint::new(|asked| converse(asked, &KEYS)).await;
    let portal = Endpoint::new(|asked| {
        assert!(asked.path.starts_with("/federation/credentials?"), "{}", asked.path);
        let field = |name| asked.field(name).unwrap_or_default();
        assert_eq!((field("role_name"), field("account_id")), ("Router".into(), "123456789012".into()));
        assert_eq!(asked.header("x-amz-sso_bearer_token"), "canary-login");
        let until = jiff::Timestamp::now().as_millisecond() + 3_600_000;
        Said::json(
            200,
            &json!({ "roleCredentials": { "accessKeyId": ID, "secretAccessKey": SECRET, "sessionToken": SESSION, "expiration": until } }),
        )
    })
    .await;
    let folder = logged_in(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1));
    let at = folder.policies().join("..").display().to_string();
    let url = portal.url();
    let home = alone(bedrock(&aws.url(), "role \"default\""));
    let environment = [
        ("HOME", at.as_str()),
        ("AWS_PROFILE", "team"),
        ("AWS_ENDPOINT_URL_SSO", &url),
    ];
    let gateway = start(&home, &environment).await;
    gateway
        .ask(&chat("@chat"))
        .await
        .says("signed and whole", Reply::said);
    gateway
        .ask(&streamed("@chat"))
        .await
        .says("signed and streamed", Reply::said);
    assert_eq!(portal.asked().len(), 1);
    let health = gateway.admin("/health").await;
    let credential = &health["targets"][0]["credential"];
    assert_eq!(credential["of"], "the login of the profile `team`");
    let left = credential["left_s"].as_u64().expect("it ends");
    assert!((3_500..=3_600).contains(&left), "{left}");
    stop(gateway, &home, &[SECRET, SESSION, "canary-login"]).await;
}

#[tokio::test]
async fn a_login_that_has_ended_says_how_to_log_in_and_asks_nobody() {
    let aws = Endpoint::new(|asked| converse(asked, &KEYS)).await;
    let portal = Endpoint::new(|_| Said::json(500, &json!({}))).await;
    let folder = logged_in(jiff::Timestamp::now() - jiff::SignedDuration::from_mins(1));
    let at = folder.policies().join("..").display().to_string();
    let url = portal.url();
    let home = alone(bedrock(&aws.url(), "role \"default\""));
    let environment = [
        ("HOME", at.as_str()),
        ("AWS_PROFILE", "team"),
        ("AWS_ENDPOINT_URL_SSO", &url),
    ];
    let gateway = start(&home, &environment).await;
    let refused = gateway.ask(&chat("@chat")).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    let words = "aws sso login --profile team";
    assert!(refused.text().contains(words), "{}", refused.text());
    assert!(portal.asked().is_empty() && aws.asked().is_empty());
    stop(gateway, &home, &["canary-login"]).await;
}

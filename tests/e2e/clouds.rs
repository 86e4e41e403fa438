//! Providers that take no plain key: requests that are signed, tokens that are handed out. Everybody who hands out
//! something here keeps books, and looks at what is shown.

use super::by_hand::ByHand;
use super::endpoint::{Asked, Endpoint, Said};
use super::home::{Gateway, Home, mock};
use super::http::{Ask, Reply, chat, streamed};
use super::policy::{bundle, chain, only, openai};
use super::process;
use super::records::all_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use mux_plugins::AwsKeys;
use mux_plugins::sigv4::{Scope, sign};
use mux_wire::frame::message;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const REGION: &str = "eu-central-1";
const PROFILE: &str =
    "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123";
const ROLE: &str = "arn:aws:iam::123456789012:role/models/llm-router";
const ID: &str = "ASIACANARY0000000001";
const SECRET: &str = "canary/aws+secret/4be1";
const SESSION: &str = "canary//session+token==";
/// Made for these tests and trusted by nobody.
const PEM: &str = include_str!("service_account.pem");
const TOKEN: &str = "ya29.canary-token-";

/// What the names of variables begin with that would tell who this machine is.
const CLOUDS: [&str; 7] = [
    "AWS_",
    "AZURE_",
    "CLOUDSDK_",
    "GCE_",
    "GOOGLE_",
    "IDENTITY_",
    "MSI_",
];

/// Variables of whoever runs the tests, emptied: whatever clouds think of next is among them.
fn nobody() -> Vec<(String, String)> {
    let all = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let named = all.filter(|name| CLOUDS.iter().any(|cloud| name.starts_with(cloud)));
    let mut emptied: Vec<_> = named.map(|name| (name, String::new())).collect();
    emptied.push(("HOME".to_owned(), "/nonexistent".to_owned()));
    emptied
}

fn provider(kind: &str, at: &str, key: &str, settings: &str, id: &str) -> String {
    format!(
        "provider cloud {{
  kind {kind}
  url \"{at}\"
  key {key}
  settings {{ {settings} }}
  model m {{
    id      \"{id}\"
    context 128k
    output  8k
    price   input $1/Mtok  output $5/Mtok
    can     tools images json-schema streaming
  }}
}}
"
    )
}

fn bedrock(at: &str, key: &str) -> String {
    provider(
        "bedrock",
        at,
        key,
        &format!("aws-region \"{REGION}\""),
        PROFILE,
    )
}

fn vertex(at: &str, key: &str) -> String {
    let settings = "project \"p-1\"\n    location \"europe-west4\"";
    provider("vertex", at, key, settings, "gemini-2.5-flash")
}

fn azure(at: &str, key: &str) -> String {
    provider("azure", at, key, "resource \"here\"", "my-gpt")
}

/// A provider that `@chat` goes to.
fn for_chat(provider: String) -> String {
    bundle(&[provider, only("chat", "cloud/m")])
}

fn alone(provider: String) -> Home {
    Home::new(&for_chat(provider))
}

async fn start(home: &Home, environment: &[(&str, &str)]) -> Gateway {
    let nobody = nobody();
    let nobody = nobody.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let all: Vec<(&str, &str)> = nobody.chain(environment.iter().copied()).collect();
    home.start_with(&[], &all).await
}

/// Waits until a credential was handed out.
async fn fetched(gateway: &Gateway) {
    let told = |said: &process::Said| {
        let mut lines = said.err.iter();
        lines
            .any(|line| line.contains("fetched a credential for"))
            .then_some(())
    };
    gateway.process.says("a credential", told).await;
}

/// Ends the gateway; nothing that it kept, logged or told holds a secret.
async fn stop(gateway: Gateway, home: &Home, secrets: &[&str]) -> String {
    let ended = gateway.stop().await;
    let mut kept = Vec::new();
    all_bytes(&home.data(), &mut kept);
    let kept = String::from_utf8_lossy(&kept).into_owned();
    for secret in secrets {
        assert!(!kept.contains(secret), "`{secret}` is kept");
        assert!(!ended.err.contains(secret), "`{secret}` is logged");
        assert!(!ended.out.contains(secret), "`{secret}` is told");
    }
    ended.err
}

// ---- Amazon ----

/// Whether a request is signed with that key, by doing it again.
fn signed(asked: &Asked, service: &str, keys: &AwsKeys<'_>) -> bool {
    let date = asked.header("x-amz-date").to_owned();
    let parsed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date).expect("a date");
    let moment = parsed
        .to_zoned(jiff::tz::TimeZone::UTC)
        .expect("a date")
        .timestamp();
    let apart = jiff::Timestamp::now().as_second() - moment.as_second();
    assert!(apart.abs() < 300, "signed {apart} s ago");
    let mut headers = HeaderMap::new();
    if let Some(kind) = asked.headers.get(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, kind.clone());
    }
    let scope = Scope {
        service,
        region: REGION,
        now_unix_ms: u64::try_from(moment.as_millisecond()).expect("a date"),
    };
    let url = format!("http://{}{}", asked.header("host"), asked.path);
    let body = [asked.body.clone()];
    sign(&asked.method, &url, &mut headers, &body, scope, keys).expect("signed");
    headers[AUTHORIZATION] == asked.header("authorization")
        && asked.header("x-amz-security-token") == keys.session.unwrap_or_default()
}

fn event(name: &str, payload: &Value) -> Bytes {
    let headers = [
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    message(&headers, payload.to_string().as_bytes())
}

/// Bedrock, for those who hold the key.
fn converse(asked: &Asked, keys: &AwsKeys<'_>) -> Said {
    if !signed(asked, "bedrock", keys) {
        let words =
            format!("The request signature we calculated does not match; you sent {SESSION}");
        let mut said = Said::json(403, &json!({ "message": words }));
        said.headers = vec![("x-amzn-errortype", "InvalidSignatureException:http://x/")];
        return said;
    }
    let usage = json!({ "inputTokens": 7, "outputTokens": 2, "totalTokens": 9 });
    if asked.path.ends_with("/converse") {
        let content = json!([{ "text": "signed and whole" }]);
        return Said::json(
            200,
            &json!({
                "output": { "message": { "role": "assistant", "content": content } },
                "stopReason": "end_turn", "usage": usage,
            }),
        );
    }
    let delta = |text: &str| {
        let delta = json!({ "contentBlockIndex": 0, "delta": { "text": text }, "p": "abcdefgh" });
        event("contentBlockDelta", &delta)
    };
    let body = [
        event("messageStart", &json!({ "role": "assistant" })),
        delta("signed "),
        delta("and streamed"),
        event("contentBlockStop", &json!({ "contentBlockIndex": 0 })),
        event("messageStop", &json!({ "stopReason": "end_turn" })),
        event(
            "metadata",
            &json!({ "usage": usage, "metrics": { "latencyMs": 3 } }),
        ),
    ];
    Said::text(200, "application/vnd.amazon.eventstream", body.concat())
}

const KEYS: AwsKeys<'static> = AwsKeys {
    id: ID,
    secret: SECRET,
    session: Some(SESSION),
};

#[tokio::test]
async fn bedrock_answers_whoever_signs_whole_and_streamed_for_a_model_with_slashes() {
    let aws = Endpoint::new(|asked| converse(asked, &KEYS)).await;
    let home = alone(bedrock(&aws.url(), "env TEAM_ACCESS_KEY_ID"));
    let environment = [
        ("TEAM_ACCESS_KEY_ID", ID),
        ("TEAM_SECRET_ACCESS_KEY", SECRET),
        ("TEAM_SESSION_TOKEN", SESSION),
    ];
    let gateway = start(&home, &environment).await;
    let whole = gateway.ask(&chat("@chat")).await;
    whole.says("signed and whole", Reply::said);
    let stream = gateway.ask(&streamed("@chat")).await;
    stream.says("signed and streamed", Reply::said);
    assert!(stream.done() && stream.whole);
    let paths: Vec<String> = aws.asked().iter().map(|asked| asked.path.clone()).collect();
    let model = "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fabc123";
    assert_eq!(
        paths,
        [
            format!("{model}/converse"),
            format!("{model}/converse-stream")
        ]
    );
    stop(gateway, &home, &[SECRET, SESSION]).await;
    for record in home.records() {
        let usage = record.usage.expect("counts");
        assert_eq!((usage.input, usage.output, usage.estimated), (7, 2, false));
    }
}

#[tokio::test]
async fn a_signature_that_is_refused_is_the_credentials_fault_and_shows_none_of_it() {
    let aws = Endpoint::new(|asked| converse(asked, &KEYS)).await;
    let home = alone(bedrock(&aws.url(), "env AWS_ACCESS_KEY_ID"));
    let wrong = "canary-wrong-secret-3a9c";
    let environment = [
        ("AWS_ACCESS_KEY_ID", ID),
        ("AWS_SECRET_ACCESS_KEY", wrong),
        ("AWS_SESSION_TOKEN", SESSION),
    ];
    let gateway = start(&home, &environment).await;
    let refused = gateway.ask(&streamed("@chat")).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(
        refused.text().contains("does not match"),
        "{}",
        refused.text()
    );
    assert!(!refused.text().contains(SESSION) && !refused.text().contains(wrong));
    stop(gateway, &home, &[wrong, SESSION]).await;
    assert_eq!(home.records()[0].attempts[0].class, "authentication");
}

/// What Bedrock streams after that many requests: half an answer, in several manners.
fn half(number: usize) -> Said {
    let begun = |text: &str| {
        let delta = json!({ "contentBlockIndex": 0, "delta": { "text": text } });
        [
            event("messageStart", &json!({ "role": "assistant" })),
            event("contentBlockDelta", &delta),
        ]
        .concat()
    };
    let exception = |class: &str| {
        let headers = [(":exception-type", class), (":message-type", "exception")];
        message(&headers, br#"{"message":"not now"}"#).to_vec()
    };
    let body = match number {
        0 => exception("throttlingException"),
        1 => begun("")[..60].to_vec(),
        2 => {
            let mut damaged = begun("lost");
            let last = damaged.len() - 8;
            damaged[last] ^= 4;
            damaged
        }
        3 => [begun("Hel"), exception("modelStreamErrorException")].concat(),
        _ => begun("Hel"),
    };
    Said::text(200, "application/vnd.amazon.eventstream", body)
}

/// Whatever the last request did to its standing.
async fn forgiven(home: &Home) {
    let free = home.run(&["target", "cloud/m", "reset"]).await;
    assert_eq!(free.code, Some(0), "{}", free.err);
}

#[tokio::test]
async fn a_stream_of_bedrock_that_fails_is_replaced_before_its_content_and_never_faked_after_it() {
    let calls = AtomicUsize::new(0);
    let aws = Endpoint::new(move |_| half(calls.fetch_add(1, Ordering::Relaxed))).await;
    let spare = mock("spare").await;
    let home = Home::new(&bundle(&[
        bedrock(&aws.url(), "env AWS_ACCESS_KEY_ID"),
        openai("spare", spare.addr),
        chain("chat", &["cloud/m", "spare/m"]),
        only("alone", "cloud/m"),
    ]));
    let environment = [("AWS_ACCESS_KEY_ID", ID), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let gateway = start(&home, &environment).await;
    for _ in 0..3 {
        forgiven(&home).await;
        let reply = gateway.ask(&streamed("@chat")).await;
        assert_eq!(reply.header("x-mux-target"), "spare/m", "{}", reply.text());
        assert!(reply.done() && reply.whole && !reply.text().contains("lost"));
    }
    for _ in 0..2 {
        forgiven(&home).await;
        let reply = gateway.ask(&streamed("@alone")).await;
        assert_eq!(reply.said(), "Hel", "{}", reply.text());
        assert!(!reply.done() && !reply.whole, "{}", reply.text());
    }
    stop(gateway, &home, &[SECRET]).await;
    let mut classes: Vec<String> = Vec::new();
    let mut records = home.records();
    records.sort_by_key(|record| record.at);
    for record in &records {
        classes.push(record.attempts[0].class.clone());
    }
    assert_eq!(
        classes,
        [
            "rate-limited",
            "bad-response",
            "bad-response",
            "server",
            "cut"
        ]
    );
}

/// The service that tells a machine at Amazon who it is, and the one of roles.
fn machine(asked: &Asked, books: &AtomicUsize) -> Said {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    let given = "right-to-ask";
    if asked.path == "/latest/api/token" {
        assert_eq!(asked.method, "PUT");
        assert_eq!(
            asked.header("x-aws-ec2-metadata-token-ttl-seconds"),
            "21600"
        );
        return Said::text(200, "text/plain", given);
    }
    let until = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    if asked.path == "/" {
        let own = AwsKeys {
            id: "ASIAMACHINE",
            secret: "canary-machine-secret",
            session: Some("canary-machine-session"),
        };
        assert!(signed(asked, "sts", &own), "taken on by the machine");
        assert_eq!(asked.field("Action").as_deref(), Some("AssumeRole"));
        assert_eq!(asked.field("RoleArn").as_deref(), Some(ROLE));
        books.fetch_add(1, Ordering::Relaxed);
        let key = format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{ID}</AccessKeyId>\
             <SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{SESSION}</SessionToken>\
             <Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        );
        return Said::text(200, "text/xml", key);
    }
    assert_eq!(
        asked.header("x-aws-ec2-metadata-token"),
        given,
        "version 2 of the service"
    );
    if asked.path == ROLES {
        return Said::text(200, "text/plain", "worker");
    }
    assert_eq!(asked.path, format!("{ROLES}worker"));
    Said::json(
        200,
        &json!({
            "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAMACHINE",
            "SecretAccessKey": "canary-machine-secret", "Token": "canary-machine-session", "Expiration": until,
        }),
    )
}

#[tokio::test]
async fn a_machine_takes_on_a_role_once_for_all_requests() {
    let books = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&books);
    let cloud = Endpoint::new(move |asked| machine(asked, &counted)).await;
    let aws = Endpoint::new(|asked| converse(asked, &KEYS)).await;
    let home = alone(bedrock(&aws.url(), &format!("role \"{ROLE}\"")));
    let url = cloud.url();
    let environment = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str()),
        ("AWS_ENDPOINT_URL_STS", &url),
    ];
    let gateway = start(&home, &environment).await;
    let (one, two) = (streamed("@chat"), chat("@chat"));
    let (one, two) = tokio::join!(gateway.ask(&one), gateway.ask(&two));
    assert_eq!(one.said(), "signed and streamed", "{}", one.text());
    assert_eq!(two.said(), "signed and whole", "{}", two.text());
    assert_eq!(books.load(Ordering::Relaxed), 1);
    stop(gateway, &home, &[SECRET, SESSION, "canary-machine"]).await;
}

// ---- Google ----

/// With a key file of Google's, for a token endpoint of ours.
fn service(google: &Endpoint, tokens: &Endpoint) -> Home {
    let home = Home::new("");
    let file = home.policies().join("../google.json");
    let said = json!({
        "type": "service_account", "project_id": "p-1", "private_key_id": "k1", "private_key": PEM,
        "client_email": "mux@p-1.iam.gserviceaccount.com", "token_uri": format!("{}/token", tokens.url()),
    });
    std::fs::write(&file, said.to_string()).expect("a file");
    let key = format!("file \"{}\"", file.display());
    home.save(&for_chat(vertex(&google.url(), &key)));
    home
}

/// Looks at what a service account has signed.
fn claimed(asked: &Asked, tokens: &str) {
    assert_eq!(asked.method, "POST");
    let grant = asked.field("grant_type");
    assert_eq!(
        grant.as_deref(),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
    );
    let assertion = asked.field("assertion").expect("an assertion");
    let (told, signature) = assertion.rsplit_once('.').expect("three parts");
    let der = PEM
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect::<String>();
    let der = base64::engine::general_purpose::STANDARD
        .decode(der)
        .expect("a key");
    let public = RsaKeyPair::from_pkcs8(&der)
        .expect("a key")
        .public()
        .as_ref()
        .to_vec();
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
        .verify(told.as_bytes(), &signature)
        .expect("signed by the account");
    let parts: Vec<Value> = told
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64"))
        .map(|part| serde_json::from_slice(&part).expect("json"))
        .collect();
    assert_eq!(
        parts[0],
        json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" })
    );
    let claims = &parts[1];
    assert_eq!(claims["iss"], "mux@p-1.iam.gserviceaccount.com");
    assert_eq!(
        claims["scope"],
        "https://www.googleapis.com/auth/cloud-platform"
    );
    assert_eq!(claims["aud"], tokens);
    let (from, to) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    let now = jiff::Timestamp::now().as_second();
    assert!(from <= now && now < to && to - from <= 3_600);
}

/// Gemini, for those who show the `number`th token.
fn gemini(asked: &Asked, number: usize) -> Said {
    if asked.header("authorization") != format!("Bearer {TOKEN}{number}") {
        let shown = asked.header("authorization");
        let error = json!({ "error": { "code": 401, "message": format!("bad {shown}"), "status": "UNAUTHENTICATED" } });
        return Said::json(401, &error);
    }
    Said::json(
        200,
        &json!({
            "candidates": [{ "content": { "role": "model", "parts": [{ "text": "yes" }] }, "finishReason": "STOP" }],
            "usageMetadata": { "promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4 },
        }),
    )
}

fn token(number: usize) -> Said {
    let token = format!("{TOKEN}{number}");
    Said::json(
        200,
        &json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" }),
    )
}

#[tokio::test]
async fn a_service_account_gets_one_token_for_many_requests_and_another_after_a_refusal() {
    let minted = Arc::new(AtomicUsize::new(0));
    let books = Arc::clone(&minted);
    let tokens = Endpoint::new(move |asked| {
        claimed(asked, &format!("http://{}/token", asked.header("host")));
        token(books.fetch_add(1, Ordering::Relaxed) + 1)
    })
    .await;
    let good = Arc::new(AtomicUsize::new(1));
    let wanted = Arc::clone(&good);
    let google = Endpoint::new(move |asked| gemini(asked, wanted.load(Ordering::Relaxed))).await;
    let home = service(&google, &tokens);
    let gateway = start(&home, &[]).await;
    let body = chat("@chat");
    let many = (0..200).map(|_| gateway.ask(&body));
    for reply in futures_util::future::join_all(many).await {
        reply.says("yes", Reply::said);
    }
    assert_eq!(
        minted.load(Ordering::Relaxed),
        1,
        "one token for all of them"
    );

    // It is called back before its time: one request is lost, and the next has another one.
    good.store(2, Ordering::Relaxed);
    let refused = gateway.ask(&body).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(!refused.text().contains(TOKEN), "{}", refused.text());
    let again = gateway.ask(&body).await;
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(minted.load(Ordering::Relaxed), 2);

    // Refused again right away, it is not asked for a third time.
    good.store(3, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(gateway.ask(&body).await.status, 502);
    }
    assert_eq!(
        minted.load(Ordering::Relaxed),
        2,
        "no storm at the token endpoint"
    );
    let key = PEM.lines().nth(1).expect("a line of it");
    stop(gateway, &home, &[TOKEN, key]).await;
}

#[tokio::test]
async fn where_no_token_is_handed_out_the_credential_is_at_fault_and_the_reason_is_told() {
    let closed = Arc::new(AtomicBool::new(true));
    let shut = Arc::clone(&closed);
    let tokens = Endpoint::new(move |asked| {
        if shut.load(Ordering::Relaxed) {
            let shown = asked.field("assertion").expect("an assertion");
            let words = format!("Invalid JWT {shown}");
            return Said::json(
                400,
                &json!({ "error": "invalid_grant", "error_description": words }),
            );
        }
        token(1)
    })
    .await;
    let google = Endpoint::new(|asked| gemini(asked, 1)).await;
    let home = service(&google, &tokens);
    let gateway = start(&home, &[]).await;
    let body = chat("@chat");
    let refused = gateway.ask(&body).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    for words in [
        "mux@p-1.iam.gserviceaccount.com",
        "answered 400",
        "`invalid_grant`",
    ] {
        assert!(
            refused.text().contains(words),
            "{words}: {}",
            refused.text()
        );
    }
    assert!(google.asked().is_empty(), "nothing is sent without a token");
    let told = home.run(&["health"]).await;
    let words = "no credential for the service account `mux@p-1.iam.gserviceaccount.com`";
    assert!(
        told.out.contains(words) && told.out.contains("`invalid_grant`"),
        "{}",
        told.out
    );

    // As soon as one is handed out it is used, without a save or a start.
    closed.store(false, Ordering::Relaxed);
    fetched(&gateway).await;
    assert_eq!(gateway.ask(&body).await.status, 200);
    let health = gateway.admin("/health").await;
    let credential = &health["targets"][0]["credential"];
    assert_eq!(
        (&credential["held"], &credential["problem"]),
        (&json!(true), &Value::Null)
    );
    let left = credential["left_s"].as_u64().expect("it ends");
    assert!((3_500..3_600).contains(&left), "{left}");
    let log = stop(gateway, &home, &[TOKEN, "Invalid JWT", "eyJ"]).await;
    assert!(
        log.contains("no credential for the service account"),
        "{log}"
    );
    let first = &home.records()[0].attempts[0];
    assert_eq!(first.class, "authentication");
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_the_credentials_fault_whatever_time_the_provider_is_given() {
    let tokens = ByHand::new().await;
    let google = Endpoint::new(|asked| gemini(asked, 1)).await;
    let at = format!("http://{}", tokens.address);
    let file = serde_json::to_string(&json!({
        "type": "authorized_user", "client_id": "c1", "client_secret": "canary-client",
        "refresh_token": "1//canary-refresh", "token_uri": format!("{at}/token"),
    }));
    let home = Home::new(&bundle(&[
        vertex(&google.url(), "env LOGIN"),
        only("chat", "cloud/m timeout 500ms connect 100ms"),
    ]));
    let gateway = start(&home, &[("LOGIN", &file.expect("json"))]).await;
    let refused = gateway.ask(&chat("@chat")).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(
        refused.text().contains("still being fetched"),
        "{}",
        refused.text()
    );
    assert!(google.asked().is_empty());
    stop(gateway, &home, &["canary-client", "canary-refresh"]).await;
    let first = &home.records()[0].attempts[0];
    assert_eq!(
        (first.class.as_str(), first.sent_us),
        ("authentication", None)
    );
}

#[tokio::test]
async fn a_save_asks_for_no_other_token_and_whoever_logged_in_gets_one_too() {
    let minted = Arc::new(AtomicUsize::new(0));
    let books = Arc::clone(&minted);
    let tokens = Endpoint::new(move |asked| {
        let field = |name| asked.field(name).unwrap_or_default();
        assert_eq!(field("grant_type"), "refresh_token");
        assert_eq!(field("client_id"), "c1");
        assert_eq!(field("client_secret"), "canary-client");
        assert_eq!(field("refresh_token"), "1//canary-refresh");
        token(books.fetch_add(1, Ordering::Relaxed) + 1)
    })
    .await;
    let google = Endpoint::new(|asked| gemini(asked, 1)).await;
    let home = Home::new("");
    let file = home.policies().join("../login.json");
    let said = json!({
        "type": "authorized_user", "client_id": "c1", "client_secret": "canary-client",
        "refresh_token": "1//canary-refresh", "token_uri": format!("{}/token", tokens.url()),
    });
    std::fs::write(&file, said.to_string()).expect("a file");
    let policies = |name: &str| {
        bundle(&[
            vertex(&google.url(), "role \"default\""),
            only(name, "cloud/m"),
        ])
    };
    home.save(&policies("chat"));
    let file = file.display().to_string();
    let gateway = start(&home, &[("GOOGLE_APPLICATION_CREDENTIALS", &file)]).await;
    assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    let version = gateway.version().await;
    home.save_whole(&policies("other"));
    gateway.version_after(&version).await;
    assert_eq!(gateway.ask(&chat("@other")).await.status, 200);
    assert_eq!(minted.load(Ordering::Relaxed), 1, "kept over a save");
    stop(gateway, &home, &[TOKEN, "canary-client", "canary-refresh"]).await;
}

// ---- Microsoft ----

fn gpt(asked: &Asked, token: &str) -> Said {
    assert_eq!(asked.header("api-key"), "", "a token is no key");
    if asked.header("authorization") != format!("Bearer {token}") {
        return Said::json(401, &json!({ "error": { "code": "401", "message": "no" } }));
    }
    Said::json(
        200,
        &json!({
            "id": "c", "object": "chat.completion", "created": 1, "model": "gpt",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "yes" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4 },
        }),
    )
}

#[tokio::test]
async fn an_application_of_entra_shows_its_secret_to_entra_alone() {
    let entra = Endpoint::new(|asked| {
        assert_eq!(asked.path, "/tenant-1/oauth2/v2.0/token");
        let field = |name| asked.field(name).unwrap_or_default();
        assert_eq!(field("grant_type"), "client_credentials");
        assert_eq!(
            field("scope"),
            "https://cognitiveservices.azure.com/.default"
        );
        assert_eq!(field("client_id"), "app-1");
        assert_eq!(field("client_secret"), "canary~entra/secret");
        Said::json(
            200,
            &json!({ "access_token": "canary-entra-token", "expires_in": 3599 }),
        )
    })
    .await;
    let azure_at = Endpoint::new(|asked| gpt(asked, "canary-entra-token")).await;
    let home = alone(azure(&azure_at.url(), "env AZURE_CLIENT_SECRET"));
    let url = entra.url();
    let environment = [
        ("AZURE_AUTHORITY_HOST", url.as_str()),
        ("AZURE_TENANT_ID", "tenant-1"),
        ("AZURE_CLIENT_ID", "app-1"),
        ("AZURE_CLIENT_SECRET", "canary~entra/secret"),
    ];
    let gateway = start(&home, &environment).await;
    fetched(&gateway).await;
    assert!(
        azure_at.asked().is_empty(),
        "it was there before anybody asked"
    );
    for _ in 0..3 {
        let reply = gateway.ask(&chat("@chat")).await;
        reply.says("yes", Reply::said);
    }
    assert_eq!(entra.asked().len(), 1);
    for asked in azure_at.asked() {
        assert!(!format!("{asked:?}").contains("canary~entra"));
    }
    stop(gateway, &home, &["canary-entra-token", "canary~entra"]).await;
}

#[tokio::test]
async fn a_machine_at_azure_shows_its_managed_identity() {
    let platform = Endpoint::new(|asked| {
        assert_eq!(asked.header("x-identity-header"), "canary-header");
        let field = |name| asked.field(name).unwrap_or_default();
        assert_eq!(field("resource"), "https://cognitiveservices.azure.com");
        assert_eq!(field("client_id"), "id-7");
        let until = jiff::Timestamp::now().as_second() + 86_000;
        Said::json(
            200,
            &json!({ "access_token": "canary-machine-token", "expires_on": until.to_string() }),
        )
    })
    .await;
    let azure_at = Endpoint::new(|asked| gpt(asked, "canary-machine-token")).await;
    let home = alone(azure(&azure_at.url(), "role \"id-7\""));
    let url = format!("{}/msi/token", platform.url());
    let environment = [
        ("IDENTITY_ENDPOINT", url.as_str()),
        ("IDENTITY_HEADER", "canary-header"),
    ];
    let gateway = start(&home, &environment).await;
    let reply = gateway.ask(&chat("@chat")).await;
    reply.says("yes", Reply::said);
    stop(gateway, &home, &["canary-machine-token", "canary-header"]).await;
}

#[tokio::test]
async fn a_plain_key_is_still_a_plain_key_where_tokens_are_taken_too() {
    let azure_at = Endpoint::new(|asked| {
        assert_eq!(
            (asked.header("api-key"), asked.header("authorization")),
            ("canary-azure-key", "")
        );
        Said::json(
            429,
            &json!({ "error": { "code": "429", "message": "later" } }),
        )
    })
    .await;
    let aws = Endpoint::new(|asked| {
        assert_eq!(asked.header("authorization"), "Bearer canary-bedrock-key");
        assert_eq!(asked.header("x-amz-date"), "");
        Said::json(429, &json!({ "message": "later" }))
    })
    .await;
    let both = [
        (
            azure(&azure_at.url(), "env CLOUD_KEY"),
            &azure_at,
            "canary-azure-key",
        ),
        (
            bedrock(&aws.url(), "env CLOUD_KEY"),
            &aws,
            "canary-bedrock-key",
        ),
    ];
    for (provider, at, key) in both {
        let home = alone(provider);
        let gateway = start(&home, &[("CLOUD_KEY", key)]).await;
        let reply = Ask::json(&chat("@chat")).send(gateway.address).await;
        assert_eq!(reply.status, 429, "{}", reply.text());
        assert_eq!(at.asked().len(), 1);
        stop(gateway, &home, &[key]).await;
    }
}

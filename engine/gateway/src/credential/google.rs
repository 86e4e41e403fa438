//! Tokens of Google's: for a service account whose key is in a file, for a person who logged in, and for whoever the
//! machine is.

use crate::clock::unix_ms;
use crate::credential::ask::{Address, Question, ask};
use crate::credential::pass::Minted;
use crate::credential::surroundings::Surroundings;
use crate::credential::way::{MACHINE, Way};
use crate::upstream::Upstream;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// Where tokens are handed out.
const TOKENS: &str = "https://oauth2.googleapis.com/token";
/// Who tells machines at Google who they are.
const METADATA: &str = "metadata.google.internal";
/// How long what is signed for a token holds, seconds.
const HOLDS: i64 = 3_600;
/// How far the clocks of both may be apart, seconds.
const SKEW: i64 = 30;

/// Somebody for whom tokens are handed out.
#[derive(Debug)]
pub(crate) struct Account {
    kind: Kind,
    scopes: String,
}

enum Kind {
    Service {
        email: String,
        key: Box<RsaKeyPair>,
        /// What Google calls the key, where the file says so.
        key_id: Option<String>,
        /// A hash of it, by which it is told from others.
        print: String,
        tokens: Address,
    },
    Person {
        client: String,
        secret: SecretString,
        refresh: SecretString,
        tokens: Address,
    },
    Machine {
        name: String,
        tokens: Address,
    },
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Service { .. } => "Service",
            Self::Person { .. } => "Person",
            Self::Machine { .. } => "Machine",
        })
    }
}

/// What a text, a variable or a role says, where it is Google's.
///
/// # Errors
/// It is, but incomplete or of a kind that is not known.
pub(crate) fn find(
    way: Way<'_>,
    scopes: &[String],
    around: &Surroundings,
) -> Result<Option<Account>, String> {
    let kind = match way {
        // This variable is known for naming a file.
        Way::Text {
            variable: Some("GOOGLE_APPLICATION_CREDENTIALS"),
            text,
            ..
        } if !text.trim_start().starts_with('{') => written(&Surroundings::read(text.trim())?)?,
        Way::Text { text, .. } => written(text)?,
        Way::Role(role) => Some(machine(role, around)?),
    };
    Ok(kind.map(|kind| Account {
        kind,
        scopes: scopes.join(" "),
    }))
}

/// A file of Google's, by what it says it is.
fn written(text: &str) -> Result<Option<Kind>, String> {
    let Ok(said) = serde_json::from_str::<Value>(text) else {
        return Ok(None);
    };
    let field = |name: &str| said.get(name).and_then(Value::as_str);
    let need =
        |name: &str| field(name).ok_or_else(|| format!("needs `{name}` in its Google credentials"));
    let tokens = || Address::public(field("token_uri").unwrap_or(TOKENS));
    match field("type") {
        Some("service_account") => Ok(Some(Kind::Service {
            email: need("client_email")?.to_owned(),
            key: Box::new(signer(need("private_key")?)?),
            key_id: field("private_key_id").map(str::to_owned),
            print: blake3::hash(need("private_key")?.as_bytes()).to_string(),
            tokens: tokens()?,
        })),
        Some("authorized_user") => Ok(Some(Kind::Person {
            client: need("client_id")?.to_owned(),
            secret: SecretString::from(need("client_secret")?),
            refresh: SecretString::from(need("refresh_token")?),
            tokens: tokens()?,
        })),
        Some(other) => Err(format!(
            "has Google credentials of the type `{}`; `service_account` and `authorized_user` are known",
            other.escape_debug()
        )),
        None => Ok(None),
    }
}

fn signer(pem: &str) -> Result<RsaKeyPair, String> {
    let wrong =
        || "needs a `private_key` in its Google credentials that is an RSA key in PEM".to_owned();
    let inside = pem
        .split_once("-----BEGIN PRIVATE KEY-----")
        .and_then(|(_, after)| after.split_once("-----END PRIVATE KEY-----"));
    let (inside, _) = inside.ok_or_else(wrong)?;
    let inside: String = inside.split_ascii_whitespace().collect();
    let der = STANDARD.decode(inside).map_err(|_| wrong())?;
    RsaKeyPair::from_pkcs8(&der).map_err(|_| wrong())
}

/// Whoever this machine is, looked for in the order in which Google's own clients look.
fn machine(role: &str, around: &Surroundings) -> Result<Kind, String> {
    if role == MACHINE {
        let named = around.get("GOOGLE_APPLICATION_CREDENTIALS");
        let usual = || {
            let folder = around.get("CLOUDSDK_CONFIG").map(std::path::PathBuf::from);
            let folder = folder.or_else(|| around.below_home(".config/gcloud"))?;
            let file = folder.join("application_default_credentials.json");
            file.is_file().then(|| file.display().to_string())
        };
        if let Some(file) = named.or_else(usual) {
            let found = written(&Surroundings::read(&file)?)?;
            return found.ok_or_else(|| format!("needs Google credentials in the file `{file}`"));
        }
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'@' | b'.' | b'-' | b'_');
    if role.is_empty() || !role.bytes().all(plain) {
        return Err(format!(
            "needs the role `{}`, which is no service account: write its address, or `role \"{MACHINE}\"` for whoever \
             the machine is",
            role.escape_debug()
        ));
    }
    let host = around.get("GCE_METADATA_HOST");
    let host = host.as_deref().unwrap_or(METADATA);
    let accounts = format!("http://{host}/computeMetadata/v1/instance/service-accounts");
    Ok(Kind::Machine {
        name: role.to_owned(),
        tokens: Address::local(format!("{accounts}/{role}/token")),
    })
}

impl Account {
    /// Who it is, for people.
    pub(crate) fn name(&self) -> String {
        match &self.kind {
            Kind::Service { email, .. } => format!("the service account `{email}`"),
            Kind::Person { client, .. } => format!("the login of `{client}`"),
            Kind::Machine { name, .. } if name == MACHINE => "this machine at Google".to_owned(),
            Kind::Machine { name, .. } => format!("the service account `{name}` of this machine"),
        }
    }

    /// What tells it from others.
    pub(crate) fn identity(&self) -> Vec<&str> {
        let mut parts = match &self.kind {
            Kind::Service {
                email,
                print,
                tokens,
                ..
            } => vec![email.as_str(), print, tokens.url()],
            Kind::Person {
                client,
                secret,
                refresh,
                tokens,
            } => vec![
                client.as_str(),
                secret.expose_secret(),
                refresh.expose_secret(),
                tokens.url(),
            ],
            Kind::Machine { tokens, .. } => vec![tokens.url()],
        };
        parts.push(&self.scopes);
        parts
    }

    /// A token.
    pub(crate) async fn mint(&self, upstream: &Upstream) -> Result<Minted, String> {
        let answer = match &self.kind {
            Kind::Service {
                email,
                key,
                key_id,
                tokens,
                ..
            } => {
                let claim = self.claim(email, key, key_id.as_deref(), tokens)?;
                let fields = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", claim.as_str()),
                ];
                ask(upstream, tokens, Question::form(&fields)).await?
            }
            Kind::Person {
                client,
                secret,
                refresh,
                tokens,
            } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client.as_str()),
                    ("client_secret", secret.expose_secret()),
                    ("refresh_token", refresh.expose_secret()),
                ];
                ask(upstream, tokens, Question::form(&fields)).await?
            }
            Kind::Machine { tokens, .. } => {
                ask(
                    upstream,
                    tokens,
                    Question::get("metadata-flavor", "Google")?,
                )
                .await?
            }
        };
        answer.token()
    }

    /// What a service account signs to get a token (RFC 7523).
    fn claim(
        &self,
        email: &str,
        key: &RsaKeyPair,
        key_id: Option<&str>,
        tokens: &Address,
    ) -> Result<String, String> {
        let now = unix_ms() / 1000 - SKEW;
        let mut head = json!({ "alg": "RS256", "typ": "JWT" });
        if let (Some(head), Some(key_id)) = (head.as_object_mut(), key_id) {
            head.insert("kid".to_owned(), key_id.into());
        }
        let claims = json!({
            "iss": email, "scope": self.scopes, "aud": tokens.url(), "iat": now, "exp": now + HOLDS,
        });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let told = format!("{}.{}", part(head), part(claims));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            told.as_bytes(),
            &mut signature,
        )
        .map_err(|_| "the key of the service account cannot sign".to_owned())?;
        Ok(format!("{told}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests;

//! An identity of elsewhere that Google trusts: its token is exchanged for one of Google's (RFC 8693), and that, where the
//! file says so, for one of a service account.

use crate::credential::ask::{Address, Answer, Question, ask, until};
use crate::credential::pass::{Minted, Pass};
use crate::credential::surroundings::fresh;
use crate::upstream::Upstream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// Where tokens are exchanged.
const EXCHANGE: &str = "https://sts.googleapis.com/v1/token";
/// What may ask for the token of a service account.
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long the token of a service account holds where nothing is said, seconds.
const HOLDS: u64 = 3_600;

/// Somebody of elsewhere, as a file of the type `external_account` has it.
#[derive(Debug)]
pub(crate) struct Federated {
    audience: String,
    kind: String,
    exchange: Address,
    source: Source,
    /// The field of JSON that holds the token, where it is not the whole text.
    field: Option<String>,
    service: Option<Service>,
    /// An id and a secret that those who exchange want shown.
    client: Option<SecretString>,
    project: Option<String>,
}

/// Where the token of elsewhere is.
#[derive(Debug)]
enum Source {
    /// In a file that the platform keeps fresh.
    File(String),
    /// At an address of the platform's.
    Url(Address, HeaderMap),
}

/// The service account that is acted as.
#[derive(Debug)]
struct Service {
    address: Address,
    seconds: u64,
}

impl Federated {
    /// What such a file says.
    ///
    /// # Errors
    /// It is incomplete, or of a kind that is not known.
    pub(crate) fn read(said: &Value) -> Result<Self, String> {
        let field = |name: &str| said.get(name).and_then(Value::as_str);
        let need = |name: &str| {
            let given = field(name).filter(|given| !given.is_empty());
            given.ok_or_else(|| format!("needs `{name}` in its Google credentials"))
        };
        let service = field("service_account_impersonation_url").map(|url| {
            let seconds = said.pointer("/service_account_impersonation/token_lifetime_seconds");
            Ok::<_, String>(Service {
                address: Address::public(url)?,
                seconds: seconds.and_then(Value::as_u64).unwrap_or(HOLDS),
            })
        });
        let client = field("client_id").map(|id| {
            let secret = field("client_secret").unwrap_or_default();
            SecretString::from(STANDARD.encode(format!("{id}:{secret}")))
        });
        let source = said.get("credential_source").unwrap_or(&Value::Null);
        Ok(Self {
            audience: need("audience")?.to_owned(),
            kind: need("subject_token_type")?.to_owned(),
            exchange: Address::public(field("token_url").unwrap_or(EXCHANGE))?,
            source: Source::read(source)?,
            field: named(source)?,
            service: service.transpose()?,
            client,
            project: field("workforce_pool_user_project").map(str::to_owned),
        })
    }

    /// Who it is, for people.
    pub(crate) fn name(&self) -> String {
        let address = self.service.as_ref().map(|service| service.address.url());
        let email = address.and_then(|url| {
            let (_, last) = url.rsplit_once('/')?;
            last.strip_suffix(":generateAccessToken")
        });
        match email {
            Some(email) => format!("the service account `{email}`"),
            None => format!("the identity of `{}`", self.audience),
        }
    }

    /// What tells it from others.
    pub(crate) fn identity(&self) -> Vec<&str> {
        let service = self.service.as_ref().map(|service| service.address.url());
        let client = self.client.as_ref().map(ExposeSecret::expose_secret);
        let mut parts = vec![
            self.audience.as_str(),
            self.kind.as_str(),
            self.exchange.url(),
            service.unwrap_or_default(),
            client.unwrap_or_default(),
            self.field.as_deref().unwrap_or_default(),
            self.project.as_deref().unwrap_or_default(),
        ];
        match &self.source {
            Source::File(path) => parts.push(path),
            Source::Url(address, headers) => {
                parts.push(address.url());
                let told = headers.values().filter_map(|value| value.to_str().ok());
                parts.extend(told);
            }
        }
        parts
    }

    /// A token.
    pub(crate) async fn mint(&self, upstream: &Upstream, scopes: &str) -> Result<Minted, String> {
        let subject = self.subject(upstream).await?;
        let scope = if self.service.is_some() {
            CLOUD
        } else {
            scopes
        };
        let options = self
            .project
            .as_ref()
            .map(|project| json!({ "userProject": project }).to_string());
        let mut fields = vec![
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("audience", self.audience.as_str()),
            ("scope", scope),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token_type", self.kind.as_str()),
            ("subject_token", subject.expose_secret()),
        ];
        fields.extend(options.as_deref().map(|options| ("options", options)));
        let mut question = Question::form(&fields);
        if let Some(client) = &self.client {
            let shown = format!("Basic {}", client.expose_secret());
            question.headers.insert(AUTHORIZATION, secret(&shown)?);
        }
        let minted = ask(upstream, &self.exchange, question).await?.token()?;
        match (&self.service, &minted.pass) {
            (Some(service), Pass::Word(word)) => service.mint(upstream, word, scopes).await,
            _ => Ok(minted),
        }
    }

    /// The token of elsewhere.
    async fn subject(&self, upstream: &Upstream) -> Result<SecretString, String> {
        let (text, at) = match &self.source {
            Source::File(path) => (fresh(path).await?, format!("the file `{path}`")),
            Source::Url(address, headers) => {
                let question = Question {
                    headers: headers.clone(),
                    ..Question::default()
                };
                let answer = ask(upstream, address, question).await?;
                let text = answer.text()?.trim().to_owned();
                (text, format!("the answer of `{}`", address.url()))
            }
        };
        let token = match &self.field {
            None => Some(text),
            Some(field) => serde_json::from_str::<Value>(&text)
                .ok()
                .and_then(|said| Some(said.get(field)?.as_str()?.to_owned())),
        };
        let token = token.filter(|token| !token.is_empty());
        let field = self.field.as_deref();
        token.map(SecretString::from).ok_or_else(|| match field {
            Some(field) => format!("{at} holds no token in `{field}`"),
            None => format!("{at} holds no token"),
        })
    }
}

impl Source {
    fn read(said: &Value) -> Result<Self, String> {
        let field = |name: &str| said.get(name).and_then(Value::as_str);
        if let Some(file) = field("file") {
            return Ok(Self::File(file.to_owned()));
        }
        let Some(url) = field("url").filter(|_| field("environment_id").is_none()) else {
            return Err(String::from(
                "needs a `file` or a `url` in the `credential_source` of its Google credentials: programs and AWS are \
                 not asked",
            ));
        };
        let mut headers = HeaderMap::new();
        for (name, value) in said
            .get("headers")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let wrong = || {
                format!(
                    "has a header `{}` in its Google credentials that cannot be sent",
                    name.escape_debug()
                )
            };
            let name: HeaderName = name.parse().map_err(|_| wrong())?;
            let value = value.as_str().ok_or_else(wrong)?;
            headers.insert(name, secret(value).map_err(|_| wrong())?);
        }
        Ok(Self::Url(Address::local(url.to_owned()), headers))
    }
}

/// The field that the token is in, where the source says that it is in JSON.
fn named(source: &Value) -> Result<Option<String>, String> {
    let format = source.get("format").unwrap_or(&Value::Null);
    let field = |name: &str| format.get(name).and_then(Value::as_str);
    match field("type") {
        None | Some("text") => Ok(None),
        Some("json") => {
            let name = field("subject_token_field_name");
            let name = name.ok_or_else(|| {
                String::from("needs `subject_token_field_name` in its Google credentials")
            })?;
            Ok(Some(name.to_owned()))
        }
        Some(other) => Err(format!(
            "has tokens of the format `{}` in its Google credentials; `text` and `json` are known",
            other.escape_debug()
        )),
    }
}

impl Service {
    /// A token of the service account, for one that may act as it.
    async fn mint(
        &self,
        upstream: &Upstream,
        word: &SecretString,
        scopes: &str,
    ) -> Result<Minted, String> {
        let scopes: Vec<&str> = scopes.split(' ').collect();
        let lifetime = format!("{}s", self.seconds);
        let mut question = Question {
            method: Method::POST,
            body: json!({ "scope": scopes, "lifetime": lifetime })
                .to_string()
                .into(),
            ..Question::default()
        };
        let shown = format!("Bearer {}", word.expose_secret());
        question.headers.insert(AUTHORIZATION, secret(&shown)?);
        question
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        granted(&ask(upstream, &self.address, question).await?)
    }
}

fn granted(answer: &Answer) -> Result<Minted, String> {
    let said = answer.json()?;
    let field = |name: &str| said.get(name).and_then(Value::as_str);
    let token = field("accessToken")
        .filter(|token| !token.is_empty() && !token.chars().any(char::is_control))
        .ok_or_else(|| answer.senseless())?;
    Ok(Minted {
        pass: Pass::Word(SecretString::from(token)),
        lives: field("expireTime").and_then(until),
    })
}

fn secret(value: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| String::from("a credential holds a character no header may hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

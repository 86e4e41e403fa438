//! Asks those who hand out credentials, and reads what they answer. Nothing of an answer but a short code reaches anybody
//! else: error texts repeat what was sent.

use crate::clock::unix_ms;
use crate::credential::pass::{Minted, Pass};
use crate::upstream::{Slices, Upstream, loopback};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Uri};
use secrecy::SecretString;
use serde_json::Value;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// Most bytes of an answer.
const LONGEST: usize = 256 << 10;
/// What forms say they are.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Who is asked.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    url: String,
    /// It is one of the machine's own, where private addresses are usual.
    private: bool,
}

impl Address {
    /// Out on the internet: what is sent there is secret, so that it has to be over TLS, unless it is this machine.
    ///
    /// # Errors
    /// It is neither, in words that follow the name of a target.
    pub(crate) fn public(url: &str) -> Result<Self, String> {
        let private = loopback(url);
        if !private && !url.starts_with("https://") {
            return Err(format!(
                "would send a secret to `{url}`, which is not https: mend its key"
            ));
        }
        Ok(Self {
            url: url.to_owned(),
            private,
        })
    }

    /// A service of the machine that mux runs on; operators and the platform say where.
    pub(crate) fn local(url: String) -> Self {
        Self { url, private: true }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same with more of a path or a query.
    pub(crate) fn with(&self, rest: &str) -> Self {
        Self {
            url: format!("{}{rest}", self.url),
            private: self.private,
        }
    }
}

/// An answer. What it says may be a credential, so that it never prints itself.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    host: String,
}

/// What is asked. It proves who asks, so that it never prints itself.
#[derive(Default)]
pub(crate) struct Question {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Question {
    /// A plain request with one header.
    ///
    /// # Errors
    /// The header's value cannot be sent.
    pub(crate) fn get(name: &'static str, value: &str) -> Result<Self, String> {
        let mut question = Self::default();
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("`{name}` would hold a character no header may hold"))?;
        value.set_sensitive(true);
        question
            .headers
            .insert(HeaderName::from_static(name), value);
        Ok(question)
    }

    /// A form.
    pub(crate) fn form(fields: &[(&str, &str)]) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            method: Method::POST,
            headers,
            body: Bytes::from(form(fields)),
        }
    }
}

/// Asks and waits for the whole answer.
///
/// # Errors
/// There is none.
pub(crate) async fn ask(
    upstream: &Upstream,
    to: &Address,
    question: Question,
) -> Result<Answer, String> {
    let uri: Uri = to
        .url
        .parse()
        .map_err(|_| format!("`{}` is no address", to.url))?;
    let host = uri.authority().map(ToString::to_string).unwrap_or_default();
    let mut request = Request::new(Slices::from(vec![question.body]));
    *request.method_mut() = question.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = question.headers;
    let (sent, _) = upstream.send(request, to.private)?;
    let response = sent
        .await
        .map_err(|_| format!("`{host}` cannot be reached"))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(|_| format!("the answer of `{host}` broke off"))?;
    Ok(Answer {
        status,
        body: body.to_bytes(),
        host,
    })
}

impl Answer {
    /// The text of a good answer.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn text(&self) -> Result<&str, String> {
        if self.status != 200 {
            return Err(self.refused());
        }
        std::str::from_utf8(&self.body).map_err(|_| self.senseless())
    }

    /// The JSON of a good answer.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_str(self.text()?).map_err(|_| self.senseless())
    }

    /// The token of an answer as OAuth has it.
    ///
    /// # Errors
    /// There is none in it.
    pub(crate) fn token(&self) -> Result<Minted, String> {
        let said = self.json()?;
        let token = said.get("access_token").and_then(Value::as_str);
        let token = token
            .filter(|token| !token.is_empty() && !token.chars().any(char::is_control))
            .ok_or_else(|| self.senseless())?;
        Ok(Minted {
            pass: Pass::Word(SecretString::from(token)),
            lives: lives(&said),
        })
    }

    /// That it makes no sense.
    pub(crate) fn senseless(&self) -> String {
        format!("`{}` answered, but not with a credential", self.host)
    }

    fn refused(&self) -> String {
        let mut why = format!("`{}` answered {}", self.host, self.status);
        for code in codes(&self.body) {
            let _ = write!(why, ", {code}");
        }
        why
    }
}

/// For how long a token holds, by either field and whether it is a number or a text.
fn lives(said: &Value) -> Option<Duration> {
    let number = |name: &str| match said.get(name)? {
        Value::String(text) => text.parse::<u64>().ok(),
        value => value.as_u64(),
    };
    let until = || {
        let now = unix_ms().unsigned_abs() / 1000;
        Some(number("expires_on")?.saturating_sub(now))
    };
    number("expires_in").or_else(until).map(Duration::from_secs)
}

/// The short words an error body has for what is wrong: never its sentences.
fn codes(body: &[u8]) -> Vec<String> {
    let plain = |word: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let short = (1..=64).contains(&word.len()) && word.bytes().all(fits);
        short.then(|| format!("`{word}`"))
    };
    if let Ok(said) = serde_json::from_slice::<Value>(body) {
        let word = said.get("error").and_then(|error| {
            let nested = || error.get("status").or_else(|| error.get("code"));
            error.as_str().or_else(|| nested()?.as_str())
        });
        let word = word.or_else(|| said.get("Code")?.as_str());
        let entra = said.pointer("/error_codes/0").and_then(Value::as_u64);
        let entra = entra.map(|code| format!("AADSTS{code}"));
        return word.and_then(plain).into_iter().chain(entra).collect();
    }
    let text = String::from_utf8_lossy(body);
    element(&text, "Code").and_then(plain).into_iter().collect()
}

/// What stands between the tags of an XML element.
pub(crate) fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, after) = text.split_once(&format!("<{name}>"))?;
    let (inside, _) = after.split_once(&format!("</{name}>"))?;
    Some(inside.trim())
}

/// Fields as forms and queries have them.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                text.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_gives_its_code_and_none_of_its_sentences() {
        let google =
            br#"{"error":"invalid_grant","error_description":"Bad JWT eyJhbGciOiJSUzI1NiJ9.x"}"#;
        assert_eq!(codes(google), ["`invalid_grant`"]);
        let entra = br#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret 'hunter2'","error_codes":[7000215]}"#;
        assert_eq!(codes(entra), ["`invalid_client`", "AADSTS7000215"]);
        let sts = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>User hunter2</Message></Error></ErrorResponse>";
        assert_eq!(codes(sts), ["`AccessDenied`"]);
        assert_eq!(codes(br#"{"error":"see hunter2"}"#), [""; 0]);
        assert_eq!(codes(b"<html>hunter2"), [""; 0]);
    }

    #[test]
    fn a_lifetime_is_read_in_all_its_forms() {
        let read = |text: &str| lives(&serde_json::from_str(text).unwrap());
        assert_eq!(
            read(r#"{"expires_in":3599}"#),
            Some(Duration::from_secs(3599))
        );
        assert_eq!(
            read(r#"{"expires_in":"86399"}"#),
            Some(Duration::from_secs(86399))
        );
        let soon = format!(r#"{{"expires_on":"{}"}}"#, unix_ms() / 1000 + 100);
        let left = read(&soon).unwrap().as_secs();
        assert!((98..=100).contains(&left), "{left}");
        assert_eq!(read("{}"), None);
        assert_eq!(
            read(r#"{"expires_on":1}"#),
            Some(Duration::ZERO),
            "what has ended does not hold for ever"
        );
        assert!(read(&format!(r#"{{"expires_on":{}}}"#, u64::MAX)) > Some(Duration::from_hours(1)));
    }

    #[test]
    fn neither_what_is_asked_nor_what_is_answered_prints_itself() {
        let question = Question::get("authorization", "canary-header").unwrap();
        let form = Question::form(&[("client_secret", "canary-secret")]);
        let answer = Answer {
            status: 200,
            body: Bytes::from_static(br#"{"access_token":"canary-token"}"#),
            host: "tokens.example".to_owned(),
        };
        let shown = format!("{question:?} {form:?} {answer:?}");
        assert!(
            !shown.contains("canary") && shown.contains("tokens.example"),
            "{shown}"
        );
    }

    #[test]
    fn a_secret_goes_over_tls_or_nowhere() {
        assert!(Address::public("https://oauth2.googleapis.com/token").is_ok());
        assert!(Address::public("http://127.0.0.1:9/token").is_ok());
        let why = Address::public("http://oauth2.example/token").unwrap_err();
        assert!(why.contains("not https"), "{why}");
    }
}

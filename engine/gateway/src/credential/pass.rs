//! What a request shows to prove whose it is.

use mux_plugins::{AuthScheme, AwsKeys, Fault, Plan};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// A credential in its last form. It never prints itself.
#[derive(Clone, Debug)]
pub enum Pass {
    /// A word to be shown: a key or a token.
    Word(SecretString),
    /// An access key to be signed with.
    Aws(AccessKey),
}

/// An access key of Amazon's.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Its public part.
    pub id: String,
    /// Its secret part.
    pub secret: SecretString,
    /// The session of a temporary one.
    pub session: Option<SecretString>,
}

impl AccessKey {
    /// As a signature wants it.
    #[must_use]
    pub fn keys(&self) -> AwsKeys<'_> {
        AwsKeys {
            id: &self.id,
            secret: self.secret.expose_secret(),
            session: self.session.as_ref().map(ExposeSecret::expose_secret),
        }
    }
}

/// A credential that was asked for, and how long it holds; for ever where nothing is said.
#[derive(Debug)]
pub struct Minted {
    /// The credential.
    pub pass: Pass,
    /// For so long from now.
    pub lives: Option<Duration>,
}

impl Pass {
    /// Puts it on a checked plan.
    ///
    /// # Errors
    /// The scheme takes no such credential, or a header cannot hold it.
    pub fn put_on(
        &self,
        scheme: &AuthScheme,
        plan: &mut Plan,
        now_unix_ms: u64,
    ) -> Result<(), Fault> {
        match self {
            Self::Word(word) => plan.attach(scheme, word.expose_secret()),
            Self::Aws(key) => plan.sign(scheme, &key.keys(), now_unix_ms),
        }
    }

    /// A text without whatever of it is secret.
    #[must_use]
    pub fn struck_from(&self, text: &str) -> String {
        match self {
            Self::Word(word) => struck(text, word),
            Self::Aws(key) => {
                let text = struck(text, &key.secret);
                match &key.session {
                    Some(session) => struck(&text, session),
                    None => text,
                }
            }
        }
    }
}

fn struck(text: &str, secret: &SecretString) -> String {
    match secret.expose_secret() {
        "" => text.to_owned(),
        secret => text.replace(secret, "***"),
    }
}

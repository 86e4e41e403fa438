//! Where secrets come from. They stay in [`SecretString`]s and are put on a request last, after its plan is checked.
//!
//! Reading order: [`Vault`] finds what a policy points at; `aws`, `google` and `entra` know whose accounts they are and ask
//! for their credentials, with `ask`; `purse` keeps those; [`Key`] is what a provider's requests are given.

mod account;
mod ask;
mod aws;
mod bound;
#[cfg(test)]
mod cloud;
mod entra;
mod google;
pub mod pass;
pub(crate) mod purse;
pub mod surroundings;
mod way;

use crate::credential::account::Account;
use crate::credential::bound::bound;
use crate::credential::pass::Pass;
use crate::credential::purse::{Purse, Ready, Standing};
use crate::credential::surroundings::Surroundings;
use crate::credential::way::{Found, Way};
use crate::upstream::Upstream;
use mux_dsl::image::Credential;
use mux_plugins::{Adapter, AuthScheme};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// How `secret "scheme:reference"` is resolved: a command for each scheme, given the reference as its last argument. And the
/// credentials that were handed out: a save does not ask for them again.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    commands: Vec<(String, String)>,
    surroundings: Surroundings,
    purses: Arc<Mutex<HashMap<blake3::Hash, Weak<Purse>>>>,
}

/// What is put on a provider's requests.
#[derive(Debug)]
pub struct Key {
    /// How.
    pub scheme: AuthScheme,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Written(Arc<Pass>),
    Handed(Arc<Purse>),
}

impl Key {
    /// What there is for a request now.
    pub(crate) fn ready(&self, upstream: &Upstream) -> Ready {
        match &self.source {
            Source::Written(pass) => Ready::Now(Arc::clone(pass)),
            Source::Handed(purse) => purse.ready(upstream),
        }
    }

    /// Sees to it that there is one before a request asks.
    pub(crate) fn keep(&self, upstream: &Upstream) {
        if let Source::Handed(purse) = &self.source {
            purse.keep(upstream);
        }
    }

    /// How it stands with one that is handed out; nothing of one that is written down.
    pub(crate) fn standing(&self) -> Option<Standing> {
        match &self.source {
            Source::Written(_) => None,
            Source::Handed(purse) => Some(purse.standing()),
        }
    }

    /// The provider has refused it. Whether there will be another one.
    pub(crate) fn refused(&self, pass: &Arc<Pass>) -> bool {
        match &self.source {
            Source::Written(_) => false,
            Source::Handed(purse) => purse.refused(pass),
        }
    }
}

impl Vault {
    /// From `scheme=command` pairs.
    ///
    /// # Errors
    /// A pair without `=`.
    pub fn parse(pairs: &[String]) -> Result<Self, String> {
        let split = |pair: &String| {
            let (scheme, command) = pair
                .split_once('=')
                .ok_or_else(|| format!("`{pair}`: write `--secret-command scheme=command`"))?;
            Ok((scheme.to_owned(), command.to_owned()))
        };
        Ok(Self {
            commands: pairs.iter().map(split).collect::<Result<_, String>>()?,
            ..Self::default()
        })
    }

    /// The same with other surroundings.
    #[must_use]
    pub fn within(self, surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            ..self
        }
    }

    /// What a credential of a policy is to the requests of an adapter: of the schemes it takes, one that what was found is
    /// made for, and otherwise the first that takes a plain word. `None` where it takes none. `named` says that the operator
    /// has written the address; where nobody has, an account of a cloud is shown to that cloud alone.
    ///
    /// # Errors
    /// Why there is none, in words that follow the name of a target.
    pub fn key(
        &self,
        credential: &Credential,
        adapter: &Adapter,
        named: bool,
    ) -> Result<Option<Key>, String> {
        let text = match credential {
            Credential::Role(_) => SecretString::default(),
            _ => self.text(credential)?,
        };
        let way = match credential {
            Credential::Role(role) => Way::Role(role),
            Credential::Env(name) => Way::Text {
                variable: Some(name),
                file: None,
                text: text.expose_secret(),
            },
            Credential::File(path) => Way::Text {
                variable: None,
                file: Some(path),
                text: text.expose_secret(),
            },
            Credential::Secret(_) => Way::Text {
                variable: None,
                file: None,
                text: text.expose_secret(),
            },
        };
        for scheme in adapter.auth() {
            if let Some(key) = self.found(way, scheme, adapter)? {
                if !named {
                    bound(&key.scheme, adapter.places())?;
                }
                return Ok(Some(key));
            }
        }
        if let Credential::Role(role) = credential {
            return Err(format!(
                "needs the role `{role}`, and its adapter knows keys only"
            ));
        }
        let word = |scheme: &&AuthScheme| {
            matches!(
                scheme,
                AuthScheme::Bearer | AuthScheme::Header { .. } | AuthScheme::Query(_)
            )
        };
        match adapter.auth().iter().find(word) {
            Some(scheme) => Ok(Some(Key {
                scheme: scheme.clone(),
                source: Source::Written(Arc::new(Pass::Word(plain(&text)?))),
            })),
            None => Ok(None),
        }
    }

    /// What a scheme makes of what was found, if it is made for that.
    fn found(
        &self,
        way: Way<'_>,
        scheme: &AuthScheme,
        adapter: &Adapter,
    ) -> Result<Option<Key>, String> {
        let around = &self.surroundings;
        let found = match scheme {
            AuthScheme::AwsSigV4 { .. } => {
                // A key of the provider's own needs no region.
                let filled = adapter.filled(scheme);
                let region = match &filled {
                    Ok(AuthScheme::AwsSigV4 { region, .. }) => region.as_str(),
                    _ => "",
                };
                let Some(found) = aws::find(way, region, around)? else {
                    return Ok(None);
                };
                let scheme = filled.map_err(|why| format!("cannot sign its requests: {why}"))?;
                let source = match found {
                    Found::Pass(pass) => Source::Written(Arc::new(pass)),
                    Found::Account(account) => Source::Handed(self.purse(Account::Aws(account))),
                };
                return Ok(Some(Key { scheme, source }));
            }
            AuthScheme::GoogleAccount(scopes) => {
                google::find(way, scopes, around)?.map(Account::Google)
            }
            AuthScheme::Entra(scope) => entra::find(way, scope, around)?.map(Account::Entra),
            _ => None,
        };
        Ok(found.map(|account| Key {
            scheme: scheme.clone(),
            source: Source::Handed(self.purse(account)),
        }))
    }

    /// The purse of an account: the one it has already, as long as somebody uses it.
    fn purse(&self, account: Account) -> Arc<Purse> {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        purses.retain(|_, purse| purse.strong_count() > 0);
        let identity = account.identity();
        if let Some(purse) = purses.get(&identity).and_then(Weak::upgrade) {
            return purse;
        }
        let purse = Arc::new(Purse::new(account));
        purses.insert(identity, Arc::downgrade(&purse));
        purse
    }

    fn text(&self, credential: &Credential) -> Result<SecretString, String> {
        let found = match credential {
            Credential::Env(name) => self.surroundings.need(name)?,
            Credential::File(path) => Surroundings::read(path)?,
            Credential::Secret(reference) => self.run(reference)?,
            Credential::Role(_) => String::new(),
        };
        let secret = found.trim();
        if secret.is_empty() {
            return Err("has an empty credential".to_owned());
        }
        Ok(SecretString::from(secret))
    }

    fn run(&self, reference: &str) -> Result<String, String> {
        let (scheme, rest) = reference.split_once(':').unwrap_or((reference, ""));
        let command = self
            .commands
            .iter()
            .find(|(s, _)| s == scheme)
            .map(|(_, c)| c);
        let command = command.ok_or_else(|| {
            format!("needs a secret of `{scheme}`: start with `--secret-command {scheme}=COMMAND`")
        })?;
        let mut words = command.split_whitespace();
        let program = words
            .next()
            .ok_or_else(|| format!("has an empty `--secret-command` for `{scheme}`"))?;
        let output = Command::new(program)
            .args(words)
            .arg(rest)
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|e| format!("cannot run `{program}` for its secret: {e}"))?;
        if !output.status.success() {
            return Err(format!(
                "got no secret: `{program}` ended with {}",
                output.status
            ));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| format!("got a secret from `{program}` that is not UTF-8"))
    }
}

/// A text that can stand in a header.
fn plain(text: &SecretString) -> Result<SecretString, String> {
    if text.expose_secret().chars().any(char::is_control) {
        return Err("has a credential with line breaks or control characters inside".to_owned());
    }
    Ok(text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_command_gets_the_reference_and_gives_the_secret() {
        let vault = Vault::parse(&["test=echo -n".to_owned()]).unwrap();
        let secret = vault
            .text(&Credential::Secret("test:kv/key".into()))
            .unwrap();
        assert_eq!(secret.expose_secret(), "kv/key");
        assert!(!format!("{secret:?}").contains("kv/key"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let vault = Vault::default();
        let missing = vault
            .text(&Credential::Env("MUX_TEST_NO_SUCH_VARIABLE".into()))
            .unwrap_err();
        assert!(missing.contains("MUX_TEST_NO_SUCH_VARIABLE"));
        assert!(
            vault
                .text(&Credential::Secret("vault:x".into()))
                .unwrap_err()
                .contains("--secret-command vault=")
        );
    }
}

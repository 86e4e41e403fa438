//! Whoever has logged in with `aws sso login`: the token of the login is in a file, and the portal hands out keys of a role
//! for it.

use crate::clock::unix_ms;
use crate::credential::ask::{Address, Question, ask, form, until};
use crate::credential::aws::profile::setting;
use crate::credential::pass::{AccessKey, Minted, Pass};
use crate::credential::surroundings::{Surroundings, fresh};
use crate::upstream::Upstream;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use secrecy::SecretString;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// A login, and the role it is used for.
#[derive(Debug)]
pub(crate) struct Login {
    /// Where its token is kept.
    token: String,
    portal: Address,
    account: String,
    role: String,
    profile: String,
}

impl Login {
    /// The login of a profile; `None` where the profile has none.
    ///
    /// # Errors
    /// It is incomplete, or nothing says where logins are kept.
    pub(crate) fn find(profile: &str, around: &Surroundings) -> Result<Option<Self>, String> {
        let named = around.get("AWS_CONFIG_FILE").map(std::path::PathBuf::from);
        let Some(file) = named.or_else(|| around.below_home(".aws/config")) else {
            return Ok(None);
        };
        if !file.is_file() {
            return Ok(None);
        }
        let text = Surroundings::read(&file.display().to_string())?;
        let own = |name: &str| setting(&text, profile, name);
        let session = own("sso_session");
        let section = session.map(|name| format!("sso-session {name}"));
        let shared = |name: &str| match &section {
            Some(section) => setting(&text, section, name),
            None => own(name),
        };
        if session.or_else(|| own("sso_start_url")).is_none() {
            return Ok(None);
        }
        let missing = |name: &str| {
            format!("needs `{name}` for the profile `{profile}` of its AWS configuration")
        };
        let need = |name: &str| own(name).ok_or_else(|| missing(name));
        let start = shared("sso_start_url").ok_or_else(|| missing("sso_start_url"))?;
        let region = shared("sso_region").ok_or_else(|| missing("sso_region"))?;
        let cache = around
            .below_home(".aws/sso/cache")
            .ok_or_else(|| String::from("needs the environment variable `HOME`"))?;
        let portal = around.get("AWS_ENDPOINT_URL_SSO");
        let portal = portal.unwrap_or_else(|| format!("https://portal.sso.{region}.amazonaws.com"));
        Ok(Some(Self {
            token: cache
                .join(format!("{}.json", hexadecimal(session.unwrap_or(start))))
                .display()
                .to_string(),
            portal: Address::public(portal.trim_end_matches('/'))?,
            account: need("sso_account_id")?.to_owned(),
            role: need("sso_role_name")?.to_owned(),
            profile: profile.to_owned(),
        }))
    }

    /// Who it is, for people.
    pub(crate) fn name(&self) -> String {
        format!("the login of the profile `{}`", self.profile)
    }

    /// What tells it from others.
    pub(crate) fn identity(&self) -> Vec<&str> {
        vec![
            self.token.as_str(),
            self.portal.url(),
            &self.account,
            &self.role,
            &self.profile,
        ]
    }

    /// A key of its role.
    pub(crate) async fn mint(&self, upstream: &Upstream) -> Result<Minted, String> {
        let again = || format!("log in with `aws sso login --profile {}`", self.profile);
        let kept = fresh(&self.token)
            .await
            .map_err(|why| format!("{why}: {}", again()))?;
        let said: Value = serde_json::from_str(&kept).unwrap_or_default();
        let field = |name: &str| said.get(name).and_then(Value::as_str);
        let token = field("accessToken")
            .filter(|token| !token.is_empty())
            .ok_or_else(|| format!("the file `{}` holds no login: {}", self.token, again()))?;
        let left = field("expiresAt").and_then(until);
        if left.is_some_and(|left| left.is_zero()) {
            return Err(format!("the login has ended: {}", again()));
        }
        let query = form(&[("role_name", &self.role), ("account_id", &self.account)]);
        let place = self
            .portal
            .with(&format!("/federation/credentials?{query}"));
        let question = Question::get("x-amz-sso_bearer_token", token)?;
        let answer = ask(upstream, &place, question).await?;
        if answer.status == 401 {
            return Err(format!("the login is not taken any more: {}", again()));
        }
        let said = answer.json()?;
        let key = said.get("roleCredentials").unwrap_or(&Value::Null);
        let field = |name: &str| key.get(name).and_then(Value::as_str);
        let need = |name: &str| field(name).ok_or_else(|| answer.senseless());
        let ends = key.get("expiration").and_then(Value::as_i64);
        Ok(Minted {
            pass: Pass::Aws(AccessKey {
                id: need("accessKeyId")?.to_owned(),
                secret: SecretString::from(need("secretAccessKey")?),
                session: Some(SecretString::from(need("sessionToken")?)),
            }),
            lives: ends.map(|ends| {
                let left = ends.saturating_sub(unix_ms());
                Duration::from_millis(u64::try_from(left).unwrap_or(0))
            }),
        })
    }
}

/// The name of the file of a login.
fn hexadecimal(of: &str) -> String {
    let mut name = String::new();
    for byte in digest(&SHA1_FOR_LEGACY_USE_ONLY, of.as_bytes()).as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

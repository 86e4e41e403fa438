//! Amazon's access keys: written down, or handed out for a while to the machine, to a container, to whoever shows a token
//! of the cluster, and to those who may take on a role.

use crate::clock::unix_ms;
use crate::credential::ask::{Address, Answer, FORM, Question, ask, element, form};
use crate::credential::pass::{AccessKey, Minted, Pass};
use crate::credential::surroundings::{Surroundings, fresh};
use crate::credential::way::{Found, MACHINE, Way, family};
use crate::upstream::Upstream;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use mux_plugins::sigv4::{Scope, sign};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

/// Where machines at Amazon ask who they are.
const INSTANCE: &str = "http://169.254.169.254";
/// Where containers at Amazon do.
const CONTAINER: &str = "http://169.254.170.2";
/// How long the right to ask lasts, seconds.
const SESSION_SECONDS: &str = "21600";

/// For how long a key in a file is taken to be the one that is there.
const REREAD: Duration = Duration::from_mins(5);

/// Somebody who is given keys for a while.
#[derive(Debug)]
pub(crate) struct Account {
    source: Source,
    role: Option<Role>,
}

/// Who hands out the first key.
#[derive(Debug)]
enum Source {
    Written(AccessKey),
    /// A file that others rewrite, and what it held first.
    File {
        path: String,
        profile: String,
        first: AccessKey,
    },
    /// The address, and what has to be shown there: a text, or what a file holds.
    Container(Address, Option<SecretString>, Option<String>),
    Instance(Address),
    /// A token in a file, for which the service of roles hands out a key.
    Token {
        role: Role,
        file: String,
    },
}

/// A role that is taken on.
#[derive(Clone, Debug)]
struct Role {
    arn: String,
    sts: Address,
    region: String,
}

/// What a text, a variable or a role says, where it is Amazon's.
///
/// # Errors
/// It is, but incomplete.
pub(crate) fn find(
    way: Way<'_>,
    region: &str,
    around: &Surroundings,
) -> Result<Option<Found<Account>>, String> {
    match way {
        Way::Role(role) => Ok(Some(match machine(role, region, around)? {
            // Nobody hands it out: there is nothing to fetch, to wait for or to drop.
            Account {
                source: Source::Written(key),
                role: None,
            } => Found::Pass(Pass::Aws(key)),
            account => Found::Account(account),
        })),
        Way::Text {
            variable,
            file,
            text,
        } => {
            if let Some(front) = family(variable, "ACCESS_KEY_ID") {
                let key = in_variables(front, text, around)?;
                return Ok(Some(Found::Pass(Pass::Aws(key))));
            }
            let profile = profile(around);
            let key = written(text, &profile)?;
            Ok(key.map(|(first, _)| match file {
                Some(path) => Found::Account(Account {
                    source: Source::File {
                        path: path.to_owned(),
                        profile,
                        first,
                    },
                    role: None,
                }),
                None => Found::Pass(Pass::Aws(first)),
            }))
        }
    }
}

fn in_variables(front: &str, id: &str, around: &Surroundings) -> Result<AccessKey, String> {
    Ok(AccessKey {
        id: id.trim().to_owned(),
        secret: SecretString::from(around.need(&format!("{front}SECRET_ACCESS_KEY"))?),
        session: around
            .get(&format!("{front}SESSION_TOKEN"))
            .map(SecretString::from),
    })
}

/// The profile that is meant.
fn profile(around: &Surroundings) -> String {
    around
        .get("AWS_PROFILE")
        .unwrap_or_else(|| "default".to_owned())
}

/// A key in either of the forms in which files have one, and how long it holds where that is said.
fn written(text: &str, profile: &str) -> Result<Option<(AccessKey, Option<Duration>)>, String> {
    if let Some(key) = in_json(text) {
        return Ok(Some((key, ends(text))));
    }
    Ok(in_profile(text, profile)?.map(|key| (key, None)))
}

/// As Amazon's tools write a key, and its services hand one out.
fn in_json(text: &str) -> Option<AccessKey> {
    let said: Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| said.get(name).and_then(Value::as_str);
    let session = field("SessionToken").or_else(|| field("Token"));
    Some(AccessKey {
        id: field("AccessKeyId")?.to_owned(),
        secret: SecretString::from(field("SecretAccessKey")?),
        session: session.map(SecretString::from),
    })
}

/// As a file of profiles has one.
fn in_profile(text: &str, profile: &str) -> Result<Option<AccessKey>, String> {
    if !text.contains("aws_access_key_id") {
        return Ok(None);
    }
    let field = |name: &str| {
        let mut here = false;
        let mut lines = text.lines().map(str::trim);
        lines.find_map(|line| {
            if let Some(title) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                let title = title.trim();
                here = title.strip_prefix("profile ").unwrap_or(title).trim() == profile;
            }
            let (key, value) = line.split_once('=').filter(|_| here)?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    let need = |name: &str| {
        field(name).ok_or_else(|| {
            format!("needs `{name}` in the profile `{profile}` of its AWS credentials")
        })
    };
    Ok(Some(AccessKey {
        id: need("aws_access_key_id")?,
        secret: SecretString::from(need("aws_secret_access_key")?),
        session: field("aws_session_token").map(SecretString::from),
    }))
}

/// Whoever this machine is, looked for in the order in which Amazon's own clients look; and the role it takes on.
fn machine(role: &str, region: &str, around: &Surroundings) -> Result<Account, String> {
    let sts = around.get("AWS_ENDPOINT_URL_STS").unwrap_or_else(|| {
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://sts.{region}.amazonaws.com{china}")
    });
    let sts = Address::public(sts.trim_end_matches('/'))?;
    let taken = |arn: &str| Role {
        arn: arn.to_owned(),
        sts: sts.with("/"),
        region: region.to_owned(),
    };
    let source = source(&taken, around)?;
    let own = match &source {
        Source::Token { role, .. } => role.arn.as_str(),
        _ => MACHINE,
    };
    let role = (role != MACHINE && role != own).then(|| taken(role));
    if let Some(role) = &role
        && !role.arn.starts_with("arn:")
    {
        return Err(format!(
            "needs the role `{}`, which is no ARN: write `role \"arn:aws:iam::…:role/…\"`, or `role \"{MACHINE}\"` \
             for whoever the machine is",
            role.arn
        ));
    }
    Ok(Account { source, role })
}

fn source(taken: &dyn Fn(&str) -> Role, around: &Surroundings) -> Result<Source, String> {
    if let Some(id) = around.get("AWS_ACCESS_KEY_ID") {
        return in_variables("AWS_", &id, around).map(Source::Written);
    }
    if let (Some(file), Some(arn)) = (
        around.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
        around.get("AWS_ROLE_ARN"),
    ) {
        let role = taken(&arn);
        return Ok(Source::Token { role, file });
    }
    let profiles = around.get("AWS_SHARED_CREDENTIALS_FILE");
    let profiles = profiles.or_else(|| {
        let usual = around.below_home(".aws/credentials")?;
        usual.is_file().then(|| usual.display().to_string())
    });
    let profile = profile(around);
    if let Some(path) = profiles
        && let Some((first, _)) = written(&Surroundings::read(&path)?, &profile)?
    {
        return Ok(Source::File {
            path,
            profile,
            first,
        });
    }
    let relative = around.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let container = relative.map(|path| format!("{CONTAINER}{path}"));
    if let Some(url) = container.or_else(|| around.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
        return Ok(Source::Container(
            Address::local(url),
            around
                .get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
                .map(SecretString::from),
            around.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        ));
    }
    if around.get("AWS_EC2_METADATA_DISABLED").as_deref() == Some("true") {
        return Err("needs AWS credentials, and the environment holds none".to_owned());
    }
    let base = around.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let base = base.unwrap_or_else(|| INSTANCE.to_owned());
    let base = base.trim_end_matches('/').to_owned();
    Ok(Source::Instance(Address::local(base)))
}

impl Account {
    /// Who it is, for people.
    pub(crate) fn name(&self) -> String {
        match (&self.role, &self.source) {
            (Some(role), _) | (None, Source::Token { role, .. }) => {
                format!("the role `{}`", role.arn)
            }
            (None, Source::Written(key)) => format!("the access key `{}`", key.id),
            (None, Source::File { path, .. }) => format!("the access key in `{path}`"),
            (None, Source::Container(..)) => "this container at AWS".to_owned(),
            (None, Source::Instance(_)) => "this machine at AWS".to_owned(),
        }
    }

    /// What tells it from others.
    pub(crate) fn identity(&self) -> Vec<&str> {
        let mut parts = match &self.source {
            Source::Written(key) => {
                let keys = key.keys();
                vec![keys.id, keys.secret, keys.session.unwrap_or_default()]
            }
            Source::File {
                path,
                profile,
                first,
            } => vec![path, profile, &first.id, first.keys().secret],
            Source::Container(address, shown, file) => vec![
                address.url(),
                shown.as_ref().map_or("", ExposeSecret::expose_secret),
                file.as_deref().unwrap_or_default(),
            ],
            Source::Instance(address) => vec![address.url()],
            Source::Token { role, file } => vec![&role.arn, role.sts.url(), file],
        };
        if let Some(role) = &self.role {
            parts.extend([role.arn.as_str(), role.sts.url(), &role.region]);
        }
        parts
    }

    /// A key for a while.
    pub(crate) async fn mint(&self, upstream: &Upstream) -> Result<Minted, String> {
        let mut own = None;
        let first = match &self.source {
            Source::Written(key) => Minted {
                pass: Pass::Aws(key.clone()),
                lives: None,
            },
            Source::File { path, profile, .. } => {
                let found = written(&fresh(path).await?, profile)?;
                let none = || format!("the file `{path}` holds no access key any more");
                let (key, lives) = found.ok_or_else(none)?;
                Minted {
                    pass: Pass::Aws(key),
                    lives: Some(lives.map_or(REREAD, |lives| lives.min(REREAD))),
                }
            }
            Source::Container(address, shown, file) => {
                let question = match (file, shown) {
                    (Some(file), _) => Question::get("authorization", &fresh(file).await?)?,
                    (None, Some(shown)) => Question::get("authorization", shown.expose_secret())?,
                    (None, None) => Question::default(),
                };
                handed_out(&ask(upstream, address, question).await?)?
            }
            Source::Instance(base) => {
                let (name, minted) = instance(upstream, base).await?;
                own = Some(name);
                minted
            }
            Source::Token { role, file } => {
                let token = fresh(file).await?;
                let fields = [
                    ("Action", "AssumeRoleWithWebIdentity"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", role.arn.as_str()),
                    ("RoleSessionName", "mux"),
                    ("WebIdentityToken", token.as_str()),
                ];
                let answer = ask(upstream, &role.sts, Question::form(&fields)).await?;
                taken_on(&answer)?
            }
        };
        match (&self.role, &first.pass) {
            // A machine that has the role already need not take it on.
            (Some(role), Pass::Aws(_)) if own.as_deref() == role.arn.rsplit('/').next() => {
                Ok(first)
            }
            (Some(role), Pass::Aws(key)) => role.take_on(upstream, key).await,
            _ => Ok(first),
        }
    }
}

impl Role {
    async fn take_on(&self, upstream: &Upstream, key: &AccessKey) -> Result<Minted, String> {
        let mut question = Question {
            method: Method::POST,
            body: form(&[
                ("Action", "AssumeRole"),
                ("Version", "2011-06-15"),
                ("RoleArn", &self.arn),
                ("RoleSessionName", "mux"),
            ])
            .into(),
            ..Question::default()
        };
        question
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        let scope = Scope {
            service: "sts",
            region: &self.region,
            now_unix_ms: unix_ms().unsigned_abs(),
        };
        let body = [question.body.clone()];
        let signed = sign(
            &question.method,
            self.sts.url(),
            &mut question.headers,
            &body,
            scope,
            &key.keys(),
        );
        signed.map_err(|fault| fault.to_string())?;
        taken_on(&ask(upstream, &self.sts, question).await?)
    }
}

/// The role of this machine, and a key of it.
async fn instance(upstream: &Upstream, base: &Address) -> Result<(String, Minted), String> {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    let mut right = Question::get("x-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS)?;
    right.method = Method::PUT;
    let right = ask(upstream, &base.with("/latest/api/token"), right).await?;
    let right = right.text()?.trim();
    let question = || Question::get("x-aws-ec2-metadata-token", right);
    let roles = ask(upstream, &base.with(ROLES), question()?).await?;
    let name = roles.text()?.lines().next().unwrap_or_default().trim();
    if name.is_empty() {
        return Err("this machine at AWS has no role".to_owned());
    }
    let place = base.with(&format!("{ROLES}{name}"));
    let answer = ask(upstream, &place, question()?).await?;
    Ok((name.to_owned(), handed_out(&answer)?))
}

/// A key as machines and containers are handed one.
fn handed_out(answer: &Answer) -> Result<Minted, String> {
    let text = answer.text()?;
    let key = in_json(text).ok_or_else(|| answer.senseless())?;
    Ok(Minted {
        pass: Pass::Aws(key),
        lives: ends(text),
    })
}

/// A key as the service of roles hands one out.
fn taken_on(answer: &Answer) -> Result<Minted, String> {
    let text = answer.text()?;
    let part = |name: &str| element(text, name).filter(|part| !part.is_empty());
    let need = |name: &str| part(name).ok_or_else(|| answer.senseless());
    Ok(Minted {
        pass: Pass::Aws(AccessKey {
            id: need("AccessKeyId")?.to_owned(),
            secret: SecretString::from(need("SecretAccessKey")?),
            session: Some(SecretString::from(need("SessionToken")?)),
        }),
        lives: part("Expiration").and_then(left),
    })
}

/// How long a key in JSON holds, where that is said.
fn ends(text: &str) -> Option<Duration> {
    let said: Value = serde_json::from_str(text).ok()?;
    left(said.get("Expiration")?.as_str()?)
}

/// How long it is until a point in time.
fn left(until: &str) -> Option<Duration> {
    let until: jiff::Timestamp = until.parse().ok()?;
    let left = until.as_millisecond().saturating_sub(unix_ms());
    Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
}

#[cfg(test)]
mod tests;

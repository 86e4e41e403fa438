//! Tokens of Microsoft Entra: for an application with a secret, for a workload whose cluster vouches for it, and for the
//! managed identity of the machine.

use crate::credential::ask::{Address, Question, ask, form};
use crate::credential::pass::Minted;
use crate::credential::surroundings::{Surroundings, fresh};
use crate::credential::way::{MACHINE, Way, family};
use crate::upstream::Upstream;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Where tokens are handed out.
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Where machines at Azure ask who they are.
const INSTANCE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Somebody for whom tokens are handed out.
#[derive(Debug)]
pub(crate) struct Account {
    kind: Kind,
    scope: String,
}

#[derive(Debug)]
enum Kind {
    /// The application, its proof and where it is shown.
    Application {
        client: String,
        proof: Proof,
        tokens: Address,
    },
    /// The address with its query, and a header with what has to be shown there.
    Machine {
        name: String,
        tokens: Address,
        shown: (&'static str, SecretString),
    },
}

#[derive(Debug)]
enum Proof {
    Secret(SecretString),
    /// A file with a token that somebody keeps fresh.
    File(String),
}

/// What a text, a variable or a role says, where it is Entra's.
///
/// # Errors
/// It is, but incomplete.
pub(crate) fn find(
    way: Way<'_>,
    scope: &str,
    around: &Surroundings,
) -> Result<Option<Account>, String> {
    let kind = match way {
        Way::Role(role) => Some(machine(role, scope, around)?),
        Way::Text { variable, text, .. } => match family(variable, "CLIENT_SECRET") {
            Some(front) => {
                let tenant = around.need(&format!("{front}TENANT_ID"))?;
                let client = around.need(&format!("{front}CLIENT_ID"))?;
                let proof = Proof::Secret(SecretString::from(text.trim()));
                Some(application(&tenant, client, proof, around)?)
            }
            None => written(text, around)?,
        },
    };
    Ok(kind.map(|kind| Account {
        kind,
        scope: scope.to_owned(),
    }))
}

/// An application as `az ad sp create-for-rbac` writes it, in either of its forms.
fn written(text: &str, around: &Surroundings) -> Result<Option<Kind>, String> {
    let Ok(said) = serde_json::from_str::<Value>(text) else {
        return Ok(None);
    };
    let field = |names: [&str; 2]| {
        let mut found = names
            .into_iter()
            .filter_map(|name| said.get(name)?.as_str());
        found.next().map(str::to_owned)
    };
    let tenant = field(["tenantId", "tenant"]);
    let client = field(["clientId", "appId"]);
    let secret = field(["clientSecret", "password"]);
    match (tenant, client, secret) {
        (Some(tenant), Some(client), Some(secret)) => {
            let proof = Proof::Secret(SecretString::from(secret));
            application(&tenant, client, proof, around).map(Some)
        }
        (None, None, None) => Ok(None),
        _ => Err(
            "needs `tenantId`, `clientId` and `clientSecret` in its Entra credentials".to_owned(),
        ),
    }
}

fn application(
    tenant: &str,
    client: String,
    proof: Proof,
    around: &Surroundings,
) -> Result<Kind, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    if tenant.is_empty() || !tenant.bytes().all(plain) {
        return Err("has a tenant of Entra that is neither an id nor a domain".to_owned());
    }
    let authority = around.get("AZURE_AUTHORITY_HOST");
    let authority = authority.as_deref().unwrap_or(AUTHORITY);
    let authority = Address::public(authority.trim_end_matches('/'))?;
    Ok(Kind::Application {
        client,
        proof,
        tokens: authority.with(&format!("/{tenant}/oauth2/v2.0/token")),
    })
}

/// Whoever this machine is, looked for in the order in which Microsoft's own clients look.
fn machine(role: &str, scope: &str, around: &Surroundings) -> Result<Kind, String> {
    let vouched = (
        around.get("AZURE_FEDERATED_TOKEN_FILE"),
        around.get("AZURE_TENANT_ID"),
        around.get("AZURE_CLIENT_ID"),
    );
    if let (Some(file), Some(tenant), client) = vouched {
        let client = if role == MACHINE {
            client
        } else {
            Some(role.to_owned())
        };
        let client = client.ok_or("needs the environment variable `AZURE_CLIENT_ID`")?;
        return application(&tenant, client, Proof::File(file), around);
    }
    let (base, version, shown) = match (
        around.get("IDENTITY_ENDPOINT"),
        around.get("IDENTITY_HEADER"),
    ) {
        (Some(base), Some(header)) => (
            base,
            "2019-08-01",
            ("x-identity-header", SecretString::from(header)),
        ),
        _ => (
            INSTANCE.to_owned(),
            "2018-02-01",
            ("metadata", SecretString::from("true")),
        ),
    };
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    let mut fields = vec![("api-version", version), ("resource", resource)];
    if role != MACHINE {
        fields.push(("client_id", role));
    }
    Ok(Kind::Machine {
        name: role.to_owned(),
        tokens: Address::local(format!("{base}?{}", form(&fields))),
        shown,
    })
}

impl Account {
    /// Who it is, for people.
    pub(crate) fn name(&self) -> String {
        match &self.kind {
            Kind::Application { client, .. } => format!("the application `{client}` of Entra"),
            Kind::Machine { name, .. } if name == MACHINE => "this machine at Azure".to_owned(),
            Kind::Machine { name, .. } => format!("the managed identity `{name}`"),
        }
    }

    /// What tells it from others.
    pub(crate) fn identity(&self) -> Vec<&str> {
        let mut parts = match &self.kind {
            Kind::Application {
                client,
                proof,
                tokens,
            } => {
                let proof = match proof {
                    Proof::Secret(secret) => secret.expose_secret(),
                    Proof::File(file) => file,
                };
                vec![client.as_str(), proof, tokens.url()]
            }
            Kind::Machine { tokens, shown, .. } => vec![tokens.url(), shown.1.expose_secret()],
        };
        parts.push(&self.scope);
        parts
    }

    /// A token.
    pub(crate) async fn mint(&self, upstream: &Upstream) -> Result<Minted, String> {
        let (tokens, question) = match &self.kind {
            Kind::Application {
                client,
                proof,
                tokens,
            } => {
                let mut fields = vec![
                    ("grant_type", "client_credentials"),
                    ("client_id", client.as_str()),
                    ("scope", self.scope.as_str()),
                ];
                let token;
                match proof {
                    Proof::Secret(secret) => {
                        fields.push(("client_secret", secret.expose_secret()));
                    }
                    Proof::File(file) => {
                        token = fresh(file).await?;
                        fields.push((
                            "client_assertion_type",
                            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                        ));
                        fields.push(("client_assertion", token.as_str()));
                    }
                }
                (tokens, Question::form(&fields))
            }
            Kind::Machine { tokens, shown, .. } => {
                let (name, value) = shown;
                (tokens, Question::get(name, value.expose_secret())?)
            }
        };
        ask(upstream, tokens, question).await?.token()
    }
}

#[cfg(test)]
mod tests;

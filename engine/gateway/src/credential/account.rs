//! Somebody for whom credentials are handed out for a while, at whichever cloud.

use crate::credential::pass::Minted;
use crate::credential::{aws, entra, google};
use crate::upstream::Upstream;

/// The account.
#[derive(Debug)]
pub(crate) enum Account {
    Aws(aws::Account),
    Google(google::Account),
    Entra(entra::Account),
}

impl Account {
    /// Who it is, for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Aws(account) => account.name(),
            Self::Google(account) => account.name(),
            Self::Entra(account) => account.name(),
        }
    }

    /// A hash that two have in common only if they get the same credentials.
    pub(crate) fn identity(&self) -> blake3::Hash {
        let (cloud, parts) = match self {
            Self::Aws(account) => ("aws", account.identity()),
            Self::Google(account) => ("google", account.identity()),
            Self::Entra(account) => ("entra", account.identity()),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(cloud.as_bytes());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize()
    }

    /// Asks for a credential.
    ///
    /// # Errors
    /// Why there is none, without a secret.
    pub(crate) async fn mint(&self, upstream: &Upstream) -> Result<Minted, String> {
        match self {
            Self::Aws(account) => account.mint(upstream).await,
            Self::Google(account) => account.mint(upstream).await,
            Self::Entra(account) => account.mint(upstream).await,
        }
    }
}

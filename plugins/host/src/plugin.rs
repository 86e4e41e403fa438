//! A loaded plugin: compiled, vetted, and not yet bound to any settings.

use std::fmt;
use std::sync::Arc;

use crate::instance::Template;
use crate::lane::Lane;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::standing::{Standing, Tell};

/// A plugin of one version. Streams hold on to theirs while newer versions are loaded.
pub struct Plugin {
    pub(crate) hash: String,
    pub(crate) kept: bool,
    pub(crate) manifest: Manifest,
    pub(crate) template: Template,
    pub(crate) limits: Limits,
    pub(crate) standing: Arc<Standing>,
    pub(crate) lane: Arc<Lane>,
}

impl Plugin {
    /// The name policies use after `kind`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// The plugin's own version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.manifest.version
    }

    /// BLAKE3 of the component, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether its machine code was kept from an earlier time, rather than compiled.
    #[must_use]
    pub fn is_from_cache(&self) -> bool {
        self.kept
    }

    /// How it has done so far.
    #[must_use]
    pub fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    /// What it said of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same plugin under other limits, with an account of its own.
    pub(crate) fn limited(&self, limits: Limits) -> Self {
        Self {
            hash: self.hash.clone(),
            kept: self.kept,
            manifest: self.manifest.clone(),
            template: self.template.clone(),
            limits,
            standing: Arc::new(Standing::new(Tell::default())),
            lane: Arc::clone(&self.lane),
        }
    }

    /// The memory its instances may have, in bytes.
    pub(crate) fn memory(&self) -> usize {
        match self.manifest.memory_mib as usize {
            0 => self.limits.memory,
            asked => (asked << 20).min(self.limits.memory),
        }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("id", &self.manifest.id)
            .field("version", &self.manifest.version)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

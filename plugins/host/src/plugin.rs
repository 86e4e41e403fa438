//! A loaded plugin: compiled, vetted, and not yet bound to any settings.

use std::fmt;

use crate::instance::Template;
use crate::limits::Limits;
use crate::manifest::Manifest;

/// A plugin of one version. Streams hold on to theirs while newer versions are loaded.
pub struct Plugin {
    pub(crate) hash: String,
    pub(crate) manifest: Manifest,
    pub(crate) template: Template,
    pub(crate) limits: Limits,
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

    /// What it said of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
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

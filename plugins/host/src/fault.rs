//! What can go wrong with plugins: making the host, loading one, calling one.

use std::fmt;

/// Why a call gave no result. It cost that one call; the next one gets a fresh instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The client's request is wrong.
    Invalid {
        /// What is wrong and what to do.
        message: String,
        /// The field.
        param: Option<String>,
    },
    /// The request is fine, but this provider cannot do it.
    Unsupported {
        /// What cannot be done.
        message: String,
        /// The field that asks for it.
        param: Option<String>,
    },
    /// The provider's answer makes no sense.
    BadResponse(String),
    /// The plugin says it made a mistake.
    Internal(String),
    /// The plugin crashed.
    Trap(String),
    /// The plugin took too long.
    Deadline,
    /// The plugin wanted more memory than it may have.
    Memory,
    /// The plugin returned too much, or something the interface does not allow.
    Output(String),
    /// The plugin planned a request the host will not send.
    Plan(String),
    /// The credential cannot be put on.
    Credential(String),
    /// No instance is free.
    Busy,
    /// The plugin is set aside: too many of its calls failed.
    Quarantined {
        /// For how long, in seconds.
        seconds: u64,
    },
}

impl Fault {
    /// Whether the plugin is to blame, rather than the client, the provider or the operator.
    #[must_use]
    pub fn is_plugins(&self) -> bool {
        matches!(
            self,
            Self::Internal(_)
                | Self::Trap(_)
                | Self::Deadline
                | Self::Memory
                | Self::Output(_)
                | Self::Plan(_)
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { message, .. } | Self::Unsupported { message, .. } => {
                f.write_str(message)
            }
            Self::BadResponse(message) => {
                write!(f, "the provider's answer makes no sense: {message}")
            }
            Self::Internal(message) => write!(
                f,
                "the plugin reports a mistake of its own: {message}; tell its author"
            ),
            Self::Trap(message) => write!(f, "the plugin crashed: {message}; tell its author"),
            Self::Deadline => f.write_str(
                "the plugin ran past its deadline and was stopped; tell its author, or try a shorter request",
            ),
            Self::Memory => f.write_str(
                "the plugin wanted more memory than it may have; tell its author, or try a smaller request",
            ),
            Self::Output(message) => write!(
                f,
                "the plugin returned what the interface does not allow: {message}; tell its author"
            ),
            Self::Plan(message) => write!(
                f,
                "the plugin planned a request that is not sent: {message}; tell its author"
            ),
            Self::Credential(message) => {
                write!(f, "the credential cannot be used: {message}; mend the provider's `key`")
            }
            Self::Quarantined { seconds } => write!(
                f,
                "the plugin is set aside for {seconds} s, because too many of its calls failed; put a mended file in its place"
            ),
            Self::Busy => f.write_str(
                "all plugin instances are in use; try again, or raise the limit on instances",
            ),
        }
    }
}

impl std::error::Error for Fault {}

/// Why a plugin, or a plugin with some settings, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    plugin: String,
    reason: String,
}

impl LoadError {
    pub(crate) fn new(plugin: &str, reason: impl Into<String>) -> Self {
        Self {
            plugin: plugin.to_owned(),
            reason: reason.into(),
        }
    }

    /// What the reason is, without the plugin's name.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the plugin `{}` cannot be used: {}",
            self.plugin, self.reason
        )
    }
}

impl std::error::Error for LoadError {}

/// Why this machine cannot run plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostError(pub(crate) String);

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugins cannot run on this machine: {}", self.0)
    }
}

impl std::error::Error for HostError {}

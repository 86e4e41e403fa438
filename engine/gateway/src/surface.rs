//! Where clients ask what: the paths, below each of the places that they are mounted at.

use hyper::HeaderMap;
use mux_wire::Dialect;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Something is asked of a model, in a dialect.
    Ask(Dialect),
    /// The models on offer.
    Models,
    /// Whether the gateway is there.
    Health,
}

/// Whose clients call a path, which decides how they are told of models and of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    OpenAi,
    Anthropic,
}

const OPENAI: &[(&str, Surface)] = &[
    ("/v1/chat/completions", Surface::Ask(Dialect::Chat)),
    ("/v1/responses", Surface::Ask(Dialect::Responses)),
    ("/v1/embeddings", Surface::Ask(Dialect::Embeddings)),
    ("/v1/models", Surface::Models),
];
const ANTHROPIC: &[(&str, Surface)] = &[
    ("/v1/messages", Surface::Ask(Dialect::Messages)),
    ("/v1/messages/count_tokens", Surface::Ask(Dialect::Count)),
    ("/v1/models", Surface::Models),
];

/// What stands at `path`.
pub(crate) fn at(path: &str) -> Option<Surface> {
    let find = |table: &[(&str, Surface)], path: &str| {
        let found = table.iter().find(|(known, _)| *known == path);
        found.map(|(_, surface)| *surface)
    };
    if let Some(path) = path.strip_prefix("/openai") {
        return find(OPENAI, path);
    }
    if let Some(path) = path.strip_prefix("/anthropic") {
        return find(ANTHROPIC, path);
    }
    let health = (path == "/healthz").then_some(Surface::Health);
    health
        .or_else(|| find(OPENAI, path))
        .or_else(|| find(ANTHROPIC, path))
}

impl Surface {
    /// The one method that it takes.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Ask(_) => "POST",
            Self::Models | Self::Health => "GET",
        }
    }
}

impl Clients {
    /// Whose clients call: those of Anthropic say their version, and where they want to be.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let anthropic = path.starts_with("/anthropic/")
            || matches!(
                at(path),
                Some(Surface::Ask(Dialect::Messages | Dialect::Count))
            )
            || headers.contains_key("anthropic-version") && !path.starts_with("/openai/");
        if anthropic {
            Self::Anthropic
        } else {
            Self::OpenAi
        }
    }

    /// The dialect of their errors, where nothing was asked yet.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::OpenAi => Dialect::Chat,
            Self::Anthropic => Dialect::Messages,
        }
    }
}

/// All paths, for people.
pub(crate) fn listed() -> String {
    let mut paths: Vec<&str> = OPENAI
        .iter()
        .chain(ANTHROPIC)
        .map(|(path, _)| *path)
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths
        .iter()
        .map(|path| format!("`{path}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surface_is_below_its_vendors_mount_and_at_the_root() {
        for (mount, table) in [("/openai", OPENAI), ("/anthropic", ANTHROPIC)] {
            for (path, surface) in table {
                assert_eq!(at(path), Some(*surface));
                assert_eq!(at(&format!("{mount}{path}")), Some(*surface));
            }
        }
        assert_eq!(at("/anthropic/v1/chat/completions"), None);
        assert_eq!(at("/openai/v1/messages"), None);
        assert_eq!(at("/openai/healthz"), None);
        assert_eq!(at("/v1/messages/"), None);
    }

    #[test]
    fn anthropics_clients_are_known_by_their_version_and_their_mount() {
        let mut headers = HeaderMap::new();
        let of = |path, headers: &HeaderMap| Clients::of(path, headers);
        assert_eq!(of("/v1/models", &headers), Clients::OpenAi);
        assert_eq!(of("/anthropic/v1/models", &headers), Clients::Anthropic);
        assert_eq!(of("/v1/messages", &headers), Clients::Anthropic);
        headers.insert("anthropic-version", "2023-06-01".parse().unwrap());
        assert_eq!(of("/v1/models", &headers), Clients::Anthropic);
        assert_eq!(of("/openai/v1/models", &headers), Clients::OpenAi);
    }
}

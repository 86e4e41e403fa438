//! What a request is recognised by: for shares that stick to a user, and for targets that stay with one.

use crate::arrival::Arrival;
use mux_dsl::image::{Affinity, Sticky};
use mux_dsl::request::Request;

/// What a `split` or a `canary` hashes: the first of `by` that the request has; else its key, else its id, so that a
/// request without any still falls on every arm by its share.
pub(crate) fn who<'a>(by: &[Sticky], request: &Request<'a>, id: &'a str) -> &'a str {
    by.iter()
        .find_map(|sticky| present(sticky, request))
        .or(request.key)
        .unwrap_or(id)
}

fn present<'a>(sticky: &Sticky, request: &Request<'a>) -> Option<&'a str> {
    match sticky {
        Sticky::EndUser => request.end_user,
        Sticky::Key => request.key,
        Sticky::Team => request.team,
        Sticky::Conversation => request.conversation,
        Sticky::Tag(name) => request.tag(name),
        Sticky::Header(name) => request.header(name),
    }
}

/// What an `affinity` goes by; `None` where the request has no such thing, and so nothing to stay with.
pub(crate) fn bond<'a>(
    affinity: Affinity,
    request: &Request<'a>,
    arrival: &'a Arrival,
) -> Option<&'a str> {
    match affinity {
        Affinity::Conversation => request.conversation,
        Affinity::EndUser => request.end_user,
        Affinity::Key => request.key,
        Affinity::Prefix(tokens) => arrival.facts.prefix(tokens),
    }
}

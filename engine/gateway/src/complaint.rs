//! What a client is told when something failed: the body of an error, and who was tried.

use mux_routing::MILLI;
use mux_routing::flight::Flight;
use mux_routing::refusal::Refusal;
use mux_wire::Dialect;
use mux_wire::chat::{AttemptLine, ErrorBody};

/// The status that an answer would have had which broke off.
const BROKEN: u16 = 502;

/// An error before any flight.
pub(crate) fn early(refusal: &Refusal, request_id: &str) -> ErrorBody {
    error_body(refusal, request_id, Vec::new())
}

/// The error at the end of a flight.
pub(crate) fn late(refusal: &Refusal, flight: &Flight) -> ErrorBody {
    error_body(refusal, &flight.arrival().id, attempts(flight))
}

/// The error inside a stream whose answer broke off.
pub(crate) fn broken(flight: &Flight, class: &str) -> ErrorBody {
    ErrorBody {
        status: BROKEN,
        message: format!("the answer broke off: {class}"),
        r#type: "upstream_error".to_owned(),
        code: Some("mid_stream_failure".to_owned()),
        param: None,
        attempts: attempts(flight),
        request_id: flight.arrival().id.clone(),
    }
}

/// The dialect of a flight's client.
pub(crate) fn spoken(flight: &Flight) -> Dialect {
    Dialect::named(&flight.arrival().facts.dialect).unwrap_or_default()
}

fn error_body(refusal: &Refusal, request_id: &str, attempts: Vec<AttemptLine>) -> ErrorBody {
    let kind = match refusal.status {
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "upstream_error",
    };
    ErrorBody {
        status: refusal.status,
        message: refusal.message.clone(),
        r#type: kind.to_owned(),
        code: Some(refusal.code.to_owned()),
        param: refusal.param.map(str::to_owned),
        attempts,
        request_id: request_id.to_owned(),
    }
}

fn attempts(flight: &Flight) -> Vec<AttemptLine> {
    let made = flight.attempts().iter().map(|a| AttemptLine {
        target: flight.router().name(a.target).to_owned(),
        class: a.class.word().to_owned(),
        status: a.status,
        ms: a.end.unwrap_or(a.start).saturating_sub(a.start) / MILLI,
    });
    let passed = flight.candidates().iter().filter_map(|(target, reason)| {
        Some(AttemptLine {
            target: flight.router().name(*target).to_owned(),
            class: reason.as_ref()?.kind().to_owned(),
            status: None,
            ms: 0,
        })
    });
    made.chain(passed).collect()
}

//! One chat request's entry in the books, closed whatever becomes of the request.

use std::sync::Arc;

use crate::books::{Books, LastRequest};
use crate::state::State;

/// A request under way. Dropped before its end, it counts as given up by the client.
#[derive(Debug)]
pub(crate) struct Visit {
    state: Arc<State>,
    over: bool,
}

impl Visit {
    pub(crate) fn begin(state: Arc<State>) -> Self {
        state.books.send_modify(|books| {
            books.requests += 1;
            books.in_flight += 1;
        });
        Self { state, over: false }
    }

    pub(crate) fn remember(&self, request: LastRequest) {
        self.note(|books| books.last = Some(request));
    }

    pub(crate) fn answered(&self, status: u16) {
        self.note(|books| *books.by_status.entry(status).or_default() += 1);
    }

    pub(crate) fn bill_input(&self, tokens: u64) {
        self.note(|books| books.tokens_in += tokens);
    }

    pub(crate) fn bill_output(&self, tokens: u64) {
        self.note(|books| books.tokens_out += tokens);
    }

    /// The request came to its end.
    pub(crate) fn end(&mut self) {
        self.over = true;
    }

    /// The provider broke it off.
    pub(crate) fn cut(&mut self) {
        self.over = true;
        self.note(|books| books.cut += 1);
    }

    fn note(&self, entry: impl FnOnce(&mut Books)) {
        self.state.books.send_modify(entry);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let given_up = u64::from(!self.over);
        self.note(|books| {
            books.in_flight = books.in_flight.saturating_sub(1);
            books.cancelled += given_up;
        });
    }
}

//! What is timed: something that holds its rules and its requests in its own form, and finds the rule for a request.

use crate::rules::REQUESTS;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// One way to decide.
pub(crate) trait Engine {
    /// As the table calls it.
    fn name(&self) -> &'static str;

    /// The rule that takes this request, by number; none if no rule does.
    fn decide(&mut self, request: usize) -> Option<usize>;

    /// How long so many decisions take, over all requests in turn.
    fn timed(&mut self, decisions: u64) -> Duration {
        let begin = Instant::now();
        let mut request = 0;
        for _ in 0..decisions {
            black_box(self.decide(black_box(request)));
            request = (request + 1) % REQUESTS;
        }
        begin.elapsed()
    }
}

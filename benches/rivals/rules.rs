//! The rules, `team is X and tokens > 1000` for as many teams as there are rules, and the requests that ask for them.

/// How many rules are compared.
pub(crate) const SIZES: [usize; 4] = [10, 50, 200, 1_000];

/// How many requests there are for each size.
pub(crate) const REQUESTS: usize = 64;

/// A rule takes a request of its team with more tokens than this.
pub(crate) const TOKENS: u32 = 1_000;

/// One request.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) team: String,
    pub(crate) tokens: u32,
    /// The rule that takes it.
    pub(crate) expected: Option<usize>,
}

/// The team of a rule.
pub(crate) fn team(rule: usize) -> String {
    format!("team-{rule}")
}

/// Requests for rules spread over all there are, out of order; one in 16 has too few tokens and one an unknown team, so
/// that no rule takes it.
pub(crate) fn asks(rules: usize) -> Vec<Ask> {
    (0..REQUESTS).map(|at| ask(at, rules)).collect()
}

fn ask(at: usize, rules: usize) -> Ask {
    // 37 has no factor in common with 64: each place is met once.
    let rule = at * 37 % REQUESTS * rules / REQUESTS;
    let (team, tokens, expected) = match at % 16 {
        7 => (team(rule), TOKENS, None),
        15 => (team(rules), 2_000, None),
        _ => (team(rule), 2_000, Some(rule)),
    };
    Ask {
        team,
        tokens,
        expected,
    }
}

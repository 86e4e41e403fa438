//! The yardstick: rules in a list, asked one after the other until one takes the request. Nobody could call it slow, and
//! it can do nothing else.

use crate::engine::Engine;
use crate::rules::{Ask, TOKENS, team};

struct Rule {
    team: String,
    tokens: u32,
}

pub(crate) struct Plain<'a> {
    rules: Vec<Rule>,
    asks: &'a [Ask],
}

impl<'a> Plain<'a> {
    pub(crate) fn new(rules: usize, asks: &'a [Ask]) -> Self {
        let rule = |rule| Rule {
            team: team(rule),
            tokens: TOKENS,
        };
        Self {
            rules: (0..rules).map(rule).collect(),
            asks,
        }
    }
}

impl Engine for Plain<'_> {
    fn name(&self) -> &'static str {
        "plain loop"
    }

    fn decide(&mut self, request: usize) -> Option<usize> {
        let ask = &self.asks[request];
        let takes = |rule: &Rule| rule.team == ask.team && ask.tokens > rule.tokens;
        self.rules.iter().position(takes)
    }
}

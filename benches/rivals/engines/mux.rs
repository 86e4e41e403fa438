//! mux: a policy of one alias. Only what the library promises to everybody is used.

use crate::engine::Engine;
use crate::rules::{Ask, TOKENS, team};
use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, PolicyId, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use mux_dsl::{Image, compile, render};
use std::fmt::Write as _;

const FLEET: &str = "provider p {\n  kind openai\n  model m\n}\n";

/// Nothing has happened yet; the rules ask for no figure.
struct Fresh;

impl Live for Fresh {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        None
    }

    fn p95(&self, _: TargetId) -> Option<Millis> {
        None
    }

    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }

    fn error_rate(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }

    fn inflight(&self, _: TargetId) -> u32 {
        0
    }

    fn breaker_open(&self, _: TargetId) -> bool {
        false
    }

    fn headroom(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }

    fn health(&self, _: TargetId) -> HealthState {
        HealthState::Ok
    }

    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        0
    }
}

pub(crate) struct Mux<'a> {
    rules: usize,
    image: Image,
    policy: PolicyId,
    asks: Vec<(u32, [(&'a str, &'a str); 1])>,
}

impl<'a> Mux<'a> {
    pub(crate) fn new(rules: usize, asks: &'a [Ask]) -> Self {
        let text = text(rules);
        let mut read = |_: &str| Ok(text.clone().into_bytes());
        let compiled = compile(&["rivals.mux"], &mut read, &|_| true);
        let report = render(&compiled.diagnostics, &compiled.sources, false);
        let image = compiled.image.expect(&report);
        let asks = asks.iter();
        Self {
            rules,
            policy: image.policy("rivals").expect("it is declared"),
            image,
            asks: asks
                .map(|ask| (ask.tokens, [("team", ask.team.as_str())]))
                .collect(),
        }
    }
}

fn text(rules: usize) -> String {
    let mut text = format!("{FLEET}policy @rivals {{\n");
    for rule in 0..rules {
        let team = team(rule);
        writeln!(
            text,
            "  when tag.team is \"{team}\" and tokens > {TOKENS} deny 400 \"rule {rule}\""
        )
        .expect("text grows");
    }
    text + "  else use p/m\n}\n"
}

impl Engine for Mux<'_> {
    fn name(&self) -> &'static str {
        "mux"
    }

    fn decide(&mut self, request: usize) -> Option<usize> {
        let (tokens, tags) = &self.asks[request];
        let request = Request {
            model: "@rivals",
            key: None,
            team: None,
            end_user: None,
            conversation: None,
            tags,
            headers: &[],
            operation: "chat",
            dialect: "openai-chat",
            tokens: *tokens,
            output_limit: None,
            streaming: true,
            needs: Features::default(),
            now: 1_767_614_400_000,
        };
        let rule = self
            .image
            .decide(self.policy, &request, &Fresh)
            .rule
            .index();
        (rule < self.rules).then_some(rule)
    }
}

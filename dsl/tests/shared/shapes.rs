//! Policies as large as wanted and the same each time, with requests for each: what is counted by the tests and timed by
//! the benches of the root.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a shape that is not right should fail loudly"
)]

use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use mux_dsl::{Image, compile, render};
use std::fmt::Write as _;

const FLEET: &str = "provider p {\n  kind openai\n  key  env KEY\n  model a\n  model b\n}\n\
                     budget day { cap $1/day }\nbudget month { cap $9/month }\n";

/// What the range rules compare, and how a value from 0 to 99 is written for it.
const FIGURES: [(&str, &str); 8] = [
    ("tokens", "000"),
    ("output_limit", "00"),
    ("p50 of p/a", "00ms"),
    ("p95 of p/a", "00ms"),
    ("p95 of p/b", "00ms"),
    ("error_rate of p/a", "%"),
    ("used of budget day", "%"),
    ("used of budget month", "%"),
];

/// Compiles one file; stops with its report if it is not right.
pub(crate) fn image(text: &str) -> Image {
    let mut read = |_: &str| Ok(text.as_bytes().to_vec());
    let compiled = compile(&["shape.mux"], &mut read, &|_| true);
    let report = render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.expect(&report)
}

/// `policy @shape` of so many rules, four for each team: its gold tier, its coding, one user of it, and the rest.
pub(crate) fn equalities(rules: usize) -> String {
    let mut text = format!("{FLEET}policy @shape {{\n");
    for rule in 0..rules {
        let team = rule / 4;
        let further = match rule % 4 {
            0 => " and tag.tier is \"gold\"".to_owned(),
            1 => " and tag.task is \"code\"".to_owned(),
            2 => format!(" and end_user is \"user-{team}\""),
            _ => String::new(),
        };
        writeln!(
            text,
            "  when tag.team is \"team-{team}\"{further} deny 400 \"rule {rule}\""
        )
        .expect("text grows");
    }
    text + "  else use p/a\n}\n"
}

/// Who asks: four strings that a decision has to make out.
#[derive(Debug)]
pub(crate) struct Customer {
    team: String,
    tier: &'static str,
    task: &'static str,
    user: String,
}

impl Customer {
    /// The one whom this rule of [`equalities`] takes, and none before it.
    pub(crate) fn of(rule: usize) -> Self {
        let (team, kind) = (rule / 4, rule % 4);
        Self {
            team: format!("team-{team}"),
            tier: if kind == 0 { "gold" } else { "free" },
            task: if kind == 1 { "code" } else { "chat" },
            user: format!("user-{}", if kind == 2 { team } else { team + 1 }),
        }
    }

    pub(crate) fn tags(&self) -> [(&str, &str); 3] {
        [
            ("team", self.team.as_str()),
            ("tier", self.tier),
            ("task", self.task),
        ]
    }

    pub(crate) fn request<'a>(&'a self, tags: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request {
            end_user: Some(&self.user),
            tags,
            ..request()
        }
    }
}

/// `policy @shape` whose rules each ask for three figures out of eight to be in ranges: the worst there is for a graph.
pub(crate) fn ranges(rules: usize) -> String {
    let mut dice = Dice(0x5EED);
    let mut text = format!("{FLEET}policy @shape {{\n");
    for rule in 0..rules {
        let mut figures = FIGURES.to_vec();
        let mut range = || {
            let (figure, unit) = figures.swap_remove(dice.below(figures.len()));
            let low = 1 + dice.below(70);
            let high = low + 10 + dice.below(90 - low);
            format!("{figure} > {low}{unit} and {figure} < {high}{unit}")
        };
        let (first, second, third) = (range(), range(), range());
        writeln!(
            text,
            "  when {first} and {second} and {third} deny 400 \"rule {rule}\""
        )
        .expect("text grows");
    }
    text + "  else use p/a\n}\n"
}

/// A request and the figures at its time.
#[derive(Debug)]
pub(crate) struct Moment([u32; FIGURES.len()]);

impl Moment {
    /// So many, by chance.
    pub(crate) fn some(many: usize) -> Vec<Self> {
        let mut dice = Dice(0xFEED);
        let mut figure = || u32::try_from(dice.below(100)).expect("a small number");
        (0..many)
            .map(|_| Self([(); 8].map(|()| figure())))
            .collect()
    }

    pub(crate) fn request(&self) -> Request<'static> {
        Request {
            tokens: self.0[0] * 1_000,
            output_limit: Some(self.0[1] * 100),
            ..request()
        }
    }
}

impl Live for Moment {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        Some(Millis::from(self.0[2]) * 100)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        Some(Millis::from(self.0[3 + target.index()]) * 100)
    }

    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }

    fn error_rate(&self, _: TargetId) -> Option<BasisPoints> {
        Some(self.0[5] * 100)
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

    fn used(&self, budget: BudgetId, _: &Request<'_>) -> BasisPoints {
        self.0[6 + budget.index()] * 100
    }
}

fn request() -> Request<'static> {
    Request {
        model: "@shape",
        key: Some("k"),
        team: None,
        end_user: None,
        conversation: None,
        tags: &[],
        headers: &[],
        operation: "chat",
        dialect: "openai-chat",
        tokens: 2_000,
        output_limit: Some(500),
        streaming: true,
        needs: Features::TOOLS,
        now: 1_767_614_400_000,
    }
}

/// Chance that falls the same way each time: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let end = u64::try_from(end).expect("no more than there is");
        usize::try_from((mixed ^ (mixed >> 31)) % end).expect("less than `end`")
    }
}

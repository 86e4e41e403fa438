//! What people are told of decisions, and that it is true.
#![expect(clippy::expect_used, reason = "test helpers fail loudly")]

use mux_dsl::Image;
use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, TargetId, Verdict};
use mux_dsl::request::{HealthState, Live, Request};
use mux_dsl::story::{Asked, Outcome, Reason, Story, Truth};
use proptest::prelude::*;
use std::sync::LazyLock;

static SHOP: LazyLock<Image> = LazyLock::new(|| {
    let mut read = |_: &str| Ok(include_bytes!("stories/shop.mux").to_vec());
    let compiled = mux_dsl::compile(&["shop.mux"], &mut read, &|_| true);
    let report = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.expect(&report)
});

/// The same figures for every target and budget.
#[derive(Debug)]
struct Figures {
    p95: Option<Millis>,
    health: HealthState,
    used: BasisPoints,
}

const CALM: Figures = Figures {
    p95: None,
    health: HealthState::Ok,
    used: 1_000,
};

impl Live for Figures {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        self.p95
    }

    fn p95(&self, _: TargetId) -> Option<Millis> {
        self.p95
    }

    fn p99(&self, _: TargetId) -> Option<Millis> {
        self.p95
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
        self.health
    }

    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        self.used
    }
}

fn request() -> Request<'static> {
    Request {
        model: "@production",
        key: None,
        team: None,
        end_user: None,
        conversation: None,
        tags: &[("tier", "free")],
        headers: &[],
        operation: "chat",
        dialect: "openai-chat",
        tokens: 3_000,
        output_limit: None,
        streaming: false,
        needs: Features::default(),
        now: 1_767_614_400_000,
    }
}

fn story(request: &Request<'_>, live: &Figures) -> Story {
    let image = &*SHOP;
    let policy = image.policy("production").expect("it is declared");
    image.story(policy, request, live)
}

#[test]
fn an_everyday_request_is_told_from_the_first_rule_to_the_last_target() {
    insta::assert_snapshot!(story(&request(), &CALM).told());
}

#[test]
fn a_request_that_is_handed_on_is_told_through_both_policies() {
    let request = Request {
        tags: &[("residency", "eu"), ("team", "search")],
        needs: Features::IMAGES.with(Features::TOOLS),
        tokens: 150_001,
        streaming: true,
        ..request()
    };
    insta::assert_snapshot!(story(&request, &CALM).told());
}

#[test]
fn a_refusal_says_which_test_decided() {
    let busy = Figures {
        used: 10_250,
        ..CALM
    };
    insta::assert_snapshot!(story(&request(), &busy).told());
}

#[test]
fn what_keeps_a_rule_from_applying_is_every_test_that_is_false() {
    let told = story(&request(), &CALM);
    let why = |rule: &str| told.why_not(rule).expect("there is such a rule").told();
    insta::assert_snapshot!(
        [
            why("101"),
            why("suspended"),
            why("shop.mux:105"),
            why("@production:else"),
        ]
        .join("\n\n")
    );
    assert_eq!(told.why_not("nosuch"), None);
    assert_eq!(
        told.why_not("112"),
        None,
        "a rule of a policy that was not entered"
    );
}

#[test]
fn a_rule_behind_the_one_that_took_the_request_says_whether_it_would_apply() {
    let request = Request {
        end_user: Some("mallory@corp.example"),
        tokens: 200_000,
        ..request()
    };
    let told = story(&request, &CALM);
    let why = told.why_not("99").expect("there is such a rule");
    assert_eq!(why.rule.outcome, Outcome::NotReached);
    insta::assert_snapshot!(why.told());
}

#[test]
fn a_recorded_path_tells_what_was_read_on_it_and_no_more() {
    let image = &*SHOP;
    let policy = image.policy("production").expect("it is declared");
    let request = Request {
        tags: &[("residency", "eu")],
        tokens: 121_000,
        ..request()
    };
    let path = image.decide(policy, &request, &CALM).path;
    let retold = image.retold(policy, &path).expect("it is of this bundle");
    insta::assert_snapshot!(retold.told());
    let cut = path.to_string();
    let (cut, _) = cut.split_at(cut.len() - 1);
    let cut = cut.parse().expect("hexadecimal digits");
    assert_eq!(image.retold(policy, &cut), None);
}

/// Requests around every bound of the shop.
fn requests() -> impl Strategy<Value = (Given, Figures)> {
    let words = |words: &'static [&'static str]| prop::option::of(prop::sample::select(words));
    let facts = (
        words(&["free", "enterprise", "pro"]),
        words(&["eu", "us"]),
        words(&["free", "paid"]),
        words(&["mallory@corp.example", "ana@corp.example", "bo"]),
        prop::sample::select(vec![0, 120_000, 120_001, 150_000, 150_001]),
        any::<bool>(),
        0..4_u16,
        0..14_i64,
    );
    let figures = (
        prop::option::of(prop::sample::select(vec![4_000, 4_001])),
        prop::sample::select(vec![
            HealthState::Ok,
            HealthState::Degraded,
            HealthState::Down,
        ]),
        prop::sample::select(vec![0, 9_999, 10_000]),
    );
    (facts, figures).prop_map(|(given, (p95, health, used))| {
        let (tier, residency, plan, end_user, tokens, streaming, needs, halves) = given;
        let tags = [("tier", tier), ("residency", residency), ("plan", plan)];
        let given = Given {
            tags: tags
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            end_user,
            tokens,
            streaming,
            needs: Features(needs),
            now: 1_767_571_200_000 + halves * 43_200_000,
        };
        (given, Figures { p95, health, used })
    })
}

#[derive(Debug)]
struct Given {
    tags: Vec<(&'static str, &'static str)>,
    end_user: Option<&'static str>,
    tokens: u32,
    streaming: bool,
    needs: Features,
    now: i64,
}

impl Given {
    fn request(&self) -> Request<'_> {
        Request {
            tags: &self.tags,
            end_user: self.end_user,
            tokens: self.tokens,
            streaming: self.streaming,
            needs: self.needs,
            now: self.now,
            ..request()
        }
    }
}

/// Every test of a condition, by its place and text.
fn tests(asked: &Asked, found: &mut Vec<Reason>) {
    match asked {
        Asked::All { parts, .. } | Asked::Any { parts, .. } => {
            for part in parts {
                tests(part, found);
            }
        }
        Asked::Not { part, .. } | Asked::Named { part, .. } => tests(part, found),
        Asked::Test(reason) => found.push(reason.clone()),
    }
}

proptest! {
    #[test]
    fn a_story_tells_what_the_rules_as_they_are_read_decide((given, figures) in requests()) {
        let image = &*SHOP;
        let policy = image.policy("production").expect("it is declared");
        let request = given.request();
        let decision = image.decide_naively(policy, &request, &figures);
        let told = image.story(policy, &request, &figures);
        let names: Vec<String> = decision.policies.as_slice().iter().map(|p| format!("@{}", image.policies[p.index()].name)).collect();
        let entered: Vec<String> = told.policies.iter().map(|p| p.policy.clone()).collect();
        prop_assert_eq!(entered, names);
        let last = told.policies.last().expect("one decided");
        let taken: Vec<usize> = last.rules.iter().filter(|r| r.outcome == Outcome::Taken).map(|r| r.number - 1).collect();
        prop_assert_eq!(taken, vec![decision.rule.index()]);
        prop_assert_eq!(told.plan.is_some(), matches!(decision.verdict, Verdict::Use(_)));
        for rule in told.policies.iter().flat_map(|p| &p.rules) {
            let expected = match rule.outcome {
                Outcome::Taken => Truth::True,
                Outcome::PassedOver => Truth::False,
                Outcome::NotReached => rule.holds,
            };
            prop_assert_eq!(rule.holds, expected);
            prop_assert_eq!(rule.condition.is_some(), !rule.because.is_empty(), "every outcome has a reason");
        }
    }

    #[test]
    fn a_path_tells_nothing_that_is_not_so((given, figures) in requests()) {
        let image = &*SHOP;
        let policy = image.policy("production").expect("it is declared");
        let request = given.request();
        let told = image.story(policy, &request, &figures);
        let path = image.decide(policy, &request, &figures).path;
        let retold = image.retold(policy, &path).expect("it is of this bundle");
        prop_assert_eq!(told.policies.len(), retold.policies.len());
        let pairs = told.policies.iter().zip(&retold.policies).flat_map(|(a, b)| a.rules.iter().zip(&b.rules));
        let mut known = 0;
        for (whole, part) in pairs {
            prop_assert_eq!(whole.outcome, part.outcome);
            let (mut a, mut b) = (Vec::new(), Vec::new());
            whole.condition.iter().for_each(|c| tests(c, &mut a));
            part.condition.iter().for_each(|c| tests(c, &mut b));
            for (a, b) in a.iter().zip(&b) {
                prop_assert_eq!((&a.text, a.line), (&b.text, b.line));
                prop_assert!(b.holds == Truth::Unknown || a.holds == b.holds, "{:?} {:?}", a, b);
                known += usize::from(b.holds != Truth::Unknown);
            }
            if part.outcome != Outcome::NotReached {
                prop_assert_eq!(part.holds, whole.holds, "what was read settles what came of it");
            }
        }
        prop_assert!(known > 0);
    }
}

/// What is told of a request under one policy `@p` that ends with this rule.
fn under(rule: &str, request: &Request<'_>) -> Story {
    let model = |name: &str, context: &str, price: &str| {
        format!(
            "  model {name} {{\n    context {context}\n    price input {price} output {price}\n    can tools streaming\n  }}\n"
        )
    };
    let text = format!(
        "provider p {{\n  kind openai\n  key env K\n{}{}{}}}\npolicy @p {{\n  when has images or has json-schema deny 400 \"no\"\n  else {rule}\n}}\n",
        model("dear", "1M", "$5/Mtok"),
        model("small", "100k", "$1/Mtok"),
        model("cheap", "1M", "$2/Mtok"),
    );
    let mut read = |_: &str| Ok(text.clone().into_bytes());
    let compiled = mux_dsl::compile(&["t.mux"], &mut read, &|_| true);
    let report = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = compiled.image.expect(&report);
    let policy = image.policy("p").expect("it is declared");
    image.story(policy, request, &CALM)
}

fn long() -> Request<'static> {
    Request {
        tokens: 150_000,
        ..request()
    }
}

#[test]
fn an_arm_that_is_refused_is_not_told_as_passed_over() {
    let split = under(
        "use split by key {\n    50% p/small\n    50% p/dear\n  }",
        &long(),
    );
    let told = split.plan_told();
    assert!(
        told.contains("refused with 400 where its share falls here, since it takes at most 100k"),
        "{told}"
    );
    let alone = under("use p/small", &long()).plan_told();
    assert!(
        alone.contains("refused with 400, since it takes"),
        "{alone}"
    );
    let chain = under(
        "use fallback {\n    try p/small\n    try p/dear\n  }",
        &long(),
    );
    let told = chain.plan_told();
    assert!(told.contains("passed over, since it takes"), "{told}");
}

#[test]
fn candidates_are_told_in_the_order_that_the_strategy_gives() {
    let cheapest = under(
        "use cheapest {\n    p/dear\n    p/small\n    p/cheap\n  }",
        &request(),
    );
    let plan = cheapest.plan.expect("it is carried out");
    assert_eq!(plan.targets(), ["p/small", "p/cheap", "p/dear"]);
    assert_eq!(plan.varies(), [""; 0]);

    let balance = under(
        "use balance {\n    20% p/dear\n    80% p/cheap\n  }",
        &request(),
    );
    let told = balance.plan_told();
    assert!(
        told.contains("80%") && !told.contains("weight 8000"),
        "{told}"
    );
    let plan = balance.plan.expect("it is carried out");
    assert_eq!(plan.targets(), ["p/cheap", "p/dear"]);
    assert_eq!(plan.varies(), ["a draw by weight"]);
}

//! What policies mean: facts in, verdict and path out.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::format_collect,
    reason = "test helpers fail loudly and build texts plainly"
)]

use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, TargetId, Verdict};
use mux_dsl::request::{HealthState, Live, Request};
use mux_dsl::{Image, compile};

const FLEET: &str = r#"
provider north {
  kind openai
  model large {
    can tools images json-schema streaming
  }
  model small {
    can tools images json-schema streaming
  }
}
provider south {
  kind openai
  model large {
    can tools images json-schema streaming audio
  }
}
budget team { cap $10/day per tag.team }
set staff { "ana" "li" }
set blocked from "blocked.txt"
define long when tokens > 100k
define busy when long or streaming
"#;

/// Healthy, unknown and unspent unless said otherwise.
#[derive(Default)]
struct Figures {
    p50: Option<Millis>,
    p95: Option<Millis>,
    error_rate: Option<BasisPoints>,
    down: Vec<u32>,
    used: BasisPoints,
}

impl Live for Figures {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        self.p50
    }
    fn p95(&self, _: TargetId) -> Option<Millis> {
        self.p95
    }
    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn error_rate(&self, _: TargetId) -> Option<BasisPoints> {
        self.error_rate
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
    fn health(&self, target: TargetId) -> HealthState {
        if self.down.contains(&target.0) {
            HealthState::Down
        } else {
            HealthState::Ok
        }
    }
    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        self.used
    }
}

const NOBODY: Request<'_> = Request {
    model: "@p",
    key: None,
    team: None,
    end_user: None,
    conversation: None,
    tags: &[],
    headers: &[],
    operation: "chat",
    dialect: "openai-chat",
    tokens: 0,
    output_limit: None,
    streaming: false,
    needs: Features(0),
    now: 0,
};

fn image(rules: &str) -> Image {
    let text = format!("{FLEET}\n{rules}");
    let mut read = |path: &str| match path {
        "p.mux" => Ok(text.clone().into_bytes()),
        "blocked.txt" => Ok(b"# nobody likes them\n\nmallory\n".to_vec()),
        _ => Err("there is no such file".to_owned()),
    };
    let compiled = compile(&["p.mux"], &mut read, &|_| true);
    let text = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.unwrap_or_else(|| panic!("{text}"))
}

/// Whether a condition holds.
fn holds(condition: &str, request: Request<'_>, live: &Figures) -> bool {
    let image = image(&format!(
        "policy @p {{\n  when {condition} deny 401 \"yes\"\n  else deny 402 \"no\"\n}}"
    ));
    let policy = image.policy("p").expect("it is declared");
    match image.decide(policy, &request, live).verdict {
        Verdict::Deny { status, .. } => *status == 401,
        Verdict::Use(_) => panic!("no rule uses a plan"),
    }
}

fn plain(condition: &str, request: Request<'_>) -> bool {
    holds(condition, request, &Figures::default())
}

#[test]
fn tags_are_compared_in_every_way_the_language_has() {
    let tags = [("tier", "gold"), ("team", "research-eu")];
    let gold = Request {
        tags: &tags,
        ..NOBODY
    };
    for (condition, with, without) in [
        (r#"tag.tier is "gold""#, true, false),
        (r#"tag.tier is not "free""#, true, false),
        (r#"not tag.tier is "free""#, true, true),
        (r#"tag.tier in "gold" "pro""#, true, false),
        (r#"tag.tier not in "free" "pro""#, true, false),
        (r#"tag.team matches "*-eu""#, true, false),
        (r#"tag.team starts with "research""#, true, false),
        ("has tag.tier", true, false),
        ("not has tag.other", true, true),
    ] {
        assert_eq!(plain(condition, gold), with, "{condition}, with the tag");
        assert_eq!(plain(condition, NOBODY), without, "{condition}, without it");
    }
}

#[test]
fn people_keys_and_conversations_are_compared_as_text_and_looked_up_in_sets() {
    let ana = Request {
        end_user: Some("ana"),
        key: Some("k1"),
        conversation: Some("c1"),
        ..NOBODY
    };
    assert!(plain("end_user in staff", ana));
    assert!(!plain("end_user in blocked", ana));
    assert!(plain("end_user in blocked staff", ana));
    assert!(plain(
        "end_user in blocked",
        Request {
            end_user: Some("mallory"),
            ..NOBODY
        }
    ));
    assert!(!plain(
        "end_user in blocked",
        Request {
            end_user: Some("# nobody likes them"),
            ..NOBODY
        }
    ));
    assert!(plain(
        r#"key is "k1" and conversation starts with "c""#,
        ana
    ));
    assert!(!plain(
        "has key or has conversation or has end_user",
        NOBODY
    ));
}

#[test]
fn a_policy_is_the_model_of_a_request_with_and_without_its_at() {
    for model in ["@p", "p"] {
        assert!(plain("model is @p", Request { model, ..NOBODY }), "{model}");
    }
    assert!(!plain(
        "model is @p",
        Request {
            model: "north/large",
            ..NOBODY
        }
    ));
    assert!(plain(
        "model is north/large",
        Request {
            model: "north/large",
            ..NOBODY
        }
    ));
}

#[test]
fn numbers_are_compared_in_base_units_and_an_absent_limit_is_never_more_or_less() {
    let at = |tokens| Request { tokens, ..NOBODY };
    assert!(!plain("tokens > 3k", at(3_000)) && plain("tokens > 3k", at(3_001)));
    assert!(plain("tokens >= 3k", at(3_000)) && plain("tokens <= 3k", at(3_000)));
    assert!(plain("tokens is 0", NOBODY) && !plain("tokens is not 0", NOBODY));
    assert!(!plain("output_limit < 200", NOBODY) && !plain("output_limit >= 0", NOBODY));
    assert!(plain(
        "output_limit < 200",
        Request {
            output_limit: Some(199),
            ..NOBODY
        }
    ));
    assert!(plain(
        "has output_limit",
        Request {
            output_limit: Some(1),
            ..NOBODY
        }
    ));
}

#[test]
fn needs_and_streaming_are_flags() {
    for (condition, needs) in [
        ("has tools", Features::TOOLS),
        ("has images", Features::IMAGES),
        ("has json-schema", Features::JSON_SCHEMA),
        ("has audio", Features::AUDIO),
    ] {
        assert!(plain(condition, Request { needs, ..NOBODY }), "{condition}");
        assert!(!plain(condition, NOBODY), "{condition}");
    }
    assert!(
        plain(
            "streaming",
            Request {
                streaming: true,
                ..NOBODY
            }
        ) && plain("not streaming", NOBODY)
    );
}

#[test]
fn named_conditions_stand_for_what_they_name() {
    assert!(plain(
        "busy",
        Request {
            streaming: true,
            ..NOBODY
        }
    ));
    assert!(plain(
        "busy and not long",
        Request {
            streaming: true,
            ..NOBODY
        }
    ));
    assert!(plain(
        "busy",
        Request {
            tokens: 100_001,
            ..NOBODY
        }
    ));
    assert!(!plain("busy", NOBODY));
}

#[test]
fn parentheses_say_what_binds_first() {
    let streaming = Request {
        streaming: true,
        ..NOBODY
    };
    assert!(plain("streaming or (long and has tools)", streaming));
    assert!(!plain("(streaming or long) and has tools", streaming));
    assert!(plain("not (streaming and has tools)", streaming));
}

#[test]
fn live_figures_decide_only_when_they_are_known() {
    let slow = Figures {
        p50: Some(2_000),
        p95: Some(5_000),
        error_rate: Some(2_500),
        ..Figures::default()
    };
    for condition in [
        "p95 of north/small > 4s",
        "p50 of north/small > 1500ms",
        "error_rate of north/small >= 25%",
    ] {
        assert!(holds(condition, NOBODY, &slow), "{condition}");
        assert!(!plain(condition, NOBODY), "{condition}, unknown");
    }
    let spent = Figures {
        used: 8_000,
        ..Figures::default()
    };
    assert!(holds("used of budget team >= 80%", NOBODY, &spent));
    assert!(!holds("used of budget team > 80%", NOBODY, &spent));
}

#[test]
fn a_provider_is_as_healthy_as_its_best_target() {
    let one = Figures {
        down: vec![0],
        ..Figures::default()
    };
    let both = Figures {
        down: vec![0, 1],
        ..Figures::default()
    };
    assert!(holds("health of north/large is down", NOBODY, &one));
    assert!(!holds("health of north is down", NOBODY, &one));
    assert!(holds("health of north is down", NOBODY, &both));
    assert!(holds("health of north is not ok", NOBODY, &both));
    assert!(holds("health of south in ok degraded", NOBODY, &both));
}

#[test]
fn office_hours_follow_the_clock_of_their_zone_through_summer_time() {
    // Instants in UTC; Berlin is an hour ahead in winter and two in summer.
    let at = |stamp: &str| Request {
        now: stamp
            .parse::<jiff::Timestamp>()
            .expect("a moment")
            .as_millisecond(),
        ..NOBODY
    };
    let office = "time in mon-fri 08:00-18:00 Europe/Berlin";
    for (stamp, inside) in [
        ("2026-03-27T07:00:00Z", true),
        ("2026-03-27T06:59:59Z", false),
        ("2026-03-30T06:00:00Z", true),
        ("2026-03-30T16:00:00Z", false),
        ("2026-03-28T10:00:00Z", false),
    ] {
        assert_eq!(plain(office, at(stamp)), inside, "{stamp}");
        assert_eq!(
            plain(&office.replace("in mon", "not in mon"), at(stamp)),
            !inside,
            "{stamp}"
        );
    }
    let night = "time in fri 22:00-06:00 UTC";
    for (stamp, inside) in [
        ("2026-03-27T22:00:00Z", true),
        ("2026-03-28T05:59:00Z", true),
        ("2026-03-28T22:30:00Z", false),
        ("2026-03-27T05:00:00Z", false),
    ] {
        assert_eq!(plain(night, at(stamp)), inside, "{stamp}");
    }
    assert!(plain("time in sat-mon UTC", at("2026-03-29T12:00:00Z")));
}

#[test]
fn the_first_rule_that_matches_decides_and_blocks_nest() {
    let image = image(
        r#"
policy @p {
  when has tools {
    when tokens > 10k use north/large timeout 5s
    rule quick when streaming use north/small
  }
  when streaming go @q
  else use fallback within 5s { try south/large }
}
policy @q {
  rule long-ones when long deny 413 "too long"
  else use plan spare
}
plan spare { fallback { try plan inner } }
plan inner { fallback {
  try south/large
  try north/large
  try south/large
} }
"#,
    );
    let policy = image.policy("p").expect("it is declared");
    let decide = |request| {
        let decision = image.decide(policy, &request, &Figures::default());
        let names: Vec<_> = decision
            .policies
            .as_slice()
            .iter()
            .map(|p| &*image.policies[p.index()].name)
            .collect();
        let last = &image.policies[decision.policies.last().index()];
        (
            names.join(" "),
            last.rules[decision.rule.index()].line,
            decision.verdict.clone(),
        )
    };
    let tools = Request {
        needs: Features::TOOLS,
        ..NOBODY
    };
    let base = FLEET.matches('\n').count() + 1;
    let line = |n: usize| u32::try_from(base + n).expect("small");
    assert_eq!(
        decide(Request {
            tokens: 20_000,
            ..tools
        })
        .1,
        line(4)
    );
    assert_eq!(
        decide(Request {
            streaming: true,
            ..tools
        })
        .1,
        line(5)
    );
    assert_eq!(
        decide(tools).1,
        line(8),
        "a block that nothing in it takes is passed"
    );
    let (names, _, verdict) = decide(Request {
        streaming: true,
        tokens: 200_000,
        ..NOBODY
    });
    assert_eq!(names, "p q");
    assert_eq!(
        verdict,
        Verdict::Deny {
            status: 413,
            message: "too long".into()
        }
    );
    let (_, _, verdict) = decide(Request {
        streaming: true,
        ..NOBODY
    });
    let Verdict::Use(plan) = verdict else {
        panic!("it uses a plan")
    };
    let reached: Vec<_> = image
        .targets_of(plan)
        .iter()
        .map(|t| &*image.fleet.targets[t.index()].name)
        .collect();
    assert_eq!(reached, ["south/large", "north/large"]);
}

#[test]
fn a_path_explains_every_test_and_survives_being_written_down() {
    let image = image(
        "policy @p {\n  when long and has tools deny 403 \"a\"\n  when streaming go @q\n  else deny 402 \"b\"\n}\npolicy @q { when not has key deny 401 \"c\"\n  else deny 400 \"d\" }",
    );
    let policy = image.policy("p").expect("it is declared");
    let decision = image.decide(
        policy,
        &Request {
            streaming: true,
            ..NOBODY
        },
        &Figures::default(),
    );
    let written = decision.path.to_string();
    let read: mux_dsl::Path = written.parse().expect("it was just written");
    assert_eq!(read, decision.path);
    let asked = image.asked(policy, &read).expect("it is of this image");
    let answers: Vec<_> = asked.iter().map(|a| (a.policy, &*a.answer)).collect();
    let q = image.policy("q").expect("it is declared");
    assert_eq!(
        answers,
        [
            (policy, "streaming"),
            (policy, "not has tools"),
            (q, "not has key"),
        ]
    );
}

#[test]
fn bare_model_names_list_every_deployment() {
    let image = image("policy @p { else deny 402 \"b\" }");
    let names: Vec<_> = image
        .deployments("large")
        .map(|t| &*image.fleet.targets[t.index()].name)
        .collect();
    assert_eq!(names, ["north/large", "south/large"]);
    assert_eq!(image.target("north/small"), Some(TargetId(1)));
    assert_eq!(image.target("small"), None);
}

#[test]
fn deciding_a_long_policy_needs_no_more_than_its_tests() {
    let rules: String = (0..600)
        .map(|n| format!("  when tag.t is \"{n}\" deny 403 \"x\"\n"))
        .collect();
    let image = image(&format!("policy @p {{\n{rules}  else deny 402 \"b\"\n}}"));
    let policy = image.policy("p").expect("it is declared");
    let decision = image.decide(policy, &NOBODY, &Figures::default());
    assert_eq!(
        decision.path.len(),
        10,
        "one branch among 602 needs ten bits"
    );
    assert_eq!(decision.rule.index(), 600);
}

//! What a flight does that asks several for one answer: `hedge`, `cascade`, `ensemble`.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/ride.rs"]
mod ride;

use mux_dsl::image::{Finish, TargetId};
use mux_routing::breaker::{Permit, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Action, Arrival, End, Errand, Event, Failure, Role, Told};
use mux_routing::router::{Memory, Router};
use mux_routing::target::{Ended, Load};
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::{Facts, Usage};
use ride::Ride;
use std::sync::Arc;

const A: TargetId = TargetId(0);
const B: TargetId = TargetId(1);
const C: TargetId = TargetId(2);
const J: TargetId = TargetId(3);

const FLEET: &str = r"
provider p {
  kind openai
  key  env KEY
  model a {
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema audio streaming
  }
  model b {
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema audio streaming
  }
  model c {
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema audio streaming
  }
  model j {
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema audio streaming
  }
}
";

fn router(route: &str) -> Arc<Router> {
    router_of(FLEET, route)
}

fn router_of(fleet: &str, route: &str) -> Arc<Router> {
    compiled(&format!("{fleet}policy @x {{\n  else use {route}\n}}\n"))
}

fn compiled(text: &str) -> Arc<Router> {
    let mut read = |path: &str| {
        let rubric = path.ends_with("r.md");
        Ok((if rubric { "how good it is" } else { text }).into())
    };
    let compiled = mux_dsl::compile(&["t.mux"], &mut read, &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    Arc::new(Router::new(
        Arc::new(image),
        "v",
        &Memory::default(),
        |_| None,
    ))
}

impl Ride {
    fn fail(&mut self, attempt: usize, class: Class, status: u16) -> &mut Self {
        let failure = Failure {
            status: Some(status),
            ..Failure::of(class)
        };
        self.on(Event::Failed(attempt, failure))
    }

    fn begin(&mut self, attempt: usize) -> &mut Self {
        self.on(Event::Connected(attempt))
            .on(Event::Head(attempt, 200))
            .on(Event::Content(attempt))
            .on(Event::Progress(attempt, 40))
    }

    fn done(&mut self, attempt: usize, told: Told) -> &mut Self {
        if self.flight.asks(attempt).is_some() {
            self.on(Event::Told(attempt, Box::new(told)));
        }
        let usage = Usage {
            input: 100,
            output: 10,
            ..Usage::default()
        };
        self.on(Event::Done(attempt, Some(usage)))
    }

    fn serve(&mut self, attempt: usize) -> &mut Self {
        self.begin(attempt).done(attempt, good())
    }

    fn says(&mut self, attempt: usize, value: &str) -> &mut Self {
        let told = Told {
            value: Some(value.into()),
            ..good()
        };
        self.begin(attempt).done(attempt, told)
    }

    fn scores(&mut self, attempt: usize, score: u32) -> &mut Self {
        let told = Told {
            score: Some(score),
            ..good()
        };
        self.on(Event::Head(attempt, 200)).done(attempt, told)
    }

    fn classes(&self) -> Vec<Class> {
        self.flight.attempts().iter().map(|a| a.class).collect()
    }

    fn did(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }
}

fn good() -> Told {
    Told {
        finish: Some(Finish::Stop),
        fits: Some(true),
        ..Told::default()
    }
}

fn request() -> Arrival {
    Arrival {
        id: "r".to_owned(),
        seed: 7,
        at: 1_767_614_400_000,
        now: 100 * SECOND,
        facts: Facts {
            model: "@x".to_owned(),
            tokens: 100,
            output_limit: Some(100),
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

const HEDGE: &str = "hedge after 800ms extra 1 within 8s { p/a p/b p/c }";

fn hedge() -> String {
    HEDGE
        .replace("{ ", "{\n    ")
        .replace(" p/", "\n    p/")
        .replace(" }", "\n  }")
}

#[test]
fn a_late_target_gets_a_rival_and_the_first_content_wins() {
    let mut ride = Ride::new(&router(&hedge()), request());
    ride.on(Event::Connected(0)).pass(799 * MILLI);
    assert_eq!(ride.targets(), [A]);
    ride.pass(MILLI);
    assert_eq!(ride.targets(), [A, B], "the first is still under way");
    assert!(!ride.did(Action::Cancel(0)));
    ride.pass(200 * MILLI).begin(1);
    assert!(ride.did(Action::Commit(1)) && ride.did(Action::Cancel(0)));
    ride.done(1, good());
    assert_eq!(ride.flight.end(), Some(&End::Served(1)));
    assert_eq!(ride.classes(), [Class::Superseded, Class::Ok]);
    let roles: Vec<Role> = ride.flight.attempts().iter().map(|a| a.role).collect();
    assert_eq!(roles, [Role::Answer, Role::Duplicate]);
    let loser = &ride.flight.attempts()[0];
    assert!(
        loser.usage.is_some_and(|u| u.estimated),
        "it may be billed, and is booked"
    );
}

#[test]
fn the_first_may_still_win_and_its_rival_is_cancelled() {
    let mut ride = Ride::new(&router(&hedge()), request());
    ride.pass(SECOND).begin(0);
    assert!(ride.did(Action::Commit(0)) && ride.did(Action::Cancel(1)));
    ride.done(0, good());
    assert_eq!(ride.flight.end(), Some(&End::Served(0)));
}

#[test]
fn a_hedge_sends_no_more_than_it_may() {
    let mut ride = Ride::new(&router(&hedge()), request());
    ride.pass(5 * SECOND);
    assert_eq!(ride.targets(), [A, B], "`extra 1` is one duplicate");
}

#[test]
fn a_failure_needs_no_hedge_and_the_next_is_asked_at_once() {
    let mut ride = Ride::new(&router(&hedge()), request());
    ride.fail(0, Class::Server, 500);
    assert_eq!(ride.targets(), [A, B]);
    assert_eq!(ride.flight.attempts()[1].role, Role::Answer);
    ride.fail(1, Class::Server, 500).serve(2);
    assert_eq!(ride.flight.end(), Some(&End::Served(2)));
}

#[test]
fn one_of_two_rivals_may_fail_unseen() {
    let mut ride = Ride::new(&router(&hedge()), request());
    ride.pass(SECOND).fail(0, Class::Server, 500);
    assert_eq!(ride.targets(), [A, B], "the other is still under way");
    ride.serve(1);
    assert_eq!(ride.flight.end(), Some(&End::Served(1)));
}

#[test]
fn a_request_at_fault_ends_a_hedge() {
    let mut ride = Ride::new(&router(&hedge()), request());
    ride.pass(SECOND).fail(0, Class::InvalidRequest, 400);
    assert_eq!(ride.refused(), (400, "invalid_request"));
    assert!(ride.did(Action::Cancel(1)));
}

#[test]
fn the_budget_of_hedges_is_a_share_of_the_requests_that_come_to_them() {
    let router = router(&hedge());
    let mut duplicates = 0;
    for n in 0..1_000 {
        let arrival = Arrival {
            seed: n,
            now: (100 + n) * SECOND,
            ..request()
        };
        let mut ride = Ride::new(&router, arrival);
        ride.pass(900 * MILLI);
        duplicates += ride.flight.attempts().len() - 1;
        let last = ride.flight.attempts().len() - 1;
        ride.serve(last);
    }
    assert_eq!(duplicates, 51, "5% and the first");
}

#[test]
fn a_duplicate_that_may_cost_too_much_is_not_sent() {
    let route = hedge().replace("\n    p/a", "\n    cost $0.001\n    p/a");
    let router = router(&route);
    let long = |tokens| {
        let mut arrival = request();
        arrival.facts.tokens = tokens;
        arrival
    };
    let mut dear = Ride::new(&router, long(5_000));
    dear.pass(SECOND);
    assert_eq!(dear.targets(), [A]);
    dear.serve(0);
    let mut cheap = Ride::new(
        &router,
        Arrival {
            now: 200 * SECOND,
            ..long(0)
        },
    );
    cheap.pass(SECOND);
    assert_eq!(cheap.targets(), [A, B]);
}

#[test]
fn who_leaves_cancels_both_rivals() {
    let mut ride = Ride::new(&router(&hedge()), request());
    ride.pass(SECOND).on(Event::ClientGone);
    assert!(ride.did(Action::Cancel(0)) && ride.did(Action::Cancel(1)));
    assert_eq!(ride.classes(), [Class::ClientGone; 2]);
    assert_eq!(ride.flight.end(), Some(&End::ClientGone));
}

#[test]
fn a_hedge_that_is_out_of_time_moves_on_to_what_is_around_it() {
    let route = format!(
        "fallback {{\n    try {}\n    try p/j\n  }}",
        hedge().replace('\n', "\n  ")
    );
    let mut ride = Ride::new(&router(&route), request());
    ride.pass(8 * SECOND);
    assert_eq!(
        ride.targets(),
        [A, B, C, J],
        "c gets what is kept of the time"
    );
    assert!((0..3).all(|n| ride.did(Action::Cancel(n))));
    ride.serve(3);
    assert_eq!(ride.flight.end(), Some(&End::Served(3)));
}

#[test]
fn a_target_that_always_loses_is_not_taken_for_a_quick_one() {
    let router = router(&hedge());
    for n in 0..40 {
        let arrival = Arrival {
            seed: n,
            now: (100 + n * 2) * SECOND,
            ..request()
        };
        let mut ride = Ride::new(&router, arrival);
        ride.pass(400 * MILLI).serve(0);
    }
    let well = router.state(A).map(|s| s.score(200 * SECOND));
    for n in 0..10 {
        let arrival = Arrival {
            seed: n,
            now: (200 + n * 2) * SECOND,
            ..request()
        };
        let mut ride = Ride::new(&router, arrival);
        ride.pass(1_800 * MILLI);
        let last = ride.flight.attempts().len() - 1;
        ride.serve(last);
    }
    let ill = router.state(A).map(|s| s.score(221 * SECOND));
    assert!(ill < well, "{ill:?} < {well:?}");
}

fn cascade(accept: &str) -> String {
    format!(
        "cascade within 20s buffer {{\n    judge p/j rubric \"r.md\"\n    try p/a {{\n      accept when {accept}\n    }}\n    try p/b {{\n      accept when {accept}\n    }}\n    try p/c\n  }}"
    )
}

const SCORED: &str = "finish is stop and score of judge >= 0.8";

#[test]
fn an_answer_that_is_good_enough_is_served_and_nothing_else_is_asked() {
    let mut ride = Ride::new(&router(&cascade(SCORED)), request());
    ride.serve(0);
    assert!(!ride.did(Action::Commit(0)), "it is looked at first");
    assert_eq!(ride.targets(), [A, J]);
    let errand = ride.flight.errand(1);
    assert_eq!(
        errand,
        Errand::Judge {
            rubric: "how good it is",
            answer: 0
        }
    );
    ride.scores(1, 8_000);
    assert!(ride.did(Action::Commit(0)));
    assert_eq!(ride.flight.end(), Some(&End::Served(0)));
    let record = ride.flight.record();
    assert_eq!(record.attempts[0].score, Some(8_000));
    assert_eq!(record.attempts[0].accepted, Some(true));
    assert_eq!(record.attempts[1].role.as_deref(), Some("judge"));
    assert!(
        record.attempts[1].cost > Some(0),
        "the judge is paid for, too"
    );
    assert_eq!(record.outcome.served.as_deref(), Some("p/a"));
}

#[test]
fn an_answer_that_is_not_good_enough_is_climbed_over_and_the_last_is_streamed_as_it_comes() {
    let mut ride = Ride::new(&router(&cascade(SCORED)), request());
    ride.serve(0).scores(1, 7_999).serve(2).scores(3, 100);
    assert_eq!(ride.targets(), [A, J, B, J, C]);
    ride.begin(4);
    assert!(ride.did(Action::Commit(4)), "it is taken whatever it says");
    ride.done(4, good());
    assert_eq!(ride.flight.end(), Some(&End::Served(4)));
}

#[test]
fn what_can_be_told_without_a_judge_costs_no_judge() {
    let mut ride = Ride::new(&router(&cascade(SCORED)), request());
    let cut = Told {
        finish: Some(Finish::Length),
        ..good()
    };
    ride.begin(0).done(0, cut);
    assert_eq!(ride.targets(), [A, B], "it did not stop by itself");
}

#[test]
fn a_judge_that_fails_has_accepted_nothing() {
    let mut ride = Ride::new(&router(&cascade(SCORED)), request());
    ride.serve(0).fail(1, Class::Server, 500);
    assert_eq!(ride.targets(), [A, J, B]);
}

#[test]
fn an_answer_that_was_not_good_enough_is_better_than_none() {
    let mut ride = Ride::new(&router(&cascade(SCORED)), request());
    ride.serve(0)
        .scores(1, 5_000)
        .fail(2, Class::Server, 500)
        .fail(3, Class::Server, 500);
    assert_eq!(ride.targets(), [A, J, B, C]);
    assert!(ride.did(Action::Commit(0)));
    assert_eq!(ride.flight.end(), Some(&End::Served(0)));
    assert_eq!(ride.flight.record().attempts[0].accepted, Some(false));
}

#[test]
fn a_cascade_that_is_out_of_time_serves_what_it_has() {
    let mut ride = Ride::new(&router(&cascade(SCORED)), request());
    ride.serve(0)
        .scores(1, 5_000)
        .on(Event::Connected(2))
        .pass(20 * SECOND);
    assert_eq!(ride.flight.end(), Some(&End::Served(0)));
}

#[test]
fn a_cascade_of_targets_that_fail_is_a_chain() {
    let mut ride = Ride::new(&router(&cascade(SCORED)), request());
    for n in 0..3 {
        ride.fail(n, Class::Server, 500);
    }
    assert_eq!(ride.targets(), [A, B, C]);
    assert_eq!(ride.refused(), (502, "upstream_error"));
}

/// Five failures of a target, so that its breaker opens.
fn down(router: &Arc<Router>, target: TargetId, at: Nanos) {
    let state = router.state(target).expect("it is declared");
    for _ in 0..5 {
        assert!(state.begin(Load::default(), None, at));
        let ended = Ended {
            start: at,
            load: Load::default(),
            waited: true,
            class: Class::Server,
            permit: Permit::Free,
            retry_after: None,
        };
        state.settle(&ended, &Rule::default(), at, &mut Chance::new(1));
    }
}

#[test]
fn a_cascade_of_which_all_others_failed_asks_the_one_that_was_held_back() {
    let router = router(&cascade(SCORED));
    let arrival = request();
    down(&router, A, arrival.now);
    let mut ride = Ride::new(&router, arrival);
    assert_eq!(ride.targets(), [B], "the breaker of the first is open");
    ride.fail(0, Class::Server, 500).fail(1, Class::Server, 500);
    assert_eq!(ride.targets(), [B, C, A]);
    ride.fail(2, Class::Server, 500);
    assert_eq!(ride.targets(), [B, C, A], "and nobody twice");
    assert_eq!(ride.refused(), (502, "upstream_error"));
}

#[test]
fn one_that_is_held_back_is_left_where_the_chain_around_a_cascade_goes_on() {
    let cascade = "cascade within 20s buffer {\n    try p/a {\n      accept when finish is stop\n    }\n    try p/b\n  }";
    let router = router(&format!(
        "fallback within 30s {{\n    try {cascade}\n    try p/c\n  }}"
    ));
    let arrival = request();
    down(&router, A, arrival.now);
    let mut ride = Ride::new(&router, arrival);
    ride.fail(0, Class::Server, 500);
    assert_eq!(ride.targets(), [B, C]);
}

fn ensemble(combine: &str) -> String {
    format!(
        "ensemble within 20s buffer {{\n    ask p/a\n    ask p/b\n    ask p/c\n    {combine}\n  }}"
    )
}

#[test]
fn the_first_answer_that_is_valid_ends_an_ensemble() {
    let mut ride = Ride::new(&router(&ensemble("combine first-valid")), request());
    assert_eq!(ride.targets(), [A, B, C]);
    let broken = Told {
        fits: Some(false),
        ..good()
    };
    ride.begin(1).done(1, broken);
    assert_eq!(ride.flight.end(), None);
    ride.serve(2);
    assert_eq!(ride.flight.end(), Some(&End::Served(2)));
    assert!(ride.did(Action::Commit(2)) && ride.did(Action::Cancel(0)));
    assert_eq!(ride.classes(), [Class::Superseded, Class::Ok, Class::Ok]);
}

#[test]
fn answers_that_do_not_fit_are_no_answer() {
    let mut ride = Ride::new(&router(&ensemble("combine first-valid")), request());
    for n in 0..3 {
        let broken = Told {
            fits: Some(false),
            ..good()
        };
        ride.begin(n).done(n, broken);
    }
    assert_eq!(ride.refused(), (502, "no_valid_answer"));
}

#[test]
fn the_majority_is_served_by_the_first_of_those_who_agree() {
    let combine = "combine majority on \"$.label\"";
    let mut ride = Ride::new(&router(&ensemble(combine)), request());
    ride.says(2, "\"spam\"").says(0, "\"ham\"");
    assert_eq!(ride.flight.end(), None);
    ride.says(1, "\"spam\"");
    assert_eq!(
        ride.flight.end(),
        Some(&End::Served(1)),
        "b is written before c"
    );
}

#[test]
fn a_majority_that_nobody_can_change_is_not_waited_for() {
    let combine = "combine majority on \"$.label\"";
    let mut ride = Ride::new(&router(&ensemble(combine)), request());
    ride.says(0, "1").says(1, "1");
    assert_eq!(ride.flight.end(), Some(&End::Served(0)));
    assert!(ride.did(Action::Cancel(2)));
}

#[test]
fn a_vote_counts_by_weight() {
    let combine = "combine vote on \"$.label\"";
    let route = ensemble(combine).replace("ask p/c", "ask p/c weight 3");
    let mut ride = Ride::new(&router(&route), request());
    ride.says(0, "1").says(1, "1").says(2, "2");
    assert_eq!(ride.flight.end(), Some(&End::Served(2)));
}

#[test]
fn one_that_fails_does_not_take_an_ensemble_with_it_unless_a_quorum_is_written() {
    let combine = "combine majority on \"$.label\"";
    let mut ride = Ride::new(&router(&ensemble(combine)), request());
    ride.fail(0, Class::Server, 500)
        .fail(1, Class::Server, 500)
        .says(2, "1");
    assert_eq!(ride.flight.end(), Some(&End::Served(2)));

    let route = ensemble(&format!("quorum 2\n    {combine}"));
    let mut ride = Ride::new(&router(&route), request());
    ride.fail(0, Class::Server, 500)
        .fail(1, Class::Server, 500)
        .says(2, "1");
    assert_eq!(ride.refused(), (502, "upstream_error"));
}

#[test]
fn a_quorum_is_enough_to_decide() {
    let route = ensemble("quorum 2\n    combine majority on \"$.label\"");
    let mut ride = Ride::new(&router(&route), request());
    ride.says(1, "1").says(2, "2");
    assert_eq!(
        ride.flight.end(),
        Some(&End::Served(1)),
        "of equals the first"
    );
    assert!(ride.did(Action::Cancel(0)));
}

#[test]
fn an_ensemble_that_is_out_of_time_combines_what_is_there() {
    let combine = "combine majority on \"$.label\"";
    let mut ride = Ride::new(&router(&ensemble(combine)), request());
    ride.on(Event::Connected(0)).says(1, "1").pass(20 * SECOND);
    assert_eq!(ride.flight.end(), Some(&End::Served(1)));
}

#[test]
fn the_best_by_the_judge_is_served() {
    let combine = "judge p/j rubric \"r.md\"\n    combine best by judge";
    let mut ride = Ride::new(&router(&ensemble(combine)), request());
    ride.serve(0).serve(1).fail(2, Class::Server, 500);
    assert_eq!(ride.targets(), [A, B, C, J, J]);
    ride.scores(3, 4_000);
    assert_eq!(ride.flight.end(), None);
    ride.scores(4, 6_000);
    assert_eq!(ride.flight.end(), Some(&End::Served(1)));
}

#[test]
fn without_scores_the_first_of_those_asked_is_served() {
    let combine = "judge p/j rubric \"r.md\"\n    combine best by judge";
    let mut ride = Ride::new(&router(&ensemble(combine)), request());
    ride.serve(1).serve(0).fail(2, Class::Server, 500);
    ride.fail(3, Class::Server, 500).fail(4, Class::Server, 500);
    assert_eq!(ride.flight.end(), Some(&End::Served(0)));
}

#[test]
fn a_merged_answer_is_streamed_as_it_is_written() {
    let mut ride = Ride::new(&router(&ensemble("combine merge by p/j")), request());
    ride.serve(0).serve(2).fail(1, Class::Server, 500);
    assert_eq!(ride.targets(), [A, B, C, J]);
    assert_eq!(ride.flight.errand(3), Errand::Merge(&[(0, 0), (2, 2)]));
    ride.begin(3);
    assert!(ride.did(Action::Commit(3)));
    ride.done(3, good());
    assert_eq!(ride.flight.end(), Some(&End::Served(3)));
    assert_eq!(
        ride.flight.record().attempts[3].role.as_deref(),
        Some("merge")
    );
}

#[test]
fn where_nobody_merges_the_first_answer_is_served() {
    let mut ride = Ride::new(&router(&ensemble("combine merge by p/j")), request());
    ride.serve(0).serve(1).serve(2).fail(3, Class::Server, 500);
    assert_eq!(ride.flight.end(), Some(&End::Served(0)));
}

#[test]
fn an_arm_of_an_ensemble_may_be_a_chain() {
    let route = "ensemble buffer {\n    ask fallback {\n      try p/a\n      try p/b\n    }\n    ask p/c\n    combine first-valid\n  }";
    let mut ride = Ride::new(&router(route), request());
    assert_eq!(ride.targets(), [A, C]);
    ride.fail(0, Class::Server, 500);
    assert_eq!(ride.targets(), [A, C, B]);
    ride.serve(2);
    assert_eq!(ride.flight.end(), Some(&End::Served(2)));
}

#[test]
fn a_race_inside_of_an_ensemble_is_decided_and_not_committed_to() {
    let route = format!(
        "ensemble buffer {{\n    ask {}\n    ask p/j\n    combine majority on \"$.x\"\n  }}",
        hedge().replace('\n', "\n  ")
    );
    let mut ride = Ride::new(&router(&route), request());
    assert_eq!(ride.targets(), [A, J]);
    ride.pass(SECOND).begin(2);
    assert!(ride.did(Action::Cancel(0)) && !ride.did(Action::Commit(2)));
    ride.done(
        2,
        Told {
            value: Some("1".into()),
            ..good()
        },
    );
    ride.says(1, "1");
    assert_eq!(ride.flight.end(), Some(&End::Served(2)));
}

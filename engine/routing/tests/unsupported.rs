//! What a bundle says and this version does not do is told, with its place; never done halfway in silence.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::Image;
use mux_dsl::image::{
    After, Arm, Attempt, Cascade, Combine, Ensemble, Hedge, Probe, Route, Shadow, TargetId, Terms,
    Timeouts,
};
use mux_routing::unsupported::{Gaps, gaps};

const BUNDLE: &str = r"
provider p {
  kind openai
  key env KEY
  model a
}
plan used {
  fallback {
    try p/a
  }
}
plan nobody {
  fallback {
    try p/a
  }
}
policy @x {
  when streaming use plan used
  when has tools use plan used
  else use p/a
}
policy @y {
  else go @x
}
";

fn image() -> Image {
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(BUNDLE.into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.unwrap_or_else(|| panic!("{shown}"))
}

fn attempt() -> Attempt {
    Attempt {
        target: TargetId(0),
        timeouts: Timeouts::default(),
        retry: None,
    }
}

fn arm() -> Arm {
    Arm::of(Route::Attempt(attempt()))
}

fn ensemble() -> Route {
    Route::Ensemble(Ensemble {
        asks: vec![arm()],
        quorum: 1,
        combine: Combine::FirstValid,
        judge: None,
        buffer: true,
        terms: Terms::default(),
    })
}

fn set(image: &mut Image, name: &str, route: Route) {
    let found = |plan: &&mut mux_dsl::image::Plan| plan.name.as_deref() == Some(name);
    let plan = image.plans.iter_mut().find(found);
    plan.unwrap_or_else(|| panic!("no plan `{name}`")).route = route;
}

#[test]
fn a_bundle_that_is_all_carried_out_has_no_gaps() {
    assert_eq!(gaps(&image()), Gaps::default());
}

#[test]
fn a_strategy_that_is_missing_is_named_once_with_its_plan_and_the_first_rule_that_uses_it() {
    let mut image = image();
    let deep = Cascade {
        judge: None,
        steps: vec![(arm(), None)],
        buffer: true,
        terms: Terms::default(),
    };
    let hedge = |inner| {
        Route::Hedge(Hedge {
            after: After::Time(1),
            extra: 1,
            arms: vec![arm(), Arm::of(inner)],
            budget: None,
            cost: None,
            terms: Terms::default(),
        })
    };
    set(&mut image, "used", hedge(Route::Cascade(deep)));
    let gaps = gaps(&image);
    assert_eq!(
        gaps.missing,
        ["t.mux:18 uses plan `used`: this version cannot carry out `cascade` yet"]
    );
    assert_eq!(
        gaps.ignored,
        [
            "t.mux:18 uses plan `used`: `hedge` asks its targets one after the other: no second request is sent yet"
        ]
    );
}

#[test]
fn a_strategy_of_a_plan_that_no_rule_uses_stops_nothing() {
    let mut image = image();
    set(&mut image, "nobody", ensemble());
    assert_eq!(gaps(&image), Gaps::default());
}

#[test]
fn what_is_written_in_a_rule_is_told_with_its_line() {
    let mut image = image();
    let inline = image.plans.iter().position(|plan| plan.name.is_none());
    let inline = inline.unwrap_or_else(|| panic!("the rule has a plan of its own"));
    image.plans[inline].route = ensemble();
    assert_eq!(
        gaps(&image).missing,
        ["t.mux:20: this version cannot carry out `ensemble` yet"]
    );
}

#[test]
fn copies_that_are_not_sent_and_words_that_do_nothing_yet_are_told() {
    let mut image = image();
    image.policies[0].rules[1].shadows.push(Shadow {
        share: 1_000,
        attempt: attempt(),
    });
    image.policies[1].priority = 9;
    image.fleet.defaults.queue = Some((64, 250));
    image.fleet.providers[0].probe = Some(Probe::Free(60_000));
    let gaps = gaps(&image);
    assert!(gaps.missing.is_empty());
    assert_eq!(
        gaps.ignored,
        [
            "t.mux:19: `shadow` is not carried out yet: no copy is sent",
            "policy `@y`: `priority` is not carried out yet: nothing is shed",
            "`defaults`: not carried out yet: `queue`",
            "provider `p`: `probe` is not carried out yet",
        ]
    );
}

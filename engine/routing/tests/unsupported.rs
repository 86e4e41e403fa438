//! What a bundle says and this version does not do is told, with its place; never done halfway in silence.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::Image;
use mux_dsl::image::{Affinity, Arm, Attempt, Fallback, Route, TargetId, Terms, Timeouts};
use mux_routing::unsupported::gaps;

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

fn set(image: &mut Image, name: &str, route: Route) {
    let found = |plan: &&mut mux_dsl::image::Plan| plan.name.as_deref() == Some(name);
    let plan = image.plans.iter_mut().find(found);
    plan.unwrap_or_else(|| panic!("no plan `{name}`")).route = route;
}

#[test]
fn a_bundle_that_is_all_carried_out_has_no_gaps() {
    assert_eq!(gaps(&image()), [] as [String; 0]);
}

#[test]
fn a_word_of_a_plan_is_told_once_with_the_plan_and_the_first_rule_that_uses_it() {
    let mut image = image();
    let fallback = || {
        Route::Fallback(Fallback {
            tries: vec![arm()],
            terms: Terms {
                affinity: Some(Affinity::Key),
                ..Terms::default()
            },
        })
    };
    set(&mut image, "used", fallback());
    set(&mut image, "nobody", fallback());
    assert_eq!(
        gaps(&image),
        ["t.mux:18 uses plan `used`: `affinity` does not change a written order yet"],
        "and of one that no rule uses nothing"
    );
}

#[test]
fn of_the_words_of_a_gateway_none_is_idle() {
    let mut image = image();
    image.fleet.defaults.queue = Some((64, 250));
    image.fleet.defaults.early_headers = Some(true);
    assert_eq!(gaps(&image), Vec::<String>::new());
}

#[test]
fn that_nobody_waits_for_the_concurrency_of_a_target_is_told_where_a_queue_makes_one_think_so() {
    let mut image = image();
    image.fleet.defaults.queue = Some((64, 250));
    image.fleet.providers[0].concurrency = Some(8);
    let told = gaps(&image);
    assert!(
        told.len() == 1
            && told[0].contains("`--max-inflight`")
            && told[0].contains("go on to the next"),
        "{told:?}"
    );
    image.fleet.defaults.queue = None;
    assert_eq!(gaps(&image), Vec::<String>::new());
}

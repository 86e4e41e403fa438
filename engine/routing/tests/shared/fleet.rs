//! A fleet of three, routers over it, and requests for them.

use super::ride::Ride;
use mux_dsl::Image;
use mux_dsl::image::TargetId;
use mux_routing::SECOND;
use mux_routing::class::Class;
use mux_routing::flight::{Arrival, Event, Failure};
use mux_routing::router::{Memory, Router};
use mux_traffic::record::{Facts, Usage};
use std::sync::Arc;

pub(crate) const A: TargetId = TargetId(0);
pub(crate) const B: TargetId = TargetId(1);
pub(crate) const C: TargetId = TargetId(2);

pub(crate) const FLEET: &str = r"
provider p {
  kind openai
  key  env KEY
  model a {
    context 10k
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema streaming
  }
  model b {
    context 10k
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema streaming
  }
  model c {
    context 100k
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema audio streaming
  }
}
";

pub(crate) fn compiled(text: &str) -> Image {
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.unwrap_or_else(|| panic!("{shown}"))
}

pub(crate) fn router_with(policy: &str, memory: &Memory) -> Arc<Router> {
    let image = compiled(&format!("{FLEET}{policy}"));
    Arc::new(Router::new(Arc::new(image), "v", memory, |_| None))
}

pub(crate) fn router(policy: &str) -> Arc<Router> {
    router_with(policy, &Memory::default())
}

pub(crate) const CHAIN: &str = "
plan chain {
  fallback within 8s {
    try p/a timeout 2s
    try p/b timeout 3s
    try p/c timeout 5s
  }
}
policy @x { else use plan chain }
";

impl Ride {
    pub(crate) fn fail(&mut self, class: Class, status: u16) -> &mut Self {
        let attempt = self.flight.attempts().len() - 1;
        self.on(Event::Failed(
            attempt,
            Failure {
                status: Some(status),
                ..Failure::of(class)
            },
        ))
    }

    pub(crate) fn serve(&mut self) -> &mut Self {
        let attempt = self.flight.attempts().len() - 1;
        self.on(Event::Head(attempt, 200))
            .on(Event::Content(attempt));
        self.on(Event::Done(
            attempt,
            Some(Usage {
                input: 100,
                output: 10,
                ..Usage::default()
            }),
        ))
    }
}

pub(crate) fn request(model: &str) -> Arrival {
    Arrival {
        id: "r".to_owned(),
        seed: 7,
        at: 1_767_614_400_000,
        now: 100 * SECOND,
        facts: Facts {
            model: model.to_owned(),
            tokens: 100,
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

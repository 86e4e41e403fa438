//! One policy with its requests: decided as compiled and as written, which must agree, and timed.

use super::turns::{Way, medians};
use crate::shapes::Moment;
use criterion::Criterion;
use mux_dsl::image::PolicyId;
use mux_dsl::request::Request;
use mux_dsl::{Decision, Form, Image};
use std::hint::black_box;

/// Who asks, and the figures at that time.
type Asked<'a> = (Request<'a>, &'a Moment);

/// What is asked of one policy.
pub(crate) struct Case<'a> {
    name: String,
    image: &'a Image,
    policy: PolicyId,
    asked: Vec<Asked<'a>>,
}

/// What came of it, in nanoseconds for one decision.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) mux: f64,
    pub(crate) naive: f64,
}

impl<'a> Case<'a> {
    pub(crate) fn new(name: &str, image: &'a Image, alias: &str, asked: Vec<Asked<'a>>) -> Self {
        Self {
            name: name.to_owned(),
            image,
            policy: image.policy(alias).expect("it is declared"),
            asked,
        }
    }

    fn mux(&self, (request, live): &Asked<'_>) -> Decision<'a> {
        self.image.decide(self.policy, black_box(request), *live)
    }

    fn naive(&self, (request, live): &Asked<'_>) -> Decision<'a> {
        let request = black_box(request);
        self.image.decide_naively(self.policy, request, *live)
    }

    /// Times both ways, one after the other and then in turns.
    pub(crate) fn timed(self, criterion: &mut Criterion) -> Row {
        for asked in &self.asked {
            assert_eq!(self.mux(asked).rule, self.naive(asked).rule, "{asked:?}");
        }
        let mut group = criterion.benchmark_group(format!("decide/{}", self.name));
        let mut asked = self.asked.iter().cycle();
        let mut next = || asked.next().expect("it has no end");
        group.bench_function("mux", |bench| bench.iter(|| self.mux(next())));
        group.bench_function("naive", |bench| bench.iter(|| self.naive(next())));
        group.finish();
        self.compared()
    }

    fn compared(self) -> Row {
        let all = |way: fn(&Self, &Asked<'a>) -> Decision<'a>| -> Way<'_> {
            let case = &self;
            Box::new(move || {
                for asked in &case.asked {
                    black_box(way(case, asked));
                }
            })
        };
        let times = medians(25, &mut [all(Self::mux), all(Self::naive)]);
        let &[mux, naive] = times.as_slice() else {
            unreachable!("there are two ways")
        };
        let requests = u32::try_from(self.asked.len()).expect("not that many");
        Row {
            form: self.image.form(self.policy).expect("it is declared"),
            name: self.name,
            mux: mux / f64::from(requests),
            naive: naive / f64::from(requests),
        }
    }
}

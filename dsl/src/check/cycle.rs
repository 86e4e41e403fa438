//! Loops: plans that use, policies that ask, and models that are like each other.

use super::policy::Ruled;
use crate::image::{Plan, PlanId, PolicyId, Route};
use crate::names::{Names, Table};
use crate::report::Report;
use crate::trace::CHAIN;

/// Longest chain of plans, policies or models that is followed: everything behind it walks them by recursion.
const DEEPEST: usize = 64;

/// Reports plans that lead back to themselves; whether there are any.
pub(super) fn plans(names: &Names<'_>, plans: &[Plan], report: &mut Report) -> bool {
    let next = |at: usize| {
        let mut uses = Vec::new();
        if let Some(plan) = plans.get(at) {
            used(&plan.route, &mut uses);
        }
        uses
    };
    let count = names.plans.iter().count();
    report_loops(
        &names.plans,
        count,
        &next,
        ("mux::cycle::plan", "these plans use each other"),
        report,
    )
}

fn used(route: &Route, found: &mut Vec<usize>) {
    match route {
        Route::Plan(PlanId(id)) => found.push(*id as usize),
        Route::Attempt(_) => {}
        nested => nested.each_inner(&mut |inner| used(inner, found)),
    }
}

/// Reports policies that lead back to themselves, and chains that are too long.
pub(super) fn policies(names: &Names<'_>, rules: &[Vec<Ruled>], report: &mut Report) {
    let next = |at: usize| -> Vec<usize> {
        let rules = rules.get(at).into_iter().flatten();
        rules.filter_map(|r| r.goes).map(PolicyId::index).collect()
    };
    let count = names.policies.iter().count();
    if report_loops(
        &names.policies,
        count,
        &next,
        ("mux::cycle::go", "these policies ask each other"),
        report,
    ) {
        return;
    }
    let mut depths = vec![None; count];
    for at in 0..count {
        if depth(at, &next, &mut depths) > CHAIN
            && let Some(decl) = names.policies.get(at)
        {
            report
                .error(
                    "mux::policy::depth",
                    decl.span,
                    format!("a request can pass through more than {CHAIN} policies from here"),
                )
                .help("let some of them decide by themselves instead of `go`");
            return;
        }
    }
}

/// Policies on the longest way from `at`, itself included.
fn depth(at: usize, next: &dyn Fn(usize) -> Vec<usize>, known: &mut Vec<Option<usize>>) -> usize {
    if let Some(Some(depth)) = known.get(at) {
        return *depth;
    }
    let deepest = 1 + next(at)
        .into_iter()
        .map(|n| depth(n, next, known))
        .max()
        .unwrap_or(0);
    if let Some(slot) = known.get_mut(at) {
        *slot = Some(deepest);
    }
    deepest
}

/// Reports every loop of a graph once, in words, and chains that are too long to follow; whether there is either.
pub(super) fn report_loops(
    table: &Table<'_>,
    count: usize,
    next: &dyn Fn(usize) -> Vec<usize>,
    (code, message): (&'static str, &str),
    report: &mut Report,
) -> bool {
    let mut search = Search {
        next,
        state: vec![State::New; count],
        open: Vec::new(),
        loops: Vec::new(),
        deep: None,
    };
    for at in 0..count {
        search.visit(at);
    }
    for ring in &search.loops {
        let decls: Vec<_> = ring.iter().filter_map(|at| table.get(*at)).collect();
        let Some(first) = decls.first() else { continue };
        let mut words: Vec<_> = decls.iter().map(|d| format!("`{}`", d.name)).collect();
        words.push(format!("`{}`", first.name));
        let finding = report.error(
            code,
            first.span,
            format!("{message}: {}", words.join(" -> ")),
        );
        for decl in decls.iter().skip(1) {
            finding.also(decl.span, "part of the loop");
        }
    }
    if let Some(decl) = search.deep.and_then(|at| table.get(at)) {
        report
            .error(
                code,
                decl.span,
                format!("`{}` leads through more than {DEEPEST} others", decl.name),
            )
            .help("shorten the chain: what is that deep, nobody can follow at night");
    }
    !search.loops.is_empty() || search.deep.is_some()
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    /// With the length of the longest chain from here.
    Done(usize),
}

struct Search<'n> {
    next: &'n dyn Fn(usize) -> Vec<usize>,
    state: Vec<State>,
    open: Vec<usize>,
    loops: Vec<Vec<usize>>,
    /// The first from which a chain is too long.
    deep: Option<usize>,
}

impl Search<'_> {
    /// Length of the longest chain from `at`, as far as it is known.
    fn visit(&mut self, at: usize) -> usize {
        match self.state.get(at) {
            Some(State::New) => {}
            Some(State::Open) => {
                let from = self.open.iter().position(|o| *o == at).unwrap_or(0);
                self.loops
                    .push(self.open.iter().skip(from).copied().collect());
                return 0;
            }
            Some(State::Done(height)) => return *height,
            None => return 0,
        }
        if self.open.len() >= DEEPEST {
            self.deep = self.deep.or(self.open.first().copied());
            return 0;
        }
        self.set(at, State::Open);
        self.open.push(at);
        let deepest = (self.next)(at)
            .into_iter()
            .map(|next| self.visit(next))
            .max();
        self.open.pop();
        let height = 1 + deepest.unwrap_or(0);
        if height > DEEPEST {
            self.deep = self.deep.or(Some(at));
        }
        self.set(at, State::Done(height));
        height
    }

    fn set(&mut self, at: usize, state: State) {
        if let Some(slot) = self.state.get_mut(at) {
            *slot = state;
        }
    }
}

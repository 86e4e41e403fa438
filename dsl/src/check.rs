//! Meaning: from trees to a model in which names are ids and quantities are base units.

mod ability;
mod choice;
mod condition;
mod cycle;
mod defaults;
mod fleet;
mod lint;
mod policy;
mod promise;
mod protect;
mod provider;
mod quirks;
mod reach;
mod replay;
mod route;
mod sets;
mod spend;
mod threshold;
mod trial;
mod upkeep;

use crate::atom::Tables;
use crate::case::{Guarantee, Replay, Test};
use crate::clause::Clause;
use crate::condition::Cond;
use crate::diagnostic::Severity;
use crate::fact::{of_text, senses};
use crate::image::{Fleet, Plan, Policy};
use crate::lines::Line;
use crate::load::Loaded;
use crate::names::Names;
use crate::outside::Outside;
use crate::program::{Laid, lay};
use crate::proof::{self, Proof};
use crate::region::Terms;
use crate::report::Report;
use crate::source::Span;
use crate::space::{Declared, Space};
use crate::words::LANGUAGE;
use std::collections::HashSet;

/// A checked bundle, before its graph is built.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) fleet: Fleet,
    pub(crate) plans: Vec<Plan>,
    pub(crate) policies: Vec<Policy>,
    /// By policy.
    pub(crate) clauses: Vec<Vec<Clause>>,
    pub(crate) tests: Vec<Test>,
    pub(crate) replays: Vec<Replay>,
    pub(crate) guarantees: Vec<Guarantee>,
    /// By guarantee; none where something is wrong.
    pub(crate) proofs: Vec<Proof>,
    pub(crate) tables: Tables,
    /// Conditions that plans ask.
    pub(crate) guards: Vec<Cond>,
    pub(crate) space: Space,
    /// By policy: its rules in that space.
    pub(crate) laid: Vec<Laid>,
}

/// Checks a bundle; the result means something only if nothing was reported that stops a load.
pub(crate) fn check(loaded: &Loaded, outside: Outside<'_>, report: &mut Report) -> Checked {
    let names = Names::gather(&loaded.trees, report);
    bundle(&names, loaded, report);
    let (targets, providers) = fleet::read(&names, outside, report);
    let fleet = Fleet {
        providers,
        targets,
        breakers: protect::breakers(&names, report),
        health: protect::health(&names, report),
        budgets: spend::budgets(&names, report),
        limits: spend::limits(&names, report),
        direct: direct(&names, report),
        defaults: defaults::read(&names, report),
    };
    let mut conditions = condition::Conditions::new(&names, loaded, report);
    let mut routes = route::Routes::new(&names, loaded);
    routes.named(&mut conditions, report);
    let (policies, rules, open) = policy::read(
        &names,
        &loaded.sources,
        &mut conditions,
        &mut routes,
        report,
    );
    let tests = trial::read(&names, &loaded.sources, report);
    let replays = replay::read(&names, &loaded.sources, report);
    let promised = promise::read(&names, &loaded.sources, &mut conditions, report);
    let (guarantees, places): (Vec<Guarantee>, Vec<Span>) = promised.into_iter().unzip();
    let tables = conditions.finish();
    let looped = cycle::plans(&names, &routes.plans, report);
    cycle::policies(&names, &rules, report);
    let space = {
        let conds = rules
            .iter()
            .flatten()
            .filter_map(|r| r.clause.as_ref()?.cond.as_ref());
        let spoken_of = guarantees.iter().filter_map(|g| g.when.as_ref());
        let conds = conds.chain(&routes.guards).chain(spoken_of);
        space(conds, &fleet, &tables, &declared(&tables))
    };
    let terms = Terms {
        space: &space,
        fleet: &fleet,
        tables: &tables,
    };
    let clauses: Vec<Vec<Option<Clause>>> = rules
        .iter()
        .map(|r| r.iter().map(|r| r.clause.clone()).collect())
        .collect();
    let laid: Vec<Laid> = clauses.iter().map(|c| lay(c, &terms)).collect();
    let proofs = lint::Proofs {
        policies: &policies,
        rules: &rules,
        clauses: &clauses,
        laid: &laid,
        plans: &routes.plans,
        guards: &routes.guards,
        terms,
    };
    proofs.rules(&open, report);
    if !looped {
        routes.whole(&fleet, report);
        let carried = (routes.plans.as_slice(), routes.guards.as_slice());
        reach::suits(&policies, &rules, carried, report);
    }
    // A list that leaves nobody cannot serve anything either.
    if !looped && !report.failed() {
        proofs.served(report);
    }
    lint::unused(&names, report);
    let clauses: Vec<Vec<Clause>> = clauses
        .into_iter()
        .map(|rules| rules.into_iter().flatten().collect())
        .collect();
    let mut proved = Vec::new();
    if !looped && !report.failed() {
        let scene = proof::Scene {
            policies: &policies,
            clauses: &clauses,
            plans: &routes.plans,
            guards: &routes.guards,
            terms,
        };
        proved = guarantees.iter().map(|g| proof::prove(g, scene)).collect();
        for (proof, at) in proved.iter().zip(places) {
            lint::promise(proof, at, outside.force, report);
        }
    }
    Checked {
        fleet,
        plans: routes.plans,
        policies,
        clauses,
        tests,
        replays,
        guarantees,
        proofs: proved,
        tables,
        guards: routes.guards,
        space,
        laid,
    }
}

/// The space of requests as these conditions cut it up.
fn space<'c>(
    conds: impl Iterator<Item = &'c Cond>,
    fleet: &Fleet,
    tables: &Tables,
    declared: &Declared,
) -> Space {
    let mut tests = Vec::new();
    for cond in conds {
        cond.each_test(&mut |test| tests.extend(senses(&test.atom, fleet, tables)));
    }
    Space::cut(tests, declared)
}

/// The facts with the only values they can have.
fn declared(tables: &Tables) -> Declared {
    let sorted = |values: &HashSet<Box<str>>| {
        let mut values: Vec<Box<str>> = values.iter().cloned().collect();
        values.sort_unstable();
        values.into()
    };
    let facts = tables.declared.iter();
    facts
        .map(|(text, values)| (of_text(text), sorted(values)))
        .collect()
}

/// What concerns the bundle as a whole.
fn bundle(names: &Names<'_>, loaded: &Loaded, report: &mut Report) {
    for line in names.others.iter().filter(|l| l.entry.word == "mux") {
        let Some(word) = line.word().filter(|w| *w.text != *LANGUAGE.to_string()) else {
            continue;
        };
        report
            .error(
                "mux::version::unknown",
                word.span,
                format!("version {} of the language is not known here", word.text),
            )
            .help(format!("this mux reads version {LANGUAGE}"));
    }
    let empty = loaded.trees.iter().all(|t| t.body.is_empty());
    if empty && !report.failed() {
        report
            .placeless(
                "mux::file::empty",
                Severity::Error,
                "there is nothing in these files",
            )
            .help("a policy begins with `policy @NAME {` and ends with `else use …`");
    } else if names.policies.iter().next().is_none() && !report.failed() {
        report
            .placeless(
                "mux::policy::none",
                Severity::Warning,
                "there is no policy in these files",
            )
            .help("clients reach a policy by its name: `policy @NAME { else use … }`");
    }
}

fn direct(names: &Names<'_>, report: &mut Report) -> bool {
    let lines = names.others.iter().filter(|l| l.entry.word == "allow");
    let words: Vec<_> = lines.filter_map(Line::word).collect();
    for word in words.iter().filter(|w| !w.says("direct")) {
        report
            .error(
                "mux::statement::form",
                word.span,
                format!("`{}` cannot be allowed", word.text),
            )
            .help("write `allow direct`");
    }
    words.iter().any(|w| w.says("direct"))
}

//! What can be said about rules without running them: never reached, never servable, never used.

use super::policy::Ruled;
use crate::clause::Clause;
use crate::condition::Cond;
use crate::fact::Fact;
use crate::image::{Features, Plan, Policy, Rule, Target};
use crate::names::{Names, Table};
use crate::program::Laid;
use crate::proof::{self, Answer, Counterexample, Judged, Overrun, Proof, Unserved, Why};
use crate::region::Terms;
use crate::report::Report;
use crate::source::Span;
use crate::space::amount;
use crate::witness::Witness;

/// Most earlier rules that one message names.
const SHOWN: usize = 4;

/// A bundle, as far as it is needed to prove something about it.
pub(super) struct Proofs<'a> {
    pub(super) policies: &'a [Policy],
    pub(super) rules: &'a [Vec<Ruled>],
    /// By policy and rule; one that is wrong is `None`.
    pub(super) clauses: &'a [Vec<Option<Clause>>],
    /// By policy.
    pub(super) laid: &'a [Laid],
    pub(super) plans: &'a [Plan],
    /// Conditions that plans ask.
    pub(super) guards: &'a [Cond],
    pub(super) terms: Terms<'a>,
}

impl Proofs<'_> {
    fn each(&self) -> impl Iterator<Item = (&Policy, &[Ruled], &[Option<Clause>], &Laid)> {
        let rules = self.rules.iter().zip(self.clauses).zip(self.laid);
        let each = self.policies.iter().zip(rules);
        each.map(|(policy, ((rules, clauses), laid))| {
            (policy, rules.as_slice(), clauses.as_slice(), laid)
        })
    }

    /// Reports what can be proved about the rules of every policy. `open` are the policies whose text does not end with
    /// `else`.
    pub(super) fn rules(&self, open: &[Option<Span>], report: &mut Report) {
        for ((policy, rules, clauses, laid), open) in self.each().zip(open) {
            if let Some(at) = open
                && !proof::exhaustive(laid, &self.terms)
            {
                no_else(policy, *at, report);
            }
            let wrong = report.failed();
            for (at, judged) in proof::rules(clauses, policy, laid, self.plans, &self.terms) {
                let Some(rule) = rules.get(at).filter(|rule| !rule.implied) else {
                    continue;
                };
                // What only looks odd may look so because of what is wrong.
                if !wrong || matches!(judged, Judged::Dead(_)) {
                    judge(policy, rules, rule, &judged, &self.terms, report);
                }
            }
        }
    }

    /// Reports rules that requests reach which nothing they lead to can serve. Plans must be free of loops, policies
    /// without mistakes.
    pub(super) fn served(&self, report: &mut Report) {
        for (policy, rules, clauses, laid) in self.each() {
            for unserved in proof::needs(clauses, laid, (self.plans, self.guards), &self.terms) {
                if let Some(rule) = rules.get(unserved.rule) {
                    cannot_serve(policy, rule, &unserved, &self.terms, report);
                }
            }
            for overrun in proof::windows(clauses, laid, (self.plans, self.guards), &self.terms) {
                if let Some(rule) = rules.get(overrun.rule) {
                    too_long(rule, &overrun, &self.terms, report);
                }
            }
        }
    }
}

/// Reports a guarantee that does not hold, or cannot be proved.
pub(super) fn promise(proof: &Proof, at: Span, force: bool, report: &mut Report) {
    match &proof.verdict {
        Answer::Proved => {}
        Answer::Vacuous => {
            report
                .warning("mux::guarantee::vacuous", at, format!("`{}` is about no request", proof.name))
                .help("no request of any policy can be as its `when` says, so it holds whatever the rules do: loosen the condition, or delete it");
        }
        Answer::Refuted(found) => {
            let message = format!("`{}` does not hold", proof.name);
            let finding = if force {
                report.warning("mux::guarantee::refuted", at, message)
            } else {
                report.error("mux::guarantee::refuted", at, message)
            };
            finding
                .label(format!(
                    "`{}`, but {}, by {}",
                    found.expected, found.got, found.rule
                ))
                .help(format!("{}:\n{}", shows(found), found.test.trim_end()));
        }
        Answer::Bounded { points } => {
            report
                .warning("mux::guarantee::bounded", at, format!("`{}` could not be proved for all requests", proof.name))
                .label(match points {
                    0 => "what it hangs on is too much to be looked at as a whole".to_owned(),
                    _ => format!("it holds for the {points} requests that were looked at"),
                })
                .help("the rules are too tangled to be proved as a whole: split the policy, or promise less at a time");
        }
    }
}

/// What a counterexample is.
fn shows(found: &Counterexample) -> &'static str {
    if found.fails {
        "this test fails while it does not hold"
    } else {
        "for example this request"
    }
}

fn no_else(policy: &Policy, at: Span, report: &mut Report) {
    report
        .error(
            "mux::policy::no-else",
            at,
            format!(
                "`@{}` does not say what to do with every request",
                policy.name
            ),
        )
        .label("a request that matches no rule has nowhere to go")
        .help("end the policy with `else use ...` or `else deny ...`");
}

fn judge(
    policy: &Policy,
    rules: &[Ruled],
    rule: &Ruled,
    judged: &Judged,
    terms: &Terms<'_>,
    report: &mut Report,
) {
    match judged {
        Judged::Dead(by) => {
            let whole = by.len() == 1;
            let finding = report.error(
                "mux::rule::unreachable",
                rule.span,
                "this rule can never run",
            );
            for earlier in by.iter().filter_map(|at| rules.get(*at)).take(SHOWN) {
                finding.also(
                    earlier.span,
                    if whole {
                        "takes every one of its requests"
                    } else {
                        "takes some of its requests"
                    },
                );
            }
            let names: Vec<String> = by
                .iter()
                .take(SHOWN)
                .map(|at| called(policy, *at))
                .collect();
            let verb = if whole {
                "stands above it and always matches first"
            } else {
                "stand above it and take all of its requests between them"
            };
            finding.help(format!(
                "{} {verb}: move this one above, or delete it",
                names.join(" and ")
            ));
        }
        Judged::Impossible => {
            report
                .error(
                    "mux::rule::unreachable",
                    rule.span,
                    "this rule can never run",
                )
                .label("no request can meet this condition")
                .help("two of its parts contradict each other; mend one, or delete the rule");
        }
        Judged::Shadowed(parts, by) => {
            let words: Vec<String> = parts
                .iter()
                .take(SHOWN)
                .map(|p| format!("`{}`", terms.words(p)))
                .collect();
            let names: Vec<String> = by
                .iter()
                .take(SHOWN)
                .map(|at| called(policy, *at))
                .collect();
            let finding = report.warning(
                "mux::rule::shadowed",
                rule.span,
                format!(
                    "this rule never gets the requests with {}",
                    words.join(" or ")
                ),
            );
            for earlier in by.iter().filter_map(|at| rules.get(*at)).take(SHOWN) {
                finding.also(earlier.span, "takes them first");
            }
            finding.help(format!(
                "{} took them; delete that part of the condition, or move the rule up",
                names.join(" and ")
            ));
        }
        Judged::Redundant(other) => redundant(policy, rules, rule, *other, report),
        Judged::Constant(test, held) => {
            let always = if *held { "always true" } else { "never true" };
            report
                .warning(
                    "mux::cond::constant",
                    rule.span,
                    format!("`{}` is {always} here", test.text),
                )
                .help(if *held {
                    "the rules above have taken every other request; it can be left out"
                } else {
                    "the rules above have taken every such request; it can be left out"
                });
        }
    }
}

/// Warns of a rule that changes nothing; `other` stands in for it, and it for that one.
fn redundant(
    policy: &Policy,
    rules: &[Ruled],
    rule: &Ruled,
    other: Option<usize>,
    report: &mut Report,
) {
    let finding = report.warning(
        "mux::rule::redundant",
        rule.span,
        "without this rule everything would be decided as it is",
    );
    match other.and_then(|at| rules.get(at).map(|other| (at, other))) {
        Some((at, other)) => {
            finding
                .also(other.span, "without this one, too, but not without both")
                .help(format!(
                    "delete either this rule or {}, not both, or mend what they do",
                    called(policy, at)
                ));
        }
        None => {
            finding.help(
                "the rules below do the same with its requests; delete it, or mend what it does",
            );
        }
    }
}

/// A rule by its name or its line.
fn called(policy: &Policy, at: usize) -> String {
    match policy.rules.get(at) {
        Some(Rule {
            name: Some(name), ..
        }) => format!("rule `{name}`"),
        Some(rule) => format!("the rule in line {}", rule.line),
        None => "a rule".to_owned(),
    }
}

fn too_long(rule: &Ruled, overrun: &Overrun, terms: &Terms<'_>, report: &mut Report) {
    let tokens = amount(&Fact::Tokens, overrun.tokens);
    let window = amount(&Fact::Tokens, overrun.window.into());
    let narrow = overrun
        .target
        .and_then(|t| terms.fleet.targets.get(t.index()));
    let (whose, label) = match narrow {
        Some(narrow) => (
            format!(
                "and are led to `{}`, whose window has {window}",
                narrow.name
            ),
            "such a request is refused with 400 where it is led there",
        ),
        None => (
            format!("and the widest window it leads to has {window}"),
            "such a request is refused with 400",
        ),
    };
    report
        .warning(
            "mux::target::window",
            rule.span,
            format!("prompts of {tokens} tokens and more get here, {whose}"),
        )
        .label(label)
        .help(format!(
            "add `when tokens > {window} use …` above it, with a model that has a wider window"
        ));
}

fn cannot_serve(
    policy: &Policy,
    rule: &Ruled,
    unserved: &Unserved,
    terms: &Terms<'_>,
    report: &mut Report,
) {
    let asked: Vec<&Target> = unserved
        .targets
        .iter()
        .filter_map(|t| terms.fleet.targets.get(t.index()))
        .collect();
    let mut witness = Witness::of(&unserved.witness, terms.space);
    let has: Vec<String> = unserved.needs.words().map(|w| format!("has {w}")).collect();
    for word in &has {
        if !witness.givens.contains(word) {
            witness.givens.push(word.clone());
        }
    }
    let named = |of: &[&Target]| {
        let names: Vec<String> = of.iter().map(|t| format!("`{}`", t.name)).collect();
        names.join(", ")
    };
    report
        .error(
            "mux::target::cannot-serve",
            rule.span,
            format!(
                "requests{} can reach {}",
                wanting(unserved, &asked),
                met(unserved, &asked)
            ),
        )
        .label(format!("leads to {}", named(&asked)))
        .help(format!(
            "for example: {}; {}",
            witness.sentence(&policy.name),
            instead(unserved, &has, terms)
        ));
}

/// What requests that are not served need.
fn wanting(unserved: &Unserved, asked: &[&Target]) -> String {
    let able = asked
        .iter()
        .fold(Features::default(), |all, t| all.with(t.can));
    let missing = match unserved.needs.without(able) {
        Features(0) => unserved.needs,
        some => some,
    };
    match missing.words().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        needs => format!(" with `{}`", needs.join("` and `")),
    }
}

/// What they meet.
fn met(unserved: &Unserved, asked: &[&Target]) -> String {
    let able = |t: &&&Target| t.can.contains(unserved.needs);
    match (unserved.why, asked) {
        _ if unserved.needs == Features::default() => match unserved.why {
            Why::Others => {
                "this rule, and each arm that it leads to is only there for others".to_owned()
            }
            Why::Nobody | Why::NotAll => {
                "this rule, and `where` leaves none of its targets".to_owned()
            }
        },
        (Why::Others, _) => {
            "this rule, and what could serve them is only there for others".to_owned()
        }
        (Why::NotAll, _) => {
            let unable = asked
                .iter()
                .filter(|t| !able(t))
                .map(|t| format!("`{}`", t.name));
            format!(
                "{}, which cannot serve them",
                unable.collect::<Vec<_>>().join(" and ")
            )
        }
        (Why::Nobody, [one]) => format!("`{}`, which cannot serve them", one.name),
        (Why::Nobody, _) => "this rule, and nothing it leads to can serve them".to_owned(),
    }
}

/// What to do about it.
fn instead(unserved: &Unserved, has: &[String], terms: &Terms<'_>) -> String {
    let able = terms
        .fleet
        .targets
        .iter()
        .find(|t| t.can.contains(unserved.needs));
    match (has, able) {
        ([], _) if unserved.why == Why::Others => {
            "leave out the `when` of the last arm, or add a rule above for what it leaves out"
                .to_owned()
        }
        ([], _) => "add `otherwise`, or loosen `where`".to_owned(),
        (_, Some(able)) => format!(
            "add `when {} use {}` above it",
            has.join(" and "),
            able.name
        ),
        (_, None) => format!(
            "no model of this fleet can: add `when {} deny 400 \"…\"` above it",
            has.join(" and ")
        ),
    }
}

/// Warns of what is declared and never named. A bundle without policies is a part of others, and is left alone.
pub(super) fn unused(names: &Names<'_>, report: &mut Report) {
    if names.policies.iter().next().is_none() || report.failed() {
        return;
    }
    for model in names.models.iter().filter(|m| m.used()) {
        names.providers.mark(model.owner);
    }
    let direct = names.others.iter().any(|l| l.entry.word == "allow");
    if !direct {
        warn(
            &names.providers,
            "mux::unused::provider",
            "no rule reaches a model of this provider",
            report,
        );
    }
    warn(
        &names.plans,
        "mux::unused::plan",
        "no rule uses this plan",
        report,
    );
    warn(
        &names.sets,
        "mux::unused::set",
        "no condition asks for this set",
        report,
    );
    warn(
        &names.defines,
        "mux::unused::define",
        "no rule uses this condition",
        report,
    );
    warn(
        &names.budgets,
        "mux::unused::budget",
        "no policy charges this budget",
        report,
    );
    warn(
        &names.limits,
        "mux::unused::limit",
        "no policy obeys this limit",
        report,
    );
    warn(
        &names.breakers,
        "mux::unused::breaker",
        "no plan uses this breaker",
        report,
    );
}

fn warn(table: &Table<'_>, code: &'static str, message: &str, report: &mut Report) {
    for decl in table.unused() {
        report
            .warning(code, decl.span, message)
            .help(format!("delete `{}`, or use it", decl.name));
    }
}

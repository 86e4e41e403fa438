//! One question and what follows from each answer, as bytes.

use super::bytes::Bytes;
use crate::fact::Fact;
use crate::space::{Automaton, Field, Form};

/// Writes a branch.
type Branch<'b, T> = &'b dyn Fn(&mut Bytes, T);

/// What is asked, and what follows from each answer.
pub(super) fn node<T: Copy + Eq>(
    bytes: &mut Bytes,
    field: &Field,
    form: &Form<T>,
    branch: Branch<'_, T>,
) {
    fact(bytes, &field.fact);
    match form {
        Form::Flag(branches) => {
            bytes.byte(0);
            for b in branches {
                branch(bytes, *b);
            }
        }
        Form::States(branches) => {
            bytes.byte(1);
            for b in branches {
                branch(bytes, *b);
            }
        }
        Form::Steps(none, steps) => {
            bytes.byte(2);
            absent(bytes, *none, branch);
            list(bytes, steps, branch, |bytes, from| bytes.number(*from));
        }
        Form::Texts(none, other, values) => {
            bytes.byte(3);
            absent(bytes, *none, branch);
            branch(bytes, *other);
            list(bytes, values, branch, |bytes, value| bytes.text(value));
        }
        Form::Patterns(none, read) => {
            bytes.byte(4);
            absent(bytes, *none, branch);
            automaton(bytes, read, branch);
        }
        Form::Week(zone, steps) => {
            bytes.byte(5);
            bytes.text(zone);
            list(bytes, steps, branch, |bytes, from| {
                bytes.number((*from).into());
            });
        }
        Form::Tests(tests, combinations) => {
            bytes.byte(6);
            bytes.count(tests.len());
            for test in tests {
                bytes.text(test);
            }
            list(bytes, combinations, branch, |bytes, flags| {
                bytes.number(*flags);
            });
        }
    }
}

fn absent<T: Copy>(bytes: &mut Bytes, absent: Option<T>, branch: Branch<'_, T>) {
    bytes.byte(u8::from(absent.is_some()));
    if let Some(absent) = absent {
        branch(bytes, absent);
    }
}

/// Values with what follows from each.
fn list<K, T: Copy>(
    bytes: &mut Bytes,
    list: &[(K, T)],
    branch: Branch<'_, T>,
    key: impl Fn(&mut Bytes, &K),
) {
    bytes.count(list.len());
    for (value, to) in list {
        key(bytes, value);
        branch(bytes, *to);
    }
}

fn automaton<T: Copy + Eq>(bytes: &mut Bytes, automaton: &Automaton<T>, branch: Branch<'_, T>) {
    bytes.count(automaton.states.len());
    for state in &automaton.states {
        branch(bytes, state.out);
        bytes.number(state.other.into());
        bytes.count(state.edges.len());
        for (c, to) in &state.edges {
            bytes.number(u32::from(*c).into());
            bytes.number((*to).into());
        }
    }
}

/// What is asked about.
pub(super) fn fact(bytes: &mut Bytes, fact: &Fact) {
    let (kind, name): (u8, &str) = match fact {
        Fact::Model => (0, ""),
        Fact::Operation => (1, ""),
        Fact::Dialect => (2, ""),
        Fact::Key => (3, ""),
        Fact::Team => (4, ""),
        Fact::Tag(name) => (5, name),
        Fact::Header(name) => (6, name),
        Fact::EndUser => (7, ""),
        Fact::Conversation => (8, ""),
        Fact::Streaming => (9, ""),
        Fact::Need(bit) => {
            bytes.byte(10);
            return bytes.count((*bit).into());
        }
        Fact::Tokens => (11, ""),
        Fact::OutputLimit => (12, ""),
        Fact::Time => (13, ""),
        Fact::Used(budget) => (14, budget),
        Fact::Health(targets) => {
            bytes.byte(15);
            bytes.count(targets.len());
            for target in targets {
                bytes.text(target);
            }
            return;
        }
        Fact::BreakerOpen(target) => (16, target),
        Fact::Inflight(target) => (17, target),
        Fact::Headroom(target) => (18, target),
        Fact::ErrorRate(target) => (19, target),
        Fact::P50(target) => (20, target),
        Fact::P95(target) => (21, target),
        Fact::P99(target) => (22, target),
    };
    bytes.byte(kind);
    bytes.text(name);
}

//! One question and what follows from each answer, as bytes.

use super::bytes::Bytes;
use crate::fact::Fact;
use crate::space::{Field, Form};

/// What is asked, and what follows from each answer.
pub(super) fn node<T: Copy + Eq>(
    bytes: &mut Bytes,
    field: &Field,
    form: &Form<T>,
    branch: &dyn Fn(&mut Bytes, T),
) {
    fact(bytes, &field.fact);
    let absent = |bytes: &mut Bytes, absent: &Option<T>| {
        bytes.byte(u8::from(absent.is_some()));
        if let Some(b) = absent {
            branch(bytes, *b);
        }
    };
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
            absent(bytes, none);
            bytes.count(steps.len());
            for (from, b) in steps {
                bytes.number(*from);
                branch(bytes, *b);
            }
        }
        Form::Texts(none, other, values) => {
            bytes.byte(3);
            absent(bytes, none);
            branch(bytes, *other);
            bytes.count(values.len());
            for (value, b) in values {
                bytes.text(value);
                branch(bytes, *b);
            }
        }
        Form::Patterns(none, automaton) => {
            bytes.byte(4);
            absent(bytes, none);
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
        Form::Week(zone, steps) => {
            bytes.byte(5);
            bytes.text(zone);
            bytes.count(steps.len());
            for (from, b) in steps {
                bytes.number((*from).into());
                branch(bytes, *b);
            }
        }
        Form::Tests(tests, combinations) => {
            bytes.byte(6);
            bytes.count(tests.len());
            for t in tests {
                bytes.text(t);
            }
            bytes.count(combinations.len());
            for (flags, b) in combinations {
                bytes.number(*flags);
                branch(bytes, *b);
            }
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

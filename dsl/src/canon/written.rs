//! Conditions as bytes, as they are written: for those that are too many to be told by where they hold.

use super::bytes::Bytes;
use super::node::fact;
use crate::condition::Cond;
use crate::fact::{Sense, senses};
use crate::image::{Compare, HealthState};
use crate::region::Terms;

/// A condition, test by test.
pub(super) fn condition(bytes: &mut Bytes, cond: &Cond, terms: &Terms<'_>) {
    let several = |bytes: &mut Bytes, kind: u8, parts: &[Cond]| {
        bytes.byte(kind);
        bytes.count(parts.len());
        for p in parts {
            condition(bytes, p, terms);
        }
    };
    match cond {
        Cond::All(parts) => several(bytes, 0, parts),
        Cond::Any(parts) => several(bytes, 1, parts),
        Cond::Not(inner) => {
            bytes.byte(2);
            condition(bytes, inner, terms);
        }
        Cond::Named(_, inner) => condition(bytes, inner, terms),
        Cond::Test(test) => {
            let senses = senses(&test.atom, terms.fleet, terms.tables);
            bytes.byte(3);
            bytes.count(senses.len());
            for (of, sense_of) in &senses {
                fact(bytes, of);
                sense(bytes, sense_of);
            }
        }
    }
}

fn sense(bytes: &mut Bytes, sense: &Sense) {
    match sense {
        Sense::Has => bytes.byte(0),
        Sense::Is(value) => {
            bytes.byte(1);
            bytes.text(value);
        }
        Sense::In(set) => {
            let mut values: Vec<_> = set.iter().collect();
            values.sort_unstable();
            bytes.byte(2);
            bytes.count(values.len());
            for v in values {
                bytes.text(v);
            }
        }
        Sense::Fits(glob) => {
            bytes.byte(3);
            bytes.text(&glob.words(""));
        }
        Sense::StartsWith(start) => {
            bytes.byte(4);
            bytes.text(start);
        }
        Sense::Number(compare, value) => {
            bytes.byte(5);
            bytes.byte(sign(*compare));
            bytes.number(*value);
        }
        Sense::State(state) => {
            bytes.byte(6);
            bytes.byte(match state {
                HealthState::Ok => 0,
                HealthState::Degraded => 1,
                HealthState::Down => 2,
            });
        }
        Sense::During(window, zone) => {
            bytes.byte(7);
            bytes.text(&zone.name);
            bytes.byte(window.days);
            bytes.count(window.hours.len());
            for (from, to) in &window.hours {
                bytes.count((*from).into());
                bytes.count((*to).into());
            }
        }
    }
}

fn sign(compare: Compare) -> u8 {
    match compare {
        Compare::Is => 0,
        Compare::IsNot => 1,
        Compare::Less => 2,
        Compare::AtMost => 3,
        Compare::More => 4,
        Compare::AtLeast => 5,
    }
}

//! Parts as bytes.

use super::bytes::Bytes;
use crate::part::{Figure, Part};

/// Place, kind and name; figures by their words; parts in order.
pub(super) fn write(bytes: &mut Bytes, part: &Part) {
    bytes.text(part.role);
    bytes.text(part.kind);
    bytes.text(&part.name);
    bytes.count(part.figures.len());
    for (word, value) in &part.figures {
        bytes.text(word);
        figure(bytes, value);
    }
    bytes.count(part.parts.len());
    for p in &part.parts {
        write(bytes, p);
    }
}

fn figure(bytes: &mut Bytes, value: &Figure) {
    match value {
        Figure::Yes => bytes.byte(0),
        Figure::Text(text) => {
            bytes.byte(1);
            bytes.text(text);
        }
        Figure::Words(words) => {
            bytes.byte(2);
            bytes.count(words.len());
            for w in words {
                bytes.text(w);
            }
        }
        Figure::Number(number) => {
            bytes.byte(3);
            bytes.signed(*number);
        }
        Figure::Tokens(tokens) => {
            bytes.byte(4);
            bytes.number(*tokens);
        }
        Figure::Time(time) => {
            bytes.byte(5);
            bytes.number(*time);
        }
        Figure::Share(share) => {
            bytes.byte(6);
            bytes.number((*share).into());
        }
        Figure::Money(money) => {
            bytes.byte(7);
            bytes.signed(*money);
        }
        Figure::Price(money) => {
            bytes.byte(8);
            bytes.signed(*money);
        }
        Figure::When(guard) => {
            bytes.byte(9);
            bytes.bytes(&guard.meaning);
        }
        Figure::Row(row) => {
            bytes.byte(10);
            bytes.count(row.len());
            for f in row {
                figure(bytes, f);
            }
        }
    }
}

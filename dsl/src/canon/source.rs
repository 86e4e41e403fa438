//! How a bundle is written, as a hash: every word and string of its files, without comments, blanks and places.

use super::bytes::Bytes;
use super::hash::Hash;
use crate::parse;
use crate::report::Report;
use crate::source::{FileId, Sources};
use crate::tree::{Expr, Item, Kind, Stmt, Word};

/// The source hash of files that were read: names and labels count, comments and blanks do not. Files count by their paths.
#[must_use]
pub fn source_hash(sources: &Sources) -> Hash {
    let mut files: Vec<(u32, &str, &[u8])> = (0..)
        .zip(sources.iter())
        .map(|(at, (path, bytes))| (at, path, bytes))
        .collect();
    files.sort_unstable_by_key(|(_, path, _)| *path);
    let mut bytes = Bytes::default();
    bytes.count(files.len());
    for (at, path, content) in files {
        bytes.text(path);
        match sources.shown(path).filter(|text| !text.is_empty()) {
            Some(text) => {
                let tree = parse::literally(text, FileId(at), &mut Report::default());
                block(&mut bytes, &tree.body);
            }
            None => bytes.bytes(content),
        }
    }
    Hash::of("source", bytes.as_slice())
}

fn block(bytes: &mut Bytes, body: &[Stmt]) {
    bytes.count(body.len());
    for stmt in body {
        bytes.count(stmt.items.len());
        for i in &stmt.items {
            item(bytes, i);
        }
        match &stmt.block {
            Some(inner) => {
                bytes.byte(1);
                block(bytes, &inner.body);
            }
            None => bytes.byte(0),
        }
    }
}

fn item(bytes: &mut Bytes, item: &Item) {
    match item {
        Item::Word(one) => {
            bytes.byte(0);
            word(bytes, one);
        }
        Item::Guard(guard) => {
            bytes.byte(1);
            word(bytes, &guard.head);
            expr(bytes, &guard.expr);
        }
        Item::Row(row) => {
            bytes.byte(2);
            bytes.count(row.cells.len());
            for (cell, _) in &row.cells {
                bytes.byte(u8::from(cell.is_some()));
                words(bytes, cell.as_deref().unwrap_or_default());
            }
        }
    }
}

fn expr(bytes: &mut Bytes, condition: &Expr) {
    match condition {
        Expr::All(parts) => {
            bytes.byte(0);
            bytes.count(parts.len());
            for p in parts {
                expr(bytes, p);
            }
        }
        Expr::Any(parts) => {
            bytes.byte(1);
            bytes.count(parts.len());
            for p in parts {
                expr(bytes, p);
            }
        }
        Expr::Not(inner) => {
            bytes.byte(2);
            expr(bytes, inner);
        }
        Expr::Test(test) => {
            bytes.byte(3);
            words(bytes, &test.subject);
            bytes.text(test.sign.map_or("", |(sign, _)| sign.word()));
            words(bytes, &test.values);
        }
    }
}

fn words(bytes: &mut Bytes, words: &[Word]) {
    bytes.count(words.len());
    for w in words {
        word(bytes, w);
    }
}

fn word(bytes: &mut Bytes, word: &Word) {
    bytes.byte(match word.kind {
        Kind::Name => 0,
        Kind::Alias => 1,
        Kind::Text => 2,
        Kind::Quantity => 3,
        Kind::Clock => 4,
        Kind::Date => 5,
    });
    bytes.text(&word.text);
}

//! Whether two trees say the same: word for word, wherever the words stand.

use crate::tree::{Expr, Guard, Item, Stmt, Test, Tree, Word};

/// Whether two files say the same.
pub(super) fn same(one: &Tree, other: &Tree) -> bool {
    all(&one.body, &other.body, stmts)
}

fn all<T>(one: &[T], other: &[T], same: fn(&T, &T) -> bool) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
}

fn stmts(one: &Stmt, other: &Stmt) -> bool {
    let blocks = match (&one.block, &other.block) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.close.is_some() == b.close.is_some()
                && a.broken == b.broken
                && a.unread == b.unread
                && all(&a.body, &b.body, stmts)
        }
        _ => false,
    };
    blocks && all(&one.items, &other.items, items)
}

fn items(one: &Item, other: &Item) -> bool {
    match (one, other) {
        (Item::Word(a), Item::Word(b)) => words(a, b),
        (Item::Guard(a), Item::Guard(b)) => guards(a, b),
        (Item::Row(a), Item::Row(b)) => all(&a.cells, &b.cells, |(a, _), (b, _)| match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => all(a, b, words),
            _ => false,
        }),
        _ => false,
    }
}

fn words(one: &Word, other: &Word) -> bool {
    one.kind == other.kind && one.text == other.text
}

fn guards(one: &Guard, other: &Guard) -> bool {
    words(&one.head, &other.head) && exprs(&one.expr, &other.expr)
}

fn exprs(one: &Expr, other: &Expr) -> bool {
    match (one, other) {
        (Expr::All(a), Expr::All(b)) | (Expr::Any(a), Expr::Any(b)) => all(a, b, exprs),
        (Expr::Not(a), Expr::Not(b)) => exprs(a, b),
        (Expr::Test(a), Expr::Test(b)) => tests(a, b),
        _ => false,
    }
}

fn tests(one: &Test, other: &Test) -> bool {
    one.sign.map(|(sign, _)| sign) == other.sign.map(|(sign, _)| sign)
        && all(&one.subject, &other.subject, words)
        && all(&one.values, &other.values, words)
}

//! What a misspelt word probably meant.

/// The closest of `known`, if it is close: at most a third of the letters differ.
pub(crate) fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let limit = word.chars().count() / 3;
    known
        .into_iter()
        .map(|k| (distance(word, k, limit), k))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, k)| k)
}

/// `did you mean …`, or what exists.
pub(crate) fn advice<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Result<&'k str, String> {
    let known: Vec<&str> = known.into_iter().collect();
    match closest(word, known.iter().copied()) {
        Some(close) => Ok(close),
        None => Err(listed(&known)),
    }
}

/// The first few of a list, in backticks.
pub(crate) fn listed(known: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut text = known
        .iter()
        .take(SHOWN)
        .map(|k| format!("`{k}`"))
        .collect::<Vec<_>>()
        .join(", ");
    if known.len() > SHOWN {
        text = format!("{text} and {} more", known.len() - SHOWN);
    }
    text
}

/// Edits (insert, delete, replace, swap neighbours) from `a` to `b`; more than `limit` need not be exact.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |r: &[usize], at: usize| r.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (get(&row, j) + usize::from(x != y))
                .min(get(&row, j + 1) + 1)
                .min(get(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(get(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

//! A path to one value of an answer that is JSON: the singular queries of RFC 9535.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// `.name` or `["name"]`.
    Member(Box<str>),
    /// `[0]`.
    Element(usize),
}

/// Reads `$.a[0]["b"]`.
///
/// # Errors
/// What is wrong with it, in words that follow the path itself.
pub fn segments(path: &str) -> Result<Vec<Segment>, &'static str> {
    let mut rest = path.strip_prefix('$').ok_or("begins with `$`")?;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (segment, after) = segment(rest).ok_or(
            "leads to one value: it is made of `.name`, `[\"name\"]` and `[0]`, such as `$.labels[0]`",
        )?;
        found.push(segment);
        rest = after;
    }
    Ok(found)
}

fn segment(text: &str) -> Option<(Segment, &str)> {
    if let Some(dotted) = text.strip_prefix('.') {
        let end = dotted.find(['.', '[']).unwrap_or(dotted.len());
        let (name, rest) = dotted.split_at_checked(end)?;
        let plain = |c: char| c.is_alphanumeric() || c == '_' || !c.is_ascii();
        let named = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(plain);
        return named.then(|| (Segment::Member(name.into()), rest));
    }
    let inside = text.strip_prefix('[')?;
    if let Some(quote) = inside.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (name, rest) = inside.strip_prefix(quote)?.split_once(quote)?;
        let plain = !name.contains('\\');
        return plain
            .then(|| Some((Segment::Member(name.into()), rest.strip_prefix(']')?)))
            .flatten();
    }
    let (number, rest) = inside.split_once(']')?;
    Some((Segment::Element(number.parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_one_value_is_read_and_anything_else_is_not() {
        let member = |name: &str| Segment::Member(name.into());
        assert_eq!(segments("$"), Ok(vec![]));
        assert_eq!(
            segments("$.a_1[0][\"b c\"]['d'].é"),
            Ok(vec![
                member("a_1"),
                Segment::Element(0),
                member("b c"),
                member("d"),
                member("é"),
            ])
        );
        for wrong in [
            "",
            "a",
            ".a",
            "$a",
            "$.",
            "$..a",
            "$.*",
            "$[*]",
            "$[-1]",
            "$[0:1]",
            "$.a b",
            "$[\"a",
            "$['a\\'']",
            "$.0",
            "$[?@.a]",
        ] {
            assert!(segments(wrong).is_err(), "{wrong}");
        }
    }
}

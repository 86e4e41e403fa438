//! Characters that are not seen, or are taken for others.

use super::edit::{Edit, Habit};
use super::scene::Scene;
use super::tokens::Kind;

/// A character that people write without knowing, what it is, and what they mean.
type Foreign = (char, &'static str, &'static str);

/// Characters that cannot be told from a blank, or from nothing.
const UNSEEN: [Foreign; 27] = [
    ('\u{A0}', "a no-break space", " "),
    ('\u{B}', "a vertical tab", " "),
    ('\u{C}', "a form feed", " "),
    ('\u{1680}', "a wide space", " "),
    ('\u{2000}', "a wide space", " "),
    ('\u{2001}', "a wide space", " "),
    ('\u{2002}', "a wide space", " "),
    ('\u{2003}', "a wide space", " "),
    ('\u{2004}', "a narrow space", " "),
    ('\u{2005}', "a narrow space", " "),
    ('\u{2006}', "a narrow space", " "),
    ('\u{2007}', "a space as wide as a digit", " "),
    ('\u{2008}', "a narrow space", " "),
    ('\u{2009}', "a narrow space", " "),
    ('\u{200A}', "a narrow space", " "),
    ('\u{202F}', "a narrow no-break space", " "),
    ('\u{205F}', "a narrow space", " "),
    ('\u{3000}', "an ideographic space", " "),
    ('\u{AD}', "a soft hyphen", ""),
    ('\u{200B}', "a space of no width", ""),
    ('\u{200C}', "a mark of no width", ""),
    ('\u{200D}', "a joiner of no width", ""),
    ('\u{200E}', "a mark of direction", ""),
    ('\u{200F}', "a mark of direction", ""),
    ('\u{202A}', "a mark of direction", ""),
    ('\u{202C}', "a mark of direction", ""),
    ('\u{2060}', "a joiner of no width", ""),
];

/// Letters of other alphabets that look like ours, and dashes that look like `-`.
const ALIKE: [Foreign; 43] = [
    ('а', CYRILLIC, "a"),
    ('е', CYRILLIC, "e"),
    ('о', CYRILLIC, "o"),
    ('р', CYRILLIC, "p"),
    ('с', CYRILLIC, "c"),
    ('у', CYRILLIC, "y"),
    ('х', CYRILLIC, "x"),
    ('і', CYRILLIC, "i"),
    ('ј', CYRILLIC, "j"),
    ('ѕ', CYRILLIC, "s"),
    ('ԁ', CYRILLIC, "d"),
    ('һ', CYRILLIC, "h"),
    ('ԛ', CYRILLIC, "q"),
    ('ԝ', CYRILLIC, "w"),
    ('А', CYRILLIC, "A"),
    ('В', CYRILLIC, "B"),
    ('Е', CYRILLIC, "E"),
    ('К', CYRILLIC, "K"),
    ('М', CYRILLIC, "M"),
    ('Н', CYRILLIC, "H"),
    ('О', CYRILLIC, "O"),
    ('Р', CYRILLIC, "P"),
    ('С', CYRILLIC, "C"),
    ('Т', CYRILLIC, "T"),
    ('Х', CYRILLIC, "X"),
    ('ο', GREEK, "o"),
    ('ν', GREEK, "v"),
    ('Α', GREEK, "A"),
    ('Β', GREEK, "B"),
    ('Ε', GREEK, "E"),
    ('Η', GREEK, "H"),
    ('Ι', GREEK, "I"),
    ('Κ', GREEK, "K"),
    ('Μ', GREEK, "M"),
    ('Ν', GREEK, "N"),
    ('Ο', GREEK, "O"),
    ('Ρ', GREEK, "P"),
    ('Τ', GREEK, "T"),
    ('Χ', GREEK, "X"),
    ('\u{2010}', "a hyphen of print", "-"),
    ('\u{2011}', "a no-break hyphen", "-"),
    ('\u{2013}', "a long dash", "-"),
    ('\u{2212}', "a minus sign of print", "-"),
];
const CYRILLIC: &str = "a Cyrillic letter";
const GREEK: &str = "a Greek letter";

/// Such characters outside strings and comments, where none of them can stand.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    if scene.text.is_ascii() && !scene.text.contains(['\u{B}', '\u{C}']) {
        return;
    }
    let mut at = 0;
    for token in &scene.tokens {
        let plain = matches!(token.kind, Kind::Word | Kind::Sign);
        let end = if plain {
            token.range.end
        } else {
            token.range.start
        };
        piece(scene, at..end, found);
        at = token.range.end;
    }
    piece(scene, at..scene.text.len(), found);
}

fn piece(scene: &Scene<'_>, range: std::ops::Range<usize>, found: &mut Vec<Edit>) {
    let text = scene.text.get(range.clone()).unwrap_or_default();
    for (at, c) in text.char_indices() {
        let plain = c.is_ascii() && !matches!(c, '\u{B}' | '\u{C}');
        let mut known = UNSEEN.iter().chain(&ALIKE).filter(|_| !plain);
        if let Some((_, what, ours)) = known.find(|(theirs, ..)| *theirs == c) {
            let start = range.start + at;
            let habit = Habit::Character(c, what, ours);
            found.push(Edit::new(habit, start..start + c.len_utf8(), *ours));
        }
    }
}

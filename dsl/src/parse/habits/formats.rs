//! Whole files in another format.

use super::scene::Scene;
use super::tokens::Kind;

/// The format of a file that is no policy at all, and the token that shows it.
pub(super) fn find(scene: &Scene<'_>) -> Option<(&'static str, usize)> {
    let first = scene.segments.first().map(|s| s.tokens.start);
    let opens = (0..scene.tokens.len()).find(|at| !scene.is(*at, Kind::Comment))?;
    if scene.sign(opens, &["{"])
        && (scene.is(opens + 1, Kind::Text) || scene.sign(opens + 1, &["}"]))
    {
        return Some(("JSON", opens));
    }
    let first = first?;
    if scene.sign(first, &["["]) {
        let table = scene.is(first + 1, Kind::Word) && scene.sign(first + 2, &["]"]);
        return Some((if table { "TOML" } else { "JSON" }, first));
    }
    yaml(scene).then_some(("YAML", first))
}

/// Lines that end in a colon or begin with a dash, and not a single brace.
fn yaml(scene: &Scene<'_>) -> bool {
    if (0..scene.tokens.len()).any(|at| scene.sign(at, &["{", "}"])) {
        return false;
    }
    let opens = scene
        .segments
        .iter()
        .filter(|s| scene.sign(s.tokens.end - 1, &[":"]));
    // `policy @main:` is a habit of Python, and read on.
    let single =
        opens.filter(|s| s.tokens.len() == 2 && !scene.said(s.tokens.start).starts_with("else"));
    let dashes = scene
        .segments
        .iter()
        .filter(|s| scene.sign(s.tokens.start, &["-"]));
    let pairs = scene
        .segments
        .iter()
        .filter(|s| scene.sign(s.tokens.start + 1, &[":"]));
    dashes.count() > 0 && single.count() > 0 || pairs.count() * 2 > scene.segments.len()
}

//! `mux policy test --generate`: tests for what is not covered, with today's behaviour as what is expected.

use super::asked::sound;
use super::coverage::read;
use crate::bundle::compile_with;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use crate::testing::Generation;
use mux_dsl::Image;
use mux_dsl::case::Test;
use mux_dsl::coverage::{Coverage, Suggestion};
use mux_dsl::image::PolicyId;
use mux_replay::cover;
use mux_replay::moment::Moment;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// What the tests are called while they are tried out.
const FILE: &str = "generated";

/// Most tests that are written for recorded traffic at once.
const MOST: usize = 100;

/// Requests, by the policy they enter.
type Entries = Vec<(PolicyId, Moment)>;

/// Writes tests for all that those of the bundle do not cover, to a file where one is named.
pub(crate) fn run(wanted: &Generation<'_>, out: &mut Out) -> Outcome {
    let path = wanted.path;
    let Some(image) = sound(path, out)? else {
        return Ok(Exit::No);
    };
    let blocks = match wanted.recorded.traffic() {
        Some(traffic) => {
            let untested = cover::untested(&image, read(wanted.recorded, traffic)?);
            let most = untested.into_iter().take(MOST);
            let suggestions: Vec<Suggestion> = most.map(|(suggestion, _)| suggestion).collect();
            blocks(path, &suggestions)?
        }
        None => everything(path, &image)?,
    };
    if blocks.is_empty() {
        out.error(match wanted.recorded.traffic() {
            Some(_) => "the tests have every class of requests that was recorded; there is nothing to generate",
            None => "the tests cover all that can be decided; there is nothing to generate",
        });
        return Ok(Exit::Good);
    }
    let text = blocks.join("\n");
    match wanted.output {
        None => out.text(&text),
        Some(file) => {
            write(file, &text, wanted.update)?;
            let many = blocks.len();
            let s = if many == 1 { "" } else { "s" };
            out.error(&format!(
                "{many} test{s} written to `{}`; review them",
                file.display()
            ));
        }
    }
    Ok(Exit::Good)
}

/// Tests for all that can be decided and is not covered.
fn everything(path: &Path, image: &Arc<Image>) -> Result<Vec<String>, Trouble> {
    let mut coverage = Coverage::new(image);
    cover::tests(image, &mut coverage);
    let decisions = coverage.suggest();
    let mut blocks = blocks(path, &decisions)?;
    blocks.extend(arms(path, &coverage.suggest_arms(), &blocks)?);
    Ok(blocks)
}

/// The suggestions as tests; those that this version cannot write or carry out are left out.
fn blocks(path: &Path, suggestions: &[Suggestion]) -> Result<Vec<String>, Trouble> {
    let blank = |s: &Suggestion| cover::block(s, &["not denied".to_owned()]);
    let mut blocks = Vec::new();
    let whole: String = suggestions.iter().map(blank).collect();
    if let Some(image) = with(path, &whole)? {
        let tests = image.tests.iter().filter(|t| &*t.file == FILE);
        blocks.extend(
            suggestions
                .iter()
                .zip(tests)
                .map(|(s, t)| cover::block(s, &cover::today(&image, t))),
        );
        return Ok(blocks);
    }
    for suggestion in suggestions {
        if let Some(image) = with(path, &blank(suggestion))? {
            let test = image.tests.iter().find(|t| &*t.file == FILE);
            blocks.extend(test.map(|t| cover::block(suggestion, &cover::today(&image, t))));
        }
    }
    Ok(blocks)
}

/// Those of the suggestions that cover an arm which neither the tests nor the blocks before them cover.
fn arms(
    path: &Path,
    suggestions: &[Suggestion],
    before: &[String],
) -> Result<Vec<String>, Trouble> {
    let blank = suggestions
        .iter()
        .map(|s| cover::block(s, &["not denied".to_owned()]));
    let text: String = before.iter().cloned().chain(blank).collect();
    let Some(image) = with(path, &text)? else {
        return Ok(Vec::new());
    };
    let own = image.tests.iter().filter(|t| &*t.file == FILE).count();
    let own = image.tests.len() - own + before.len();
    let (known, tried): (Vec<_>, Vec<_>) = {
        let order = image.tests.iter().filter(|t| &*t.file != FILE);
        let added = image.tests.iter().filter(|t| &*t.file == FILE);
        let all: Vec<&Test> = order.chain(added).collect();
        (
            all.iter().take(own).copied().collect(),
            all.iter().skip(own).copied().collect(),
        )
    };
    let mut coverage = Coverage::new(&image);
    for test in known {
        cover::widens(&image, test, &mut coverage);
    }
    let tried = suggestions.iter().zip(tried);
    let wide = tried.filter(|(_, test)| cover::widens(&image, test, &mut coverage));
    Ok(wide
        .map(|(s, test)| cover::block(s, &cover::today(&image, test)))
        .collect())
}

fn with(path: &Path, tests: &str) -> Result<Option<Arc<Image>>, Trouble> {
    let compiled = compile_with(path, Some((FILE, tests)))?;
    Ok(compiled.image.map(Arc::new))
}

/// Never overwrites: a file that is there is added to, and only where that was asked for.
fn write(file: &Path, text: &str, append: bool) -> Result<(), Trouble> {
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Trouble::usage(format!(
            "`{}` is there already; `--update` adds to it",
            file.display()
        )),
        _ => Trouble::usage(format!("cannot write `{}`: {e}", file.display())),
    };
    let mut options = OpenOptions::new();
    if append {
        options.append(true).create(true);
    } else {
        options.write(true).create_new(true);
    }
    let mut opened = options.open(file).map_err(failed)?;
    let old = opened.metadata().map_err(failed)?.len();
    let gap = if old > 0 { "\n" } else { "" };
    opened
        .write_all(format!("{gap}{text}").as_bytes())
        .map_err(failed)
}

/// A request for each way through the policies, by the policy it enters, and the bundle that they are of.
pub(crate) fn moments(path: &Path) -> Result<(Arc<Image>, Entries), Trouble> {
    let bare = with(path, "")?.ok_or_else(|| Trouble::internal("the policies load only once"))?;
    let suggestions = Coverage::new(&bare).suggest();
    let blocks = suggestions
        .iter()
        .map(|s| cover::block(s, &["not denied".to_owned()]));
    let image = with(path, &blocks.collect::<String>())?.unwrap_or(bare);
    let moment = |test: &Test| {
        let moment = Moment::supposed(&test.given);
        let policy = image.policy(moment.model().trim_start_matches('@'))?;
        Some((policy, moment))
    };
    let moments = image.tests.iter().filter_map(moment).collect();
    Ok((Arc::clone(&image), moments))
}

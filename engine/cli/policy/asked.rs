//! A request that policies are asked about: from words, from a body that a client sends, or from a recording.

use super::facts::{Facts, unveil};
use crate::bundle::{self, compile_with};
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out};
use clap::Args;
use mux_dsl::rendering::Listing;
use mux_dsl::story::Story;
use mux_dsl::{Diagnostic, Image, Severity, Sources};
use mux_replay::moment::Moment;
use mux_routing::router::{Memory, Router, Way};
use mux_traffic::record::Record;
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the facts are called where they are read as a file of the bundle.
const FILE: &str = "facts";

/// Which policies, and which request.
#[derive(Debug, Args)]
pub(crate) struct Question {
    /// A chat request or a record as a JSON file (`-` is standard input), or facts as `given` lines say them: `model
    /// @production tokens 3k tag.tier free`; facts behind a file replace its own
    #[arg(value_name = "REQUEST.json|FACT VALUE")]
    words: Vec<String>,
    /// A folder of policies or one file with its includes
    #[arg(long, default_value = "policies")]
    policies: PathBuf,
    /// A recorded request by its id, as in `x-mux-request-id`
    #[arg(long, requires = "traffic", conflicts_with = "words")]
    id: Option<String>,
    /// Where it is recorded: a segment, or a folder of them
    #[arg(long, value_name = "FILE|DIR", requires = "id")]
    traffic: Option<PathBuf>,
}

/// A request, and where its model leads.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) image: Arc<Image>,
    pub(crate) way: Way,
    pub(crate) moment: Moment,
    /// What was recorded, where it comes from a recording.
    pub(crate) record: Option<Box<Record>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unasked {
    /// The policies do not load.
    Policies(Vec<Diagnostic>, Box<Sources>),
    /// What is given is no fact, or not of these policies.
    Facts(Box<Diagnostic>),
    /// Anything else.
    Trouble(Trouble),
}

impl From<Trouble> for Unasked {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Why there is no answer, for programs: as `mux policy check` writes it, and in words.
#[derive(Serialize)]
struct Refused<'r> {
    #[serde(flatten)]
    listing: Listing<'r>,
    error: String,
}

impl Unasked {
    /// Says so, and how the command ends.
    pub(crate) fn end(self, format: Format, out: &mut Out) -> Outcome {
        let none: &[Diagnostic] = &[];
        let (diagnostics, outcome) = match &self {
            Self::Policies(diagnostics, sources) => {
                if format == Format::Human {
                    out.error(&mux_dsl::render(diagnostics, sources, out.color()));
                }
                (diagnostics.as_slice(), None)
            }
            Self::Facts(wrong) => (std::slice::from_ref(&**wrong), Some(said(wrong))),
            Self::Trouble(trouble) => (none, Some(trouble.to_string())),
        };
        if format == Format::Json {
            out.json(&Refused {
                listing: Listing::new(diagnostics),
                error: outcome
                    .clone()
                    .unwrap_or_else(|| "the policies do not load".to_owned()),
            });
        }
        match (self, outcome) {
            (Self::Policies(..), _) => Ok(Exit::No),
            (Self::Trouble(trouble), _) => Err(trouble),
            (Self::Facts(_), said) => Err(Trouble::Usage(said.unwrap_or_default())),
        }
    }
}

/// A diagnostic in a few lines, without its place.
fn said(wrong: &Diagnostic) -> String {
    let label = wrong.labels.first().map(|l| l.text.clone());
    let said = label.filter(|l| !l.is_empty()).into_iter();
    let lines = std::iter::once(wrong.message.clone()).chain(said.chain(wrong.help.clone()));
    lines.collect::<Vec<_>>().join("\n")
}

impl Asked {
    /// What becomes of the request.
    pub(crate) fn story(&self) -> Story {
        self.moment.look(|request, live| match self.way {
            Way::Policy(policy) => self.image.story(policy, request, live),
            Way::Direct(target) => self.image.direct_story(target, request, live),
        })
    }
}

impl Question {
    /// Reads policies and the request.
    pub(crate) fn ask(&self) -> Result<Asked, Unasked> {
        let record = match (&self.id, &self.traffic) {
            (Some(id), Some(traffic)) => Some(Box::new(recorded(traffic, id)?)),
            _ => None,
        };
        match (record, self.body()?) {
            (Some(record), _) | (None, Body::Record(record)) => self.again(record),
            (None, Body::Facts(facts)) => about(&self.policies, &facts),
        }
    }

    fn again(&self, record: Box<Record>) -> Result<Asked, Unasked> {
        let image = loaded(&self.policies)?;
        let moment = Moment::recorded(&record, &image);
        Ok(entered(image, moment, Some(record))?)
    }

    fn body(&self) -> Result<Body, Trouble> {
        let Some((first, more)) = self.words.split_first() else {
            return Ok(Body::Facts(Facts::default()));
        };
        let file = Path::new(first);
        let named = first == "-" || file.extension().is_some_and(|e| e == "json");
        if !named {
            return Ok(Body::Facts(Facts::read(&self.words)?));
        }
        match read(first)? {
            Body::Record(_) if !more.is_empty() => Err(Trouble::usage(
                "a record holds all its facts; leave out what stands behind it",
            )),
            Body::Record(record) => Ok(Body::Record(record)),
            Body::Facts(mut facts) => {
                facts.add(more)?;
                Ok(Body::Facts(facts))
            }
        }
    }
}

/// What a file holds.
enum Body {
    Facts(Facts),
    Record(Box<Record>),
}

fn read(path: &str) -> Result<Body, Trouble> {
    let mut bytes = Vec::new();
    let read = if path == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    read.map_err(|e| Trouble::usage(format!("cannot read `{path}`: {e}")))?;
    let value: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|e| Trouble::usage(format!("`{path}` is not JSON: {e}")))?;
    if value.get("request").is_some() && value.get("outcome").is_some() {
        let record = serde_json::from_value(value);
        let record = record.map_err(|e| Trouble::usage(format!("`{path}` is no record: {e}")))?;
        return Ok(Body::Record(record));
    }
    let chat = mux_wire::chat::scan(&bytes.into())
        .map_err(|e| Trouble::usage(format!("`{path}` is no chat request: {e}")))?;
    Ok(Body::Facts(Facts::of_chat(&chat)))
}

fn recorded(traffic: &Path, id: &str) -> Result<Record, Trouble> {
    let unreadable =
        |e: std::io::Error| Trouble::usage(format!("cannot read `{}`: {e}", traffic.display()));
    let mut records = mux_traffic::read(traffic).map_err(unreadable)?;
    let found = records.find_map(|item| item.ok().filter(|record| record.id == id));
    found.ok_or_else(|| {
        Trouble::usage(format!(
            "no request `{id}` is recorded in `{}`",
            traffic.display()
        ))
    })
}

/// The policies, if they decide anything; what is wrong is said. A guarantee that does not hold is a reason to ask.
pub(crate) fn sound(policies: &Path, out: &mut Out) -> Result<Option<Arc<Image>>, Trouble> {
    match loaded(policies) {
        Ok(image) => Ok(Some(image)),
        Err(unasked) => unasked.end(Format::Human, out).map(|_| None),
    }
}

fn loaded(policies: &Path) -> Result<Arc<Image>, Unasked> {
    let compiled = bundle::read(policies, bundle::forced)?.compiled;
    let mut errors = compiled.diagnostics;
    errors.retain(|d| d.severity == Severity::Error);
    match compiled.image {
        Some(image) => Ok(Arc::new(image)),
        None => Err(Unasked::Policies(errors, Box::new(compiled.sources))),
    }
}

/// A request of these facts.
pub(crate) fn about(policies: &Path, facts: &Facts) -> Result<Asked, Unasked> {
    let image = loaded(policies)?;
    let lines: Vec<String> = facts
        .lines()
        .iter()
        .map(|l| format!("  given {l}\n"))
        .collect();
    let policy = if facts.has("model") {
        String::new()
    } else {
        format!(" for @{}", only(&image)?)
    };
    let text = format!(
        "test \"facts\"{policy} {{\n{}  expect not denied\n}}\n",
        lines.concat()
    );
    let compiled = compile_with(policies, Some((FILE, &text)))?;
    let mut wrong = compiled.diagnostics.into_iter().filter(|d| {
        d.severity == Severity::Error && d.labels.first().is_some_and(|l| l.file == FILE)
    });
    if let Some(wrong) = wrong.next() {
        return Err(Unasked::Facts(Box::new(wrong)));
    }
    let image = compiled
        .image
        .ok_or_else(|| Trouble::internal("the facts do not load"))?;
    let given = image.tests.iter().find(|t| &*t.file == FILE);
    let mut given = given
        .map(|t| t.given.clone())
        .ok_or_else(|| Trouble::internal("the facts were not read"))?;
    unveil(&mut given);
    Ok(entered(Arc::new(image), Moment::supposed(&given), None)?)
}

/// The policy that is meant where none is named.
fn only(image: &Image) -> Result<&str, Trouble> {
    match image.policies.as_slice() {
        [one] => Ok(&one.name),
        many => {
            let names: Vec<String> = many.iter().map(|p| format!("@{}", p.name)).collect();
            Err(Trouble::usage(format!(
                "say which policy is asked: `model @NAME`, one of {}",
                names.join(", ")
            )))
        }
    }
}

/// A request, and where its model leads.
fn entered(
    image: Arc<Image>,
    moment: Moment,
    record: Option<Box<Record>>,
) -> Result<Asked, Trouble> {
    let router = Router::new(Arc::clone(&image), "asked", &Memory::default(), |_| None);
    let way = router.resolve(moment.model());
    Ok(Asked {
        way: way.map_err(|refusal| Trouble::usage(refusal.message))?,
        image,
        moment,
        record,
    })
}

//! A request that policies are asked about: from words, from a body that a client sends, or from a recording.

use super::facts::Facts;
use crate::bundle::{self, compile_with};
use crate::ending::Trouble;
use crate::out::Out;
use clap::Args;
use mux_dsl::image::PolicyId;
use mux_dsl::{Image, Severity};
use mux_replay::moment::Moment;
use mux_routing::router::{Memory, Router, Way};
use mux_traffic::record::Record;
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

/// A request, and the policy it enters.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) image: Arc<Image>,
    pub(crate) policy: PolicyId,
    pub(crate) moment: Moment,
    /// What was recorded, where it comes from a recording.
    pub(crate) record: Option<Box<Record>>,
}

impl Question {
    /// Reads policies and the request. `None` where the policies do not load, which has been said.
    pub(crate) fn ask(&self, out: &mut Out) -> Result<Option<Asked>, Trouble> {
        let record = match (&self.id, &self.traffic) {
            (Some(id), Some(traffic)) => Some(Box::new(recorded(traffic, id)?)),
            _ => None,
        };
        match (record, self.body()?) {
            (Some(record), _) | (None, Body::Record(record)) => self.again(record, out),
            (None, Body::Facts(facts)) => about(&self.policies, &facts, out),
        }
    }

    fn again(&self, record: Box<Record>, out: &mut Out) -> Result<Option<Asked>, Trouble> {
        let Some(image) = sound(&self.policies, out)? else {
            return Ok(None);
        };
        let moment = Moment::recorded(&record, &image);
        entered(image, moment, Some(record)).map(Some)
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
    let compiled = bundle::read(policies, mux_dsl::compile_forced)?.compiled;
    let errors: Vec<_> = compiled
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .cloned()
        .collect();
    if !errors.is_empty() {
        out.error(&mux_dsl::render(&errors, &compiled.sources, out.color()));
    }
    Ok(compiled.image.map(Arc::new))
}

/// A request of these facts. `None` where the policies do not load, which has been said.
pub(crate) fn about(
    policies: &Path,
    facts: &Facts,
    out: &mut Out,
) -> Result<Option<Asked>, Trouble> {
    let Some(image) = sound(policies, out)? else {
        return Ok(None);
    };
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
    let wrong = compiled.diagnostics.iter().find(|d| {
        d.severity == Severity::Error && d.labels.first().is_some_and(|l| l.file == FILE)
    });
    if let Some(wrong) = wrong {
        let label = wrong.labels.first().map(|l| l.text.clone());
        let said = label
            .filter(|l| !l.is_empty())
            .into_iter()
            .chain(wrong.help.clone());
        let lines = std::iter::once(wrong.message.clone()).chain(said);
        return Err(Trouble::usage(lines.collect::<Vec<_>>().join("\n")));
    }
    let image = compiled
        .image
        .ok_or_else(|| Trouble::internal("the facts do not load"))?;
    let moment = image
        .tests
        .iter()
        .find(|t| &*t.file == FILE)
        .map(|t| Moment::supposed(&t.given));
    let moment = moment.ok_or_else(|| Trouble::internal("the facts were not read"))?;
    entered(Arc::new(image), moment, None).map(Some)
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

/// The policy that a request enters.
fn entered(
    image: Arc<Image>,
    moment: Moment,
    record: Option<Box<Record>>,
) -> Result<Asked, Trouble> {
    let router = Router::new(Arc::clone(&image), "asked", &Memory::default(), |_| None);
    match router.resolve(moment.model()) {
        Ok(Way::Policy(policy)) => Ok(Asked {
            image,
            policy,
            moment,
            record,
        }),
        Ok(Way::Direct(target)) => Err(Trouble::usage(format!(
            "`{}` is a deployment: the request goes to {} without asking a policy",
            moment.model(),
            router.name(target)
        ))),
        Err(refusal) => Err(Trouble::usage(refusal.message)),
    }
}

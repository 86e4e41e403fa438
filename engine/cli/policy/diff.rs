//! `mux policy diff`: what two versions of policies do differently, for all requests.

use crate::ending::{Exit, Outcome, Trouble};
use crate::origin::{Named, Places};
use crate::out::Out;
use crate::recorded::Recorded;
use clap::{Args, ValueEnum};
use mux_dsl::Image;
use mux_dsl::diff::{self, Comparison};
use mux_replay::moment::Moment;
use serde::Serialize;

/// How a difference is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON value
    Json,
    /// For the comment of a pull request
    Markdown,
}

/// Tell what two versions of policies do differently, for all requests
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Before: a file, a folder, a `.muxb` file, `REV:PATH` or `REV` of git, or a version that a gateway keeps
    #[arg(value_name = "A")]
    was: String,
    /// After: the same; the policies as they are where absent
    #[arg(value_name = "B")]
    now: Option<String>,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    recorded: Recorded,
    /// Exit with 1 where something differs
    #[arg(long)]
    exit_code: bool,
    /// For people: add a `test` block for both sides of every region
    #[arg(long)]
    tests: bool,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// The result as JSON.
#[derive(Serialize)]
struct Whole<'w> {
    was: Named<'w>,
    now: Named<'w>,
    #[serde(flatten)]
    diff: &'w diff::Diff,
}

impl Diff {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let was = self.places.find(&self.was)?;
        let now = match &self.now {
            Some(now) => self.places.find(now)?,
            None => self.places.here()?,
        };
        let mut comparison = Comparison::of(&was.image, &now.image);
        count(&self.recorded, &now.image, &mut comparison, out)?;
        let found = comparison.finish();
        match self.format {
            Format::Human => out.text(&found.human(self.tests)),
            Format::Markdown => out.text(&found.markdown()),
            Format::Json => out.json(&Whole {
                was: was.named(),
                now: now.named(),
                diff: &found,
            }),
        }
        Ok(if self.exit_code && !found.same {
            Exit::No
        } else {
            Exit::Good
        })
    }
}

/// Counts every record that can be read, where there are some.
pub(super) fn count(
    recorded: &Recorded,
    now: &Image,
    comparison: &mut Comparison<'_>,
    out: &mut Out,
) -> Result<(), Trouble> {
    let Some(traffic) = recorded.traffic() else {
        return Ok(());
    };
    let unreadable =
        |e: std::io::Error| Trouble::usage(format!("cannot read `{}`: {e}", traffic.display()));
    let (mut counted, since) = (0_u64, recorded.since());
    for item in mux_traffic::read(traffic).map_err(unreadable)? {
        match item {
            Ok(record) if !since.takes(&record) => {}
            Ok(record) => {
                counted += 1;
                let record = recorded.seen(record);
                Moment::recorded(&record, now)
                    .look(|request, live| comparison.count(request, &live));
            }
            Err(why) => out.error(&format!("skipped: {why}")),
        }
    }
    if counted == 0 {
        return Err(Trouble::usage(format!(
            "`{}` holds no recorded request",
            traffic.display()
        )));
    }
    Ok(())
}

//! `mux policy coverage`: what tests and recorded traffic cover of the policies, and what they do not.

use super::asked::sound;
use crate::ending::{Exit, Outcome, Trouble};
use crate::found::base;
use crate::out::Out;
use crate::recorded::Recorded;
use clap::{Args, ValueEnum};
use mux_dsl::Image;
use mux_dsl::coverage::{Count, Coverage as Counted, Gap, Report};
use mux_dsl::rendering::{Case, Failure, github_cases, joined};
use mux_replay::cover;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Show what tests or recorded traffic cover of the policies
#[derive(Debug, Args)]
pub(crate) struct Coverage {
    /// A folder (its `.mux` files are one bundle) or one file with its includes
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// The same, spelled as `mux serve` spells it
    #[arg(long, conflicts_with = "path")]
    policies: Option<PathBuf>,
    #[command(flatten)]
    recorded: Recorded,
    /// Fail below this share, compared exactly: 100% is never met by 99.99%
    #[arg(long, value_name = "SHARE", value_parser = millionths)]
    min: Option<u64>,
    /// What the share is of
    #[arg(long, value_enum, default_value = "total")]
    of: Of,
    /// How to write the result
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// What is compared with the least share.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// Everything
    Total,
    /// Rules that took a request
    Rules,
    /// Conditions seen true, false and deciding
    Conditions,
    /// Edges of the decision graphs
    Edges,
    /// Arms of plans
    Arms,
}

/// How coverage is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON value
    Json,
    /// `lcov`, for editors and review tools
    Lcov,
    /// Commands of a GitHub workflow, shown beside the lines of a pull request
    Github,
}

impl Coverage {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let path = self.policies.as_deref().unwrap_or(&self.path);
        let Some(image) = sound(path, out)? else {
            return Ok(Exit::No);
        };
        let report = self.report(&image)?;
        let count = self.of(&report);
        let low = self.min.filter(|min| !count.reaches(*min));
        let seen = |file: &str| joined(&base(path), file);
        match self.format {
            Format::Human => out.text(&report.told()),
            Format::Json => out.json(&json!({
                "coverage": report,
                "percent": count.percent(),
                "enough": low.is_none(),
            })),
            Format::Lcov => out.text(&report.lcov(&seen)),
            Format::Github => out.text(&github_cases(&annotations(&report, &seen))),
        }
        if let Some(min) = low {
            out.error(&format!(
                "{} of {} is less than {}",
                count.covered,
                count.all,
                share(min)
            ));
            return Ok(Exit::No);
        }
        Ok(Exit::Good)
    }

    fn report(&self, image: &Arc<Image>) -> Result<Report, Trouble> {
        let mut coverage = Counted::new(image);
        match self.recorded.traffic() {
            None => cover::tests(image, &mut coverage),
            Some(traffic) => {
                let records = read(&self.recorded, traffic)?;
                cover::traffic(image, records, &mut coverage);
            }
        }
        Ok(coverage.report())
    }

    fn of(&self, report: &Report) -> Count {
        match self.of {
            Of::Total => report.total,
            Of::Rules => report.rules,
            Of::Conditions => report.conditions,
            Of::Edges => report.edges,
            Of::Arms => report.arms,
        }
    }
}

/// Recorded requests; what cannot be read is passed over.
pub(crate) fn read<'r>(
    recorded: &'r Recorded,
    traffic: &Path,
) -> Result<impl Iterator<Item = mux_traffic::Record> + use<'r>, Trouble> {
    let reader = mux_traffic::read(traffic)
        .map_err(|e| Trouble::usage(format!("cannot read `{}`: {e}", traffic.display())))?;
    let since = recorded.since();
    let records = reader.filter_map(Result::ok);
    let records = records.filter(move |record| since.takes(record));
    Ok(records.map(|record| recorded.seen(record)))
}

fn annotations(report: &Report, seen: &dyn Fn(&str) -> String) -> Vec<Case> {
    let placed = report.missing.iter().filter(|gap| gap.line > 0);
    let case = |gap: &Gap| {
        let file = seen(&gap.file);
        Case {
            name: "not covered".to_owned(),
            group: file.clone(),
            place: Some((file, gap.line)),
            failure: Some(Failure {
                kind: "not-covered".to_owned(),
                message: gap.what.clone(),
                text: gap.what.clone(),
            }),
            note: None,
        }
    };
    placed.map(case).collect()
}

/// `95%` or `99.5%`, in parts of a million.
fn millionths(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no share; write `95%` or `99.5%`");
    let number = text.strip_suffix('%').unwrap_or(text);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || part.len() > 4 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: u64 = format!("{part:0<4}").parse().map_err(|_| wrong())?;
    let sum = whole.saturating_mul(10_000) + part;
    (sum <= 1_000_000).then_some(sum).ok_or_else(wrong)
}

fn share(millionths: u64) -> String {
    let part = format!("{:04}", millionths % 10_000);
    let part = part.trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    format!("{}{point}{part}%", millionths / 10_000)
}

#[cfg(test)]
mod tests {
    use super::{millionths, share};

    #[test]
    fn shares_are_read_exactly() {
        assert_eq!(millionths("95%"), Ok(950_000));
        assert_eq!(millionths("99.99%"), Ok(999_900));
        assert_eq!(millionths("100"), Ok(1_000_000));
        assert!(
            millionths("101%").is_err() && millionths("9,5%").is_err() && millionths("%").is_err()
        );
        assert_eq!([share(950_000), share(999_900)].join(" "), "95% 99.99%");
    }
}

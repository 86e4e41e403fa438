//! `mux policy explain-code`: what a code of a diagnostic means, without a network.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::Args;
use mux_dsl::Severity;
use mux_dsl::codes::{self, Code};
use serde_json::json;

/// Explain a code such as `mux::rule::unreachable`, or list them all
#[derive(Debug, Args)]
pub(crate) struct ExplainCode {
    /// The code, with or without `mux::`; all are listed without it
    code: Option<String>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl ExplainCode {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let codes: Vec<&Code> = match &self.code {
            Some(name) => vec![codes::find(name).ok_or_else(|| unknown(name))?],
            None => codes::all().collect(),
        };
        match (self.format, codes.as_slice()) {
            (Format::Json, _) => out.json(&json!({ "version": 1, "codes": codes })),
            (Format::Human, [code]) => out.text(&explained(code)),
            (Format::Human, _) => out.text(&listed(&codes)),
        }
        Ok(Exit::Good)
    }
}

fn unknown(name: &str) -> Trouble {
    Trouble::usage(match codes::closest(name) {
        Some(close) => format!("there is no code `{name}`; did you mean `{}`?", close.code),
        None => format!("there is no code `{name}`; `mux policy explain-code` lists them all"),
    })
}

fn explained(code: &Code) -> String {
    let severity = match code.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = format!(
        "{severity}[{}]: {}\n\n{}\n\nwrong:\n\n{}\nright:\n\n{}",
        code.code,
        code.title,
        code.explanation,
        indented(code.wrong),
        indented(code.right)
    );
    if [code.wrong, code.right]
        .iter()
        .any(|e| e.contains("\"fleet.mux\""))
    {
        text.push_str("\n`fleet.mux` declares `openai/gpt-4.1`, `openai/gpt-4.1-mini` and `vllm/llama-3.3-70b`\n");
    }
    text
}

fn indented(example: &str) -> String {
    let indent = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("    {line}\n"),
    };
    example.lines().map(indent).collect()
}

fn listed(codes: &[&Code]) -> String {
    let row = |code: &&Code| vec![code.code.to_owned(), code.title.to_owned()];
    columns(&codes.iter().map(row).collect::<Vec<_>>())
}

//! `mux policy hash`: what policies do and how they are written, as hashes.

use crate::bundle::{forced, read};
use crate::ending::{Exit, Outcome};
use crate::out::{Format, Out, columns};
use clap::Args;
use mux_dsl::canon::{Canon, PolicyHash};
use mux_dsl::{Severity, render};
use serde_json::json;
use std::path::PathBuf;

/// Tell what policies do and how they are written, as hashes
#[derive(Debug, Args)]
pub(crate) struct Hash {
    /// A folder (its `.mux` files are one bundle), one file with its includes, or a bundle in one file (`.muxb`)
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// One line a policy besides
    #[arg(long)]
    policies: bool,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Hash {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let compiled = read(&self.path, forced)?.compiled;
        let Some(image) = &compiled.image else {
            let mut errors = compiled.diagnostics;
            errors.retain(|d| d.severity == Severity::Error);
            out.error(&render(&errors, &compiled.sources, out.color()));
            return Ok(Exit::No);
        };
        let (semantic, source) = (image.semantic(), compiled.source_hash());
        if self.format == Format::Json {
            out.json(&json!({ "v": 1, "semantic": semantic.hash, "source": source, "policies": semantic.policies }));
            return Ok(Exit::Good);
        }
        let row = |name: &str, hash: mux_dsl::canon::Hash, note: &str| {
            vec![
                name.to_owned(),
                format!("{hash:#}"),
                hash.to_string(),
                note.to_owned(),
            ]
        };
        let mut rows = vec![
            row("semantic", semantic.hash, ""),
            row("source", source, ""),
        ];
        if self.policies {
            let policy = |p: &PolicyHash| row(&format!("@{}", p.policy), p.hash, note(p.canon));
            rows.extend(semantic.policies.iter().map(policy));
        }
        out.line(&columns(&rows));
        Ok(Exit::Good)
    }
}

/// What is to be known of a hash.
fn note(canon: Canon) -> &'static str {
    match canon {
        Canon::Graph => "",
        Canon::Rules => {
            "canon: rules (the graph is too large, so equal behaviour may have another hash)"
        }
    }
}

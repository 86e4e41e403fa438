//! `mux policy graph`: policies as pictures, and as data that pictures are made from.

use super::asked::sound;
use super::coverage::read;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use crate::recorded::Recorded;
use clap::{Args, ValueEnum};
use mux_dsl::Image;
use mux_dsl::coverage::Coverage;
use mux_dsl::drawing::{Picture, VERSION, dot, mermaid, of_graph, of_rules, svg};
use mux_dsl::image::PolicyId;
use mux_replay::cover;
use serde_json::json;
use std::path::PathBuf;

/// Draw policies: their rules, or the graphs they are decided by
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// A folder (its `.mux` files are one bundle) or one file with its includes
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// The same, spelled as `mux serve` spells it
    #[arg(long, conflicts_with = "path")]
    policies: Option<PathBuf>,
    /// Only this policy
    #[arg(long, value_name = "@NAME")]
    policy: Option<String>,
    /// Draw rules, at most thirty nodes a policy; the default
    #[arg(long, conflicts_with = "raw")]
    collapse: bool,
    /// Draw the decision graph, every node of it
    #[arg(long)]
    raw: bool,
    /// Draw the ways of recorded requests thicker: a segment, or a folder of them
    #[arg(long, value_name = "FILE|DIR")]
    heat: Option<PathBuf>,
    /// How to write it
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Format,
}

/// The language of a drawing.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Graphviz
    Dot,
    /// Mermaid, which code hosts draw in place
    Mermaid,
    /// One JSON value, the form that stays stable
    Json,
    /// A drawing that browsers show
    Svg,
}

impl Graph {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let path = self.policies.as_deref().unwrap_or(&self.path);
        let Some(image) = sound(path, out)? else {
            return Ok(Exit::No);
        };
        let mut coverage = Coverage::new(&image);
        if let Some(heat) = &self.heat {
            let recorded = Recorded::default();
            cover::traffic(&image, read(&recorded, heat)?, &mut coverage);
        }
        let mut pictures = Vec::new();
        for policy in self.wanted(&image)? {
            pictures.push(self.picture(&image, &coverage, policy)?);
        }
        match self.format {
            Format::Dot => out.text(&dot(&pictures)),
            Format::Mermaid => out.text(&mermaid(&pictures)),
            Format::Svg => out.text(&svg(&pictures)),
            Format::Json => out.json(&json!({ "version": VERSION, "policies": pictures })),
        }
        Ok(Exit::Good)
    }

    fn wanted(&self, image: &Image) -> Result<Vec<PolicyId>, Trouble> {
        let Some(name) = &self.policy else {
            return Ok((0..).map(PolicyId).take(image.policies.len()).collect());
        };
        let bare = name.strip_prefix('@').unwrap_or(name);
        let found = image.policy(bare).ok_or_else(|| {
            let names: Vec<String> = image
                .policies
                .iter()
                .map(|p| format!("@{}", p.name))
                .collect();
            Trouble::usage(format!(
                "there is no policy `{name}`; there is {}",
                names.join(", ")
            ))
        })?;
        Ok(vec![found])
    }

    fn picture(
        &self,
        image: &Image,
        coverage: &Coverage<'_>,
        policy: PolicyId,
    ) -> Result<Picture, Trouble> {
        if !self.raw {
            return Ok(of_rules(coverage, policy));
        }
        of_graph(coverage, policy).ok_or_else(|| {
            let kind = image.form(policy).map_or("rules", |f| f.kind);
            let name = image.policies.get(policy.index()).map_or("", |p| &p.name);
            Trouble::usage(format!(
                "@{name} is decided by its {kind}, since a graph of it would be too large; leave out `--raw`"
            ))
        })
    }
}

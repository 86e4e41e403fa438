//! `mux policy watch`: checks and tests at every save, and says what a running gateway would do.

use crate::bundle::compile;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use crate::recorded::Recorded;
use crate::replaying::effect;
use crate::runtime;
use crate::testing::examine;
use clap::Args;
use mux_dsl::{Image, Severity, diff};
use mux_gateway::source::Source;
use mux_gateway::watch::Watch as Files;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A save is taken up when nothing has changed for this long, as the gateway does.
const SETTLE: Duration = Duration::from_millis(15);

/// Check and test policies at every save, and say what a running gateway would do
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// A folder (its `.mux` files are one bundle) or one file with its includes
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// The same, spelled as `mux serve` spells it
    #[arg(long, conflicts_with = "path")]
    policies: Option<PathBuf>,
    #[command(flatten)]
    recorded: Recorded,
}

/// What is looked at.
#[derive(Debug)]
struct Looked<'w> {
    path: &'w Path,
    source: &'w Source,
    recorded: &'w Recorded,
}

impl Watch {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let path = self.policies.as_deref().unwrap_or(&self.path);
        let source = Source::new(path).map_err(Trouble::usage)?;
        let (sender, changes) = unbounded_channel();
        let watch = Files::new(move || {
            // Nobody listens any more only when this command ends.
            let _ = sender.send(());
        });
        let mut watch = watch.map_err(Trouble::usage)?;
        let looked = Looked {
            path,
            source: &source,
            recorded: &self.recorded,
        };
        let served = look(&looked, None, &mut watch, out)?;
        runtime::start()?.block_on(attend(&looked, served, watch, changes, out))
    }
}

/// Looks at every save until it is interrupted.
async fn attend(
    looked: &Looked<'_>,
    mut served: Option<Arc<Image>>,
    mut watch: Files,
    mut changes: UnboundedReceiver<()>,
    out: &mut Out,
) -> Outcome {
    // Before anything else, so that no signal finds nobody home.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Trouble::internal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Trouble::internal)?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(Exit::Good),
            _ = terminate.recv() => return Ok(Exit::Good),
            more = changes.recv() => {
                if more.is_none() {
                    return Ok(Exit::Good);
                }
            }
        }
        while let Ok(Some(())) = tokio::time::timeout(SETTLE, changes.recv()).await {}
        out.line("");
        match look(looked, served.clone(), &mut watch, out) {
            Ok(now) => served = now,
            // A folder that is being replaced is back in a moment.
            Err(trouble) => out.error(&trouble.to_string()),
        }
    }
}

/// Checks and tests; what would be served now.
fn look(
    looked: &Looked<'_>,
    served: Option<Arc<Image>>,
    watch: &mut Files,
    out: &mut Out,
) -> Result<Option<Arc<Image>>, Trouble> {
    let source = looked.source;
    let compiled = compile(looked.path)?;
    let files: BTreeSet<PathBuf> = compiled
        .sources
        .iter()
        .map(|(name, _)| source.folder().join(name))
        .collect();
    watch
        .follow(&[source.folder()], files)
        .map_err(Trouble::usage)?;
    if !compiled.diagnostics.is_empty() {
        out.error(&mux_dsl::render(
            &compiled.diagnostics,
            &compiled.sources,
            out.color(),
        ));
    }
    let refused = match served {
        Some(_) => "a running gateway would keep the policies it serves",
        None => "a gateway would not start with them",
    };
    let Some(image) = compiled.image.map(Arc::new) else {
        let errors = compiled.diagnostics.iter();
        let errors = errors.filter(|d| d.severity == Severity::Error).count();
        let s = if errors == 1 { "" } else { "s" };
        out.line(&format!("{errors} error{s}: {refused}"));
        return Ok(served);
    };
    if let Err(failed) = examine(&image) {
        out.line(&format!("{failed}\n{refused}"));
        return Ok(served);
    }
    let tests = image.tests.len();
    let s = if tests == 1 { "" } else { "s" };
    match &served {
        None => out.line(&format!(
            "good, {tests} test{s} passed: a gateway would serve them"
        )),
        Some(was) => {
            out.line(&format!(
                "good, {tests} test{s} passed: a running gateway would swap them in"
            ));
            out.text(&diff::diff(was, &image).human(false));
        }
    }
    if let Some(traffic) = looked.recorded.traffic() {
        let recorded = (looked.recorded, traffic);
        out.line(&effect(&image, served.as_ref(), recorded)?);
    }
    Ok(Some(image))
}

//! Figures for Prometheus, as text: what a canary does beside the live version, what became of those before it, and how
//! each adapter does.

use crate::canary::{Did, SharedBoard, Standing};
use crate::plugins::Condition;
use mux_plugins::Figures;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The format of the text.
pub(crate) const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Pico-dollars of a dollar.
const DOLLAR: f64 = 1e12;

/// A name, whether it counts up, and what it says.
type Metric = (&'static str, bool, &'static str);

const RUNNING: Metric = (
    "mux_canary_running",
    false,
    "1 while a version is tried out beside the live one, else 0",
);
const UNWRITTEN: Metric = (
    "mux_canary_end_unwritten",
    false,
    "1 while a canary has ended and the disk has not taken that, so that a restart would go on with it, else 0",
);
const ABORTED: Metric = (
    "mux_canary_aborted_total",
    true,
    "canaries that mux ended because they were worse, since the gateway started",
);
const PROMOTED: Metric = (
    "mux_canary_promoted_total",
    true,
    "canaries that mux promoted, since the gateway started",
);
const SHARE: Metric = (
    "mux_canary_share",
    false,
    "share of the clients, or of the requests, that a version decides, 0 to 1",
);
const ANSWERS: Metric = (
    "mux_canary_answers_total",
    true,
    "requests that a version decided since it is counted",
);
const FAILURES: Metric = (
    "mux_canary_failures_total",
    true,
    "of these, those whose client got no answer, or half of one",
);
const P95: Metric = (
    "mux_canary_p95_seconds",
    false,
    "95th percentile of the time to the answer",
);
const COST: Metric = ("mux_canary_mean_cost_usd", false, "mean cost of a request");

const INFO: Metric = (
    "mux_plugin_info",
    false,
    "1 for each adapter that is loaded: its version and where it is from, `mux` for those that come with it",
);
const CALLS: Metric = (
    "mux_plugin_calls_total",
    true,
    "calls into an adapter since it was loaded, second tries included",
);
const RETRIES: Metric = (
    "mux_plugin_retries_total",
    true,
    "calls made once more on a fresh instance",
);
const FAULTS: Metric = (
    "mux_plugin_faults_total",
    true,
    "faults of an adapter's own making, by their kind",
);
const INSTANCES: Metric = (
    "mux_plugin_instances_total",
    true,
    "instances made of an adapter",
);
const BUSY: Metric = (
    "mux_plugin_busy_seconds_total",
    true,
    "time spent in an adapter; that of short calls is estimated from one in sixteen",
);
const QUARANTINES: Metric = (
    "mux_plugin_quarantines_total",
    true,
    "times an adapter was set aside for its faults",
);
const ASIDE: Metric = (
    "mux_plugin_set_aside_seconds",
    false,
    "for how long an adapter is set aside from now on, else 0",
);

/// All figures as they stand; `unwritten` says that an end is not written down.
pub(crate) fn text(board: &SharedBoard, unwritten: bool, plugins: &[Condition<'_>]) -> String {
    let standing = board.standing();
    let [aborted, promoted] = board.ends();
    let mut page = Page::default();
    page.one(RUNNING, u8::from(standing.is_some()));
    page.one(UNWRITTEN, u8::from(unwritten));
    page.one(ABORTED, aborted);
    page.one(PROMOTED, promoted);
    if let Some(standing) = &standing {
        let share = f64::from(standing.terms.share_bp) / 10_000.0;
        page.both(SHARE, standing, [Some(1.0 - share), Some(share)]);
        let each = |figure: fn(&Did) -> Option<f64>| [&standing.live, &standing.canary].map(figure);
        page.both(ANSWERS, standing, each(|did| Some(real(did.answers))));
        page.both(FAILURES, standing, each(|did| Some(real(did.failed))));
        page.both(
            P95,
            standing,
            each(|did| did.p95_us.map(|us| real(us) / 1e6)),
        );
        let cost = each(|did| {
            let cost = u64::try_from(did.cost?).ok()?;
            Some(real(cost) / DOLLAR)
        });
        page.both(COST, standing, cost);
    }
    page.plugins(&once(plugins));
    page.0
}

/// Each adapter once, as figures of the same name and labels must be: of equal ones that which is called, so the one of the
/// first file.
fn once<'p, 'a>(plugins: &'p [Condition<'a>]) -> Vec<&'p Condition<'a>> {
    let mut once = BTreeMap::new();
    for plugin in plugins {
        let known = once.entry((plugin.id, plugin.hash)).or_insert(plugin);
        if known.file.is_none() {
            *known = plugin;
        }
    }
    once.into_values().collect()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn real(count: u64) -> f64 {
    count as f64
}

#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn one(&mut self, metric: Metric, value: impl fmt::Display) {
        self.head(metric);
        self.line(format_args!("{} {value}", metric.0));
    }

    /// A figure of the live version and of the canary, as far as they are known.
    fn both(&mut self, metric: Metric, standing: &Standing, values: [Option<f64>; 2]) {
        self.head(metric);
        let sides = [("live", &standing.beside), ("canary", &standing.version)];
        for ((side, version), value) in sides.into_iter().zip(values) {
            if let Some(value) = value {
                let name = metric.0;
                self.line(format_args!(
                    "{name}{{side=\"{side}\",version=\"{version}\"}} {value}"
                ));
            }
        }
    }

    /// What is counted of each adapter. Versions are of characters that are escaped alike here and in labels.
    fn plugins(&mut self, plugins: &[&Condition<'_>]) {
        self.head(INFO);
        for Condition {
            id,
            version,
            hash,
            file,
            ..
        } in plugins
        {
            let (name, source) = (INFO.0, file.map_or("mux", |_| "folder"));
            self.line(format_args!(
                "{name}{{plugin=\"{id}\",hash=\"{hash}\",version={version:?},source=\"{source}\"}} 1"
            ));
        }
        self.each(CALLS, plugins, |figures| figures.calls);
        self.each(RETRIES, plugins, |figures| figures.retries);
        self.each(INSTANCES, plugins, |figures| figures.instances);
        self.each(BUSY, plugins, |figures| real(figures.busy_ms) / 1e3);
        self.each(QUARANTINES, plugins, |figures| figures.quarantines);
        self.each(ASIDE, plugins, |figures| real(figures.aside_ms) / 1e3);
        self.head(FAULTS);
        for Condition {
            id, hash, figures, ..
        } in plugins
        {
            for (kind, count) in figures.faults.each() {
                let name = FAULTS.0;
                self.line(format_args!(
                    "{name}{{plugin=\"{id}\",hash=\"{hash}\",kind=\"{kind}\"}} {count}"
                ));
            }
        }
    }

    fn each<T: fmt::Display>(
        &mut self,
        metric: Metric,
        plugins: &[&Condition<'_>],
        figure: fn(&Figures) -> T,
    ) {
        self.head(metric);
        for Condition {
            id, hash, figures, ..
        } in plugins
        {
            let (name, value) = (metric.0, figure(figures));
            self.line(format_args!(
                "{name}{{plugin=\"{id}\",hash=\"{hash}\"}} {value}"
            ));
        }
    }

    fn head(&mut self, (name, counts, what): Metric) {
        let kind = if counts { "counter" } else { "gauge" };
        self.line(format_args!("# HELP {name} {what}\n# TYPE {name} {kind}"));
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        // A string takes whatever is written to it.
        let _ = writeln!(self.0, "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_that_is_there_more_than_once_is_told_once_as_it_is_called() {
        let of = |file, calls| Condition {
            id: "openai",
            version: "1",
            hash: "abc",
            file,
            state: "serving",
            why: None,
            figures: Figures {
                calls,
                ..Figures::default()
            },
        };
        let placed = [of(None, 1), of(Some("a.wasm"), 2), of(Some("b.wasm"), 3)];
        let text = text(&SharedBoard::default(), false, &placed);
        let lines = |name: &str| -> Vec<&str> {
            let lines = text.lines().filter(|line| line.starts_with(name));
            lines
                .filter_map(|line| Some(line.split_once('{')?.1))
                .collect()
        };
        assert_eq!(
            lines("mux_plugin_info{"),
            ["plugin=\"openai\",hash=\"abc\",version=\"1\",source=\"folder\"} 1"]
        );
        assert_eq!(
            lines("mux_plugin_calls_total{"),
            ["plugin=\"openai\",hash=\"abc\"} 2"]
        );
    }
}

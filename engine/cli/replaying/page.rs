//! A replay as one page that needs nothing but itself: figures, expectations, charts over time, changes.

use super::figures::{between, counted, notes, rows};
use super::progress::thousands;
use super::told::{Compared, Names, cells, outcome};
use mux_replay::expectation::Verdict;
use mux_replay::part::Part;
use mux_replay::report::Report;
use mux_replay::side::Side;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const STYLE: &str = ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}td,th{padding:.2rem .8rem .2rem 0;text-align:left;border-bottom:1px solid #8884;vertical-align:top}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}.pass{color:#1a7f37}.fail{color:#d1242f}.inconclusive{color:#9a6700}\
svg{width:100%;height:auto;font-size:12px}svg text{fill:currentColor;opacity:.7}svg .axis{stroke:currentColor;opacity:.3}.dim{opacity:.7}code{font-size:.92em}";
/// Colours that people of every kind of sight tell apart (Okabe and Ito 2008).
const COLOURS: [&str; 8] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b3a000", "#888888",
];
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;

/// Draws the page.
pub(crate) fn page(comparisons: &[Compared]) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut text, comparisons);
    text
}

fn write(text: &mut String, comparisons: &[Compared]) -> std::fmt::Result {
    let requests = comparisons.first().map_or(0, |c| c.report.requests);
    let title = format!("{} requests replayed", thousands(requests));
    writeln!(
        text,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>"
    )?;
    writeln!(text, "<h1>{title}</h1>")?;
    for compared in comparisons {
        comparison(text, compared)?;
    }
    text.push_str("</html>\n");
    Ok(())
}

fn comparison(text: &mut String, compared: &Compared) -> std::fmt::Result {
    let Compared {
        report,
        judged,
        names,
        ..
    } = compared;
    writeln!(
        text,
        "<p>{} decided differently than {}.</p>",
        counted(report.changed, report.requests),
        escaped(names.against.as_deref().unwrap_or("recorded"))
    )?;
    if !judged.is_empty() {
        text.push_str("<h2>Expectations</h2><ul>");
        for judged in judged {
            let word = judged.verdict.word();
            let sign = match judged.verdict {
                Verdict::Pass => "✓",
                Verdict::Fail => "✗",
                Verdict::Inconclusive => "?",
            };
            writeln!(
                text,
                "<li class=\"{word}\">{sign} {} <span class=\"dim\">{}:{}</span></li>",
                escaped(&outcome(judged)),
                escaped(&judged.file),
                judged.line
            )?;
        }
        text.push_str("</ul>");
    }
    text.push_str("<h2>Figures</h2>");
    table(text, &[vec![String::new()], names.head()].concat())?;
    for row in rows(report) {
        cells_of(text, &[vec![row.name.clone()], cells(&row)].concat())?;
    }
    text.push_str("</table>");
    if report.mode != "decisions" && report.until > report.from {
        charts(text, report, names)?;
    }
    changes(text, report)?;
    groups(text, report)?;
    text.push_str("<h2>Notes</h2><ul>");
    for note in notes(report) {
        writeln!(text, "<li>{}</li>", escaped(&note))?;
    }
    text.push_str("</ul>\n");
    Ok(())
}

fn changes(text: &mut String, report: &Report) -> std::fmt::Result {
    if report.changes.is_empty() {
        return Ok(());
    }
    text.push_str("<h2>Changed decisions</h2>");
    let head = [
        "was",
        "now",
        "requests",
        "rule was",
        "rule now",
        "for example",
    ];
    table(text, &head.map(str::to_owned))?;
    for change in report.changes.iter().take(200) {
        cells_of(
            text,
            &[
                change.was.clone(),
                change.now.clone(),
                counted(change.count, report.requests),
                change.was_rule.clone(),
                change.now_rule.clone(),
                change.examples.join(" "),
            ],
        )?;
    }
    text.push_str("</table>");
    Ok(())
}

fn groups(text: &mut String, report: &Report) -> std::fmt::Result {
    if report.groups.is_empty() {
        return Ok(());
    }
    text.push_str("<h2>By what requests have in common</h2>");
    let (head, lines) = between(report);
    table(text, &head)?;
    for line in &lines {
        cells_of(text, line)?;
    }
    text.push_str("</table>");
    Ok(())
}

fn table(text: &mut String, head: &[String]) -> std::fmt::Result {
    text.push_str("<table><tr>");
    for cell in head {
        write!(text, "<th>{}</th>", escaped(cell))?;
    }
    text.push_str("</tr>\n");
    Ok(())
}

fn cells_of(text: &mut String, cells: &[String]) -> std::fmt::Result {
    text.push_str("<tr>");
    for cell in cells {
        write!(text, "<td>{}</td>", escaped(cell))?;
    }
    text.push_str("</tr>\n");
    Ok(())
}

/// A line of a chart: its name, and its height in each part, where it has one.
type Line<'l> = (&'l str, Vec<Option<f64>>);

fn charts(text: &mut String, report: &Report, names: &Names) -> std::fmt::Result {
    let parts = &report.parts;
    let line = |of: &dyn Fn(&Side, u64) -> Option<f64>| -> Vec<Line<'_>> {
        let was = parts.iter().map(|p| of(&p.was, p.requests)).collect();
        let now = parts.iter().map(|p| of(&p.now, p.requests)).collect();
        let mut lines = vec![("was", was), ("now", now)];
        if let Some(name) = &names.against {
            let against = parts.iter().map(|p| of(p.against.as_ref()?, p.requests));
            lines.push((name, against.collect()));
        }
        lines
    };
    text.push_str("<h2>Who serves, under these policies</h2>");
    served(text, report)?;
    text.push_str("<h2>Share that fails</h2>");
    chart(
        text,
        report,
        &line(&|s, n| Some(ratio(s.errors, n) * 100.0)),
        "%",
    )?;
    text.push_str("<h2>Share that fails over</h2>");
    chart(
        text,
        report,
        &line(&|s, n| Some(ratio(s.failed_over, n) * 100.0)),
        "%",
    )?;
    text.push_str("<h2>95th percentile of the time to the end</h2>");
    let p95 = |s: &Side, _: u64| (s.p95_ms > 0).then(|| ratio(s.p95_ms, 1_000));
    chart(text, report, &line(&p95), "s")
}

/// Where a moment is.
fn across(report: &Report, at: i64) -> f64 {
    let since = |at: i64| u64::try_from(at.saturating_sub(report.from)).unwrap_or(0);
    LEFT + (WIDTH - LEFT) * ratio(since(at), since(report.until))
}

fn ends(report: &Report, part: usize) -> [f64; 2] {
    let at = |n: usize| report.parts.get(n).map_or(report.until, |p| p.from);
    [at(part), at(part + 1)].map(|at| across(report, at))
}

fn height(share: f64) -> f64 {
    TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share.clamp(0.0, 1.0))
}

fn chart(text: &mut String, report: &Report, lines: &[Line<'_>], unit: &str) -> std::fmt::Result {
    let all = lines.iter().flat_map(|(_, line)| line.iter().flatten());
    let most = all.fold(0.0_f64, |most, value| most.max(*value));
    let top = if most > 0.0 { most } else { 1.0 };
    frame(
        text,
        &[(0.0, "0".to_owned()), (1.0, format!("{top:.1} {unit}"))],
    )?;
    for ((name, line), colour) in lines.iter().zip(COLOURS) {
        let mut path = String::new();
        let mut drawn = false;
        for (at, value) in line.iter().enumerate() {
            let Some(value) = value else {
                drawn = false;
                continue;
            };
            let [from, until] = ends(report, at);
            let y = height(value / top);
            let to = if drawn { 'L' } else { 'M' };
            write!(path, "{to}{from:.1} {y:.1}H{until:.1}")?;
            drawn = true;
        }
        writeln!(
            text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"><title>{}</title></path>",
            escaped(name)
        )?;
    }
    clock(text, report)?;
    let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    legend(text, &names)
}

/// Shares of the parts, one on top of the other.
fn served(text: &mut String, report: &Report) -> std::fmt::Result {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (route, count) in &report.now.routes {
        *all.entry(route).or_default() += count;
    }
    let mut routes: Vec<(&str, u64)> = all.into_iter().collect();
    routes.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let names: Vec<&str> = routes
        .iter()
        .map(|(name, _)| *name)
        .take(COLOURS.len())
        .collect();
    frame(text, &[(0.0, "0".to_owned()), (1.0, "100 %".to_owned())])?;
    let below = |part: &Part, layers: usize| {
        let own = names.iter().take(layers);
        let sum: u64 = own
            .map(|n| part.now.routes.get(*n).copied().unwrap_or(0))
            .sum();
        ratio(sum, part.requests)
    };
    for (layer, (name, colour)) in names.iter().zip(COLOURS).enumerate() {
        let mut path = String::new();
        for (at, part) in report.parts.iter().enumerate() {
            let [from, until] = ends(report, at);
            let [low, high] = [below(part, layer), below(part, layer + 1)].map(height);
            if low > high {
                write!(path, "M{from:.1} {low:.1}V{high:.1}H{until:.1}V{low:.1}Z")?;
            }
        }
        writeln!(
            text,
            "<path d=\"{path}\" fill=\"{colour}\" shape-rendering=\"crispEdges\"><title>{}</title></path>",
            escaped(name)
        )?;
    }
    clock(text, report)?;
    legend(text, &names)
}

fn frame(text: &mut String, marks: &[(f64, String)]) -> std::fmt::Result {
    writeln!(text, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">")?;
    for (share, mark) in marks {
        let y = height(*share);
        writeln!(
            text,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>",
            LEFT - 6.0,
            y + 4.0
        )?;
    }
    Ok(())
}

fn clock(text: &mut String, report: &Report) -> std::fmt::Result {
    let span = report.until.saturating_sub(report.from);
    for n in 0..=4_i64 {
        let at = report.from.saturating_add(span / 4 * n);
        let anchor = if n == 4 { "end" } else { "start" };
        writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            across(report, at),
            HEIGHT - 6.0,
            time_of_day(at)
        )?;
    }
    text.push_str("</svg>");
    Ok(())
}

/// `14:03:20`, UTC.
fn time_of_day(at: i64) -> String {
    let seconds = at.div_euclid(1_000).rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn legend(text: &mut String, names: &[&str]) -> std::fmt::Result {
    text.push_str("<p>");
    for (name, colour) in names.iter().zip(COLOURS) {
        write!(
            text,
            "<span style=\"color:{colour}\">■</span> {} &nbsp; ",
            escaped(name)
        )?;
    }
    text.push_str("</p>\n");
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a place on a page")]
fn ratio(count: u64, of: u64) -> f64 {
    count as f64 / of.max(1) as f64
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

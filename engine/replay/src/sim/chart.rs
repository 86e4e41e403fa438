//! A run over time, drawn as an SVG: who served which share of the requests, how many failed, and the 99th percentile of
//! the time to first content. It is plain enough to be read, in light and dark, by whoever opens it in a browser.

use super::draw::seconds;
use super::scenario::Scenario;
use super::tally::{Tally, ratio};
use mux_routing::{Nanos, SECOND};
use std::fmt::Write as _;

/// Size of the whole, and where the panels are, in pixels.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const SHARES: Panel = Panel {
    top: 84.0,
    height: 220.0,
};
const TIMES: Panel = Panel {
    top: 344.0,
    height: 120.0,
};
const HEIGHT: f64 = 510.0;
/// Parts that the span is cut into.
const PARTS: usize = 120;
/// Colours that people of every kind of sight tell apart (Okabe and Ito 2008), but for red, which is for failures.
const COLOURS: [&str; 7] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#b3a000", "#888888",
];
const FAILED: &str = "#d62728";
const STYLE: &str = "svg{font:13px system-ui,sans-serif;background:#fff;color:#222}\
text{fill:currentColor}.dim{opacity:.65}.axis{stroke:currentColor;opacity:.35}\
.time{fill:none;stroke:currentColor;stroke-width:1.5}.fault{fill:currentColor;opacity:.08}\
@media(prefers-color-scheme:dark){svg{background:#16181d;color:#e6e6e6}}";

struct Panel {
    top: f64,
    height: f64,
}

impl Panel {
    /// Where a share of its height is.
    fn at(&self, share: f64) -> f64 {
        self.top + self.height * (1.0 - share)
    }
}

/// A part of the span.
#[derive(Debug, Default)]
struct Part {
    requests: usize,
    /// By target.
    served: Vec<usize>,
    /// Seconds; `None` where none was served.
    p99: Option<f64>,
}

/// Draws a run. `targets` are the names of the targets, in the order of the scenario's providers.
#[must_use]
pub fn chart(scenario: &Scenario, targets: &[String], tally: &Tally) -> String {
    let parts = parts(tally, scenario.span, targets.len());
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut svg, scenario, targets, &parts);
    svg
}

fn parts(tally: &Tally, span: Nanos, targets: usize) -> Vec<Part> {
    let step = (span / PARTS as u64).max(1);
    let part = |n: u64| {
        let seen = tally.within((n * step, (n + 1) * step));
        let own = Tally {
            all: seen.copied().collect(),
        };
        let by = |target: usize| {
            let place = u8::try_from(target).ok();
            own.all
                .iter()
                .filter(|s| s.served.is_some() && s.served == place)
                .count()
        };
        Part {
            requests: own.all.len(),
            served: (0..targets).map(by).collect(),
            p99: Some(own.content(0.99)).filter(|p99| p99.is_finite()),
        }
    };
    (0..PARTS as u64).map(part).collect()
}

/// Where a share of the span is.
fn across(share: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * share
}

fn draw(
    svg: &mut String,
    scenario: &Scenario,
    targets: &[String],
    parts: &[Part],
) -> std::fmt::Result {
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n<style>{STYLE}</style>"
    )?;
    let name = escaped(&scenario.name);
    writeln!(svg, "<title>{name}</title>")?;
    writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{name}</text>"
    )?;
    legend(svg, targets)?;
    bands(svg, scenario, targets)?;
    areas(svg, parts)?;
    axis(
        svg,
        &SHARES,
        "share of the requests",
        &[(0.0, "0"), (0.5, "50 %"), (1.0, "100 %")],
    )?;
    let most = parts.iter().filter_map(|p| p.p99).fold(0.0, f64::max);
    let top = round_up(most);
    let marks = [(0.0, "0".to_owned()), (1.0, format!("{top} s"))];
    let marks: Vec<(f64, &str)> = marks
        .iter()
        .map(|(at, text)| (*at, text.as_str()))
        .collect();
    line(svg, parts, top)?;
    axis(
        svg,
        &TIMES,
        "99th percentile of the time to first content",
        &marks,
    )?;
    clock(svg, scenario.span)?;
    svg.write_str("</svg>\n")
}

fn legend(svg: &mut String, targets: &[String]) -> std::fmt::Result {
    let mut x = LEFT;
    let failed = ("failed".to_owned(), FAILED);
    let named = targets.iter().cloned().zip(COLOURS.into_iter().cycle());
    for (name, colour) in named.chain([failed]) {
        writeln!(
            svg,
            "<rect x=\"{x:.0}\" y=\"40\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{:.0}\" y=\"51\">{}</text>",
            x + 17.0,
            escaped(&name)
        )?;
        let letters = u32::try_from(name.chars().count()).unwrap_or(0);
        x += 36.0 + 7.5 * f64::from(letters);
    }
    Ok(())
}

/// What is broken when.
fn bands(svg: &mut String, scenario: &Scenario, targets: &[String]) -> std::fmt::Result {
    let span = seconds(scenario.span).max(1e-9);
    let faults = scenario.providers.iter().zip(targets);
    let faults = faults.flat_map(|((_, faults), name)| faults.iter().map(move |f| (f, name)));
    for (fault, name) in faults {
        let [from, until] = [fault.from, fault.until].map(|at| (seconds(at) / span).min(1.0));
        let (x, bottom) = (across(from), TIMES.top + TIMES.height);
        writeln!(
            svg,
            "<rect class=\"fault\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{} {}</title></rect>",
            SHARES.top,
            across(until) - x,
            bottom - SHARES.top,
            escaped(name),
            fault.kind.name()
        )?;
    }
    Ok(())
}

/// Targets from below, failures from above.
fn areas(svg: &mut String, parts: &[Part]) -> std::fmt::Result {
    let targets = parts.first().map_or(0, |p| p.served.len());
    let below = |part: &Part, layers: usize| {
        let served: usize = part.served.iter().take(layers).sum();
        ratio(served, part.requests)
    };
    let areas = COLOURS.into_iter().cycle().take(targets).enumerate();
    for (n, colour) in areas {
        area(svg, parts, colour, |p| (below(p, n), below(p, n + 1)))?;
    }
    area(svg, parts, FAILED, |p| {
        let some = f64::from(u8::from(p.requests > 0));
        (below(p, targets), some)
    })
}

/// Steps between two heights of each part.
fn area(
    svg: &mut String,
    parts: &[Part],
    colour: &str,
    heights: impl Fn(&Part) -> (f64, f64),
) -> std::fmt::Result {
    let mut path = String::new();
    for (n, part) in parts.iter().enumerate() {
        let (low, high) = heights(part);
        if high <= low {
            continue;
        }
        let (from, until) = (across(ratio(n, PARTS)), across(ratio(n + 1, PARTS)));
        let (low, high) = (SHARES.at(low), SHARES.at(high));
        write!(path, "M{from:.1} {low:.1}V{high:.1}H{until:.1}V{low:.1}Z")?;
    }
    if path.is_empty() {
        return Ok(());
    }
    writeln!(
        svg,
        "<path fill=\"{colour}\" shape-rendering=\"crispEdges\" d=\"{path}\"/>"
    )
}

fn line(svg: &mut String, parts: &[Part], top: f64) -> std::fmt::Result {
    let mut path = String::new();
    let mut drawn = false;
    for (n, part) in parts.iter().enumerate() {
        let Some(p99) = part.p99 else {
            drawn = false;
            continue;
        };
        let (x, y) = (
            across((ratio(2 * n + 1, 2)) / ratio(PARTS, 1)),
            TIMES.at(p99 / top),
        );
        write!(path, "{}{x:.1} {y:.1}", if drawn { 'L' } else { 'M' })?;
        drawn = true;
    }
    writeln!(svg, "<path class=\"time\" d=\"{path}\"/>")
}

fn axis(svg: &mut String, panel: &Panel, name: &str, marks: &[(f64, &str)]) -> std::fmt::Result {
    writeln!(
        svg,
        "<text class=\"dim\" x=\"{LEFT}\" y=\"{:.1}\">{name}</text>",
        panel.top - 8.0
    )?;
    for (share, text) in marks {
        let y = panel.at(*share);
        writeln!(
            svg,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0
        )?;
    }
    Ok(())
}

fn clock(svg: &mut String, span: Nanos) -> std::fmt::Result {
    for n in 0..=6_u64 {
        writeln!(
            svg,
            "<text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            across(seconds(n * SECOND) / 6.0),
            TIMES.top + TIMES.height + 20.0,
            told(span / 6 * n, span)
        )?;
    }
    Ok(())
}

/// A moment of a span: seconds of a short one, minutes and seconds or hours and minutes of a longer one.
fn told(at: Nanos, span: Nanos) -> String {
    let (whole, at) = (span / SECOND, (at + SECOND / 2) / SECOND);
    match whole {
        7_200.. => format!("{}:{:02} h", at / 3_600, at / 60 % 60),
        120.. => format!("{}:{:02} min", at / 60, at % 60),
        _ => format!("{at} s"),
    }
}

/// The next of 1, 2, 5, 10 …, or a tenth of them.
fn round_up(most: f64) -> f64 {
    let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
    steps
        .into_iter()
        .find(|s| *s >= most)
        .unwrap_or(most.ceil())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::Kind;
    use crate::sim::run::run;

    #[test]
    fn a_chart_shows_who_served_when() {
        let scenario = Scenario::outage("p0 <hangs>", 20.0, 1, Kind::Hangs);
        let tally = run(&scenario, 3, &mut ()).unwrap();
        let names: Vec<String> = (0..4).map(|n| format!("p{n}/m")).collect();
        let svg = chart(&scenario, &names, &tally);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("p0 &lt;hangs&gt;") && !svg.contains("<hangs>"));
        assert!(svg.contains("p0/m hangs"), "the fault is marked");
        // Nobody was left to be served by the third.
        assert!(svg.contains(&format!("<path fill=\"{}\"", COLOURS[1])));
        assert!(!svg.contains(&format!("<path fill=\"{FAILED}\"")));
        assert_eq!(svg, chart(&scenario, &names, &tally));
    }

    #[test]
    fn parts_hold_every_request_once() {
        let scenario = Scenario::outage("x", 20.0, 4, Kind::Fails);
        let tally = run(&scenario, 3, &mut ()).unwrap();
        let parts = parts(&tally, scenario.span, 4);
        let all: usize = parts.iter().map(|p| p.requests).sum();
        assert_eq!(all, tally.all.len());
        let served: usize = parts.iter().flat_map(|p| &p.served).sum();
        assert_eq!(
            served,
            tally.all.iter().filter(|s| s.served.is_some()).count()
        );
    }
}

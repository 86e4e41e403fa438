//! Recorded arrivals, as published traces have them: a line of CSV for each request, with its time and the tokens of the
//! prompt and of the answer.
//!
//! Columns are found by their names, which are those of the Azure LLM inference traces (Patel et al. 2024) and of
//! `BurstGPT` (Wang et al. 2024).

use super::arrivals::{Call, Size};
use super::draw::time;
use jiff::civil::DateTime;

/// Names of a column, in small letters.
type Names = [&'static str; 3];
const TIME: Names = ["timestamp", "time", "at"];
const INPUT: Names = ["contexttokens", "request tokens", "input"];
const OUTPUT: Names = ["generatedtokens", "response tokens", "output"];

/// Reads a trace; its first request comes at 0, and `speed` times as many come in the same time.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn parse(text: &str, speed: f64) -> Result<Vec<Call>, String> {
    let mut lines = (1..).zip(text.lines().map(|line| line.trim_end_matches('\r')));
    let (_, head) = lines.next().ok_or("it is empty")?;
    let names: Vec<String> = head.split(',').map(|n| n.trim().to_lowercase()).collect();
    let column = |wanted: Names| {
        let place = names.iter().position(|n| wanted.contains(&n.as_str()));
        place.ok_or_else(|| {
            format!(
                "its first line has no column `{}`; it has `{head}`",
                wanted.join("`, `")
            )
        })
    };
    let (at, input, output) = (column(TIME)?, column(INPUT)?, column(OUTPUT)?);
    let mut rows = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |place: usize| cells.get(place).copied().unwrap_or_default();
        let tokens = |place: usize| {
            let tokens: Result<u32, _> = cell(place).parse();
            tokens.map_err(|_| format!("line {number}: `{}` is no count of tokens", cell(place)))
        };
        let when =
            moment(cell(at)).ok_or_else(|| format!("line {number}: `{}` is no time", cell(at)))?;
        rows.push((when, tokens(input)?, tokens(output)?));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let first = rows.first().ok_or("it has no requests")?.0;
    let calls = rows.into_iter().map(|(when, input, output)| Call {
        at: time((when - first) / speed),
        size: Size {
            input,
            output: Some(output),
        },
    });
    Ok(calls.collect())
}

/// Seconds, from any moment on: a number of them, or a date with a time.
fn moment(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let when: DateTime = text.parse().ok()?;
    let since = when.duration_since(DateTime::constant(2000, 1, 1, 0, 0, 0, 0));
    Some(since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_routing::{MILLI, SECOND};

    #[test]
    fn the_azure_traces_are_read() {
        let text = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-17 00:00:04.2299600,110,27\r\n";
        let calls = parse(text, 1.0).unwrap();
        assert_eq!(calls.len(), 2);
        assert_eq!((calls[0].at, calls[0].size.input), (0, 4_808));
        let later = (5 * 3_600 + 43 * 60) * SECOND + 250 * MILLI;
        assert!(calls[1].at.abs_diff(later) < MILLI, "{}", calls[1].at);
        assert_eq!(calls[1].size.output, Some(27));
        assert!(parse(text, 2.0).unwrap()[1].at.abs_diff(later / 2) < MILLI);
    }

    #[test]
    fn the_burstgpt_trace_is_read() {
        let text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,1087,230,1317,API log\n";
        let calls = parse(text, 1.0).unwrap();
        assert_eq!((calls[1].at, calls[1].size.input), (40 * SECOND, 1_087));
    }

    #[test]
    fn what_is_no_trace_is_told_with_its_line() {
        let head = "TIMESTAMP,ContextTokens,GeneratedTokens";
        for (text, told) in [
            (String::new(), "empty"),
            ("a,b\n".to_owned(), "no column `timestamp`"),
            (format!("{head}\n"), "no requests"),
            (format!("{head}\n1,2,3\nnoon,2,3\n"), "line 3: `noon`"),
            (format!("{head}\n1,-2,3\n"), "line 2: `-2`"),
            (format!("{head}\n1,2\n"), "line 2: ``"),
        ] {
            let why = parse(&text, 1.0).unwrap_err();
            assert!(why.contains(told), "{why}");
        }
    }
}

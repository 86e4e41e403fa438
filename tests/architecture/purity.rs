//! What pure crates may not know: clocks, files, the network, the environment, threads.

use crate::architecture::fault::Fault;
use crate::architecture::files::{Files, is_rust};
use crate::architecture::paths::{Path, outline};
use crate::architecture::tokens::shipped;

/// Sources that compute and do nothing else.
const PURE: [&str; 5] = [
    "dsl/src/",
    "engine/prices/src/",
    "engine/wire/src/",
    "engine/routing/src/",
    "engine/replay/src/",
];
/// Modules of the standard library that reach out of the process.
const EFFECTS: [&str; 4] = ["fs", "env", "thread", "process"];
/// What of `std::net` opens sockets and asks name servers; addresses are plain values.
const SOCKETS: [&str; 4] = ["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs"];
/// Clocks.
const CLOCKS: [&str; 2] = ["Instant", "SystemTime"];

/// Uses of the world in pure crates; their tests may use it.
pub(crate) fn breaches(files: &Files) -> Vec<Fault> {
    let is_pure = |path: &str| is_rust(path) && PURE.iter().any(|folder| path.starts_with(folder));
    let mut faults = Vec::new();
    for (file, text) in files.texts(is_pure) {
        for path in outline(&shipped(text)).paths {
            if let Some(what) = breach(&path) {
                let text = format!(
                    "`{what}` in a crate that is pure; let the caller pass in what it gives"
                );
                faults.push(Fault::new(file, path.line, text));
            }
        }
    }
    faults
}

fn breach(path: &Path) -> Option<String> {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    let forbidden = match segments.as_slice() {
        // The module itself, or everything in it: what is used of it is then out of sight.
        ["std", "net"] => true,
        ["std", "net", what, ..] => SOCKETS.contains(what),
        ["std", module, ..] if EFFECTS.contains(module) => true,
        [.., clock, "now"] => CLOCKS.contains(clock),
        _ => false,
    };
    forbidden.then(|| segments.join("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_look_at_the_world_is_found() {
        for line in [
            "use std::time::Instant; fn f() { Instant::now() }",
            "fn f() { std::time::SystemTime::now() }",
            "use std::{fmt, fs::File};",
            "fn f() { std::env::var(x) }",
            "use std::thread;",
            "use std::net::*;",
            "use std::net::{IpAddr, TcpStream};",
        ] {
            let faults = breaches(&Files::planted(&[("engine/routing/src/flight.rs", line)]));
            assert_eq!(faults.len(), 1, "{line}");
        }
    }

    #[test]
    fn tests_other_crates_and_times_that_are_passed_in_are_no_breach() {
        let line = "use std::{net::IpAddr, time::{Duration, Instant}}; fn f(now: Instant) {} #[cfg(test)] mod tests { use std::fs; }";
        assert_eq!(breaches(&Files::planted(&[("dsl/src/a.rs", line)])), []);
        assert_eq!(
            breaches(&Files::planted(&[(
                "engine/gateway/src/a.rs",
                "use std::fs;"
            )])),
            []
        );
    }
}

//! The command `mux`: the only place that wires the crates together. One file a command; exit codes are decided here.

mod demo;
mod mock;
mod operator;
mod out;
mod plugin;
mod policy;
mod serve;
mod versions;

use clap::{Parser, Subcommand};
use out::Out;
use std::fmt::Display;
use std::process::ExitCode;

/// A self-hosted gateway for large language models that stays up when the providers do not.
#[derive(Debug, Parser)]
#[command(name = "mux", version, propagate_version = true)]
struct Mux {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Serve(serve::Serve),
    /// Check and test policies
    #[command(subcommand)]
    Policy(policy::Policy),
    /// List versions of the policies
    Versions(versions::Versions),
    /// Serve an older version, and hold it
    Rollback(versions::Rollback),
    /// End a hold: serve the policy folder again
    Release(versions::Release),
    /// Show how the targets of a running gateway are
    Health(versions::Health),
    /// Build and inspect provider plugins
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Run a simulated provider
    Mock(mock::Mock),
    /// Show it all: four simulated providers, a gateway, traffic, and one of them going down
    Demo(demo::Demo),
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// It did what was asked.
    Good,
    /// The answer is no.
    No,
}

/// Why a command could not do what was asked.
#[derive(Debug)]
enum Trouble {
    /// Used wrongly, or something cannot be read, written or reached: exit code 2.
    Usage(String),
    /// Our own fault: exit code 3.
    Internal(String),
}

impl Trouble {
    fn usage(what: impl Display) -> Self {
        Self::Usage(format!("{what}"))
    }

    fn internal(what: impl Display) -> Self {
        Self::Internal(format!("{what}"))
    }
}

type Outcome = Result<Exit, Trouble>;

fn main() -> ExitCode {
    let mux = match Mux::try_parse() {
        Ok(mux) => mux,
        Err(error) => {
            // Help and version are no mistakes. A closed pipe is nobody's concern.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut out = Out::default();
    match run(mux.command, &mut out) {
        Ok(Exit::Good) => ExitCode::SUCCESS,
        Ok(Exit::No) => ExitCode::from(1),
        Err(Trouble::Usage(why)) => {
            out.error(&format!("mux: {why}"));
            ExitCode::from(2)
        }
        Err(Trouble::Internal(why)) => {
            out.error(&format!(
                "mux: {why}\nthis is a defect of mux; please report it with the command you ran"
            ));
            ExitCode::from(3)
        }
    }
}

fn run(command: Command, out: &mut Out) -> Outcome {
    match command {
        Command::Serve(serve) => serve.run(),
        Command::Policy(policy) => policy.run(out),
        Command::Versions(versions) => versions.run(out),
        Command::Rollback(rollback) => rollback.run(out),
        Command::Release(release) => release.run(out),
        Command::Health(health) => health.run(out),
        Command::Plugin(plugin) => plugin.run(out),
        Command::Mock(mock) => mock.run(out),
        Command::Demo(demo) => demo.run(out),
    }
}

/// The runtime of commands that need one.
fn runtime() -> Result<tokio::runtime::Runtime, Trouble> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Trouble::internal)
}

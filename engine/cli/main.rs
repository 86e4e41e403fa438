//! The command `mux`: the only place that wires the crates together. One file a command; exit codes are decided here.

mod asking;
mod bundle;
mod demo;
mod ending;
mod fmt;
mod found;
mod mock;
mod near;
mod operator;
mod origin;
mod out;
mod plugin;
mod policy;
mod prices;
mod recorded;
mod replace;
mod replaying;
mod runtime;
mod schema;
mod scratch;
mod serve;
mod sim;
mod store;
mod target;
mod testing;
mod traffic;
mod trust;
mod unified;
mod versions;

use clap::{Parser, Subcommand};
use ending::{Outcome, code, guarded};
use out::Out;
use std::process::ExitCode;

/// A self-hosted gateway for large language models that stays up when the providers do not.
#[derive(Debug, Parser)]
#[command(name = "mux", version)]
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
    /// Serve a version that was kept and not served
    Promote(versions::Promote),
    /// End a hold: serve the policy folder again
    Release(versions::Release),
    /// Show how the targets of a running gateway are
    Health(versions::Health),
    /// Hold a target of a running gateway, let it go, or forget what it did
    Target(target::Target),
    /// Build and inspect provider plugins
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Show and renew what tokens cost where policies do not say it
    #[command(subcommand)]
    Prices(prices::Prices),
    /// Simulate outages in virtual time
    #[command(subcommand)]
    Sim(sim::Sim),
    /// Look after the store of versions: check, mend, copy, put back
    #[command(subcommand)]
    Store(store::Store),
    /// Look at recorded traffic: count, search, export, import
    #[command(subcommand)]
    Traffic(traffic::Traffic),
    /// Print the schema of what mux writes
    Schema(schema::Schema),
    /// Run a simulated provider
    Mock(mock::Mock),
    /// Show it all: four simulated providers, a gateway, traffic, and one of them going down
    Demo(demo::Demo),
}

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
    let outcome = guarded(|| run(mux.command, &mut out));
    if let Err(trouble) = &outcome {
        out.error(&format!("mux: {trouble}"));
    }
    ExitCode::from(code(&outcome))
}

fn run(command: Command, out: &mut Out) -> Outcome {
    match command {
        Command::Serve(serve) => serve.run(),
        Command::Policy(policy) => policy.run(out),
        Command::Versions(versions) => versions.run(out),
        Command::Rollback(rollback) => rollback.run(out),
        Command::Promote(promote) => promote.run(out),
        Command::Release(release) => release.run(out),
        Command::Health(health) => health.run(out),
        Command::Target(target) => target.run(out),
        Command::Plugin(plugin) => plugin.run(out),
        Command::Prices(prices) => prices.run(out),
        Command::Sim(sim) => sim.run(out),
        Command::Store(store) => store.run(out),
        Command::Traffic(traffic) => traffic.run(out),
        Command::Schema(schema) => Ok(schema.run(out)),
        Command::Mock(mock) => mock.run(out),
        Command::Demo(demo) => demo.run(out),
    }
}

#[cfg(test)]
mod tests {
    use super::Mux;
    use clap::CommandFactory;

    #[test]
    fn every_command_is_well_formed() {
        Mux::command().debug_assert();
    }
}

//! What a provider block says under `quirks`, and what its `kind` departs by already, for its adapter.

use mux_dsl::image::{Provider, Quirk, RateUnit};
use mux_plugins::Quirks;
use mux_plugins::manifest::{LimitHeader, LimitUnit, ResetFormat};
use mux_plugins::preset;
use mux_plugins::quirks::FieldQuirk;
use mux_wire::fault::ErrorKind;

/// All departures of a provider: those of its kind, and above them its own.
pub(crate) fn departures(provider: &Provider) -> Quirks {
    let kind = preset::of(&provider.kind).map(preset::Preset::quirks);
    kind.unwrap_or_default().and(written(&provider.quirks))
}

fn written(quirks: &[Quirk]) -> Quirks {
    let mut all = Quirks::default();
    for quirk in quirks {
        match quirk {
            Quirk::Rename(from, to) => {
                let (from, to) = (from.to_string(), to.to_string());
                all.fields.push(FieldQuirk::Rename(from, to));
            }
            Quirk::Drop(name) => all.fields.push(FieldQuirk::Drop(name.to_string())),
            Quirk::Force(name, value) => {
                let (name, value) = (name.to_string(), value.to_string());
                all.fields.push(FieldQuirk::Force(name, value));
            }
            Quirk::Header(name, value) => all.headers.push((name.to_string(), value.to_string())),
            Quirk::Path(of, path) => all.paths.push((of.to_string(), path.to_string())),
            Quirk::Error(of, class) => {
                let kind = ErrorKind::parse(class).unwrap_or(ErrorKind::Other);
                all.errors.push((of.to_string(), kind));
            }
            Quirk::Limits(unit, headers) => {
                let [limit, remaining, reset] = headers.clone().map(|h| h.map(String::from));
                all.limits.push(LimitHeader {
                    unit: match unit {
                        RateUnit::Tokens => LimitUnit::Tokens,
                        RateUnit::Requests | RateUnit::Concurrent => LimitUnit::Requests,
                    },
                    window: String::new(),
                    limit,
                    remaining,
                    reset,
                    reset_as: ResetFormat::GoDuration,
                });
            }
        }
    }
    all
}

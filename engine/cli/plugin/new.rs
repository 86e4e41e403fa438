//! `mux plugin new`: a folder with an adapter that builds, answers and passes its tests, and with the SDK it needs.

mod sources;

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use clap::{Args, ValueEnum};
use mux_plugins::build::C_FLAGS;
use sources::{SOURCES, WORKSPACE};
use std::path::{Path, PathBuf};

/// Begin an adapter: a folder with one that builds and answers
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Its name, as policies will write it after `kind`
    name: String,
    /// What it is written in
    #[arg(long, default_value = "rust")]
    lang: Language,
    /// The folder [default: one of its name]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

/// What an adapter can be written in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// Rust: quick and small.
    Rust,
    /// JavaScript, with `QuickJS` in the component: ten times slower a call.
    Js,
    /// C, without a library: as quick as Rust, and as small.
    C,
}

/// The sample's policy.
const POLICY: &str = "sample.mux";
/// Where the sample in JavaScript is.
const SCRIPT: &str = "sample-js/";
/// Where the sample in C is, and what it stands on.
const C: &str = "sample-c/";
const C_SDK: &str = "sdk-c/";
/// Longest name, in bytes: that of a component's id.
const LONGEST: usize = 64;

impl New {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        check(&self.name)?;
        let folder = self.into.unwrap_or_else(|| PathBuf::from(&self.name));
        let used = folder
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_some());
        if used {
            let folder = folder.display();
            return Err(Trouble::usage(format!(
                "`{folder}` is not empty; name another folder with `--into`"
            )));
        }
        let language = match self.lang {
            Language::Rust => {
                rust(&self.name, &folder)?;
                "Rust"
            }
            Language::Js => {
                without_crate(&self.name, &folder, SCRIPT, None)?;
                write(&folder.join(".gitignore"), "/node_modules\n/data\n")?;
                "JavaScript"
            }
            Language::C => {
                without_crate(&self.name, &folder, C, Some(C_SDK))?;
                write(&folder.join(".gitignore"), "/build\n/data\n")?;
                let flags = format!("{}\n", C_FLAGS.join("\n"));
                write(&folder.join("compile_flags.txt"), &flags)?;
                "C"
            }
        };
        let (shown, name) = (folder.display(), &self.name);
        out.line(&format!(
            "wrote `{shown}`: an adapter in {language} that answers what its fixtures say. Next:\n\n\
             cd {shown}\n\
             mux plugin test          # builds it and tries it out\n\
             mux plugin play fixtures # a provider that answers as the fixtures do\n\n\
             `mux/WRITE-A-PROVIDER.md` goes on from there; `{name}.mux` is a policy for it"
        ));
        Ok(Exit::Good)
    }
}

fn check(name: &str) -> Result<(), Trouble> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
    if starts && name.len() <= LONGEST && name.bytes().all(fits) {
        return Ok(());
    }
    Err(Trouble::usage(format!(
        "`{name}` is no name of an adapter: it begins with a lower-case letter and goes on with such letters, digits and `-`"
    )))
}

fn rust(name: &str, folder: &Path) -> Result<(), Trouble> {
    let other = |path: &str| [SCRIPT, C, C_SDK].iter().any(|of| path.starts_with(of));
    for (path, text) in SOURCES.iter().filter(|(path, _)| !other(path)) {
        let (place, text) = match path.strip_prefix("sample/") {
            Some(own) => (renamed(own, name), renamed(text, name)),
            None => (format!("mux/{path}"), (*text).to_owned()),
        };
        write(&folder.join(place), &text)?;
    }
    write(&folder.join("Cargo.toml"), &manifest(name))?;
    write(&folder.join("mux/sdk/Cargo.toml"), &sdk_manifest())?;
    write(&folder.join(".gitignore"), "/target\n/data\n")
}

/// The sample of a language, and what it stands on there, with the fixtures and the policy of the one in Rust.
fn without_crate(
    name: &str,
    folder: &Path,
    sample: &str,
    sdk: Option<&str>,
) -> Result<(), Trouble> {
    for (path, text) in SOURCES {
        let shared = path
            .strip_prefix("sample/")
            .filter(|own| own.starts_with("fixtures/") || *own == POLICY);
        if let Some(own) = path.strip_prefix(sample).or(shared) {
            write(&folder.join(renamed(own, name)), &renamed(text, name))?;
            continue;
        }
        let of_another = path.starts_with("sample") || path.starts_with("sdk");
        if !of_another || sdk.is_some_and(|sdk| path.starts_with(sdk)) {
            write(&folder.join("mux").join(path), text)?;
        }
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), Trouble> {
    let written = match file.parent() {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    };
    written
        .and_then(|()| std::fs::write(file, text))
        .map_err(|error| Trouble::usage(format!("`{}`: {error}", file.display())))
}

/// The sample's text for an adapter of another name.
fn renamed(text: &str, name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    let kind: String = words.collect();
    text.replace(
        "mux_plugin_sample",
        &format!("mux_plugin_{}", name.replace('-', "_")),
    )
    .replace("SAMPLE", &name.replace('-', "_").to_ascii_uppercase())
    .replace("Sample", &kind)
    .replace("sample", name)
}

fn manifest(name: &str) -> String {
    format!(
        r#"[package]
name = "mux-plugin-{name}"
description = "the {name} adapter"
version = "0.1.0"
{about}publish = false

[lib]
# The first for tests and programs, the second for the component.
crate-type = ["rlib", "cdylib"]

[dependencies]
# Written beside it by `mux plugin new`, of the same version as that mux.
mux-plugin-sdk = {{ path = "mux/sdk" }}
{serde}{serde_json}
# A root of its own, wherever the folder lies.
[workspace]

{profile}"#,
        about = [line("edition"), line("rust-version")].concat(),
        serde = line("serde"),
        serde_json = line("serde_json"),
        profile = WORKSPACE
            .split("\n# Small and quick")
            .nth(1)
            .map_or_else(String::new, |rest| { format!("# Small and quick{rest}") }),
    )
}

fn sdk_manifest() -> String {
    format!(
        r#"[package]
name = "mux-plugin-sdk"
description = "write a provider adapter: one trait, plain types, and the component face"
{about}publish = false

[dependencies]
{postcard}{serde}{serde_json}
# Natively an adapter is an ordinary crate; only the component needs the glue.
[target.'cfg(target_arch = "wasm32")'.dependencies]
{wit_bindgen}"#,
        about = ["version", "edition", "rust-version", "license"]
            .map(line)
            .concat(),
        postcard = line("postcard"),
        serde = line("serde"),
        serde_json = line("serde_json"),
        wit_bindgen = line("wit-bindgen"),
    )
}

/// What the guests' workspace says of a name, as a line.
fn line(name: &str) -> String {
    let begins = |line: &&str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(" = "))
    };
    let found = WORKSPACE.lines().find(begins);
    found.map_or_else(String::new, |line| format!("{line}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_wherever_the_sample_had_its_own() {
        let text = "use mux_plugin_sample::Sample; // mux-plugin-sample, SAMPLE_KEY, \"sample\"";
        assert_eq!(
            renamed(text, "two-words"),
            "use mux_plugin_two_words::TwoWords; // mux-plugin-two-words, TWO_WORDS_KEY, \"two-words\""
        );
    }

    #[test]
    fn a_name_that_cannot_be_a_kind_is_refused() {
        assert!(check("my-provider2").is_ok());
        for bad in ["", "My", "2x", "a_b", "../up", "ä"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn manifests_name_the_releases_that_mux_itself_builds_with() {
        let (own, sdk) = (manifest("new"), sdk_manifest());
        for (manifest, needs) in [
            (
                &own,
                [
                    "edition = ",
                    "serde = {",
                    "serde_json = {",
                    "lto = \"fat\"",
                    "[workspace]\n",
                ],
            ),
            (
                &sdk,
                [
                    "edition = ",
                    "serde = {",
                    "serde_json = {",
                    "wit-bindgen = {",
                    "version = \"0",
                ],
            ),
        ] {
            for need in needs {
                assert!(manifest.contains(need), "{need} in {manifest}");
            }
        }
        assert!(!own.contains(".workspace"), "{own}");
    }
}

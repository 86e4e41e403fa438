//! Crates as their manifests declare them.

use crate::architecture::files::Files;

/// One `Cargo.toml` with a package.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Its path.
    pub(crate) file: String,
    /// The package's name.
    pub(crate) name: String,
    pub(crate) needs: Vec<Need>,
    /// The file the crate starts with, where it is not `src/lib.rs`.
    path: Option<String>,
}

/// A line that names another crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// Only tests and benches get it.
    pub(crate) dev: bool,
}

impl Manifest {
    /// Every package of the project.
    pub(crate) fn all(files: &Files) -> Vec<Self> {
        let is_manifest = |path: &str| path == "Cargo.toml" || path.ends_with("/Cargo.toml");
        let manifests = files.texts(is_manifest).into_iter();
        manifests
            .filter_map(|(file, text)| Self::read(file, text))
            .collect()
    }

    /// Reads what matters here, line by line: sections, `name = …`, and names of dependencies.
    fn read(file: &str, text: &str) -> Option<Self> {
        let (mut name, mut path) = (None, None);
        let mut needs = Vec::new();
        let mut section = String::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.starts_with('[') {
                let bare = text.split('#').next().unwrap_or_default().trim();
                section = String::from(bare.trim_matches(['[', ']']));
                if let Some((table, crate_name)) = section.rsplit_once('.')
                    && is_needs(table)
                {
                    needs.push(need(table, crate_name, line));
                }
                continue;
            }
            let Some((key, value)) = text.split_once('=').filter(|_| !text.starts_with('#')) else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim().trim_matches('"'));
            match (section.as_str(), key) {
                ("package", "name") => name = Some(value.to_owned()),
                ("bin" | "lib", "path") => path = Some(value.to_owned()),
                (table, _) if is_needs(table) => {
                    let crate_name = key.split('.').next().unwrap_or(key);
                    needs.push(need(table, crate_name, line));
                }
                _ => {}
            }
        }
        Some(Self {
            file: file.to_owned(),
            name: name?,
            needs,
            path,
        })
    }

    /// Where its folder is, with a `/` at the end unless it is the root.
    fn folder(&self) -> &str {
        self.file.trim_end_matches("Cargo.toml")
    }

    /// The file the crate starts with.
    pub(crate) fn root(&self) -> String {
        let path = self.path.as_deref().unwrap_or("src/lib.rs");
        format!("{}{path}", self.folder())
    }

    /// The folder of its sources, with a `/` at the end.
    pub(crate) fn sources(&self) -> String {
        let root = self.root();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/")
    }
}

fn is_needs(table: &str) -> bool {
    // `[workspace.dependencies]` offers crates and needs none.
    !table.starts_with("workspace")
        && table
            .rsplit('.')
            .next()
            .is_some_and(|last| last.ends_with("dependencies"))
}

fn need(table: &str, name: &str, line: usize) -> Need {
    Need {
        name: name.trim_matches('"').to_owned(),
        line,
        dev: table.ends_with("dev-dependencies"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_read_from_every_kind_of_section() {
        let text = "[package]\nname = \"x\"\n[[bin]]\npath = \"cli/main.rs\"\n[workspace.dependencies]\nno = \"1\"\n\
                    [dependencies]\na.workspace = true\n# b = 1\nc = { version = \"1\" }\n[dev-dependencies]\nd = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\ne = \"1\"\n[dependencies.f]\nversion = \"1\"\n[lints]\nworkspace = true\n";
        let manifest = Manifest::read("Cargo.toml", text).unwrap();
        let needs: Vec<_> = manifest
            .needs
            .iter()
            .map(|need| (need.name.as_str(), need.line, need.dev))
            .collect();
        assert_eq!(
            needs,
            [
                ("a", 8, false),
                ("c", 10, false),
                ("d", 12, true),
                ("e", 14, false),
                ("f", 15, false)
            ]
        );
        assert_eq!(manifest.sources(), "cli/");
    }
}

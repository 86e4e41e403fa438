//! Where secrets come from. They stay in [`SecretString`]s and are put on a request last, after its plan is checked.

use mux_dsl::image::Credential;
use secrecy::SecretString;
use std::process::{Command, Stdio};

/// How `secret "scheme:reference"` is resolved: a command for each scheme, given the reference as its last argument.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    commands: Vec<(String, String)>,
}

impl Vault {
    /// From `scheme=command` pairs.
    ///
    /// # Errors
    /// A pair without `=`.
    pub fn parse(pairs: &[String]) -> Result<Self, String> {
        let split = |pair: &String| {
            let (scheme, command) = pair
                .split_once('=')
                .ok_or_else(|| format!("`{pair}`: write `--secret-command scheme=command`"))?;
            Ok((scheme.to_owned(), command.to_owned()))
        };
        Ok(Self {
            commands: pairs.iter().map(split).collect::<Result<_, String>>()?,
        })
    }

    /// The secret itself.
    ///
    /// # Errors
    /// Why there is none, in words that follow the name of a target.
    pub fn resolve(&self, credential: &Credential) -> Result<SecretString, String> {
        let found = match credential {
            Credential::Env(name) => std::env::var(&**name)
                .map_err(|_| format!("needs the environment variable `{name}`"))?,
            Credential::File(path) => std::fs::read_to_string(&**path)
                .map_err(|e| format!("needs the file `{path}`: {e}"))?,
            Credential::Secret(reference) => self.run(reference)?,
            Credential::Role(arn) => {
                return Err(format!(
                    "needs the role `{arn}`, and no loaded adapter can assume roles"
                ));
            }
        };
        let secret = found.trim();
        if secret.is_empty() {
            return Err("has an empty credential".to_owned());
        }
        if secret.chars().any(char::is_control) {
            return Err(
                "has a credential with line breaks or control characters inside".to_owned(),
            );
        }
        Ok(SecretString::from(secret))
    }

    fn run(&self, reference: &str) -> Result<String, String> {
        let (scheme, rest) = reference.split_once(':').unwrap_or((reference, ""));
        let command = self
            .commands
            .iter()
            .find(|(s, _)| s == scheme)
            .map(|(_, c)| c);
        let command = command.ok_or_else(|| {
            format!("needs a secret of `{scheme}`: start with `--secret-command {scheme}=COMMAND`")
        })?;
        let mut words = command.split_whitespace();
        let program = words
            .next()
            .ok_or_else(|| format!("has an empty `--secret-command` for `{scheme}`"))?;
        let output = Command::new(program)
            .args(words)
            .arg(rest)
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|e| format!("cannot run `{program}` for its secret: {e}"))?;
        if !output.status.success() {
            return Err(format!(
                "got no secret: `{program}` ended with {}",
                output.status
            ));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| format!("got a secret from `{program}` that is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_command_gets_the_reference_and_gives_the_secret() {
        let vault = Vault::parse(&["test=echo -n".to_owned()]).unwrap();
        let secret = vault
            .resolve(&Credential::Secret("test:kv/key".into()))
            .unwrap();
        assert_eq!(secret.expose_secret(), "kv/key");
        assert!(!format!("{secret:?}").contains("kv/key"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let vault = Vault::default();
        let missing = vault
            .resolve(&Credential::Env("MUX_TEST_NO_SUCH_VARIABLE".into()))
            .unwrap_err();
        assert!(missing.contains("MUX_TEST_NO_SUCH_VARIABLE"));
        assert!(
            vault
                .resolve(&Credential::Secret("vault:x".into()))
                .unwrap_err()
                .contains("--secret-command vault=")
        );
    }
}

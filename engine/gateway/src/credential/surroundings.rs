//! What the machine tells about who it is: variables, and files they lead to.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Environment variables by name.
type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Where credentials are looked for that a policy only points at.
#[derive(Clone)]
pub struct Surroundings(Variables);

impl Default for Surroundings {
    /// Those of the process.
    fn default() -> Self {
        Self(Arc::new(|name| std::env::var(name).ok()))
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}

impl Surroundings {
    /// With these variables in the place of the process's own.
    #[must_use]
    pub fn of(variables: Variables) -> Self {
        Self(variables)
    }

    /// A variable that says something.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A variable that has to be there.
    ///
    /// # Errors
    /// It is not, in words that follow the name of a target.
    pub fn need(&self, name: &str) -> Result<String, String> {
        self.get(name)
            .ok_or_else(|| format!("needs the environment variable `{name}`"))
    }

    /// The text of a file.
    ///
    /// # Errors
    /// It cannot be read, in words that follow the name of a target.
    pub fn read(path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|e| format!("needs the file `{path}`: {e}"))
    }

    /// A path below the home folder.
    #[must_use]
    pub fn below_home(&self, path: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.get("HOME")?).join(path))
    }
}

/// The text of a small file that somebody else keeps fresh, read beside the tasks that serve.
///
/// # Errors
/// It cannot be read.
pub(crate) async fn fresh(path: &str) -> Result<String, String> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || Surroundings::read(&path)).await;
    let text = read.map_err(|_| "the gateway is going down".to_owned())??;
    Ok(text.trim().to_owned())
}

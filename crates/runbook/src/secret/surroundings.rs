//! What libpq finds around a process: variables, files in the home folder, the socket folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The environment in which an address is completed.
#[derive(Clone, Default)]
pub struct Surroundings {
    variables: BTreeMap<String, String>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let wanted = |name: &str| name.starts_with("PG") || ["HOME", "USER", "LOGNAME"].contains(&name);
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| wanted(name))
            .collect();
        Self { variables }
    }

    /// Surroundings made of these variables alone, for tests.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self { variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into() }
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A file in the home folder.
    pub(super) fn at_home(&self, name: &str) -> Option<PathBuf> {
        self.variable("HOME").map(|home| Path::new(home).join(name))
    }

    /// The name of the user who runs this process. As root in a container without `USER`, it is root.
    pub(super) fn user(&self) -> Option<&str> {
        self.variable("USER").or_else(|| self.variable("LOGNAME"))
    }

    /// libpq's `~/.postgresql/root.crt`, where it exists.
    pub(super) fn default_root_certificate(&self) -> Option<String> {
        let path = self.at_home(".postgresql/root.crt")?;
        path.exists().then(|| path.display().to_string())
    }

    /// The folder that holds a socket for this port, else `localhost`.
    pub(super) fn socket_folder(&self, port: &str) -> String {
        ["/var/run/postgresql", "/tmp"]
            .into_iter()
            .find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists())
            .unwrap_or("localhost")
            .to_owned()
    }
}

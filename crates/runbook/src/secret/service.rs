//! libpq's service files: `[name]` and `key=value` lines.

use std::path::{Path, PathBuf};

use super::{BadDatabaseUrl, Surroundings};

/// The parameters of a service, from `PGSERVICEFILE` or `~/.pg_service.conf`, else from the machine's own file.
pub(super) fn parameters(
    name: &str,
    surroundings: &Surroundings,
) -> Result<Vec<(String, String)>, BadDatabaseUrl> {
    let own = match surroundings.variable("PGSERVICEFILE") {
        Some(path) => Some(PathBuf::from(path)),
        None => surroundings.at_home(".pg_service.conf"),
    };
    let shared = match surroundings.variable("PGSYSCONFDIR") {
        Some(folder) => Path::new(folder).join("pg_service.conf"),
        // Debian's and Ubuntu's libpq look here; `PGSYSCONFDIR` says where others do.
        None => PathBuf::from("/etc/postgresql-common/pg_service.conf"),
    };
    let mut looked_at = Vec::new();
    for path in own.into_iter().chain([shared]) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            looked_at.push(format!("{} (not readable)", path.display()));
            continue;
        };
        if let Some(found) = section(&text, name, &path)? {
            return Ok(found);
        }
        looked_at.push(path.display().to_string());
    }
    Err(BadDatabaseUrl(format!("there is no service `{name}`; looked in {}", looked_at.join(", "))))
}

fn section(text: &str, name: &str, path: &Path) -> Result<Option<Vec<(String, String)>>, BadDatabaseUrl> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if found.is_some() {
                break;
            }
            found = (header == name).then(Vec::new);
        } else if let Some(found) = &mut found {
            let (key, value) = line.split_once('=').ok_or_else(|| {
                BadDatabaseUrl(format!("{}:{}: a line that is not `key=value`", path.display(), number + 1))
            })?;
            found.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(found)
}

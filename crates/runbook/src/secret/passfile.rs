//! libpq's password file: `host:port:database:user:password` lines, `*` for any, `\` before `:` and `\`.

use std::path::{Path, PathBuf};

use super::{Surroundings, parameters::Parameters};

/// The password of the first line that fits, from the `passfile` parameter or `~/.pgpass`.
pub(super) fn password(parameters: &Parameters, surroundings: &Surroundings) -> Option<String> {
    let path = path(parameters, surroundings)?;
    if !only_mine(&path) {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let host = match parameters.get("host")? {
        // For libpq the default socket folders are `localhost` here.
        "/var/run/postgresql" | "/tmp" => "localhost",
        host => host,
    };
    let wanted = [host, parameters.get("port")?, parameters.get("dbname")?, parameters.get("user")?];
    text.lines().filter(|line| !line.starts_with('#')).map(fields).find_map(|fields| {
        match fields.as_slice() {
            [rest @ .., password] if rest.len() == wanted.len() => {
                let fits = rest.iter().zip(wanted).all(|(field, wanted)| field.any || field.text == wanted);
                fits.then(|| password.text.clone())
            }
            _ => None,
        }
    })
}

/// The file, where it is there and not used.
pub(super) fn unused(parameters: &Parameters, surroundings: &Surroundings) -> Option<PathBuf> {
    path(parameters, surroundings).filter(|path| path.is_file() && !only_mine(path))
}

fn path(parameters: &Parameters, surroundings: &Surroundings) -> Option<PathBuf> {
    parameters.get("passfile").map(PathBuf::from).or_else(|| surroundings.at_home(".pgpass"))
}

struct Field {
    text: String,
    /// A bare `*`.
    any: bool,
}

fn fields(line: &str) -> Vec<Field> {
    let mut fields = vec![Field { text: String::new(), any: false }];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let last = fields.len() - 1;
        match character {
            ':' if fields.len() < 5 => {
                fields[last].any = fields[last].text == "*";
                fields.push(Field { text: String::new(), any: false });
            }
            '\\' => fields[last].text.extend(characters.next()),
            other => fields[last].text.push(other),
        }
    }
    fields
}

/// Like libpq, a file that others can read is not used.
fn only_mine(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(metadata) = std::fs::metadata(path) else { return false };
    metadata.is_file() && metadata.permissions().mode() & 0o077 == 0
}

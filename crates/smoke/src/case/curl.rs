//! The runbook's own commands: a `curl`, and a `jq` after it, read as a request and what must be there.

/// A command, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Curl {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    /// The pointer that `jq` reads.
    pub(super) shown: Option<String>,
}

/// Reads a command. `base` is the address that the runbook names.
pub(super) fn read(command: &str, base: Option<&str>) -> Result<Curl, String> {
    let words = words(command)?;
    let mut parts = words.split(|word| *word == Word::Pipe);
    let curl: Vec<&str> = parts.next().unwrap_or_default().iter().map(Word::text).collect();
    let jq: Option<Vec<&str>> = parts.next().map(|words| words.iter().map(Word::text).collect());
    if parts.next().is_some() {
        return Err("a command of more than two programs cannot be read".into());
    }
    let shown = match jq.as_deref() {
        None => None,
        Some(["jq", filter]) => Some(pointer(filter)?),
        Some(_) => return Err("after the `|` only jq with one filter can be read".into()),
    };
    let ["curl", arguments @ ..] = curl.as_slice() else { return Err("it is not a curl command".into()) };
    let (mut method, mut url, mut body, mut headers) = (None, None, None, Vec::new());
    let mut arguments = arguments.iter().copied();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` lacks its value"));
        match argument {
            "-X" | "--request" => method = Some(value()?.to_owned()),
            "-d" | "--data" | "--data-raw" => body = Some(value()?.to_owned()),
            "-H" | "--header" => {
                let header = value()?;
                let (name, value) =
                    header.split_once(':').ok_or_else(|| format!("`{header}` is not a header"))?;
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            "-s" | "-S" | "-sS" | "-f" | "-fsS" | "--silent" | "--fail" | "--show-error" => {}
            option if option.starts_with('-') => {
                return Err(format!("the option `{option}` of curl is not known here"));
            }
            address if url.is_none() => url = Some(address),
            address => return Err(format!("a second address, `{address}`")),
        }
    }
    let url = url.ok_or("it names no address")?;
    let path = match base.map(|base| base.trim_end_matches('/')) {
        Some(base) => url
            .strip_prefix(base)
            .filter(|path| path.starts_with('/'))
            .ok_or_else(|| format!("its address does not start with {base}, the base_url of the settings"))?,
        None => return Err("the settings name no [api] base_url".into()),
    };
    let method = method.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
    Ok(Curl { method, path: path.to_owned(), headers, body, shown })
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Text(String),
    Pipe,
}

impl Word {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Pipe => "|",
        }
    }
}

/// A command's words, by a shell's rules for quotes.
fn words(command: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            quote @ ('\'' | '"') => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or("a quote is not closed")? {
                        end if end == quote => break,
                        '\\' if quote == '"' => word.extend(characters.next()),
                        inside => word.push(inside),
                    }
                }
            }
            '\\' => match characters.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            '|' => {
                words.extend(word.take().map(Word::Text));
                words.push(Word::Pipe);
            }
            blank if blank.is_whitespace() => words.extend(word.take().map(Word::Text)),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word.map(Word::Text));
    Ok(words)
}

/// `.a.b` as `/a/b`.
fn pointer(filter: &str) -> Result<String, String> {
    let path = filter.strip_prefix('.').ok_or_else(|| format!("the jq filter `{filter}` is not a path"))?;
    if path.is_empty() || !path.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c)) {
        return Err(format!("the jq filter `{filter}` is not a path"));
    }
    Ok(format!("/{}", path.replace('.', "/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_runbook_are_read() {
        let curl = read(
            r#"curl -X POST http://localhost:8000/projects -H "Content-Type: application/json" -d '{"name":"a b"}'"#,
            Some("http://localhost:8000"),
        )
        .unwrap();
        assert_eq!((curl.method.as_str(), curl.path.as_str()), ("POST", "/projects"));
        assert_eq!(curl.headers, [("Content-Type".to_owned(), "application/json".to_owned())]);
        assert_eq!(curl.body.as_deref(), Some(r#"{"name":"a b"}"#));
        let curl =
            read("curl http://localhost:8000/a | jq '.result.confidence'", Some("http://localhost:8000/"));
        assert_eq!(curl.unwrap().shown.as_deref(), Some("/result/confidence"));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let base = Some("http://localhost:8000");
        for (command, problem) in [
            ("wget http://localhost:8000/a", "not a curl command"),
            ("curl -u me http://localhost:8000/a", "`-u`"),
            ("curl http://localhost:9000/a", "does not start with http://localhost:8000"),
            ("curl 'http://localhost:8000/a", "a quote is not closed"),
            ("curl http://localhost:8000/a | jq '.a[0]'", "is not a path"),
            ("curl -X", "lacks its value"),
        ] {
            let error = read(command, base).unwrap_err();
            assert!(error.contains(problem), "{command}: {error}");
        }
    }
}

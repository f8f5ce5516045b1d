//! The values that a case knows by name: the run's own tag, and what it captured from answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Name → value. `{name}` in a path, a header, a body or an expected text stands for the value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(BTreeMap<String, String>);

impl Values {
    pub(crate) fn put(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Text with its placeholders filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.fill_with(text, str::to_owned)
    }

    /// A path: what a service gave is one segment of it, whatever it holds.
    pub(crate) fn fill_path(&self, text: &str) -> String {
        self.fill_with(text, |value| {
            value.bytes().fold(String::new(), |mut segment, byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    segment.push(char::from(byte));
                } else {
                    let _ = write!(segment, "%{byte:02X}");
                }
                segment
            })
        })
    }

    /// A JSON text: the values stand within its strings.
    pub(crate) fn fill_json(&self, text: &str) -> String {
        self.fill_with(text, |value| {
            let json = serde_json::Value::from(value).to_string();
            json[1..json.len() - 1].to_owned()
        })
    }

    fn fill_with(&self, text: &str, escape: impl Fn(&str) -> String) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, from) = rest.split_at(start);
            filled.push_str(before);
            let known =
                from[1..].find('}').and_then(|end| self.0.get(&from[1..=end]).map(|value| (end, value)));
            match known {
                Some((end, value)) => {
                    filled.push_str(&escape(value));
                    rest = &from[end + 2..];
                }
                None => {
                    filled.push('{');
                    rest = &from[1..];
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// The placeholders of a text: `{name}` with a name of letters, digits and `_`.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        plain.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_filled_in_by_the_rules_of_the_place() {
        let mut values = Values::default();
        values.put("id", "a/\"b".into());
        assert_eq!(values.fill_path("/projects/{id}?x={y}"), "/projects/a%2F%22b?x={y}");
        assert_eq!(values.fill_json(r#"{"id":"{id}"}"#), r#"{"id":"a/\"b"}"#);
        assert_eq!(values.fill("{{id}"), "{a/\"b");
        assert_eq!(placeholders("/a/{id}/{b c}/{x}").collect::<Vec<_>>(), ["id", "x"]);
    }
}

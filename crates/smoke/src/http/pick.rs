//! A few values of a JSON text, found without building the rest: most answers are large, and little of them is asked for.
//! `serde_json` reads the text and skips what is not asked for; the crates that find a pointer by themselves bring a parser
//! of their own, and would tell of a broken body in other words than where the whole is read.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The values at these pointers (RFC 6901), as [`Value::pointer`] would give them of the whole.
///
/// # Errors
/// When the text is not JSON: every byte of it is read.
pub(super) fn pick(text: &str, pointers: &[&str]) -> serde_json::Result<Vec<Option<Value>>> {
    let mut found = vec![None; pointers.len()];
    let wanted = pointers.iter().enumerate().filter_map(|(place, pointer)| {
        let tokens = match pointer.strip_prefix('/') {
            Some(rest) => rest.split('/').map(unescaped).collect(),
            None if pointer.is_empty() => Vec::new(),
            None => return None,
        };
        Some((place, tokens))
    });
    let wanted: Vec<(usize, Vec<Cow<'_, str>>)> = wanted.collect();
    let wanted = wanted.iter().map(|(place, tokens)| Wanted { place: *place, tokens }).collect();
    let mut reader = serde_json::Deserializer::from_str(text);
    Part { wanted, found: &mut found }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(found)
}

fn unescaped(token: &str) -> Cow<'_, str> {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
}

/// What is still to go from here to one of the values.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    place: usize,
    tokens: &'a [Cow<'a, str>],
}

/// A value within the text, and what is wanted of it.
struct Part<'a, 'f> {
    wanted: Vec<Wanted<'a>>,
    found: &'f mut [Option<Value>],
}

impl<'a> Part<'a, '_> {
    /// What is wanted of the member with this name. Of two with one name the last counts.
    fn within(&mut self, name: &str) -> Vec<Wanted<'a>> {
        let mut within = Vec::new();
        for wanted in &self.wanted {
            if let Some((_, tokens)) = wanted.tokens.split_first().filter(|(first, _)| *first == name) {
                self.found[wanted.place] = None;
                within.push(Wanted { place: wanted.place, tokens });
            }
        }
        within
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.wanted.is_empty() {
            return IgnoredAny::deserialize(deserializer).map(drop);
        }
        if self.wanted.iter().all(|wanted| !wanted.tokens.is_empty()) {
            return deserializer.deserialize_any(self);
        }
        // One wants it whole; what others want is in it.
        let whole = Value::deserialize(deserializer)?;
        for wanted in self.wanted {
            self.found[wanted.place] = walk(&whole, wanted.tokens).cloned();
        }
        Ok(())
    }
}

fn walk<'v>(value: &'v Value, tokens: &[Cow<'_, str>]) -> Option<&'v Value> {
    tokens.iter().try_fold(value, |value, token| match value {
        Value::Object(members) => members.get(&**token),
        Value::Array(elements) => elements.get(index(token)?),
        _ => None,
    })
}

/// A place in an array: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    if token.starts_with('+') || (token.starts_with('0') && token.len() > 1) {
        None
    } else {
        token.parse().ok()
    }
}

impl<'de> Visitor<'de> for Part<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let wanted = self.within(&name);
            map.next_value_seed(Part { wanted, found: self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        for place in 0.. {
            let here =
                |wanted: &Wanted<'_>| wanted.tokens.first().and_then(|token| index(token)) == Some(place);
            let wanted = self.wanted.iter().filter(|wanted| here(wanted));
            let wanted = wanted.map(|wanted| Wanted { tokens: &wanted.tokens[1..], ..*wanted }).collect();
            if elements.next_element_seed(Part { wanted, found: self.found })?.is_none() {
                break;
            }
        }
        Ok(())
    }

    // Nothing is within these.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A member's name, borrowed from the text where nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    const POINTERS: [&str; 15] = [
        "",
        "/",
        "/a",
        "/a/b",
        "/a/b/1",
        "/a/b/01",
        "/a/b/+1",
        "/a/b/9",
        "/x~1y",
        "/m~0n",
        "/é \"q\"",
        "/a/b/1/c",
        "a",
        "/n",
        "/a/b/-",
    ];

    #[test]
    fn what_is_picked_is_what_the_whole_holds() {
        let texts = [
            r#"{"a": {"b": [1, {"c": null}, "three"]}, "x/y": 2.5, "m~n": [], "é \"q\"": true, "": {"": 1}, "n": -3}"#,
            r#"{"a": {"b": 1}, "a": {"c": 2}}"#,
            r#"{"a": 1, "a": {"b": [5, 6]}, "\u00e9 \"q\"": "\u0000"}"#,
            r#"[{"a": 1}, 2]"#,
            "\"text\"",
            "17",
            "123456789012345678901234567890",
            "null",
            "{}",
            "",
            "{",
            "{\"a\": 1} x",
            "{\"a\": {\"b\": [1, ]}}",
            "{\"other\": nul}",
            "<html>",
        ];
        for text in texts {
            let whole = serde_json::from_str::<Value>(text);
            // All at once, and each for itself: only then is the rest left out.
            let picked = pick(text, &POINTERS);
            assert_eq!(picked.is_ok(), whole.is_ok(), "{text}");
            for (place, pointer) in POINTERS.into_iter().enumerate() {
                let alone = pick(text, &[pointer]);
                match &whole {
                    Ok(whole) => {
                        let expected = whole.pointer(pointer).cloned();
                        assert_eq!(alone.unwrap()[0], expected, "{pointer} of {text}");
                        assert_eq!(picked.as_ref().unwrap()[place], expected, "{pointer} of {text}");
                    }
                    Err(error) => {
                        let found = alone.unwrap_err();
                        assert_eq!(found.is_eof(), error.is_eof(), "{pointer} of {text}: {found}, {error}");
                    }
                }
            }
        }
        let deep = "[".repeat(100_000);
        assert!(pick(&deep, &["/0"]).is_err() && pick(&deep, &["/a"]).is_err());
    }
}

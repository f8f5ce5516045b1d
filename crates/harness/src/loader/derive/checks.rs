//! What a CHECK constraint of one column asks of its values, as far as its definition can be read: a list of values,
//! or bounds. The server prints constraints in one form, whatever was written.

/// What is asked of a column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asked {
    /// One of these.
    pub(super) values: Option<Vec<String>>,
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
    /// Characters at most.
    pub(super) length: Option<usize>,
    /// Definitions that say something else.
    pub(super) unread: Vec<String>,
}

/// Reads the definitions (`pg_get_constraintdef`) of a column's checks.
pub(super) fn read(definitions: &[String]) -> Asked {
    let mut asked = Asked::default();
    for definition in definitions {
        let body = definition.trim_start_matches("CHECK ").trim();
        let lower = body.to_lowercase();
        let equal = lower.contains("any (") || (lower.contains(" = ") && !has_order(&lower));
        let understood = if lower.contains("<>") || lower.contains("~") || lower.contains(" not ") {
            false
        } else if lower.contains("length(") {
            bounds(body).is_some_and(|(_, most)| {
                asked.length = most.map(|most| most.max(0.0) as usize);
                most.is_some()
            })
        } else if equal && !lower.contains(" and ") {
            let values = literals(body);
            let found = !values.is_empty();
            if found {
                asked.values = Some(values);
            }
            found
        } else {
            bounds(body).is_some_and(|(least, most)| {
                asked.least = least.or(asked.least);
                asked.most = most.or(asked.most);
                least.is_some() || most.is_some()
            })
        };
        if !understood {
            asked.unread.push(definition.clone());
        }
    }
    asked
}

fn has_order(body: &str) -> bool {
    body.contains('<') || body.contains('>')
}

/// The quoted literals, or the numbers of an array.
fn literals(body: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = body;
    while let Some(start) = rest.find('\'') {
        let mut value = String::new();
        let mut text = &rest[start + 1..];
        loop {
            let Some(end) = text.find('\'') else { return values };
            value.push_str(&text[..end]);
            text = &text[end + 1..];
            match text.strip_prefix('\'') {
                Some(more) => {
                    value.push('\'');
                    text = more;
                }
                None => break,
            }
        }
        if !values.contains(&value) {
            values.push(value);
        }
        rest = text;
    }
    if values.is_empty()
        && let Some((_, list)) = body.split_once("ARRAY[")
        && let Some((list, _)) = list.split_once(']')
    {
        values = list.split(',').map(|number| number.trim().trim_matches(['(', ')']).to_owned()).collect();
        values.retain(|number| number.parse::<f64>().is_ok());
    }
    values
}

/// Numbers after an order operator. `None` where two alternatives stand (`OR`), unless one is about null.
fn bounds(body: &str) -> Option<(Option<f64>, Option<f64>)> {
    if body.contains(" OR ") && !body.contains("IS NULL") {
        return None;
    }
    let (mut least, mut most): (Option<f64>, Option<f64>) = (None, None);
    for (at, operator) in body.match_indices(['<', '>']) {
        let after = &body[at + 1..];
        let (inclusive, after) = match after.strip_prefix('=') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let text: String = after
            .trim_start_matches([' ', '(', '\''])
            .chars()
            .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
            .collect();
        let number: f64 = text.parse().ok()?;
        // A step inwards that any numeric column can hold.
        let step = if inclusive { 0.0 } else { 1.0 };
        if operator == ">" {
            least = Some(number + step);
        } else {
            most = Some(number - step);
        }
    }
    Some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(definition: &str) -> Asked {
        read(&[definition.to_owned()])
    }

    #[test]
    fn a_list_is_read_in_each_form_that_the_server_prints() {
        for definition in [
            "CHECK (((status)::text = ANY ((ARRAY['draft'::character varying, 'o''clock'::character varying])::text[])))",
            "CHECK (((status = 'draft'::text) OR (status = 'o''clock'::text)))",
        ] {
            assert_eq!(of(definition).values.unwrap(), ["draft", "o'clock"], "{definition}");
        }
        assert_eq!(of("CHECK ((n = ANY (ARRAY[1, 2, '-3'::integer])))").values.unwrap(), ["-3"]);
        assert_eq!(of("CHECK ((n = ANY (ARRAY[1, 2])))").values.unwrap(), ["1", "2"]);
    }

    #[test]
    fn bounds_are_read_with_and_without_casts_and_nulls() {
        let confidence = of(
            "CHECK (((confidence IS NULL) OR ((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))))",
        );
        assert_eq!((confidence.least, confidence.most), (Some(0.0), Some(1.0)));
        assert_eq!(of("CHECK ((price > 0))").least, Some(1.0));
        assert_eq!(of("CHECK ((price > '-5'::integer))").least, Some(-4.0));
        assert_eq!(of("CHECK ((char_length(code) <= 8))").length, Some(8));
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_so() {
        for definition in ["CHECK ((code ~ '^[A-Z]+$'::text))", "CHECK ((a <> 3))", "CHECK (valid(a))"] {
            assert_eq!(of(definition).unread, [definition.to_owned()], "{definition}");
        }
    }
}

//! A claim of the catalogue about rows, and the queries that would show it to be false.

use sqlx::FromRow;

/// What a claim's catalogue query gives: a constraint, a sequence, a view, with the pieces of the query for the rows
/// that contradict it. All identifiers in it were quoted by the server.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Claim {
    /// The object, as a finding names it.
    pub object: String,
    /// How many constraints it speaks for: what counts as examined.
    pub claims: i64,
    /// What `source` gives one of for each fault: a row, a key, a pair.
    pub noun: String,
    /// What is wrong with those, after their number: `with no match in public.projects`.
    pub phrase: String,
    /// The relations that `source` reads.
    pub reads: Vec<i64>,
    /// The relation whose key goes before what is shown of a faulty row.
    pub keyed_by: Option<i64>,
    /// What qualifies that relation's columns in `source`: empty, or an alias with its dot.
    pub qualifier: String,
    /// The names under which the values of a faulty row are shown.
    pub labels: Vec<String>,
    /// Those values, one expression each.
    pub expressions: Vec<String>,
    /// `FROM … WHERE …`: one row a fault.
    pub source: String,
    /// How to mend it.
    pub remedy: String,
    /// Why the claim cannot be proved from rows, where that is so.
    pub unprovable: Option<String>,
}

/// Characters of a value that are asked for: one more than are shown, so that a cut is seen.
const ASKED: usize = SHOWN + 1;
/// Characters of a value that are shown.
const SHOWN: usize = 60;

impl Claim {
    /// Puts the key of the relation the rows are from before the values that are shown.
    pub fn prefix_key(&mut self, key: &[String]) {
        let missing: Vec<_> = key.iter().filter(|column| !self.labels.contains(column)).cloned().collect();
        let expressions = missing.iter().map(|column| format!("{}{column}", self.qualifier));
        self.expressions.splice(0..0, expressions.collect::<Vec<_>>());
        self.labels.splice(0..0, missing);
    }

    /// Counts the faults: one row, one `bigint`.
    pub fn count(&self) -> String {
        format!("SELECT count(*) {}", self.source)
    }

    /// The values of the first faults: rows of one `text[]`, each value cut on the server.
    pub fn first(&self, limit: u32) -> String {
        let values: Vec<_> = self
            .expressions
            .iter()
            .map(|expression| format!("left(({expression})::text, {ASKED})"))
            .collect();
        format!(
            "SELECT ARRAY[{}]::text[] AS shown {} ORDER BY 1 LIMIT {limit}",
            values.join(", "),
            self.source
        )
    }

    /// The query that a person runs to see them all.
    pub fn list(&self) -> String {
        let columns = if self.expressions.is_empty() { "*".into() } else { self.expressions.join(", ") };
        format!("SELECT {columns} {}", self.source)
    }

    /// A fault's values as data: `payload_id = "12", project_id = "gone"`.
    pub fn describe(&self, values: &[Option<String>]) -> String {
        let shown =
            self.labels.iter().zip(values).map(|(label, value)| format!("{label} = {}", quote(value)));
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// `3 rows`, `1 key`.
pub(crate) fn counted(number: i64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A value in quotes, its control characters escaped so that it can neither end the line nor steer a terminal.
fn quote(value: &Option<String>) -> String {
    let Some(value) = value else { return "null".into() };
    let cut: String = value.chars().take(SHOWN).collect();
    let more = if value.chars().count() > SHOWN { "…" } else { "" };
    format!("{:?}{more}", cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_escaped_and_cut() {
        assert_eq!(quote(&Some("a\"b\n\u{1b}[31m".into())), r#""a\"b\n\u{1b}[31m""#);
        assert_eq!(quote(&Some("é".repeat(61))), format!("\"{}\"…", "é".repeat(60)));
        assert_eq!(quote(&Some(String::new())), "\"\"");
        assert_eq!(quote(&None), "null");
    }
}

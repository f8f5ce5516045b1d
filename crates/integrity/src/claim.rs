//! A claim of the catalogue about rows, and the queries that would show it to be false.

use sqlx::FromRow;

/// What a claim's catalogue query gives: a constraint, a sequence, a view, with the pieces of the query for the rows
/// that contradict it. All identifiers in it were quoted by the server.
#[derive(Debug, Clone, Default, FromRow)]
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
    /// What a faulty row satisfies in `scanned`: claims with the same `scanned` are counted in one pass over it.
    #[sqlx(default)]
    pub condition: Option<String>,
    /// `FROM ONLY … TABLESAMPLE SYSTEM (100)`: `source` without its condition.
    #[sqlx(default)]
    pub scanned: Option<String>,
    /// The pieces of the same count along indexes: see [`Along`].
    #[sqlx(default)]
    pub along: Option<Vec<String>>,
    /// The number of the column of the first of `reads` by which `along` can be counted in parts.
    #[sqlx(default)]
    pub leading: Option<i32>,
    /// The pieces of the same count beside conditions on the rows of the first of `reads`: see [`count_beside`].
    #[sqlx(default)]
    pub beside: Option<Vec<String>>,
    /// An index whose word is in question, so that no plan of `along` may use it.
    #[sqlx(default)]
    pub suspect: Option<String>,
    /// `FROM …`, to be read over the heap from its first page to its last: no row where `source` has none, and then a
    /// quicker proof. Where it has one, `source` decides.
    #[sqlx(default)]
    pub swift: Option<String>,
    /// An aggregate over the rows of a table that a pass may take along: how many rows there are beyond one a key, or a
    /// number that is zero when that is.
    #[sqlx(default)]
    pub excess: Option<String>,
    /// Bytes that `excess` takes in the server's memory.
    #[sqlx(default)]
    pub held: f64,
    /// The column of a unique key where each row is greater than the one before it, as the statistics say, which a pass can
    /// look at.
    #[sqlx(default)]
    pub ordered: Option<String>,
    /// Whether a page that cannot be read is what the claim speaks of.
    #[sqlx(default)]
    pub of_pages: bool,
}

/// The count of a claim along indexes, in five pieces: all before the condition on the one side, the column of that
/// side; all before the condition on the other side, its column; the rest. Where there is no other side, both of its
/// pieces are empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Along<'a> {
    pieces: &'a [String; 5],
}

impl<'a> Along<'a> {
    /// The text that counts the rows between two bounds; no bound, no limit.
    pub fn count(self, above: Option<&str>, up_to: Option<&str>) -> String {
        let [before, column, middle, other, rest] = self.pieces;
        // Without another side the key itself is counted, and its suspect index must not be invited: a comparison of
        // rows says the same, and the planner does not conclude from it that the column is not null.
        let within = if other.is_empty() { within_as_rows } else { within };
        let (one, two) = (within(column, above, up_to), within(other, above, up_to));
        format!("SELECT count(*) {before}{one}{middle}{two}{rest}")
    }

    /// Whether it can be counted in parts.
    pub fn divides(self) -> bool {
        !self.pieces[1].is_empty()
    }
}

fn within_as_rows(column: &str, above: Option<&str>, up_to: Option<&str>) -> String {
    let row = |value: &str| format!("ROW({value}, 1)");
    let column = if column.is_empty() { String::new() } else { row(column) };
    within(&column, above.map(row).as_deref(), up_to.map(row).as_deref())
}

fn within(column: &str, above: Option<&str>, up_to: Option<&str>) -> String {
    let mut text = String::new();
    if column.is_empty() {
        return text;
    }
    for (operator, bound) in [(">", above), ("<=", up_to)] {
        if let Some(bound) = bound {
            text.push_str(&format!(" AND {column} OPERATOR(pg_catalog.{operator}) {bound}"));
        }
    }
    text
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

    /// How to count along indexes, where the claim has a way.
    pub fn along(&self) -> Option<Along<'_>> {
        let pieces = self.along.as_deref()?.try_into().ok()?;
        Some(Along { pieces })
    }

    /// How many constraints it speaks for.
    pub fn number(&self) -> u64 {
        u64::try_from(self.claims).unwrap_or(0)
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

/// What ends `scanned`.
const SAMPLE: &str = " TABLESAMPLE SYSTEM (100)";

/// Counts the faults of several claims in one pass: one row of one `bigint[]`. `None` unless each has a condition.
pub(crate) fn count_in_one_pass(claims: &[&Claim]) -> Option<String> {
    let (counts, _) = counts(claims)?;
    Some(format!("SELECT {counts} {}", claims.first()?.scanned.as_ref()?))
}

/// The same between two pages of the heap, the second not included; rows without a fault are left where they are read.
pub(crate) fn count_between(claims: &[&Claim], from: Option<u64>, to: Option<u64>) -> Option<String> {
    let (counts, broken) = counts(claims)?;
    let table = heap_of(claims.first()?)?;
    Some(format!("SELECT {counts} {table} WHERE ({broken}){}", within_pages(from, to)))
}

/// The same with keys that lie in the order of their rows. The part reaches over the page `to`, with which the next part
/// begins, so that the order of the one goes on in the other; a page without a row there would break it, and is
/// counted as a fault of each key.
pub(crate) fn count_and_compare(
    claims: &[&Claim],
    keys: &[&Claim],
    from: Option<u64>,
    to: Option<u64>,
) -> Option<String> {
    let table = heap_of(claims.first()?)?;
    let gap = to.map_or_else(String::new, |page| {
        let seam = within_pages(Some(page), Some(page + 1));
        format!(" + (NOT EXISTS (SELECT {table} WHERE true{seam}))::integer")
    });
    let (mut counts, mut columns) = (Vec::new(), Vec::new());
    for (number, claim) in claims.iter().enumerate() {
        counts.push(format!("count(*) FILTER (WHERE broken{number})"));
        columns.push(format!("({}) AS broken{number}", claim.condition.as_ref()?));
    }
    for (number, key) in keys.iter().enumerate() {
        let column = key.ordered.as_ref()?;
        // The first row has none before it.
        counts.push(format!(
            "greatest(count(*) FILTER (WHERE (before{number} OPERATOR(pg_catalog.<) key{number}) IS NOT TRUE) - 1, 0){gap}"
        ));
        columns.push(format!("{column} AS key{number}, lag({column}) OVER () AS before{number}"));
    }
    Some(format!(
        "SELECT ARRAY[{}]::bigint[] FROM (SELECT {} {table} WHERE true{}) AS run",
        counts.join(", "),
        columns.join(", "),
        within_pages(from, to.map(|page| page + 1))
    ))
}

/// The same in one piece, with keys whose rows are counted beside their distinct values: half of what a pass of its own
/// costs that groups them, and no row need lie in any order.
pub(crate) fn count_distinct(claims: &[&Claim], keys: &[&Claim]) -> Option<String> {
    let mut counts = Vec::new();
    for claim in claims {
        counts.push(format!("count(*) FILTER (WHERE {})", claim.condition.as_ref()?));
    }
    for key in keys {
        counts.push(key.excess.clone()?);
    }
    Some(format!("SELECT ARRAY[{}]::bigint[] {}", counts.join(", "), heap_of(claims.first()?)?))
}

/// Counts the faults of conditions on the rows of a table, and of a foreign key of it, which comes first: where one index
/// holds all of their columns, both are read in one go along it.
pub(crate) fn count_beside(key: &Claim, claims: &[&Claim]) -> Option<String> {
    let [columns, table, joined, orphan]: &[String; 4] = key.beside.as_deref()?.try_into().ok()?;
    let (mut counts, mut selected) = (vec![format!("count(*) FILTER (WHERE {orphan})")], columns.clone());
    let mut faulty = format!("({orphan})");
    for (number, claim) in claims.iter().enumerate() {
        counts.push(format!("count(*) FILTER (WHERE broken{number})"));
        selected.push_str(&format!(", ({}) AS broken{number}", claim.condition.as_ref()?));
        faulty.push_str(&format!(" OR broken{number}"));
    }
    Some(format!(
        "SELECT ARRAY[{}]::bigint[] FROM (SELECT {selected} {table}) AS c {joined} WHERE {faulty}",
        counts.join(", ")
    ))
}

/// `FROM ONLY …`: its rows by whatever plan.
fn heap_of(claim: &Claim) -> Option<&str> {
    claim.scanned.as_ref()?.strip_suffix(SAMPLE)
}

fn within_pages(from: Option<u64>, to: Option<u64>) -> String {
    let mut text = String::new();
    for (operator, page) in [(">=", from), ("<", to)] {
        if let Some(page) = page {
            text.push_str(&format!(" AND ctid OPERATOR(pg_catalog.{operator}) '({page},0)'::pg_catalog.tid"));
        }
    }
    text
}

/// The numbers of faults as one array, and what a row satisfies that has one of them.
fn counts(claims: &[&Claim]) -> Option<(String, String)> {
    let conditions: Option<Vec<&String>> = claims.iter().map(|claim| claim.condition.as_ref()).collect();
    let conditions = conditions?;
    let counts: Vec<String> =
        conditions.iter().map(|condition| format!("count(*) FILTER (WHERE {condition})")).collect();
    let broken: Vec<String> = conditions.iter().map(|condition| format!("({condition})")).collect();
    Some((format!("ARRAY[{}]::bigint[]", counts.join(", ")), broken.join(" OR ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_meet_without_a_gap_and_do_not_overlap() {
        let pieces: [String; 5] =
            ["FROM c WHERE true", "c.k", " AND NOT EXISTS (SELECT FROM p WHERE p.k = c.k", "p.k", ")"]
                .map(Into::into);
        let along = Along { pieces: &pieces };
        assert!(along.divides());
        assert_eq!(
            along.count(None, Some("'m'")),
            "SELECT count(*) FROM c WHERE true AND c.k OPERATOR(pg_catalog.<=) 'm' \
             AND NOT EXISTS (SELECT FROM p WHERE p.k = c.k AND p.k OPERATOR(pg_catalog.<=) 'm')"
        );
        assert!(along.count(Some("'m'"), None).contains("c.k OPERATOR(pg_catalog.>) 'm' "));
    }

    #[test]
    fn a_value_is_quoted_escaped_and_cut() {
        assert_eq!(quote(&Some("a\"b\n\u{1b}[31m".into())), r#""a\"b\n\u{1b}[31m""#);
        assert_eq!(quote(&Some("é".repeat(61))), format!("\"{}\"…", "é".repeat(60)));
        assert_eq!(quote(&Some(String::new())), "\"\"");
        assert_eq!(quote(&None), "null");
    }
}

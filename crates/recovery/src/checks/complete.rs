//! `recovery.backup.complete`: the newest dump holds the rows of every table that its manifest counted, and no others.

use runbook::check::{CheckError, CheckFuture};
use runbook::context::Context;
use runbook::verdict::{Evidence, Finding, Measurement, Verdict};

use super::{newest, programs};
use crate::restore::{Entry, contents};
use crate::state::TableState;

pub(crate) fn run(context: &Context) -> CheckFuture<'_> {
    Box::pin(judge(context))
}

async fn judge(context: &Context) -> Result<Verdict, CheckError> {
    let dump = match newest(context)? {
        Ok(dump) => dump,
        Err(verdict) => return Ok(verdict),
    };
    let mut evidence = Evidence::of("tables");
    let Some(manifest) = dump.manifest()? else {
        evidence.find(Finding::error(
            dump.name(),
            "it has no manifest, so nothing says what it should hold",
            "take backups with the action recovery.backup.create, which writes one",
        ));
        return Ok(evidence.verdict());
    };
    let entries = contents(&programs(context).await?, &dump.path, context.settings.limits.command).await?;
    let (left_out, unknown) = compared(&manifest.state.tables, &entries);
    evidence.examine(manifest.state.tables.len() as u64);
    for table in left_out {
        evidence.find(Finding::error(
            &table.table,
            format!("the manifest counts {} rows, and the dump holds no data of this table", table.rows),
            "take a new backup of the whole database",
        ));
    }
    for unknown in unknown {
        evidence.find(Finding::error(
            unknown,
            "the dump holds data of this table, and the manifest does not know it",
            "take a new backup: dump and manifest belong to different moments",
        ));
    }
    evidence.measure(Measurement::new("rows in the dump", manifest.rows() as f64, "rows"));
    let revision = manifest.revision.as_deref().unwrap_or("unknown");
    evidence.summarise(format!(
        "{} tables · {} rows · revision {revision}",
        manifest.state.tables.len(),
        manifest.rows()
    ));
    Ok(evidence.verdict())
}

/// The tables of which the entries of a dump hold no data, and the entries of data that are none of theirs.
///
/// Of schema, name and owner, which an entry has with spaces between them, it is not to be seen where the one ends and the next
/// begins. Of tables whose entries may be taken for one another's, the one with the longest
/// name has the fewest to choose from, so it chooses first, and none is left without one that is there.
fn compared<'a, 'b>(tables: &'a [TableState], entries: &'b [String]) -> (Vec<&'a TableState>, Vec<&'b str>) {
    let data: Vec<&str> =
        entries.iter().filter_map(|entry| Entry::parse(entry).and_then(|entry| entry.data())).collect();
    // The list is in the encoding of the database. Where that is another one than ours, only ASCII can be compared.
    let foreign = data.iter().any(|entry| entry.contains(char::REPLACEMENT_CHARACTER));
    let comparable = |text: &str| if foreign { without_others(text) } else { text.to_owned() };
    let mut data: Vec<(String, &str)> = data.into_iter().map(|entry| (comparable(entry), entry)).collect();
    data.sort_unstable();
    // Line breaks are listed as spaces.
    let listed = |table: &TableState| {
        comparable(&format!("{} {} ", table.schema, table.name).replace(['\n', '\r'], " "))
    };
    let mut named: Vec<(String, &TableState)> = tables.iter().map(|table| (listed(table), table)).collect();
    named.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut left_out = Vec::new();
    for (name, table) in named {
        // The entries that begin with a name stand side by side.
        let at = data.partition_point(|(entry, _)| *entry < name);
        if data.get(at).is_some_and(|(entry, _)| entry.starts_with(&name)) {
            data.remove(at);
        } else {
            left_out.push(table);
        }
    }
    left_out.sort_by(|a, b| a.table.cmp(&b.table));
    (left_out, data.into_iter().map(|(_, entry)| entry).collect())
}

/// The text with each run of characters that are not ASCII replaced by one.
fn without_others(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character);
        } else if !out.ends_with(char::REPLACEMENT_CHARACTER) {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(tables: &[(&str, &str)], entries: &[&str]) -> (Vec<String>, Vec<String>) {
        let tables: Vec<TableState> = tables
            .iter()
            .map(|(schema, name)| TableState {
                table: format!("{schema}.{name}"),
                schema: (*schema).into(),
                name: (*name).into(),
                rows: 1,
                hash: "1".into(),
            })
            .collect();
        let entries: Vec<String> =
            entries.iter().map(|entry| format!("3345; 0 16386 TABLE DATA {entry}")).collect();
        let (left_out, unknown) = compared(&tables, &entries);
        (
            left_out.into_iter().map(|table| table.table.clone()).collect(),
            unknown.into_iter().map(ToOwned::to_owned).collect(),
        )
    }

    #[test]
    fn names_and_owners_with_spaces_are_told_apart() {
        let tables = [("a", "b"), ("a", "b c"), ("a", "b c d"), ("x y", "z")];
        let full = ["a b c d o", "a b c d", "a b c d p", "x y z the owner"];
        assert_eq!(missing(&tables, &full), (vec![], vec![]));
        assert_eq!(missing(&tables, &full[..3]), (vec!["x y.z".to_owned()], vec![]));
        assert_eq!(missing(&tables[..3], &full), (vec![], vec!["x y z the owner".to_owned()]));
        assert_eq!(missing(&[("a", "b")], &["a bc o"]).0, ["a.b"]);
        assert_eq!(
            missing(&[("a", "Täblé"), ("a", "T")], &["a T\u{FFFD}bl\u{FFFD} o", "a T o"]),
            (vec![], vec![])
        );
    }
}

//! The database itself. Its name is another on each side, so that the statements find it out.

use super::super::fact::{Fact, Part};
use super::super::secret::HIDDEN;
use super::super::{Kind, ObjectName, gather::literal};
use super::{Mend, alter, by_hand, due, mend};

/// Where the name of the database goes.
const HOLE: &str = "\u{1}";

/// The statements for one part.
pub(super) fn part(fact: (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let Some(part) = fact.0.or(fact.1).map(|fact| fact.part) else { return Vec::new() };
    let mends = match part {
        Part::Setting => setting(fact),
        _ => alter::part(&ObjectName { kind: Kind::Database, name: HOLE.into() }, (&[], &[]), fact),
    };
    mends.into_iter().map(in_block).collect()
}

fn setting((wanted, found): (Option<&Fact>, Option<&Fact>)) -> Vec<Mend> {
    let Some(named) = wanted.or(found) else { return Vec::new() };
    let (name, of) = match named.name.split_once(" for ") {
        Some((name, role)) => (name, format!("ALTER ROLE {role} IN DATABASE {HOLE}")),
        None => (named.name.as_str(), format!("ALTER DATABASE {HOLE}")),
    };
    match wanted.map(Fact::base) {
        Some(HIDDEN) => vec![by_hand(format!(
            "its value is taken for a secret, which is not told: run {} SET {name} TO '…'",
            of.replace(HOLE, "NAME")
        ))],
        Some(value) => vec![mend(due::ACCESS, format!("{of} SET {name} TO {value}"))],
        None => vec![mend(due::ACCESS, format!("{of} RESET {name}"))],
    }
}

/// The statement in a block that puts the name in.
fn in_block(mut mend: Mend) -> Mend {
    if mend.by_hand {
        return mend;
    }
    let text = literal(&mend.sql.replace('%', "%%").replace(HOLE, "%I"));
    let mut quote = "$itself$".to_owned();
    while text.contains(&quote) {
        quote.insert(1, 'x');
    }
    mend.sql = format!(
        "DO {quote}BEGIN EXECUTE pg_catalog.format({text}, pg_catalog.current_database()); END{quote}"
    );
    mend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_block() {
        let fact = Fact::plain(Part::Setting, "a.b for \"r%\"", "'50%''$itself$'");
        let told = part((Some(&fact), None));
        assert_eq!(
            told[0].sql,
            "DO $xitself$BEGIN EXECUTE pg_catalog.format('ALTER ROLE \"r%%\" IN DATABASE %I SET a.b TO ''50%%''''$itself$''', \
             pg_catalog.current_database()); END$xitself$"
        );
    }
}

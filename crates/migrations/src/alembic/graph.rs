//! Whether the revisions form one line from one root to one head.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{Problem, Revision};

/// Puts revisions in order and says what keeps them from being one line. `partial`: some files could not be
/// loaded, so a missing parent is their fault and not reported twice.
pub(super) fn line_up(
    folder: &Path,
    revisions: Vec<Revision>,
    partial: bool,
) -> (Vec<Revision>, Vec<Problem>) {
    let mut problems = Vec::new();
    if revisions.is_empty() && !partial {
        problems.push(Problem::of(folder, "there is no revision in it", "make one with `alembic revision`"));
    }
    let mut known: BTreeMap<String, Revision> = BTreeMap::new();
    for revision in revisions {
        if let Some(first) = known.get(&revision.id) {
            problems.push(Problem::of(
                &revision.file,
                format!("revision `{}` is defined in {} as well", revision.id, name_of(&first.file)),
                "give the newer of the two an id of its own",
            ));
        } else {
            known.insert(revision.id.clone(), revision);
        }
    }
    if !partial {
        problems.extend(orphans(&known));
    }
    let parents: BTreeSet<&String> = known.values().flat_map(|revision| &revision.parents).collect();
    let roots: Vec<&str> = ids(known.values().filter(|revision| revision.parents.is_empty()));
    let heads: Vec<&str> = ids(known.values().filter(|revision| !parents.contains(&revision.id)));
    if !partial && roots.len() > 1 {
        let text = format!("there are {} roots: {}", roots.len(), roots.join(", "));
        problems.push(Problem::of(folder, text, "give all but one of them a down_revision"));
    }
    if !partial && heads.len() > 1 {
        let text = format!("there are {} heads: {}", heads.len(), heads.join(", "));
        problems.push(Problem::of(folder, text, "join them with `alembic merge heads`"));
    }
    let line = topological(&known);
    let left = known.keys().filter(|id| !line.iter().any(|revision| revision.id == **id));
    let circle: Vec<&str> = left.map(String::as_str).collect();
    if !partial
        && !circle.is_empty()
        && problems.iter().all(|problem| !problem.text.contains("does not exist"))
    {
        let text = format!("the revisions {} follow each other in a circle", circle.join(", "));
        problems.push(Problem::of(folder, text, "mend their down_revision"));
    }
    (line, problems)
}

/// Revisions that follow one that is not there.
fn orphans(known: &BTreeMap<String, Revision>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for revision in known.values() {
        for parent in revision.parents.iter().filter(|parent| !known.contains_key(*parent)) {
            problems.push(Problem::of(
                &revision.file,
                format!("its down_revision `{parent}` does not exist"),
                "restore that revision's file, or mend the down_revision",
            ));
        }
    }
    problems
}

/// Each revision after all of its parents; what is in a circle, or hangs on nothing, is left out.
fn topological(known: &BTreeMap<String, Revision>) -> Vec<Revision> {
    let mut line: Vec<Revision> = Vec::new();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    loop {
        let next = known.values().find(|revision| {
            !placed.contains(revision.id.as_str())
                && revision.parents.iter().all(|parent| placed.contains(parent.as_str()))
        });
        let Some(revision) = next else { return line };
        placed.insert(&revision.id);
        line.push(revision.clone());
    }
}

fn ids<'a>(revisions: impl Iterator<Item = &'a Revision>) -> Vec<&'a str> {
    revisions.map(|revision| revision.id.as_str()).collect()
}

fn name_of(file: &Path) -> String {
    file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `id<parent` words; the file of each is `ID.py`.
    fn judged(text: &str) -> (Vec<String>, Vec<String>) {
        let revisions = text.split(' ').enumerate().map(|(at, word)| {
            let (id, parent) = word.split_once('<').unwrap();
            Revision {
                id: id.into(),
                name: String::new(),
                parents: parent.split('+').filter(|parent| !parent.is_empty()).map(Into::into).collect(),
                reversible: true,
                sql: None,
                file: format!("{at}.py").into(),
            }
        });
        let (line, problems) = line_up(Path::new("versions"), revisions.collect(), false);
        (
            line.into_iter().map(|revision| revision.id).collect(),
            problems.into_iter().map(|problem| format!("{}: {}", problem.place(), problem.text)).collect(),
        )
    }

    #[test]
    fn a_line_is_put_in_order_whatever_the_ids_are() {
        assert_eq!(judged("c< a<c b<a").0, ["c", "a", "b"]);
        assert_eq!(judged("a< b<a c<a m<b+c").1, Vec::<String>::new(), "a merge has one head");
    }

    #[test]
    fn what_keeps_revisions_from_being_a_line_is_said() {
        assert_eq!(judged("a< b<a c<a").1, ["versions: there are 2 heads: b, c"]);
        assert_eq!(
            judged("a< b< c<a").1,
            ["versions: there are 2 roots: a, b", "versions: there are 2 heads: b, c"]
        );
        assert_eq!(judged("a< b<gone").1[0], "1.py: its down_revision `gone` does not exist");
        assert_eq!(judged("a< b<a b<a").1, ["2.py: revision `b` is defined in 1.py as well"]);
        assert_eq!(
            judged("a<c b<a c<b").1,
            ["versions: the revisions a, b, c follow each other in a circle"]
        );
    }
}

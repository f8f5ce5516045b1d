//! Which statements prove a list of claims: one a claim, one a table for all of its conditions, or several along the
//! parts of a large index.

use std::collections::BTreeMap;

use runbook::reader::Plan;

use crate::claim::{
    Claim, count_and_compare, count_beside, count_between, count_distinct, count_in_one_pass,
};

/// One statement, and the claims that it counts the faults of.
pub(crate) struct Job {
    /// Indexes of claims.
    pub claims: Vec<usize>,
    /// One row: a `bigint[]` with a number for each claim where it [`How::counts_several`], else a `bigint`.
    pub sql: String,
    /// How it reads.
    pub how: How,
    /// Pages.
    pub weight: f64,
}

/// How a job reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// One claim, from the heap.
    Heap,
    /// Several claims of one table, in one pass over its heap.
    Pass,
    /// One claim or a part of it, along indexes.
    Along,
    /// Several claims of one table, along one index that holds all that they speak of.
    AlongTogether,
    /// Claims of one table or a part of them, by a shorter way over its heap: what it accuses is confirmed.
    Swift,
    /// The same for a claim about two tables.
    SwiftJoin,
}

impl How {
    /// What the planner may use.
    pub fn plan(self) -> Plan {
        match self {
            Self::Heap | Self::Pass => Plan::Plain,
            Self::Along | Self::AlongTogether => Plan::Ordered,
            Self::Swift => Plan::Heaps,
            Self::SwiftJoin => Plan::JoinedHeaps,
        }
    }

    /// Whether a fault that is counted so is a suspicion that the heap is asked about.
    pub fn accuses_only(self) -> bool {
        self.is_along() || matches!(self, Self::Swift | Self::SwiftJoin)
    }

    /// Whether it goes along indexes.
    pub fn is_along(self) -> bool {
        matches!(self, Self::Along | Self::AlongTogether)
    }

    /// Whether it counts with an array, and several claims may be at fault when it fails.
    pub fn counts_several(self) -> bool {
        !matches!(self, Self::Heap | Self::Along)
    }
}

/// From this many pages on (4 MiB), a table is worth the question whether its indexes give a quicker plan.
pub(crate) const LARGE: f64 = 512.0;
/// A part of a claim has about this many pages of its table: each statement keeps within its time limit, and between two
/// of them others come first.
const PART: f64 = 65_536.0;
/// And this many where an index is read instead, which is so much smaller.
const PART_ALONG: f64 = 8.0 * PART;

/// The memory of the server that the keys of one pass may take: that of one statement.
const ROOM: f64 = 128.0 * 1024.0 * 1024.0;
/// A pass takes so much longer for each key that it counts (203 ms, and 150 a key of 1,000,000 texts), and is to begin early.
const COUNTED: f64 = 0.75;

/// Keys that a pass over a table looks at on its way.
pub(crate) enum Keys {
    /// Their rows are counted beside their distinct values, in one piece.
    Counted(Vec<usize>),
    /// Each row is compared with the one before it.
    Compared(Vec<usize>),
}

impl Keys {
    /// Indexes of claims.
    pub fn members(&self) -> &[usize] {
        match self {
            Self::Counted(members) | Self::Compared(members) => members,
        }
    }
}

/// The claims of conditions, table by table, and those that stand alone.
pub(crate) fn by_table(claims: &[Claim], which: &[usize]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let mut passes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut single = Vec::new();
    for index in which {
        match &claims[*index].scanned {
            Some(scanned) if claims[*index].condition.is_some() => {
                passes.entry(scanned).or_default().push(*index);
            }
            _ => single.push(*index),
        }
    }
    (passes.into_values().collect(), single)
}

/// One pass over a table for all of its conditions.
pub(crate) fn pass(claims: &[Claim], members: Vec<usize>, weights: &[f64]) -> Vec<Job> {
    let together: Vec<&Claim> = members.iter().map(|index| &claims[*index]).collect();
    let weight = members.first().map_or(1.0, |index| weights[*index]);
    match count_in_one_pass(&together) {
        Some(sql) if members.len() > 1 => vec![Job { claims: members, sql, how: How::Pass, weight }],
        _ => members.iter().map(|index| alone(claims, *index, weights)).collect(),
    }
}

/// Those of `which` that a pass over the table of `members`, of so many pages, can look at: they are counted where there is
/// room for it, else compared where their rows lie in order.
pub(crate) fn keys_of(claims: &[Claim], members: &[usize], which: &[usize], pages: f64) -> Keys {
    let read = members.first().map(|index| &claims[*index].reads);
    let of_table = which.iter().copied().filter(|index| Some(&claims[*index].reads) == read);
    let mut room = if pages <= PART { ROOM } else { 0.0 };
    let mut counted = Vec::new();
    for index in of_table.clone().filter(|index| claims[*index].excess.is_some()) {
        if claims[index].held <= room {
            room -= claims[index].held;
            counted.push(index);
        }
    }
    if counted.is_empty() {
        return Keys::Compared(of_table.filter(|index| claims[*index].ordered.is_some()).collect());
    }
    Keys::Counted(counted)
}

/// The same in parts of the heap for so many sessions, or in one piece with keys that are counted. `None` where it cannot be
/// said so.
pub(crate) fn pass_in_parts(
    claims: &[Claim],
    members: &[usize],
    keys: &Keys,
    weights: &[f64],
    sessions: usize,
) -> Option<Vec<Job>> {
    let of = |which: &[usize]| -> Vec<&Claim> { which.iter().map(|index| &claims[*index]).collect() };
    let together = of(members);
    let pages = weights[*members.first()?];
    let all = [members, keys.members()].concat();
    let compared = match keys {
        Keys::Counted(counted) => {
            let sql = count_distinct(&together, &of(counted))?;
            #[allow(clippy::cast_precision_loss, reason = "a number of keys")]
            let weight = pages * (1.0 + COUNTED * counted.len() as f64);
            return Some(vec![Job { claims: all, sql, how: How::Swift, weight }]);
        }
        Keys::Compared(compared) => of(compared),
    };
    let parts = parts(pages, PART, sessions);
    // The last part has no end: the table may have grown.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "numbers of pages and parts, above 0"
    )]
    let page = |part: usize| (pages * part as f64 / parts as f64) as u64;
    #[allow(clippy::cast_precision_loss, reason = "a number of parts")]
    let weight = pages / parts as f64;
    (0..parts)
        .map(|part| {
            let from = (part > 0).then(|| page(part));
            let to = (part + 1 < parts).then(|| page(part + 1));
            let sql = if compared.is_empty() {
                count_between(&together, from, to)?
            } else {
                count_and_compare(&together, &compared, from, to)?
            };
            Some(Job { claims: all.clone(), sql, how: How::Swift, weight })
        })
        .collect()
}

/// One claim by its shorter way over the heap, where it has one.
pub(crate) fn swift(claim: &Claim, index: usize, weight: f64) -> Option<Vec<Job>> {
    let sql = format!("SELECT ARRAY[count(*)]::bigint[] {}", claim.swift.as_ref()?);
    let how = if claim.reads.len() > 1 { How::SwiftJoin } else { How::Swift };
    Some(vec![Job { claims: vec![index], sql, how, weight }])
}

/// A foreign key and the conditions of its table, along one index. `None` where it cannot be said so, or is too large for
/// one statement.
pub(crate) fn beside(claims: &[Claim], key: usize, members: &[usize], weights: &[f64]) -> Option<Job> {
    if claims[key].reads.first() != claims[*members.first()?].reads.first() || weights[key] > PART_ALONG {
        return None;
    }
    let together: Vec<&Claim> = members.iter().map(|index| &claims[*index]).collect();
    let sql = count_beside(&claims[key], &together)?;
    let claims = [&[key], members].concat();
    Some(Job { claims, sql, how: How::AlongTogether, weight: weights[key] })
}

/// Whether so many pages are read in parts along an index.
pub(crate) fn is_parted(pages: f64, sessions: usize) -> bool {
    parts(pages, PART_ALONG, sessions) > 1
}

/// In how many parts of such a size so many pages are read, at least by so many sessions.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of pages, above 0")]
fn parts(pages: f64, size: f64, sessions: usize) -> usize {
    ((pages / size).ceil() as usize).max(sessions).max(1)
}

/// One claim, from the heap.
pub(crate) fn alone(claims: &[Claim], index: usize, weights: &[f64]) -> Job {
    Job { claims: vec![index], sql: claims[index].count(), how: How::Heap, weight: weights[index] }
}

/// The statements that count a claim along its indexes, in parts for so many sessions at least: bounds cost time, row by
/// row. `None` where it has no such way.
pub(crate) fn along(
    claim: &Claim,
    index: usize,
    weight: f64,
    sessions: usize,
    bounds: &[String],
) -> Option<Vec<Job>> {
    let along = claim.along()?;
    let parts = if along.divides() { parts(weight, PART_ALONG, sessions).min(bounds.len() + 1) } else { 1 };
    // The bound after each part but the last: evenly spread over those there are.
    let ends = (1..parts).map(|part| bounds.get(part * (bounds.len() + 1) / parts - 1).map(String::as_str));
    let mut jobs = Vec::with_capacity(parts);
    let mut above = None;
    #[allow(clippy::cast_precision_loss, reason = "a number of parts")]
    let weight = weight / parts as f64;
    for up_to in ends.chain([None]) {
        jobs.push(Job { claims: vec![index], sql: along.count(above, up_to), how: How::Along, weight });
        above = up_to;
    }
    Some(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_heap_meet_and_the_last_has_no_end() {
        let claim = |condition: &str| Claim {
            condition: Some(condition.into()),
            scanned: Some("FROM ONLY s.t TABLESAMPLE SYSTEM (100)".into()),
            ..Claim::default()
        };
        let claims = [claim("NOT (a > 0)"), claim("NOT (b > 0)")];
        let jobs = pass_in_parts(&claims, &[0, 1], &Keys::Compared(vec![]), &[1001.0, 1001.0], 2).unwrap();
        let texts: Vec<&str> = jobs.iter().map(|job| job.sql.as_str()).collect();
        let counts = "SELECT ARRAY[count(*) FILTER (WHERE NOT (a > 0)), count(*) FILTER (WHERE NOT (b > 0))]::bigint[] \
                      FROM ONLY s.t WHERE ((NOT (a > 0)) OR (NOT (b > 0))) AND ctid OPERATOR(pg_catalog.";
        let tid = "'(500,0)'::pg_catalog.tid";
        assert_eq!(texts, [format!("{counts}<) {tid}"), format!("{counts}>=) {tid}")]);
    }

    #[test]
    fn conditions_stand_beside_a_key_of_their_own_table_in_one_statement() {
        let key = |reads: i64| Claim {
            reads: vec![reads, 9],
            beside: Some(
                [
                    "k",
                    "FROM ONLY s.t",
                    "LEFT JOIN ONLY s.p AS p ON p.id = c.k",
                    "p.id IS NULL AND c.k IS NOT NULL",
                ]
                .map(Into::into)
                .into(),
            ),
            ..Claim::default()
        };
        let condition = Claim { condition: Some("NOT (a > 0)".into()), reads: vec![7], ..Claim::default() };
        let claims = [condition, key(7), key(8)];
        let weights = [1000.0, 1000.0, 1000.0];
        let job = beside(&claims, 1, &[0], &weights).unwrap();
        assert_eq!(job.claims, [1, 0]);
        assert_eq!(
            job.sql,
            "SELECT ARRAY[count(*) FILTER (WHERE p.id IS NULL AND c.k IS NOT NULL), count(*) FILTER (WHERE broken0)]::bigint[] \
             FROM (SELECT k, (NOT (a > 0)) AS broken0 FROM ONLY s.t) AS c LEFT JOIN ONLY s.p AS p ON p.id = c.k \
             WHERE (p.id IS NULL AND c.k IS NOT NULL) OR broken0"
        );
        assert!(beside(&claims, 2, &[0], &weights).is_none(), "a key of another table");
        assert!(beside(&claims, 1, &[0], &[PART_ALONG + 1.0; 3]).is_none(), "too large for one statement");
    }

    #[test]
    fn keys_are_counted_while_there_is_room_and_else_compared_where_they_lie_in_order() {
        let condition = Claim { condition: Some("NOT (a > 0)".into()), reads: vec![7], ..Claim::default() };
        let key = |reads: i64, held: f64| Claim {
            excess: Some("count(k) - count(DISTINCT h(k))".into()),
            held,
            reads: vec![reads],
            ..Claim::default()
        };
        let ordered = Claim { ordered: Some("o".into()), ..key(7, ROOM) };
        let claims = [condition, key(7, ROOM / 2.0), key(8, 1.0), key(7, ROOM), key(7, ROOM / 2.0), ordered];
        let of = |which: &[usize], pages: f64| match keys_of(&claims, &[0], which, pages) {
            Keys::Counted(keys) => ("counted", keys),
            Keys::Compared(keys) => ("compared", keys),
        };
        let all = [1, 2, 3, 4, 5];
        assert_eq!(of(&all, PART), ("counted", vec![1, 4]), "of this table, while there is room");
        assert_eq!(of(&all, PART + 1.0), ("compared", vec![5]), "too large for one statement");
        assert_eq!(of(&[2], PART), ("compared", vec![]), "of another table");
        assert_eq!(of(&[5], PART), ("counted", vec![5]), "alone there is room for it");
    }

    #[test]
    fn counted_keys_stand_beside_the_conditions_in_one_statement() {
        let scanned = Some("FROM ONLY s.t TABLESAMPLE SYSTEM (100)".into());
        let condition = Claim { condition: Some("NOT (a > 0)".into()), scanned, ..Claim::default() };
        let key = Claim { excess: Some("count(k) - count(DISTINCT k)".into()), ..Claim::default() };
        let jobs =
            pass_in_parts(&[condition, key], &[0], &Keys::Counted(vec![1]), &[1000.0, 1000.0], 2).unwrap();
        let [job] = jobs.as_slice() else { panic!("{}", jobs.len()) };
        assert_eq!((job.claims.as_slice(), job.weight), ([0, 1].as_slice(), 1750.0));
        assert_eq!(
            job.sql,
            "SELECT ARRAY[count(*) FILTER (WHERE NOT (a > 0)), count(k) - count(DISTINCT k)]::bigint[] FROM ONLY s.t"
        );
    }

    #[test]
    fn part_that_compares_neighbours_reaches_over_the_page_where_the_next_begins() {
        let condition = Claim {
            condition: Some("NOT (a > 0)".into()),
            scanned: Some("FROM ONLY s.t TABLESAMPLE SYSTEM (100)".into()),
            reads: vec![7],
            ..Claim::default()
        };
        let key = |reads: i64| Claim { ordered: Some("k".into()), reads: vec![reads], ..Claim::default() };
        let claims = [condition, key(7), key(8)];
        let keys = keys_of(&claims, &[0], &[1, 2], 1000.0);
        assert_eq!(keys.members(), [1]);
        let jobs = pass_in_parts(&claims, &[0], &keys, &[1000.0; 3], 2).unwrap();
        let [first, last] = jobs.as_slice() else { panic!("{}", jobs.len()) };
        assert_eq!(first.claims, [0, 1]);
        let tid = |page: u32| format!("'({page},0)'::pg_catalog.tid");
        let (from, to) = ("ctid OPERATOR(pg_catalog.>=)", "ctid OPERATOR(pg_catalog.<)");
        let columns =
            "(NOT (a > 0)) AS broken0, k AS key0, lag(k) OVER () AS before0 FROM ONLY s.t WHERE true";
        assert!(
            first.sql.ends_with(&format!("(SELECT {columns} AND {to} {}) AS run", tid(501))),
            "{}",
            first.sql
        );
        assert!(
            last.sql.ends_with(&format!("(SELECT {columns} AND {from} {}) AS run", tid(500))),
            "{}",
            last.sql
        );
        let seam = format!(
            "- 1, 0) + (NOT EXISTS (SELECT FROM ONLY s.t WHERE true AND {from} {} AND {to} {}))::integer]",
            tid(500),
            tid(501)
        );
        assert!(first.sql.contains(&seam) && !last.sql.contains("EXISTS"), "{}", first.sql);
    }
}

//! Which statements prove a list of claims: one a claim, one a table for all of its conditions, or several along the
//! parts of a large index.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::claim::{Claim, count_in_one_pass};

/// One statement, and the claims that it counts the faults of.
pub(crate) struct Job {
    /// Indexes of claims.
    pub claims: Vec<usize>,
    /// One row: a `bigint`, or a `bigint[]` with a number for each claim where it is [`How::Pass`].
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
}

/// From this many pages on (4 MiB), a table is worth the question whether its indexes give a quicker plan.
pub(crate) const LARGE: f64 = 512.0;
/// A part of a claim that is counted along an index has about this many pages of its table: each statement keeps within
/// its time limit, and between two of them others come first.
const PART: f64 = 65_536.0;

/// The jobs that read heaps.
pub(crate) fn from_heaps(claims: &[Claim], which: &[usize], weights: &[f64]) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut passes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for index in which {
        match &claims[*index].scanned {
            Some(scanned) if claims[*index].condition.is_some() => {
                passes.entry(scanned).or_default().push(*index);
            }
            _ => jobs.push(alone(claims, *index, weights)),
        }
    }
    for members in passes.into_values() {
        let together: Vec<&Claim> = members.iter().map(|index| &claims[*index]).collect();
        let weight = members.first().map_or(1.0, |index| weights[*index]);
        match count_in_one_pass(&together) {
            Some(sql) if members.len() > 1 => jobs.push(Job { claims: members, sql, how: How::Pass, weight }),
            _ => jobs.extend(members.iter().map(|index| alone(claims, *index, weights))),
        }
    }
    jobs
}

/// One claim, from the heap.
pub(crate) fn alone(claims: &[Claim], index: usize, weights: &[f64]) -> Job {
    Job { claims: vec![index], sql: claims[index].count(), how: How::Heap, weight: weights[index] }
}

/// The statements that count a claim along its indexes, in parts for so many sessions. `None` where it has no such way.
pub(crate) fn along(
    claim: &Claim,
    index: usize,
    weight: f64,
    sessions: usize,
    bounds: &[String],
) -> Option<Vec<Job>> {
    let along = claim.along()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of pages, above 0")]
    let wanted = ((weight / PART).ceil() as usize).max(sessions);
    let parts = if along.divides() { wanted.clamp(1, bounds.len() + 1) } else { 1 };
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

/// Whether a plan (`EXPLAIN (FORMAT JSON)`) reads indexes alone, in their order, and not the one in question.
pub(crate) fn leans_on_indexes_alone(plan: &Value, suspect: Option<&str>) -> bool {
    const NODES: [&str; 7] =
        ["Aggregate", "Merge Join", "Index Only Scan", "Append", "Merge Append", "Subquery Scan", "Unique"];
    match plan {
        Value::Array(items) => {
            !items.is_empty() && items.iter().all(|item| leans_on_indexes_alone(item, suspect))
        }
        Value::Object(node) => {
            if let Some(inner) = node.get("Plan") {
                return leans_on_indexes_alone(inner, suspect);
            }
            let kind = node.get("Node Type").and_then(Value::as_str).unwrap_or_default();
            let index = node.get("Index Name").and_then(Value::as_str);
            NODES.contains(&kind)
                && (suspect.is_none() || index != suspect)
                && node.get("Plans").is_none_or(|plans| leans_on_indexes_alone(plans, suspect))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_that_sorts_or_reads_a_heap_or_asks_the_suspect_is_refused() {
        let scan = |index: &str| json!({"Node Type": "Index Only Scan", "Index Name": index});
        let join =
            |one: Value, two: Value| json!([{"Plan": {"Node Type": "Merge Join", "Plans": [one, two]}}]);
        assert!(leans_on_indexes_alone(&join(scan("a"), scan("b")), None));
        assert!(leans_on_indexes_alone(&join(scan("a"), scan("b")), Some("c")));
        assert!(!leans_on_indexes_alone(&join(scan("a"), scan("b")), Some("b")));
        for heap in ["Seq Scan", "Index Scan", "Sort", "Sample Scan", "Bitmap Heap Scan", ""] {
            assert!(!leans_on_indexes_alone(&join(scan("a"), json!({"Node Type": heap})), None), "{heap}");
        }
        assert!(!leans_on_indexes_alone(&json!([]), None));
        assert!(!leans_on_indexes_alone(&json!("Index Only Scan"), None));
    }
}

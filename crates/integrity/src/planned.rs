//! Whether the planner reads as a job means to.

use serde_json::Value;

use crate::jobs::How;

/// Whether a plan (`EXPLAIN (FORMAT JSON)`) reads as it is meant to: indexes alone, in their order, and not the one in
/// question; or heaps alone.
pub(crate) fn keeps_to(how: How, plan: &Value, suspect: Option<&str>) -> bool {
    const ORDERED: &[&str] =
        &["Aggregate", "Merge Join", "Index Only Scan", "Append", "Merge Append", "Subquery Scan", "Unique"];
    const HEAPS: &[&str] = &[
        "Aggregate",
        "Seq Scan",
        "Tid Range Scan",
        "Append",
        "Subquery Scan",
        "WindowAgg",
        "Sort",
        "Hash Join",
        "Hash",
    ];
    match how {
        How::Along | How::AlongTogether => consists_of(ORDERED, plan, suspect),
        How::Swift | How::SwiftJoin => consists_of(HEAPS, plan, None),
        How::Heap | How::Pass => true,
    }
}

fn consists_of(nodes: &[&str], plan: &Value, suspect: Option<&str>) -> bool {
    match plan {
        Value::Array(items) => {
            !items.is_empty() && items.iter().all(|item| consists_of(nodes, item, suspect))
        }
        Value::Object(node) => {
            if let Some(inner) = node.get("Plan") {
                return consists_of(nodes, inner, suspect);
            }
            let kind = node.get("Node Type").and_then(Value::as_str).unwrap_or_default();
            let index = node.get("Index Name").and_then(Value::as_str);
            // An aggregate over nothing that is read answers without a look at the rows.
            let below = node.get("Plans");
            nodes.contains(&kind)
                && (suspect.is_none() || index != suspect)
                && (below.is_some() || kind.ends_with("Scan"))
                && below.is_none_or(|plans| consists_of(nodes, plans, suspect))
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
        assert!(keeps_to(How::Along, &join(scan("a"), scan("b")), None));
        assert!(keeps_to(How::Along, &join(scan("a"), scan("b")), Some("c")));
        assert!(!keeps_to(How::Along, &join(scan("a"), scan("b")), Some("b")));
        for heap in ["Seq Scan", "Index Scan", "Sort", "Sample Scan", "Bitmap Heap Scan", ""] {
            assert!(!keeps_to(How::Along, &join(scan("a"), json!({"Node Type": heap})), None), "{heap}");
        }
        assert!(!keeps_to(How::Along, &json!([]), None));
        assert!(!keeps_to(How::Along, &json!("Index Only Scan"), None));
    }

    #[test]
    fn a_swift_plan_that_reads_an_index_or_nothing_is_refused() {
        let over = |scan: &str| json!([{"Plan": {"Node Type": "Aggregate", "Plans": [{"Node Type": scan}]}}]);
        assert!(keeps_to(How::Swift, &over("Seq Scan"), None));
        assert!(keeps_to(How::Swift, &over("Tid Range Scan"), None));
        for other in ["Index Only Scan", "Index Scan", "Bitmap Heap Scan", "Result", "Append", ""] {
            assert!(!keeps_to(How::Swift, &over(other), None), "{other}");
        }
        assert!(!keeps_to(How::Swift, &json!([{"Plan": {"Node Type": "Result"}}]), None));
    }
}

//! A plan drawn for a terminal: the tree, and beside each node what it took.

use std::fmt::Write as _;

use crate::analyzed::{misjudged, spilled};
use crate::plan::{Node, Plan};

/// How wide the title column may become.
const WIDEST: usize = 78;

/// The plan as a tree with a column each for time, rows and blocks; without `ANALYZE`, for estimated rows and cost.
/// `unicode` draws lines, otherwise ASCII.
pub fn tree(plan: &Plan, unicode: bool) -> String {
    let mut rows = Vec::new();
    gather(&plan.root, "", "", unicode, &mut rows);
    let executed = plan.execution_ms.is_some();
    let width = rows.iter().filter(|row| row.node.is_some()).map(|row| row.text.chars().count()).max();
    let width = width.unwrap_or(0).min(WIDEST);
    let mut page = String::new();
    let head = if executed {
        format!("{:>9} {:>6} {:>10} {:>9}", "own ms", "share", "rows", "blocks")
    } else {
        format!("{:>12} {:>12}", "rows (est.)", "cost")
    };
    let _ = writeln!(page, "{:width$}  {head}", "");
    let total = plan.root.actual.all_ms().max(f64::MIN_POSITIVE);
    let mut own = plan.own().into_iter();
    for row in rows {
        let Some(node) = row.node else {
            let _ = writeln!(page, "{}", row.text);
            continue;
        };
        let own = own.next().unwrap_or_default();
        if !executed {
            let _ = writeln!(page, "{:width$}  {:>12.0} {:>12.2}", row.text, node.rows, node.cost);
            continue;
        }
        let loops = node.actual.loops.unwrap_or(0.0);
        if loops == 0.0 {
            let _ = writeln!(page, "{:width$}  never executed", row.text);
            continue;
        }
        let share = (100.0 * own.ms / total).min(100.0);
        let _ = write!(
            page,
            "{:width$}  {:>9.3} {share:>5.0}% {:>10.0} {:>9.0}",
            row.text,
            own.ms,
            node.actual.all_rows(),
            own.blocks
        );
        if loops > 1.0 {
            let _ = write!(page, "  {loops:.0} loops");
        }
        page.push('\n');
    }
    if let (Some(execution), Some(planning)) = (plan.execution_ms, plan.planning_ms) {
        let _ = writeln!(
            page,
            "\nexecuted in {execution:.3} ms, planned in {planning:.3} ms, {} blocks ({} not in shared buffers)",
            plan.root.actual.blocks(),
            plan.root.actual.read
        );
    }
    for node in plan.nodes() {
        if let Some(what) = spilled(node) {
            let _ = writeln!(page, "! {} {what}", node.title());
        }
    }
    if let Some((node, estimated, rows)) = misjudged(&plan.root, false) {
        let _ = writeln!(page, "! {} was planned for {estimated:.0} rows and gave {rows:.0}", node.title());
    }
    if !plan.settings.is_empty() {
        let settings: Vec<String> =
            plan.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let _ = writeln!(page, "settings: {}", settings.join(", "));
    }
    page
}

struct Row<'p> {
    text: String,
    /// `None` for a line about the node above.
    node: Option<&'p Node>,
}

fn gather<'p>(node: &'p Node, first: &str, rest: &str, unicode: bool, rows: &mut Vec<Row<'p>>) {
    let named = node.subplan.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    rows.push(Row { text: format!("{first}{named}{}", node.title()), node: Some(node) });
    let (branch, line, last, space) =
        if unicode { ("├─ ", "│  ", "└─ ", "   ") } else { ("|- ", "|  ", "`- ", "   ") };
    for (what, text) in node.details() {
        let own = if node.inputs.is_empty() { space } else { line };
        rows.push(Row { text: format!("{rest}{own} {what}: {text}"), node: None });
    }
    if node.actual.discarded() > 0.0 {
        let own = if node.inputs.is_empty() { space } else { line };
        rows.push(Row {
            text: format!("{rest}{own} thrown away: {:.0} rows", node.actual.discarded()),
            node: None,
        });
    }
    for (number, input) in node.inputs.iter().enumerate() {
        let end = number + 1 == node.inputs.len();
        let (first, more) = if end { (last, space) } else { (branch, line) };
        gather(input, &format!("{rest}{first}"), &format!("{rest}{more}"), unicode, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"{"Plan": {"Node Type": "Limit", "Plan Rows": 5, "Total Cost": 9.5, "Actual Rows": 5,
        "Actual Loops": 1, "Actual Total Time": 4.0, "Shared Hit Blocks": 12, "Shared Read Blocks": 1, "Plans": [
        {"Node Type": "Seq Scan", "Relation Name": "t", "Alias": "t", "Filter": "(a = 1)", "Plan Rows": 5,
         "Total Cost": 9.0, "Actual Rows": 5, "Actual Loops": 1, "Actual Total Time": 3.0, "Shared Hit Blocks": 12,
         "Shared Read Blocks": 1, "Rows Removed by Filter": 90}]}, "Planning Time": 0.1, "Execution Time": 4.2}"#;

    #[test]
    fn a_tree_shows_what_each_node_took_by_itself() {
        let plan: Plan = serde_json::from_str(PLAN).unwrap();
        let page = tree(&plan, true);
        assert!(page.contains("Limit                 1.000    25%          5         0"), "{page}");
        assert!(page.contains("└─ Seq Scan on t      3.000    75%          5        13"), "{page}");
        assert!(page.contains("filter: (a = 1)") && page.contains("thrown away: 90 rows"), "{page}");
        assert!(page.contains("executed in 4.200 ms") && tree(&plan, false).is_ascii(), "{page}");
    }

    #[test]
    fn a_plan_that_was_not_executed_shows_estimates() {
        let mut plan: Plan = serde_json::from_str(PLAN).unwrap();
        plan.execution_ms = None;
        let page = tree(&plan, true);
        assert!(page.contains("rows (est.)") && page.contains("9.50") && !page.contains("own ms"), "{page}");
    }
}

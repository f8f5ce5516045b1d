//! How long each node of an executed plan took by itself, by the clock on the wall.
//!
//! The server adds the times of all processes below a `Gather`, and tells the time of a common table expression, or of a
//! subquery that is computed once, both of itself and of the node that waited for it.

use crate::plan::{Node, Plan};

struct Timed<'p> {
    node: &'p Node,
    /// The `Gather` that it lies below.
    gather: Option<usize>,
    /// Past the last node below it.
    end: usize,
    /// Milliseconds, with the nodes below.
    wall: f64,
    /// And without.
    own: f64,
}

/// Milliseconds that each node took without those that it waited for, in the order of [`Plan::nodes`].
pub fn own(plan: &Plan) -> Vec<f64> {
    let mut times = Times::default();
    times.walk(&plan.root, 1.0, None);
    // A plan that another one computes is paid by the node that waits for it, which is often not the one it hangs from.
    for (parent, computed) in std::mem::take(&mut times.apart) {
        times.charge(parent, computed);
    }
    // The clock is read for each, so that what is left can be a little less than nothing.
    times.of.iter().map(|timed| timed.own.max(0.0)).collect()
}

#[derive(Default)]
struct Times<'p> {
    of: Vec<Timed<'p>>,
    /// A node, and a plan below it that is computed apart.
    apart: Vec<(usize, usize)>,
}

impl<'p> Times<'p> {
    fn walk(&mut self, node: &'p Node, processes: f64, gather: Option<usize>) -> f64 {
        let place = self.of.len();
        let wall = node.actual.all_ms() / processes;
        self.of.push(Timed { node, gather, end: 0, wall, own: wall });
        let gathers = node.node_type.starts_with("Gather");
        let (below, over) = if gathers { (processes_of(node), Some(place)) } else { (processes, gather) };
        let mut own = wall;
        for input in &node.inputs {
            if is_apart(input) {
                self.apart.push((place, self.of.len()));
                self.walk(input, 1.0, None);
            } else {
                own -= self.walk(input, below, over);
            }
        }
        self.of[place].own = own;
        self.of[place].end = self.of.len();
        wall
    }

    fn charge(&mut self, parent: usize, computed: usize) {
        let took = self.of[computed].wall;
        let name = self.of[computed].node.subplan.as_deref().unwrap_or_default();
        if let Some(cte) = name.strip_prefix("CTE ") {
            let scans: Vec<usize> = (parent..self.of[parent].end)
                .filter(|place| {
                    let node = self.of[*place].node;
                    node.node_type == "CTE Scan" && node.cte.as_deref() == Some(cte)
                })
                .collect();
            let all: f64 = scans.iter().map(|scan| self.of[*scan].wall).sum();
            for scan in scans {
                self.of[scan].own -= took * self.of[scan].wall / all.max(f64::MIN_POSITIVE);
            }
            return;
        }
        let outside = |place: &usize| !(computed..self.of[computed].end).contains(place);
        let payer = (parent..self.of[parent].end)
            .filter(outside)
            .filter(|place| mentions(self.of[*place].node, name))
            // What workers are to know is computed before they start.
            .map(|place| self.of[place].gather.unwrap_or(place))
            .find(|place| self.of[*place].wall >= took);
        self.of[payer.unwrap_or(parent)].own -= took;
    }
}

fn is_apart(node: &Node) -> bool {
    node.relationship.as_deref() == Some("InitPlan")
}

/// How many processes took part below a `Gather`: each runs its plan once.
fn processes_of(gather: &Node) -> f64 {
    let below = gather.inputs.iter().find(|input| !is_apart(input)).and_then(|input| input.actual.loops);
    (below.unwrap_or(1.0) / gather.actual.loops.unwrap_or(1.0).max(1.0)).max(1.0)
}

/// Whether a node's conditions hold the value of a plan computed once: `InitPlan 1 (returns $0)`, and `InitPlan 1` from
/// PostgreSQL 17 on.
fn mentions(node: &Node, name: &str) -> bool {
    let marks: Vec<&str> = match name.split_once("(returns ") {
        Some((_, marks)) => marks.trim_end_matches(')').split(',').collect(),
        None => vec![name],
    };
    node.details().iter().any(|(_, text)| {
        marks.iter().any(|mark| {
            text.match_indices(mark)
                .any(|(at, _)| !text[at + mark.len()..].starts_with(|c: char| c.is_ascii_digit()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: &str, rest: &str, ms: f64, loops: u32, inputs: &[String]) -> String {
        format!(
            r#"{{"Node Type": "{kind}", {rest} "Actual Total Time": {ms}, "Actual Loops": {loops}, "Plans": [{}]}}"#,
            inputs.join(", ")
        )
    }

    fn plan(root: &str) -> Plan {
        serde_json::from_str(&format!(r#"{{"Plan": {root}, "Execution Time": 100}}"#)).unwrap()
    }

    #[test]
    fn processes_that_work_side_by_side_are_not_added() {
        let scan = node("Seq Scan", "", 30.0, 3, &[]);
        let inner = node("Index Scan", "", 0.01, 3000, &[]);
        let join = node("Nested Loop", "", 45.0, 3, &[scan, inner]);
        let root = node("Aggregate", "", 100.0, 1, &[node("Gather", "", 90.0, 1, &[join])]);
        assert_eq!(own(&plan(&root)), [10.0, 45.0, 5.0, 30.0, 10.0]);
    }

    #[test]
    fn a_common_table_expression_is_paid_by_those_that_read_it() {
        let subplan =
            |name: &str| format!(r#""Parent Relationship": "InitPlan", "Subplan Name": "CTE {name}","#);
        let scan = |name: &str, ms: f64| node("CTE Scan", &format!(r#""CTE Name": "{name}","#), ms, 1, &[]);
        let first = node("Seq Scan", &subplan("a"), 60.0, 1, &[]);
        let second = node("Aggregate", &subplan("b"), 80.0, 1, &[scan("a", 75.0)]);
        let join = node("Nested Loop", "", 99.0, 1, &[scan("b", 82.0)]);
        let own = own(&plan(&node("Sort", "", 100.0, 1, &[first, second, join])));
        assert_eq!(own, [1.0, 60.0, 5.0, 15.0, 17.0, 2.0]);
        assert_eq!(own.iter().sum::<f64>(), 100.0);
    }

    #[test]
    fn a_subquery_that_is_computed_once_is_paid_by_the_node_that_needs_it() {
        for (name, mark, other) in [
            ("InitPlan 1 (returns $1)", "$1", "$10"),
            ("InitPlan 1", "(InitPlan 1).col1", "(InitPlan 12).col1"),
        ] {
            let once = format!(r#""Parent Relationship": "InitPlan", "Subplan Name": "{name}","#);
            let once = node("Seq Scan", &once, 60.0, 1, &[]);
            let filter = |mark: &str| format!(r#""Filter": "(a = {mark})","#);
            let scan = node("Seq Scan", &filter(mark), 90.0, 1, &[]);
            let outer = node("Nested Loop", &filter(other), 95.0, 1, &[scan]);
            let plain = plan(&node("Sort", "", 100.0, 1, &[once.clone(), outer]));
            assert_eq!(own(&plain), [5.0, 60.0, 5.0, 30.0], "{name}");
            let scan = node("Seq Scan", &filter(mark), 20.0, 3, &[]);
            let gather = plan(&node("Gather", "", 100.0, 1, &[once.clone(), scan]));
            assert_eq!(own(&gather), [20.0, 60.0, 20.0], "{name}: before the workers start");
            let unseen = plan(&node("Result", "", 100.0, 1, &[once]));
            assert_eq!(own(&unseen), [40.0, 60.0], "{name}: in what it puts out");
        }
    }
}

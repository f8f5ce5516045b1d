//! What each node of an executed plan took by itself: time by the clock on the wall, and blocks.
//!
//! The server adds the times of all processes below a `Gather`. What a common table expression took, or a subquery that is
//! computed once, it tells both there and at the node that waited for it.

use crate::plan::{Node, Plan};

/// What a node took, without those that it waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Own {
    /// Milliseconds.
    pub ms: f64,
    /// Blocks of shared buffers, found there or not.
    pub blocks: f64,
}

struct Taken<'p> {
    node: &'p Node,
    /// The `Gather` that it lies below.
    gather: Option<usize>,
    /// Past the last node below it.
    end: usize,
    /// Milliseconds and blocks, with the nodes below.
    all: [f64; 2],
    /// And without.
    own: [f64; 2],
}

/// What each node took by itself, in the order of [`Plan::nodes`].
pub fn own(plan: &Plan) -> Vec<Own> {
    let mut plans = Plans::default();
    plans.walk(&plan.root, 1.0, None);
    // A plan that another one computes is paid by the node that waits for it, which is often not the one it hangs from.
    for (parent, computed) in std::mem::take(&mut plans.apart) {
        plans.charge(parent, computed);
    }
    // The clock is read for each, so that what is left can be a little less than nothing.
    let own = plans.of.iter().map(|taken| taken.own.map(|own| own.max(0.0)));
    own.map(|[ms, blocks]| Own { ms, blocks }).collect()
}

#[derive(Default)]
struct Plans<'p> {
    of: Vec<Taken<'p>>,
    /// A node, and a plan below it that is computed apart.
    apart: Vec<(usize, usize)>,
}

impl<'p> Plans<'p> {
    fn walk(&mut self, node: &'p Node, processes: f64, gather: Option<usize>) -> [f64; 2] {
        let place = self.of.len();
        let all = [node.actual.all_ms() / processes, node.actual.blocks() as f64];
        self.of.push(Taken { node, gather, end: 0, all, own: all });
        let gathers = node.node_type.starts_with("Gather");
        let (below, over) = if gathers { (processes_of(node), Some(place)) } else { (processes, gather) };
        let mut own = all;
        for input in &node.inputs {
            if is_apart(input) {
                self.apart.push((place, self.of.len()));
                self.walk(input, 1.0, None);
            } else {
                let [ms, blocks] = self.walk(input, below, over);
                own = [own[0] - ms, own[1] - blocks];
            }
        }
        self.of[place].own = own;
        self.of[place].end = self.of.len();
        all
    }

    fn charge(&mut self, parent: usize, computed: usize) {
        let payers = self.payers(parent, computed);
        for what in 0..2 {
            let took = self.of[computed].all[what];
            let all: f64 = payers.iter().map(|payer| self.of[*payer].all[what]).sum();
            let mut left = took;
            for payer in &payers {
                let payer = &mut self.of[*payer];
                let share = took * payer.all[what] / all.max(f64::MIN_POSITIVE);
                let paid = share.min(payer.own[what]).max(0.0);
                payer.own[what] -= paid;
                left -= paid;
            }
            // Blocks of workers are told when they end, and that is seen by the parent alone.
            self.of[parent].own[what] -= left;
        }
    }

    /// The nodes below `parent` that waited for a plan computed apart.
    fn payers(&self, parent: usize, computed: usize) -> Vec<usize> {
        let (took, name) = (self.of[computed].all[0], self.of[computed].node.subplan.as_deref());
        let name = name.unwrap_or_default();
        let below = parent..self.of[parent].end;
        if let Some(cte) = name.strip_prefix("CTE ") {
            let scans = |place: &usize| {
                let node = self.of[*place].node;
                node.node_type == "CTE Scan" && node.cte.as_deref() == Some(cte)
            };
            return below.filter(scans).collect();
        }
        let payer = below
            .filter(|place| !(computed..self.of[computed].end).contains(place))
            .filter(|place| mentions(self.of[*place].node, name))
            // What workers are to know is computed before they start.
            .map(|place| self.of[place].gather.unwrap_or(place))
            .find(|place| self.of[*place].all[0] >= took);
        payer.into_iter().collect()
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

    fn own_ms(plan: &Plan) -> Vec<f64> {
        own(plan).into_iter().map(|own| own.ms).collect()
    }

    #[test]
    fn processes_that_work_side_by_side_are_not_added() {
        let scan = node("Seq Scan", "", 30.0, 3, &[]);
        let inner = node("Index Scan", "", 0.01, 3000, &[]);
        let join = node("Nested Loop", "", 45.0, 3, &[scan, inner]);
        let root = node("Aggregate", "", 100.0, 1, &[node("Gather", "", 90.0, 1, &[join])]);
        assert_eq!(own_ms(&plan(&root)), [10.0, 45.0, 5.0, 30.0, 10.0]);
    }

    #[test]
    fn a_common_table_expression_is_paid_by_those_that_read_it() {
        let subplan =
            |name: &str| format!(r#""Parent Relationship": "InitPlan", "Subplan Name": "CTE {name}","#);
        let scan = |name: &str, ms: f64| node("CTE Scan", &format!(r#""CTE Name": "{name}","#), ms, 1, &[]);
        let first = node("Seq Scan", &subplan("a"), 60.0, 1, &[]);
        let second = node("Aggregate", &subplan("b"), 80.0, 1, &[scan("a", 75.0)]);
        let join = node("Nested Loop", "", 99.0, 1, &[scan("b", 82.0)]);
        let own = own_ms(&plan(&node("Sort", "", 100.0, 1, &[first, second, join])));
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
            assert_eq!(own_ms(&plain), [5.0, 60.0, 5.0, 30.0], "{name}");
            let scan = node("Seq Scan", &filter(mark), 20.0, 3, &[]);
            let gather = plan(&node("Gather", "", 100.0, 1, &[once.clone(), scan]));
            assert_eq!(own_ms(&gather), [20.0, 60.0, 20.0], "{name}: before the workers start");
            let unseen = plan(&node("Result", "", 100.0, 1, &[once]));
            assert_eq!(own_ms(&unseen), [40.0, 60.0], "{name}: in what it puts out");
        }
    }
    #[test]
    fn blocks_of_a_plan_computed_apart_are_counted_once() {
        let blocks = |number: u32| format!(r#""Shared Hit Blocks": {number},"#);
        let read = format!(r#""Parent Relationship": "InitPlan", "Subplan Name": "CTE a", {}"#, blocks(90));
        let read = node("Seq Scan", &read, 60.0, 1, &[]);
        // Of the 90 the scan saw 30: the rest was told when the workers ended.
        let scan = node("CTE Scan", &format!(r#""CTE Name": "a", {}"#, blocks(30)), 70.0, 1, &[]);
        let inner = node("Seq Scan", &blocks(10), 5.0, 1, &[]);
        let join = plan(&node("Hash Join", &blocks(100), 100.0, 1, &[read, scan, inner]));
        let blocks: Vec<f64> = own(&join).into_iter().map(|own| own.blocks).collect();
        assert_eq!(blocks, [0.0, 90.0, 0.0, 10.0]);
    }
}

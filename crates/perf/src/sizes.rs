//! How a plan changes between two sizes of the data: a flip, named by what reads each table.

use std::collections::BTreeSet;

use crate::plan::Plan;

/// A plan that is another one at another size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// What only the plan at the smaller size does.
    pub only_small: Vec<String>,
    /// What only the plan at the larger size does.
    pub only_large: Vec<String>,
}

impl Flip {
    /// Compares the scans and joins of two plans of one query. `None` when they are the same; conditions and the order
    /// of equal nodes do not count, as values differ between sizes.
    pub fn between(small: &Plan, large: &Plan) -> Option<Self> {
        let (small, large) = (doing(small), doing(large));
        let only =
            |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
        let flip = Self { only_small: only(&small, &large), only_large: only(&large, &small) };
        (!flip.only_small.is_empty() || !flip.only_large.is_empty()).then_some(flip)
    }
}

impl std::fmt::Display for Flip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |list: &[String]| if list.is_empty() { "—".to_owned() } else { list.join(", ") };
        write!(f, "{} → {}", words(&self.only_small), words(&self.only_large))
    }
}

/// The nodes that decide how long a plan takes: scans, joins and sorts.
fn doing(plan: &Plan) -> BTreeSet<String> {
    let nodes = plan.nodes().into_iter();
    let telling = nodes.filter(|node| {
        node.relation.is_some()
            || node.index.is_some()
            || node.node_type.ends_with("Join")
            || matches!(node.node_type.as_str(), "Nested Loop" | "Sort" | "Incremental Sort")
    });
    telling.map(|node| node.title()).collect()
}

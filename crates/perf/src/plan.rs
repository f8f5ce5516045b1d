//! A plan as the server gives it (`EXPLAIN (FORMAT JSON)`), typed: with what was measured, where it was executed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;

use crate::own::{self, Own};

/// The answer of `EXPLAIN (FORMAT JSON)`.
#[derive(Debug, Clone, Deserialize)]
pub struct Plan {
    /// The topmost node.
    #[serde(rename = "Plan")]
    pub root: Node,
    /// Settings of the planner that are not the default ones.
    #[serde(rename = "Settings", default)]
    pub settings: BTreeMap<String, String>,
    /// Milliseconds that planning took.
    #[serde(rename = "Planning Time")]
    pub planning_ms: Option<f64>,
    /// Milliseconds that the execution took, with `ANALYZE`.
    #[serde(rename = "Execution Time")]
    pub execution_ms: Option<f64>,
}

/// One node of a plan. Only what a person judges a plan by: no costs, no widths.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Node {
    /// `Seq Scan`, `Index Scan`, `Sort` …
    #[serde(rename = "Node Type")]
    pub node_type: String,
    /// `Inner`, `Left`, `Semi`, `Anti` …
    #[serde(rename = "Join Type")]
    pub join_type: Option<String>,
    /// `Sorted`, `Hashed`, `Plain`.
    pub strategy: Option<String>,
    /// `Partial`, `Finalize`, `Simple`.
    #[serde(rename = "Partial Mode")]
    pub partial_mode: Option<String>,
    /// Whether workers share the node.
    #[serde(rename = "Parallel Aware")]
    pub parallel: bool,
    /// `Forward`, `Backward`.
    #[serde(rename = "Scan Direction")]
    pub scan_direction: Option<String>,
    /// How it belongs to the node above: `Outer`, `InitPlan` …
    #[serde(rename = "Parent Relationship")]
    pub relationship: Option<String>,
    /// The schema of what it reads, where the server was asked for it.
    pub schema: Option<String>,
    /// The table or materialized view it reads.
    #[serde(rename = "Relation Name")]
    pub relation: Option<String>,
    /// The common table expression it reads.
    #[serde(rename = "CTE Name")]
    pub cte: Option<String>,
    /// What the statement calls it.
    pub alias: Option<String>,
    /// The index it uses.
    #[serde(rename = "Index Name")]
    pub index: Option<String>,
    /// The name of a subplan or common table expression.
    #[serde(rename = "Subplan Name")]
    pub subplan: Option<String>,
    /// Worker processes that were planned.
    #[serde(rename = "Workers Planned")]
    pub workers: Option<u32>,
    /// Estimated rows.
    #[serde(rename = "Plan Rows")]
    pub rows: f64,
    /// Estimated cost, in the planner's unit.
    #[serde(rename = "Total Cost")]
    pub cost: f64,
    /// What was measured, with `ANALYZE`.
    #[serde(flatten)]
    pub actual: Actual,
    #[serde(rename = "Index Cond")]
    index_condition: Option<String>,
    #[serde(rename = "Recheck Cond")]
    recheck_condition: Option<String>,
    #[serde(rename = "Hash Cond")]
    hash_condition: Option<String>,
    #[serde(rename = "Merge Cond")]
    merge_condition: Option<String>,
    #[serde(rename = "Join Filter")]
    join_filter: Option<String>,
    filter: Option<String>,
    #[serde(rename = "Sort Key")]
    sort_key: Vec<String>,
    #[serde(rename = "Presorted Key")]
    presorted_key: Vec<String>,
    #[serde(rename = "Group Key")]
    group_key: Vec<String>,
    /// The nodes it takes its rows from.
    #[serde(rename = "Plans")]
    pub inputs: Vec<Node>,
}

/// What one node did. A node runs in loops; rows and times are averages of one, all else is of all together, and
/// includes the nodes below.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Actual {
    /// How often it ran; 0 is never, `None` without `ANALYZE`.
    #[serde(rename = "Actual Loops")]
    pub loops: Option<f64>,
    /// Rows of one loop.
    #[serde(rename = "Actual Rows")]
    pub rows: Option<f64>,
    /// Milliseconds of one loop.
    #[serde(rename = "Actual Total Time")]
    pub ms: Option<f64>,
    /// Blocks found in shared buffers.
    #[serde(rename = "Shared Hit Blocks")]
    pub hit: u64,
    /// Blocks that were not.
    #[serde(rename = "Shared Read Blocks")]
    pub read: u64,
    /// Blocks of temporary files.
    #[serde(rename = "Temp Written Blocks")]
    pub temp: u64,
    /// Bytes of log.
    #[serde(rename = "WAL Bytes")]
    pub wal: u64,
    /// Rows of one loop that a filter threw away.
    #[serde(rename = "Rows Removed by Filter")]
    pub removed: f64,
    /// Rows of one loop that the condition of a join threw away.
    #[serde(rename = "Rows Removed by Join Filter")]
    pub removed_by_join: f64,
    /// `quicksort`, `external merge` …
    #[serde(rename = "Sort Method")]
    pub sort_method: Option<String>,
    /// `Memory`, `Disk`.
    #[serde(rename = "Sort Space Type")]
    pub sort_space: Option<String>,
    /// Kilobytes.
    #[serde(rename = "Sort Space Used")]
    pub sort_kb: u64,
    /// Parts that a hash was built in: more than one is on disk.
    #[serde(rename = "Hash Batches")]
    pub hash_batches: u64,
    /// The same of a hash aggregate.
    #[serde(rename = "HashAgg Batches")]
    pub aggregate_batches: u64,
    /// Kilobytes that a hash aggregate wrote.
    #[serde(rename = "Disk Usage")]
    pub disk_kb: u64,
}

impl Actual {
    /// Blocks of shared buffers, found there or not.
    pub fn blocks(&self) -> u64 {
        self.hit + self.read
    }

    /// Rows of all loops.
    pub fn all_rows(&self) -> f64 {
        self.rows.unwrap_or(0.0) * self.loops.unwrap_or(0.0)
    }

    /// Milliseconds of all loops.
    pub fn all_ms(&self) -> f64 {
        self.ms.unwrap_or(0.0) * self.loops.unwrap_or(0.0)
    }

    /// Rows of all loops that were thrown away.
    pub fn discarded(&self) -> f64 {
        (self.removed + self.removed_by_join) * self.loops.unwrap_or(0.0)
    }
}

impl Plan {
    /// Every node, from the top.
    pub fn nodes(&self) -> Vec<&Node> {
        let mut nodes = Vec::new();
        let mut open = vec![&self.root];
        while let Some(node) = open.pop() {
            nodes.push(node);
            open.extend(node.inputs.iter().rev());
        }
        nodes
    }

    /// The indexes it uses.
    pub fn indexes(&self) -> BTreeSet<&str> {
        self.nodes().into_iter().filter_map(|node| node.index.as_deref()).collect()
    }

    /// The tables and materialized views it reads, by whatever way.
    pub fn relations(&self) -> BTreeSet<&str> {
        self.nodes().into_iter().filter_map(|node| node.relation.as_deref()).collect()
    }

    /// The same, each with its schema where the plan tells it.
    pub fn tables(&self) -> BTreeSet<(Option<&str>, &str)> {
        let nodes = self.nodes().into_iter();
        nodes.filter_map(|node| Some((node.schema.as_deref(), node.relation.as_deref()?))).collect()
    }

    /// The nodes that read a table or materialized view from end to end.
    pub fn scans(&self) -> impl Iterator<Item = &Node> {
        self.nodes().into_iter().filter(|node| node.node_type == "Seq Scan" && node.relation.is_some())
    }

    /// The tables and materialized views it reads from end to end.
    pub fn sequential(&self) -> BTreeSet<&str> {
        self.scans().filter_map(|node| node.relation.as_deref()).collect()
    }

    /// The same plan, with the schemas of `verbose`: the conditions are written more briefly without them.
    #[must_use]
    pub fn in_schemas_of(mut self, verbose: &Self) -> Self {
        self.root.take_schemas(&verbose.root);
        self
    }

    /// What each of the [nodes](Self::nodes) took by itself.
    pub fn own(&self) -> Vec<Own> {
        own::own(self)
    }

    /// The plan in a stable form: nodes and conditions, no costs, no row counts.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.root.write(0, &mut text);
        text
    }
}

impl Node {
    /// Every condition that the node tests or sorts by, as `(what, text)`.
    pub fn details(&self) -> Vec<(&'static str, String)> {
        let listed = |keys: &[String]| (!keys.is_empty()).then(|| keys.join(", "));
        let details = [
            ("index", self.index_condition.clone()),
            ("recheck", self.recheck_condition.clone()),
            ("hash", self.hash_condition.clone()),
            ("merge", self.merge_condition.clone()),
            ("join", self.join_filter.clone()),
            ("filter", self.filter.clone()),
            ("group", listed(&self.group_key)),
            ("sort", listed(&self.sort_key)),
            ("presorted", listed(&self.presorted_key)),
        ];
        details.into_iter().filter_map(|(what, value)| Some((what, value?))).collect()
    }

    /// What the node does, in one line, as `EXPLAIN` would write it.
    pub fn title(&self) -> String {
        let mut title = String::new();
        match self.partial_mode.as_deref() {
            Some("Simple") | None => {}
            Some(mode) => {
                let _ = write!(title, "{mode} ");
            }
        }
        if self.parallel {
            title.push_str("Parallel ");
        }
        title.push_str(match (self.node_type.as_str(), self.strategy.as_deref()) {
            ("Aggregate", Some("Hashed")) => "HashAggregate",
            ("Aggregate", Some("Sorted")) => "GroupAggregate",
            ("Aggregate", Some("Mixed")) => "MixedAggregate",
            (other, _) => other,
        });
        if let Some(join) = self.join_type.as_deref().filter(|join| *join != "Inner") {
            let _ = write!(title, " {join} Join");
        }
        if self.scan_direction.as_deref() == Some("Backward") {
            title.push_str(" Backward");
        }
        if let Some(index) = &self.index {
            let _ = write!(title, " using {index}");
        }
        if let Some(relation) = self.relation.as_ref().or(self.cte.as_ref()) {
            let _ = write!(title, " on {relation}");
            if let Some(alias) = self.alias.as_deref().filter(|alias| alias != relation) {
                let _ = write!(title, " {alias}");
            }
        }
        if let Some(workers) = self.workers {
            let _ = write!(title, " ({workers} workers)");
        }
        title
    }

    fn take_schemas(&mut self, other: &Self) {
        if self.relation == other.relation {
            self.schema.clone_from(&other.schema);
        }
        for (input, other) in self.inputs.iter_mut().zip(&other.inputs) {
            input.take_schemas(other);
        }
    }

    fn write(&self, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        if let Some(subplan) = &self.subplan {
            let _ = writeln!(text, "{indent}{subplan}:");
        }
        let _ = writeln!(text, "{indent}{}", self.title());
        for (what, value) in self.details() {
            let _ = writeln!(text, "{indent}  | {what}: {value}");
        }
        for input in &self.inputs {
            input.write(depth + 1, text);
        }
    }
}

//! By which plans a session may read: some proofs must not lean on an index, others are quick along one.

/// What the planner may use. Held until [`Reader::release`](super::Reader::release), or a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Heaps only: no plan over an index, and none that believes a constraint.
    Heap,
    /// Indexes in their order: scans that are merged or grouped without a sort, where there are such plans.
    Ordered,
}

impl Plan {
    /// The settings, constants all. Without parallel workers: a caller that wants more at a time opens more sessions,
    /// and so knows how many there are.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Heap => {
                "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0; \
                 SET LOCAL constraint_exclusion = off; SET LOCAL enable_indexscan = off; \
                 SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off"
            }
            Self::Ordered => {
                "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0; \
                 SET LOCAL constraint_exclusion = off; SET LOCAL enable_seqscan = off; \
                 SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_hashagg = off; \
                 SET LOCAL enable_hashjoin = off; SET LOCAL enable_nestloop = off"
            }
        }
    }
}

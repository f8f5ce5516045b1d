//! By which plans a session may read: what suits a service's queries does not suit those that are asked once.

/// What the planner may use. Held until [`Reader::release`](super::Reader::release), or a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// As the server likes. No constraint is taken for a reason not to look at rows, whatever the role or the database has set.
    Plain,
    /// Indexes in their order: scans that are merged or grouped without a sort, where there are such plans. Without
    /// parallel workers: a caller that wants more at a time opens more sessions, and so knows how many there are.
    Ordered,
    /// Heaps from their first page to their last (a scan that joins another one midway would not begin with the first), and
    /// no index; grouped in memory where it suffices, never sorted but for an aggregate of distinct values, which does that
    /// itself (16 and later would sort the rows for it, with all their columns).
    /// Without parallel workers, as [`Self::Ordered`].
    Heaps,
    /// The same for two heaps that are joined: in little memory, which the processor's cache holds. A hash of a million
    /// keys in one piece was measured to cost two thirds more than one in parts.
    JoinedHeaps,
}

impl Plan {
    /// The settings, constants all.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Plain => "SET LOCAL constraint_exclusion = off",
            Self::Ordered => {
                "SET LOCAL max_parallel_workers_per_gather = 0; \
                 SET LOCAL constraint_exclusion = off; SET LOCAL enable_seqscan = off; \
                 SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_hashagg = off; \
                 SET LOCAL enable_hashjoin = off; SET LOCAL enable_nestloop = off"
            }
            Self::Heaps => {
                "SET LOCAL max_parallel_workers_per_gather = 0; \
                 SET LOCAL constraint_exclusion = off; SET LOCAL enable_indexscan = off; \
                 SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off; \
                 SET LOCAL enable_sort = off; SET LOCAL work_mem = '128MB'; SET LOCAL hash_mem_multiplier = 1; \
                 SET LOCAL synchronize_seqscans = off; \
                 SELECT pg_catalog.set_config(name, 'off', true) FROM pg_catalog.pg_settings \
                 WHERE name = 'enable_presorted_aggregate'"
            }
            Self::JoinedHeaps => {
                "SET LOCAL max_parallel_workers_per_gather = 0; \
                 SET LOCAL constraint_exclusion = off; SET LOCAL enable_indexscan = off; \
                 SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off; \
                 SET LOCAL enable_sort = off; SET LOCAL work_mem = '4MB'; SET LOCAL hash_mem_multiplier = 2"
            }
        }
    }
}

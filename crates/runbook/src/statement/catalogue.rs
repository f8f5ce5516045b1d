//! What a session's own catalogue says about functions: which are volatile, or run with their owner's rights.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{PgConnection, Row as _};

use super::names::Operator;
use super::{ReadStatement, Refused};
use crate::check::CheckError;

/// Volatile functions of Postgres and its extensions that only read: the clock, sizes, statistics, positions in
/// the log, corruption checks.
const HARMLESS: [&str; 105] = [
    "amvalidate",
    "bernoulli",
    "bt_index_check",
    "bt_index_parent_check",
    "clock_timestamp",
    "current_query",
    "currval",
    "gen_random_bytes",
    "gen_random_uuid",
    "gen_salt",
    "gin_index_check",
    "lastval",
    "pg_available_wal_summaries",
    "pg_blocking_pids",
    "pg_buffercache_pages",
    "pg_buffercache_summary",
    "pg_buffercache_usage_counts",
    "pg_check_frozen",
    "pg_check_visible",
    "pg_collation_actual_version",
    "pg_control_checkpoint",
    "pg_control_init",
    "pg_control_recovery",
    "pg_control_system",
    "pg_current_logfile",
    "pg_current_wal_flush_lsn",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn",
    "pg_database_collation_actual_version",
    "pg_database_size",
    "pg_freespace",
    "pg_get_aios",
    "pg_get_backend_memory_contexts",
    "pg_get_multixact_members",
    "pg_get_shmem_allocations",
    "pg_get_shmem_allocations_numa",
    "pg_get_wal_replay_pause_state",
    "pg_get_wal_resource_managers",
    "pg_get_wal_summarizer_state",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_indexes_size",
    "pg_is_in_recovery",
    "pg_is_wal_replay_paused",
    "pg_isolation_test_session_is_blocked",
    "pg_jit_available",
    "pg_last_committed_xact",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_lock_status",
    "pg_ls_archive_statusdir",
    "pg_ls_logdir",
    "pg_ls_summariesdir",
    "pg_ls_tmpdir",
    "pg_ls_waldir",
    "pg_notification_queue_usage",
    "pg_numa_available",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_prepared_xact",
    "pg_relation_size",
    "pg_safe_snapshot_blocking_pids",
    "pg_sequence_last_value",
    "pg_show_all_file_settings",
    "pg_show_replication_origin_status",
    "pg_split_walfile_name",
    "pg_stat_clear_snapshot",
    "pg_stat_force_next_flush",
    "pg_stat_get_backend_io",
    "pg_stat_get_backend_wal",
    "pg_stat_get_io",
    "pg_stat_get_recovery_prefetch",
    "pg_stat_get_xact_blocks_fetched",
    "pg_stat_get_xact_blocks_hit",
    "pg_stat_get_xact_function_calls",
    "pg_stat_get_xact_function_self_time",
    "pg_stat_get_xact_function_total_time",
    "pg_stat_get_xact_numscans",
    "pg_stat_get_xact_tuples_fetched",
    "pg_stat_get_xact_tuples_returned",
    "pg_stat_have_stats",
    "pg_stat_statements",
    "pg_stat_statements_info",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
    "pg_visibility",
    "pg_visibility_map",
    "pg_visibility_map_summary",
    "pg_xact_commit_timestamp",
    "pg_xact_commit_timestamp_origin",
    "pg_xact_status",
    "pgstatindex",
    "pgstattuple",
    "pgstattuple_approx",
    "random",
    "random_normal",
    "system",
    "timeofday",
    "txid_status",
    "uuidv4",
    "uuidv7",
    "uuid_generate_v4",
    "verify_heapam",
];

/// The names that a statement on this database may not use. Loaded once for each [`Live`](crate::live::Live) and
/// [`Ephemeral`](crate::ephemeral::Ephemeral): a function made later is judged by the built-in list alone.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// Function names, each with the schemas in which it is dangerous.
    functions: BTreeMap<String, BTreeSet<String>>,
    /// Functions that `(row).name` would call, and the schemas.
    attributes: BTreeMap<String, BTreeSet<String>>,
    /// Operators, and the schemas.
    operators: BTreeMap<String, BTreeSet<String>>,
}

impl Catalogue {
    /// Reads it, in the transaction that is open on `connection`.
    pub(crate) async fn load(connection: &mut PgConnection) -> Result<Self, CheckError> {
        let rows = sqlx::query(include_str!("guard.sql"))
            .bind(HARMLESS.as_slice())
            .persistent(false)
            .fetch_all(connection)
            .await
            .map_err(crate::context::classify)?;
        let mut catalogue = Self::default();
        for row in rows {
            let (schema, name, kind): (String, String, String) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let names = match kind.as_str() {
                "f" => &mut catalogue.functions,
                "a" => &mut catalogue.attributes,
                _ => &mut catalogue.operators,
            };
            names.entry(name).or_default().insert(schema);
        }
        Ok(catalogue)
    }

    /// Refuses a statement that uses one of these names. A name without a schema is refused when *any* function or operator
    /// of that name is dangerous: which one the server would take depends on its `search_path` and the arguments. Where
    /// that is known to be `pg_catalog` alone (`own_names`), no other schema's can be meant.
    pub(crate) fn judge(&self, statement: &ReadStatement, own_names: bool) -> Result<(), Refused> {
        let bare = |names: &BTreeMap<String, BTreeSet<String>>, name: &str| {
            names.get(name).is_some_and(|schemas| !own_names || schemas.contains("pg_catalog"))
        };
        for call in &statement.calls {
            let dangerous = match &call.schema {
                Some(schema) => self.functions.get(&call.name).is_some_and(|found| found.contains(schema)),
                None => bare(&self.functions, &call.name),
            };
            if dangerous {
                return Err(Refused::Function(call.name.clone()));
            }
        }
        if let Some(field) = statement.fields.iter().find(|field| bare(&self.attributes, field)) {
            return Err(Refused::Function(field.clone()));
        }
        let dangerous = |used: &&Operator| match used.has_schema {
            true => self.operators.contains_key(&used.name),
            false => bare(&self.operators, &used.name),
        };
        if let Some(used) = statement.operators.iter().find(dangerous) {
            return Err(Refused::Operator(used.name.clone()));
        }
        Ok(())
    }
}

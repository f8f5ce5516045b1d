-- The log that was written, and what this transaction updated so far.
SELECT
    (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8,
    coalesce(pg_stat_get_xact_tuples_updated(to_regclass($1)), 0),
    coalesce(pg_stat_get_xact_tuples_hot_updated(to_regclass($1)), 0)

-- Every relation of the system as the session sees it, and what this transaction did to it.
SELECT
    c.oid::int8 AS oid,
    c.oid::regclass::text AS name,
    coalesce(i.indrelid::regclass::text, c.oid::regclass::text) AS table_name,
    c.relkind::text AS kind,
    c.relfilenode::int8 AS filenode,
    CASE WHEN c.relkind IN ('r', 'm', 'i', 't', 'S') THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END AS bytes,
    pg_catalog.pg_stat_get_xact_tuples_returned(c.oid) AS rows_read,
    pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS rows_inserted,
    pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS rows_updated,
    pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS rows_deleted,
    c.reltuples::float8 AS rows_estimated
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'

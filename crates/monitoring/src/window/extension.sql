-- Where pg_stat_statements stands in this database, of which version it is, and whether the role sees all of it. Version
-- 1.9 came with 14; a database that pg_upgrade took along keeps an older one until it is told otherwise.
SELECT
    pg_catalog.quote_ident(n.nspname) AS schema,
    pg_catalog.quote_ident(current_user) AS role,
    e.extversion AS version,
    pg_catalog.string_to_array(e.extversion, '.')::integer[] >= ARRAY[1, 9] AS recent,
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS permitted,
    coalesce(pg_catalog.current_setting('pg_stat_statements.track', true), '') AS track
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'

-- Where pg_stat_statements stands in this database, and whether the role sees all of it.
SELECT
    quote_ident(n.nspname) AS schema,
    quote_ident(current_user) AS role,
    pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS permitted,
    coalesce(current_setting('pg_stat_statements.track', true), '') AS track
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'

-- The function of pg_stat_statements, where the extension is there.
SELECT pg_catalog.quote_ident(n.nspname) || '.pg_stat_statements'
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'

-- The tables of the system, less the ones in which migration tools keep their state.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
    AND NOT c.relispartition
    AND c.relname NOT IN ('_sqlx_migrations', 'alembic_version')
    AND n.nspname = ANY ($1)
ORDER BY 1

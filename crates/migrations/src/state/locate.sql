-- The tables of this name, the one that an unqualified name reaches first.
SELECT
    pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
    pg_catalog.pg_table_is_visible(c.oid) AS visible
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = $1
    AND c.relkind IN ('r', 'p', 'f', 'v')
    AND n.nspname !~ '^pg_(temp|toast)'
ORDER BY pg_catalog.pg_table_is_visible(c.oid) DESC, n.nspname

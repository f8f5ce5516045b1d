-- Tables and whether their changes reach the write-ahead log.
SELECT
    pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
    c.relpersistence = 'u' AS unlogged
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
    AND n.nspname = ANY ($1)
ORDER BY 1

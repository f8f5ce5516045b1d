-- The tables and materialized views of the given schemas: their names, their size in blocks of 8 KiB, and their rows as last estimated.
SELECT
    c.relname::text AS name,
    format('%I.%I', n.nspname, c.relname) AS shown,
    pg_relation_size(c.oid) / 8192 AS blocks,
    greatest(c.reltuples, 0)::bigint AS rows
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname = ANY ($1)
ORDER BY n.nspname, c.relname

-- The indexes, those of the given schemas first: their names, whether the planner may use them, and the partitioned index above, where there is one.
SELECT
    c.relname::text AS name,
    format('%I.%I', n.nspname, c.relname) AS shown,
    i.indisvalid AND i.indisready AND i.indislive AS usable,
    root.relname::text AS root
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_class AS root ON root.oid = pg_partition_root(i.indexrelid) AND root.oid <> i.indexrelid
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY n.nspname = ANY ($1) DESC, n.nspname, c.relname

-- Every index of the schemas, and whether it is valid, ready and alive or only now being built.
SELECT
    pg_catalog.format('%I.%I', n.nspname, ic.relname) AS name,
    pg_catalog.format('%I.%I', n.nspname, c.relname) AS on_table,
    i.indisvalid AND i.indisready AND i.indislive AS sound,
    ic.relkind = 'I' AS partitioned,
    EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid) AS building,
    -- What a failed REINDEX CONCURRENTLY leaves: the new copy, or the old one.
    ic.relname ~ '_cc(new|old)[0-9]*$' AS left_over,
    EXISTS (
        SELECT FROM pg_stat_progress_create_index AS p
        WHERE p.datname = pg_catalog.current_database() AND p.relid IS NULL
    ) AS hidden_builds
FROM pg_index AS i
JOIN pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = ic.relnamespace
WHERE n.nspname = ANY ($1)
ORDER BY 1

-- The tables and materialized views, those of the given schemas first: their names, their size in blocks of 8 KiB, and their rows
-- as last estimated; beside a partition's own what all partitions of its table have together, and the tables above it.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS name,
    format('%I.%I', n.nspname, c.relname) AS shown,
    coalesce(pg_relation_size(c.oid), 0) / 8192 AS blocks,
    format('%I.%I', rn.nspname, root.relname) AS whole,
    coalesce(sum(pg_relation_size(c.oid)) OVER of_root / 8192, 0)::bigint AS whole_blocks,
    coalesce(sum(greatest(c.reltuples, 0)) FILTER (WHERE c.relkind <> 'p') OVER of_root, 0)::bigint AS whole_rows,
    ARRAY(
        SELECT above.relname::text
        FROM pg_partition_ancestors(c.oid) WITH ORDINALITY AS a (oid, place)
        JOIN pg_class AS above ON above.oid = a.oid
        WHERE above.oid <> c.oid
        ORDER BY a.place
    ) AS above
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS root ON root.oid = coalesce(pg_partition_root(c.oid), c.oid)
JOIN pg_namespace AS rn ON rn.oid = root.relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
WINDOW of_root AS (PARTITION BY root.oid)
ORDER BY n.nspname = ANY ($1) DESC, n.nspname, c.relname

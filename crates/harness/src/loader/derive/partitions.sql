-- What the partitions of each partitioned table hold, and whether one takes all the rest.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS "table",
    coalesce(bool_or(pg_get_expr(l.relpartbound, l.oid) = 'DEFAULT'), false) AS open,
    coalesce(
        array_agg(coalesce(pg_get_partition_constraintdef(l.oid), '') ORDER BY l.oid) FILTER (WHERE l.oid IS NOT NULL),
        '{}') AS parts,
    -- Of all rows, the share that partitions by hash take.
    sum(1.0 / (regexp_match(pg_get_expr(l.relpartbound, l.oid), 'modulus (\d+)'))[1]::float8) AS hashed
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (SELECT p.relid FROM pg_partition_tree(c.oid) AS p WHERE p.isleaf AND p.level > 0) AS leaves ON true
LEFT JOIN pg_class AS l ON l.oid = leaves.relid
WHERE n.nspname = ANY ($1) AND c.relkind = 'p' AND NOT c.relispartition
GROUP BY 1, 2

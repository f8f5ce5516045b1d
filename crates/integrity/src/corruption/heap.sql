-- A claim for each table and materialized view: amcheck finds nothing wrong with its pages, or its TOAST.
SELECT
    format('%I.%I', n.nspname, c.relname) AS object,
    1::bigint AS claims,
    'fault' AS noun,
    'in its pages' AS phrase,
    ARRAY[c.oid]::bigint[] AS reads,
    NULL::bigint AS keyed_by,
    '' AS qualifier,
    ARRAY['block', 'line', 'column', 'fault'] AS labels,
    ARRAY['blkno', 'offnum', 'attnum', 'msg'] AS expressions,
    format('FROM %I.verify_heapam(%s::oid::regclass, check_toast => true) AS fault', an.nspname, c.oid) AS source,
    'restore the table from a backup, and look for the cause: storage, memory' AS remedy,
    NULL::text AS unprovable,
    true AS of_pages
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
CROSS JOIN pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS an ON an.oid = e.extnamespace
WHERE c.relkind IN ('r', 'm') AND am.amname = 'heap' AND e.extname = 'amcheck' AND n.nspname = ANY ($1)
ORDER BY 1

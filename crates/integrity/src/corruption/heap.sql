-- A claim for each table and materialized view: amcheck finds nothing wrong with its pages, or its TOAST. And where
-- pg_visibility is installed and may be called: no row is there that the visibility map calls seen by all and is not. amcheck
-- does not look at that map, and scans along an index believe it: they would see a row that was deleted. (A standby cannot
-- be asked.)
WITH heap AS (
    SELECT c.oid, n.nspname, c.relname
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
    WHERE c.relkind IN ('r', 'm') AND am.amname = 'heap'
        -- A partition belongs to its parent, wherever it stands.
        AND (n.nspname = ANY ($1) OR c.relispartition AND EXISTS (
            SELECT
            FROM pg_catalog.pg_partition_ancestors(c.oid) AS above
            JOIN pg_catalog.pg_class AS ac ON ac.oid = above.relid
            JOIN pg_catalog.pg_namespace AS an ON an.oid = ac.relnamespace
            WHERE an.nspname = ANY ($1)
        ))
)
SELECT
    format('%I.%I', c.nspname, c.relname) AS object,
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
FROM heap AS c
CROSS JOIN pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS an ON an.oid = e.extnamespace
WHERE e.extname = 'amcheck'
UNION ALL
SELECT
    format('%I.%I', c.nspname, c.relname),
    0,
    'row',
    'in pages that the visibility map calls seen by all, and that are not',
    ARRAY[c.oid]::bigint[],
    NULL,
    '',
    ARRAY['ctid'],
    ARRAY['line'],
    -- Those that are seen all the same are none: before 17 a row may be told that not every session sees yet. Looked at one by
    -- one, since a scan believes what the page says of all of its rows.
    format(
        'FROM %I.pg_check_visible(%s::oid::regclass) AS line '
            'WHERE NOT EXISTS (SELECT FROM ONLY %I.%I AS seen WHERE seen.ctid = line OFFSET 0)',
        an.nspname, c.oid, c.nspname, c.relname
    ),
    format(
        'SELECT %I.pg_truncate_visibility_map(%L), then VACUUM %I.%I, and look for the cause: storage, memory',
        an.nspname, format('%I.%I', c.nspname, c.relname), c.nspname, c.relname
    ),
    NULL,
    true
FROM heap AS c
CROSS JOIN pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS an ON an.oid = e.extnamespace
JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
JOIN pg_catalog.pg_proc AS p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
WHERE e.extname = 'pg_visibility' AND p.proname = 'pg_check_visible' AND NOT pg_is_in_recovery()
    AND has_function_privilege(p.oid, 'EXECUTE')
ORDER BY 1, 4

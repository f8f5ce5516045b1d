-- A claim for each CHECK constraint and each table that holds rows (a partitioned table's partitions carry its
-- constraints). Read by TABLESAMPLE SYSTEM (100): all blocks of the heap, and no plan that trusts the constraint or
-- an index.
SELECT
    format('%I ON %I.%I', con.conname, n.nspname, c.relname) AS object,
    1::bigint AS claims,
    'row' AS noun,
    'against ' || pg_get_constraintdef(con.oid, true) AS phrase,
    ARRAY[c.oid]::bigint[] AS reads,
    c.oid::bigint AS keyed_by,
    '' AS qualifier,
    coalesce(k.columns, '{}') AS labels,
    coalesce(k.columns, '{}') AS expressions,
    format(
        'FROM ONLY %I.%I TABLESAMPLE SYSTEM (100) WHERE NOT (%s)',
        n.nspname, c.relname, pg_get_expr(con.conbin, con.conrelid)
    ) AS source,
    format('correct these rows of %I.%I', n.nspname, c.relname) AS remedy,
    NULL::text AS unprovable,
    format('NOT (%s)', pg_get_expr(con.conbin, con.conrelid)) AS condition,
    format('FROM ONLY %I.%I TABLESAMPLE SYSTEM (100)', n.nspname, c.relname) AS scanned
FROM pg_catalog.pg_constraint AS con
JOIN pg_catalog.pg_class AS c ON c.oid = con.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT array_agg(quote_ident(a.attname) ORDER BY a.attnum) AS columns
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = con.conrelid AND a.attnum = ANY (con.conkey) AND a.attnum > 0
) AS k
-- A partition belongs to its parent, wherever it stands.
WHERE con.contype = 'c' AND c.relkind = 'r' AND (n.nspname = ANY ($1) OR c.relispartition AND EXISTS (
    SELECT
    FROM pg_catalog.pg_partition_ancestors(c.oid) AS above
    JOIN pg_catalog.pg_class AS ac ON ac.oid = above.relid
    JOIN pg_catalog.pg_namespace AS an ON an.oid = ac.relnamespace
    WHERE an.nspname = ANY ($1)
))
ORDER BY 1

-- Each valid B-tree index, and the calls that compare its order with itself, and its entries with the heap. amcheck
-- needs no right to the table; a role without one is told so all the same, as by every other check.
SELECT
    format('%I.%I', n.nspname, ic.relname) AS object,
    format(call.pattern, an.nspname, ic.oid, 'false') AS ordered,
    format(call.pattern, an.nspname, ic.oid, 'true') AS complete,
    format(
        'REINDEX INDEX %s%I.%I, and look for the cause: storage, memory, collation version',
        -- The server builds no exclusion constraint's index beside its writers.
        CASE WHEN i.indisexclusion THEN '' ELSE 'CONCURRENTLY ' END, n.nspname, ic.relname
    )
        AS remedy,
    (greatest(ic.relpages, 0) + greatest(c.relpages, 0))::float8 AS pages,
    CASE
        WHEN NOT has_schema_privilege(n.oid, 'USAGE')
            THEN format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, current_user)
        WHEN NOT has_table_privilege(c.oid, 'SELECT')
            THEN format('GRANT SELECT ON %I.%I TO %I', n.nspname, c.relname, current_user)
    END AS missing
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = ic.relnamespace
JOIN pg_catalog.pg_am AS am ON am.oid = ic.relam
CROSS JOIN pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS an ON an.oid = e.extnamespace
CROSS JOIN (
    VALUES ('SELECT count(*) FROM (SELECT %1$I.bt_index_check(%2$s::oid::regclass, %3$s) OFFSET 0) AS verified')
) AS call (pattern)
WHERE ic.relkind = 'i' AND am.amname = 'btree' AND i.indisvalid AND i.indisready AND i.indislive
    AND e.extname = 'amcheck'
    -- A partition belongs to its parent, wherever it stands.
    AND (n.nspname = ANY ($1) OR c.relispartition AND EXISTS (
        SELECT
        FROM pg_catalog.pg_partition_ancestors(c.oid) AS above
        JOIN pg_catalog.pg_class AS ac ON ac.oid = above.relid
        JOIN pg_catalog.pg_namespace AS acn ON acn.oid = ac.relnamespace
        WHERE acn.nspname = ANY ($1)
    ))
ORDER BY 1

-- Foreign keys with the indexes whose first key columns are theirs, as a set: valid btrees, in any order.
-- INCLUDE columns do not count (indnkeyatts); the copies of a key on partitions are told by the parent.
SELECT
    pg_catalog.quote_ident(o.conname) AS name,
    pg_catalog.format('%I.%I', n.nspname, c.relname) AS on_table,
    ARRAY(
        SELECT pg_catalog.quote_ident(a.attname)
        FROM pg_catalog.unnest(o.conkey) WITH ORDINALITY AS k (number, position)
        JOIN pg_attribute AS a ON a.attrelid = o.conrelid AND a.attnum = k.number
        ORDER BY k.position
    ) AS columns,
    ARRAY(
        SELECT coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '')
        FROM pg_index AS i
        JOIN pg_class AS ic ON ic.oid = i.indexrelid
        JOIN pg_am AS am ON am.oid = ic.relam
        CROSS JOIN LATERAL (SELECT (i.indkey::int2[])[0:cardinality(o.conkey) - 1] AS numbers) AS first
        WHERE i.indrelid = o.conrelid
            AND am.amname = 'btree'
            AND i.indisvalid
            AND i.indisready
            AND i.indislive
            AND i.indnkeyatts >= pg_catalog.cardinality(o.conkey)
            AND first.numbers @> o.conkey
            AND first.numbers <@ o.conkey
    ) AS predicates
FROM pg_constraint AS o
JOIN pg_class AS c ON c.oid = o.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE o.contype = 'f'
    AND o.conparentid = 0
    AND n.nspname = ANY ($1)
ORDER BY 2, 1

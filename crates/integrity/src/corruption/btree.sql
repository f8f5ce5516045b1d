-- Each valid B-tree index, and the call that compares its order with itself and its entries with the heap.
SELECT
    format('%I.%I', n.nspname, ic.relname) AS object,
    format(
        'SELECT count(*) FROM (SELECT %I.bt_index_check(%s::oid::regclass, true) OFFSET 0) AS verified',
        an.nspname, ic.oid
    ) AS verification,
    format('REINDEX INDEX CONCURRENTLY %I.%I, and look for the cause: storage, memory, collation version', n.nspname, ic.relname)
        AS remedy
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = ic.relnamespace
JOIN pg_catalog.pg_am AS am ON am.oid = ic.relam
CROSS JOIN pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS an ON an.oid = e.extnamespace
WHERE ic.relkind = 'i' AND am.amname = 'btree' AND i.indisvalid AND i.indisready AND i.indislive
    AND e.extname = 'amcheck' AND n.nspname = ANY ($1)
ORDER BY 1

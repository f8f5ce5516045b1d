-- The indexes of a table that are in use, and whether its rows can be written anew in their order.
SELECT
    i.indexrelid::regclass::text AS name,
    quote_ident(x.relname) AS bare,
    i.indnatts AS columns,
    i.indpred IS NULL AND coalesce(pg_index_has_property(i.indexrelid, 'clusterable'), false) AS clusterable,
    i.indisclustered AS clustered
FROM pg_index AS i
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_class AS x ON x.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE n.nspname = $1 AND t.relname = $2 AND t.relkind = 'r'
    AND i.indisvalid AND i.indisready AND i.indislive
ORDER BY x.relname

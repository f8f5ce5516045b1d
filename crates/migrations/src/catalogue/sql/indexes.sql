-- Indexes, taken apart. Putting a plain one together again here costs a fifth of asking pg_get_indexdef for it, so only
-- what has an expression, a predicate or options is asked for.
SELECT
    i.indexrelid,
    i.indrelid,
    pg_catalog.quote_ident(ic.relname),
    am.amname::text,
    pg_catalog.string_to_array(i.indkey::text, ' ')::int2[],
    i.indnkeyatts,
    pg_catalog.string_to_array(i.indclass::text, ' ')::oid[],
    pg_catalog.string_to_array(i.indcollation::text, ' ')::oid[],
    -- Vectors start at 0, which no client expects of an array.
    pg_catalog.string_to_array(i.indoption::text, ' ')::int2[],
    i.indisunique,
    i.indnullsnotdistinct,
    ic.relkind = 'I',
    i.indisvalid AND i.indisready AND i.indislive,
    i.indisclustered,
    i.indisreplident,
    pg_catalog.quote_ident(ts.spcname),
    CASE
        WHEN i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR ic.reloptions IS NOT NULL OR am.amname <> 'btree'
            THEN pg_catalog.pg_get_indexdef(i.indexrelid)
    END,
    -- Only an expression has a target of its own.
    CASE WHEN i.indexprs IS NOT NULL THEN (
        SELECT pg_catalog.string_agg(a.attnum || '=' || a.attstattarget, ', ' ORDER BY a.attnum)
        FROM pg_attribute AS a
        WHERE a.attrelid = i.indexrelid AND nullif(a.attstattarget, -1) IS NOT NULL
    ) END
FROM pg_index AS i
JOIN pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = ic.relnamespace
JOIN pg_am AS am ON am.oid = ic.relam
LEFT JOIN pg_tablespace AS ts ON ts.oid = ic.reltablespace
WHERE n.nspname = ANY ($1)

-- The sound indexes of the schemas, taken apart so that two can be compared.
SELECT
    i.indexrelid::bigint AS id,
    pg_catalog.format('%I.%I', n.nspname, ic.relname) AS name,
    i.indrelid::bigint AS table_id,
    pg_catalog.concat_ws(' | ',
        am.amname, i.indkey::text, i.indnkeyatts, i.indclass::text, i.indcollation::text, i.indoption::text,
        coalesce(pg_catalog.pg_get_expr(i.indexprs, i.indrelid), '-'), coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '-'),
        coalesce(ic.reloptions::text, '-'), pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct'
    ) AS identity,
    pg_catalog.concat_ws(' | ', am.amname, coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '-')) AS frame,
    CASE WHEN am.amname = 'btree' AND i.indexprs IS NULL THEN ARRAY(
        SELECT pg_catalog.concat_ws(' ', (i.indkey::int2[])[k], (i.indclass::oid[])[k], (i.indcollation::oid[])[k], (i.indoption::int2[])[k])
        FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS k
        ORDER BY k
    ) ELSE ARRAY[]::text[] END AS keys,
    i.indnatts > i.indnkeyatts AS includes,
    i.indisunique AS is_unique,
    i.indisreplident OR EXISTS (SELECT FROM pg_constraint AS o WHERE o.conindid = i.indexrelid) AS needed
FROM pg_index AS i
JOIN pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_am AS am ON am.oid = ic.relam
JOIN pg_namespace AS n ON n.oid = ic.relnamespace
WHERE n.nspname = ANY ($1)
    AND i.indisvalid
    AND i.indisready
    AND i.indislive
    AND NOT ic.relispartition
ORDER BY 2

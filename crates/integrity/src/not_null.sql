-- A claim for each table that holds rows, about all of its NOT NULL columns at once: one pass over the heap.
-- num_nulls, a call that the planner does not look into: from 17 on it believes the constraint, and makes IS NULL and
-- IS NOT DISTINCT FROM NULL of such a column false without a look at the rows. (And IS NULL is also true of a row value
-- whose fields are all null.)
SELECT
    format('%I.%I', n.nspname, c.relname) AS object,
    count(*) AS claims,
    'row' AS noun,
    'with a null in a NOT NULL column' AS phrase,
    ARRAY[c.oid]::bigint[] AS reads,
    c.oid::bigint AS keyed_by,
    '' AS qualifier,
    ARRAY['null'] AS labels,
    ARRAY[format(
        'array_to_string(ARRAY[%s], '', '')',
        string_agg(
            format('CASE WHEN num_nulls(%I) > 0 THEN %L END', a.attname, quote_ident(a.attname)), ', ' ORDER BY a.attnum
        )
    )] AS expressions,
    format(
        'FROM ONLY %I.%I TABLESAMPLE SYSTEM (100) WHERE %s',
        n.nspname, c.relname, string_agg(format('num_nulls(%I) > 0', a.attname), ' OR ' ORDER BY a.attnum)
    ) AS source,
    format('set these columns of %I.%I', n.nspname, c.relname) AS remedy,
    NULL::text AS unprovable
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relkind = 'r' AND a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname = ANY ($1)
GROUP BY c.oid, n.nspname, c.relname
ORDER BY 1

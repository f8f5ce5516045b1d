-- A claim for each table that holds rows, about all of its NOT NULL columns at once: one pass over the heap.
-- num_nulls, a call that the planner does not look into: from 17 on it believes the constraint, and makes IS NULL and
-- IS NOT DISTINCT FROM NULL of such a column false without a look at the rows. (And IS NULL is also true of a row value
-- whose fields are all null.) A call takes a hundred arguments at most.
WITH part AS (
    SELECT
        a.attrelid,
        a.number / 50 AS number,
        count(*) AS claims,
        string_agg(
            format('CASE WHEN pg_catalog.num_nulls(%I) > 0 THEN %L END', a.attname, quote_ident(a.attname)), ', ' ORDER BY a.number
        ) AS shown,
        format('pg_catalog.num_nulls(%s) > 0', string_agg(quote_ident(a.attname), ', ' ORDER BY a.number)) AS broken
    FROM (
        SELECT attrelid, attname, row_number() OVER (PARTITION BY attrelid ORDER BY attnum) - 1 AS number
        FROM pg_catalog.pg_attribute
        WHERE attnotnull AND attnum > 0 AND NOT attisdropped
    ) AS a
    GROUP BY a.attrelid, a.number / 50
)
SELECT
    format('%I.%I', n.nspname, c.relname) AS object,
    sum(p.claims)::bigint AS claims,
    'row' AS noun,
    'with a null in a NOT NULL column' AS phrase,
    ARRAY[c.oid]::bigint[] AS reads,
    c.oid::bigint AS keyed_by,
    '' AS qualifier,
    ARRAY['null'] AS labels,
    ARRAY[format('array_to_string(ARRAY[%s], '', '')', string_agg(p.shown, ', ' ORDER BY p.number))] AS expressions,
    format(
        'FROM ONLY %I.%I TABLESAMPLE SYSTEM (100) WHERE %s',
        n.nspname, c.relname, string_agg(p.broken, ' OR ' ORDER BY p.number)
    ) AS source,
    format('set these columns of %I.%I', n.nspname, c.relname) AS remedy,
    NULL::text AS unprovable,
    string_agg(p.broken, ' OR ' ORDER BY p.number) AS condition,
    format('FROM ONLY %I.%I TABLESAMPLE SYSTEM (100)', n.nspname, c.relname) AS scanned
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN part AS p ON p.attrelid = c.oid
-- A partition belongs to its parent, wherever it stands.
WHERE c.relkind = 'r' AND (n.nspname = ANY ($1) OR c.relispartition AND EXISTS (
    SELECT
    FROM pg_catalog.pg_partition_ancestors(c.oid) AS above
    JOIN pg_catalog.pg_class AS ac ON ac.oid = above.relid
    JOIN pg_catalog.pg_namespace AS an ON an.oid = ac.relnamespace
    WHERE an.nspname = ANY ($1)
))
GROUP BY c.oid, n.nspname, c.relname
ORDER BY 1

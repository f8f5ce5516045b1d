-- A claim for each unique index: a constraint's or its own, partial, on expressions, with NULLS NOT DISTINCT; a
-- partitioned one covers the whole tree. TABLESAMPLE SYSTEM (100) reads all blocks of the heap and cannot be planned
-- over an index, least of all over the suspect one.
SELECT
    format('%I ON %I.%I', ic.relname, n.nspname, c.relname) AS object,
    1::bigint AS claims,
    'key' AS noun,
    'on more than one row' AS phrase,
    ARRAY[c.oid]::bigint[] AS reads,
    NULL::bigint AS keyed_by,
    '' AS qualifier,
    k.labels,
    k.outputs AS expressions,
    format(
        'FROM (SELECT %s FROM %s%I.%I TABLESAMPLE SYSTEM (100) WHERE %s GROUP BY %s HAVING count(*) > 1) AS doubled',
        k.selected,
        CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, c.relname,
        concat_ws(' AND ', '(' || pg_get_expr(i.indpred, i.indrelid) || ')', k.present, 'true'),
        k.positions
    ) AS source,
    format(
        'remove or change all but one row of each key, then REINDEX INDEX CONCURRENTLY %I.%I', icn.nspname, ic.relname
    ) AS remedy,
    NULL::text AS unprovable,
    -- Along another index of the same columns, grouped in its order. The suspect's own predicate would invite the
    -- suspect: what says no more than that the key is not null is said in words that the planner does not look into.
    CASE
        WHEN i.indexprs IS NULL AND NOT i.indnullsnotdistinct AND (
            i.indpred IS NULL
            OR i.indnkeyatts = 1 AND pg_get_expr(i.indpred, i.indrelid, true) = k.labels[1] || ' IS NOT NULL'
        )
            THEN ARRAY[
                format(
                    'FROM (SELECT %s FROM %s%I.%I WHERE num_nulls(%s) = 0 GROUP BY %s HAVING count(*) > 1) AS doubled',
                    k.selected, CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, c.relname,
                    array_to_string(k.labels, ', '), k.positions
                ),
                '', '', '', ''
            ]
    END AS along,
    ic.relname::text AS suspect
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS icn ON icn.oid = ic.relnamespace
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT
        array_agg(e.expression ORDER BY e.position) AS labels,
        array_agg('k' || e.position ORDER BY e.position) AS outputs,
        string_agg(format('%s AS k%s', e.collated, e.position), ', ' ORDER BY e.position) AS selected,
        string_agg(e.position::text, ', ' ORDER BY e.position) AS positions,
        CASE
            WHEN NOT i.indnullsnotdistinct
                THEN string_agg(format('(%s) IS DISTINCT FROM NULL', e.expression), ' AND ' ORDER BY e.position)
        END AS present
    FROM (
        SELECT
            position,
            pg_get_indexdef(i.indexrelid, position, true) AS expression,
            format('(%s)', pg_get_indexdef(i.indexrelid, position, true))
                || CASE WHEN col.oid IS NULL THEN '' ELSE format(' COLLATE %I.%I', coln.nspname, col.collname) END
                AS collated
        FROM generate_series(1, i.indnkeyatts) AS position
        LEFT JOIN pg_catalog.pg_collation AS col ON col.oid = i.indcollation[position - 1]
        LEFT JOIN pg_catalog.pg_namespace AS coln ON coln.oid = col.collnamespace
    ) AS e
) AS k
-- An index of a partition is covered by the one it is attached to; an exclusion constraint has its own check.
WHERE i.indisunique AND i.indisvalid AND NOT ic.relispartition AND NOT i.indisexclusion
    AND c.relkind IN ('r', 'p', 'm') AND n.nspname = ANY ($1)
ORDER BY 1

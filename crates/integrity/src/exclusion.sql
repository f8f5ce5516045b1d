-- A claim for each exclusion constraint: no two rows for which all of its operators hold. Both sides read the heap. Of many
-- rows with ranges only those next to each other in their order are compared, since all pairs would take the square of
-- their number: where two rows overlap there is such a pair, but there may be more pairs than are counted.
SELECT
    format('%I ON %I.%I', con.conname, n.nspname, c.relname) AS object,
    1::bigint AS claims,
    'pair' AS noun,
    CASE WHEN k.orders AND k.ranges = 1 AND c.reltuples > 10000 THEN 'of rows next to each other in the order of their ranges '
        ELSE 'of rows ' END || 'that exclude each other' AS phrase,
    ARRAY[c.oid]::bigint[] AS reads,
    NULL::bigint AS keyed_by,
    '' AS qualifier,
    k.labels,
    k.outputs AS expressions,
    format(
        CASE
            WHEN k.orders AND k.ranges = 1 AND c.reltuples > 10000
                THEN 'FROM (SELECT %4$s, %5$s FROM (%1$s) AS held WHERE pg_catalog.num_nulls(%3$s) = 0 '
                    'WINDOW run AS (%6$s ORDER BY %7$s)) AS run '
                    'CROSS JOIN LATERAL (SELECT %8$s) AS a CROSS JOIN LATERAL (SELECT %9$s) AS b '
                    'WHERE a.%7$s OPERATOR(pg_catalog.&&) b.%7$s'
            ELSE 'FROM (%1$s) AS a JOIN (%1$s) AS b ON (a.place, a.line) < (b.place, b.line) AND %2$s'
        END,
        format(
            'SELECT tableoid AS place, ctid AS line, %s FROM %s%I.%I TABLESAMPLE SYSTEM (100) WHERE %s',
            k.selected, CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, c.relname,
            coalesce(pg_get_expr(i.indpred, i.indrelid), 'true')
        ),
        k.conflict, k.names, k.names, k.before, 'PARTITION BY ' || k.equal, k.range, k.first, k.second
    ) AS source,
    format('remove or change one row of each pair in %I.%I', n.nspname, c.relname) AS remedy,
    NULL::text AS unprovable,
    -- Ranges of which no two overlap that are next to each other in their order: then no two do. For the range that comes
    -- next begins no later than any other that is still reached.
    CASE
        WHEN k.orders AND k.ranges = 1
            THEN format(
                'FROM (SELECT %1$s AS one, lag(%1$s) OVER (%2$s ORDER BY %1$s) AS before '
                    'FROM (SELECT %3$s FROM %4$s%5$I.%6$I WHERE %7$s) AS held WHERE pg_catalog.num_nulls(%8$s) = 0) AS run '
                    'WHERE before OPERATOR(pg_catalog.&&) one',
                k.range, 'PARTITION BY ' || k.equal, k.selected,
                CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, c.relname,
                coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'), k.names
            )
    END AS swift
FROM pg_catalog.pg_constraint AS con
JOIN pg_catalog.pg_class AS c ON c.oid = con.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index AS i ON i.indexrelid = con.conindid
CROSS JOIN LATERAL (
    SELECT
        array_agg(e.expression || e.side ORDER BY e.side, e.position) AS labels,
        array_agg(e.side_name || '.e' || e.position ORDER BY e.side, e.position) AS outputs,
        string_agg(format('(%s)%s AS e%s', e.expression, e.collation, e.position), ', ' ORDER BY e.position)
            FILTER (WHERE e.side_name = 'a') AS selected,
        string_agg(
            format('a.e%1$s OPERATOR(%2$I.%3$s) b.e%1$s', e.position, e.operator_schema, e.operator),
            ' AND ' ORDER BY e.position
        ) FILTER (WHERE e.side_name = 'a') AS conflict,
        string_agg('e' || e.position, ', ' ORDER BY e.position) FILTER (WHERE e.side_name = 'a') AS names,
        string_agg(format('lag(e%1$s) OVER run AS before%1$s', e.position), ', ' ORDER BY e.position)
            FILTER (WHERE e.side_name = 'a') AS before,
        string_agg(format('before%1$s AS e%1$s', e.position), ', ' ORDER BY e.position)
            FILTER (WHERE e.side_name = 'a') AS first,
        string_agg(format('run.e%1$s AS e%1$s', e.position), ', ' ORDER BY e.position)
            FILTER (WHERE e.side_name = 'a') AS second,
        string_agg('e' || e.position, ', ' ORDER BY e.position) FILTER (WHERE e.side_name = 'a' AND e.operator = '=') AS equal,
        string_agg('e' || e.position, ', ') FILTER (WHERE e.side_name = 'a' AND e.overlaps) AS range,
        count(*) FILTER (WHERE e.side_name = 'a' AND e.overlaps) AS ranges,
        bool_and(e.overlaps OR e.operator = '=' AND e.operator_schema = 'pg_catalog' AND e.operator_merges) AS orders
    FROM (
        SELECT
            u.position,
            pg_get_indexdef(con.conindid, u.position::integer, true) AS expression,
            -- The index compares by a collation of its own.
            CASE WHEN col.oid IS NULL THEN '' ELSE format(' COLLATE %I.%I', coln.nspname, col.collname) END AS collation,
            op.oprname AS operator,
            opn.nspname AS operator_schema,
            op.oprcanmerge AS operator_merges,
            op.oid = 'pg_catalog.&&(anyrange, anyrange)'::regoperator AS overlaps,
            sides.side,
            sides.side_name
        FROM unnest(con.conexclop) WITH ORDINALITY AS u (operator, position)
        JOIN pg_catalog.pg_operator AS op ON op.oid = u.operator
        JOIN pg_catalog.pg_namespace AS opn ON opn.oid = op.oprnamespace
        LEFT JOIN pg_catalog.pg_collation AS col ON col.oid = i.indcollation[u.position - 1]
        LEFT JOIN pg_catalog.pg_namespace AS coln ON coln.oid = col.collnamespace
        CROSS JOIN (VALUES ('a', ''), ('b', ' against')) AS sides (side_name, side)
    ) AS e
) AS k
-- A partition's is covered by the one it descends from, where that one is asked about and sees its rows.
WHERE con.conexclop IS NOT NULL AND n.nspname = ANY ($1) AND NOT EXISTS (
    SELECT
    FROM pg_catalog.pg_constraint AS above
    JOIN pg_catalog.pg_class AS ac ON ac.oid = above.conrelid
    JOIN pg_catalog.pg_namespace AS an ON an.oid = ac.relnamespace
    WHERE above.oid = con.conparentid AND an.nspname = ANY ($1)
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_inherits AS own WHERE own.inhrelid = con.conrelid AND own.inhdetachpending
        )
)
ORDER BY 1

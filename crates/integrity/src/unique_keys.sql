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
        -- (Not of a partitioned table: the plan would name the indexes of its partitions, which are as suspect.)
        WHEN i.indexprs IS NULL AND c.relkind <> 'p' AND NOT i.indnullsnotdistinct AND (
            i.indpred IS NULL
            OR i.indnkeyatts = 1 AND pg_get_expr(i.indpred, i.indrelid, true) = k.labels[1] || ' IS NOT NULL'
        )
            THEN ARRAY[
                format(
                    'FROM (SELECT %s FROM %s%I.%I WHERE %s',
                    k.selected, CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, c.relname,
                    CASE i.indnkeyatts WHEN 1 THEN 'true' ELSE format('pg_catalog.num_nulls(%s) = 0', array_to_string(k.labels, ', ')) END
                ),
                CASE WHEN t.plain THEN k.labels[1] ELSE '' END,
                -- Of one column the nulls are left out by the count, without a call for each row.
                format(
                    ' GROUP BY %s HAVING count(%s) > 1) AS doubled',
                    k.positions, CASE i.indnkeyatts WHEN 1 THEN k.labels[1] ELSE '*' END
                ),
                '', ''
            ]
    END AS along,
    CASE WHEN t.plain THEN i.indkey[0]::integer END AS leading,
    ic.relname::text AS suspect,
    -- The same count, or one that is zero when that is, in the one pass over the heap that costs least.
    format(
        CASE
            WHEN x.excess IS NOT NULL AND x.held <= 128 * 1024 * 1024
                THEN 'FROM (SELECT %6$s AS excess FROM %1$s) AS counted WHERE excess > 0'
            -- Whole numbers without wide gaps: 64 of them are a word of bits, which has as many bits as rows.
            WHEN t.whole AND t.dense
                THEN 'FROM (SELECT FROM %1$s WHERE %2$s GROUP BY (%3$s)::bigint >> 6 HAVING count(*) <> '
                    'bit_count(bit_or(1::bigint << ((%3$s)::bigint & 63)::integer)::bit(64))) AS doubled'
            -- Rows that lie in the order of their key: where each is greater than the one before, no two are equal.
            WHEN t.plain AND t.in_order
                THEN 'FROM (SELECT %3$s AS key, lag(%3$s) OVER () AS before FROM %1$s WHERE %2$s) AS run '
                    'WHERE NOT (before OPERATOR(pg_catalog.<) key)'
            ELSE 'FROM (SELECT %4$s FROM %1$s WHERE %2$s GROUP BY %5$s HAVING count(*) > 1) AS doubled'
        END,
        format('%s%I.%I', CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, c.relname),
        concat_ws(' AND ', '(' || pg_get_expr(i.indpred, i.indrelid) || ')', k.present, 'true'),
        k.labels[1], k.selected, k.positions, x.excess
    ) AS swift,
    x.excess,
    x.held,
    CASE
        WHEN t.plain AND t.in_order AND t.filled AND i.indpred IS NULL AND c.relkind = 'r' THEN k.labels[1]
    END AS ordered
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
                THEN format('pg_catalog.num_nulls(%s) = 0', string_agg(e.expression, ', ' ORDER BY e.position))
        END AS present,
        -- 64 bits of the key, each column's with those before it as their seed, and null where one of them is.
        CASE
            WHEN bool_and(e.hash IS NOT NULL)
                THEN string_agg(e.hash || ', ', '' ORDER BY e.position DESC) || '0' || repeat(')', i.indnkeyatts)
        END AS hash
    FROM (
        SELECT
            position,
            pg_get_indexdef(i.indexrelid, position, true) AS expression,
            format('(%s)', pg_get_indexdef(i.indexrelid, position, true))
                || CASE WHEN col.oid IS NULL THEN '' ELSE format(' COLLATE %I.%I', coln.nspname, col.collname) END
                AS collated,
            format(
                CASE
                    WHEN NOT o.opcdefault OR o.opcnamespace <> 'pg_catalog'::regnamespace THEN NULL
                    -- Those that agree with the operators of an index on when two values are equal.
                    WHEN o.opcintype = 'text'::regtype THEN 'pg_catalog.hashtextextended(%s'
                    WHEN o.opcintype = 'bpchar'::regtype THEN 'pg_catalog.hashbpcharextended(%s'
                    WHEN o.opcintype = 'uuid'::regtype THEN 'pg_catalog.uuid_hash_extended(%s'
                    WHEN o.opcintype = 'numeric'::regtype THEN 'pg_catalog.hash_numeric_extended(%s'
                    WHEN o.opcintype = 'anyenum'::regtype THEN 'pg_catalog.hashenumextended(%s'
                    WHEN o.opcintype IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
                        THEN 'pg_catalog.hashint8extended((%s)::bigint'
                    WHEN o.opcintype IN ('timestamp'::regtype, 'date'::regtype)
                        THEN 'pg_catalog.timestamp_hash_extended((%s)::timestamp'
                    WHEN o.opcintype = 'timestamptz'::regtype
                        THEN 'pg_catalog.timestamp_hash_extended((%s) AT TIME ZONE ''UTC'''
                END,
                format('(%s)', pg_get_indexdef(i.indexrelid, position, true))
                    || CASE WHEN col.oid IS NULL THEN '' ELSE format(' COLLATE %I.%I', coln.nspname, col.collname) END
            ) AS hash
        FROM generate_series(1, i.indnkeyatts) AS position
        JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[position - 1]
        LEFT JOIN pg_catalog.pg_collation AS col ON col.oid = i.indcollation[position - 1]
        LEFT JOIN pg_catalog.pg_namespace AS coln ON coln.oid = col.collnamespace
    ) AS e
) AS k
-- What a single column, compared as its type does by itself, and the statistics of it make possible.
CROSS JOIN LATERAL (
    SELECT
        count(*) > 0 AS plain,
        coalesce(bool_or(a.attnotnull), false) AS filled,
        coalesce(bool_or(a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)), false) AS whole,
        coalesce(bool_or(s.correlation > 0.9999 AND c.relkind <> 'p'), false) AS in_order,
        coalesce(bool_or(
            CASE WHEN a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
                THEN (s.bounds[array_upper(s.bounds, 1)]::numeric - s.bounds[1]::numeric) / 8
                    < CASE c.relkind
                        WHEN 'p' THEN (
                            SELECT sum(leaf.reltuples)
                            FROM pg_catalog.pg_partition_tree(c.oid::regclass) AS tree
                            JOIN pg_catalog.pg_class AS leaf ON leaf.oid = tree.relid AND tree.isleaf
                        )
                        ELSE c.reltuples
                    END
            END
        ), false) AS dense
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[0]
    LEFT JOIN LATERAL (
        SELECT s.correlation, s.avg_width, s.histogram_bounds::text::text[] AS bounds
        FROM pg_catalog.pg_stats AS s
        WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
            AND s.inherited = (c.relkind = 'p')
    ) AS s ON true
    WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0] AND i.indnkeyatts = 1 AND NOT i.indnullsnotdistinct
        AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND o.opcdefault
        AND o.opcnamespace = 'pg_catalog'::regnamespace AND i.indcollation[0] = a.attcollation
) AS t
-- How many rows there are beyond one a key: where the hashes of all keys differ, so do the keys; a sort of whole numbers
-- takes a third of the time that one of texts does, and 24 bytes a row.
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN NOT i.indnullsnotdistinct AND c.reltuples > 0 THEN
                CASE i.indnkeyatts
                    WHEN 1 THEN format('count(%s)', k.labels[1]) || coalesce(' FILTER (WHERE ' || f.rows || ')', '')
                    ELSE format('count(*) FILTER (WHERE %s)', concat_ws(' AND ', f.rows, k.present))
                END
                || ' - count(DISTINCT ' || CASE WHEN t.whole THEN k.labels[1] ELSE k.hash END || ')'
                || coalesce(' FILTER (WHERE ' || f.rows || ')', '')
        END AS excess,
        greatest(c.reltuples, 0)::double precision * 25 AS held
    FROM (
        SELECT CASE
            WHEN i.indnkeyatts = 1 AND pg_get_expr(i.indpred, i.indrelid, true) = k.labels[1] || ' IS NOT NULL' THEN NULL
            ELSE '(' || pg_get_expr(i.indpred, i.indrelid) || ')'
        END AS rows
    ) AS f
) AS x
-- An index of a partition is covered by the one it is attached to, where that one is valid and asked about, and sees its
-- rows (not those of a partition whose detachment was interrupted); an exclusion constraint has its own check.
WHERE i.indisunique AND i.indisvalid AND NOT i.indisexclusion
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_inherits AS h
        JOIN pg_catalog.pg_index AS above ON above.indexrelid = h.inhparent
        JOIN pg_catalog.pg_class AS ac ON ac.oid = above.indrelid
        JOIN pg_catalog.pg_namespace AS an ON an.oid = ac.relnamespace
        WHERE h.inhrelid = ic.oid AND above.indisvalid AND an.nspname = ANY ($1)
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_inherits AS own WHERE own.inhrelid = i.indrelid AND own.inhdetachpending
            )
    )
    AND c.relkind IN ('r', 'p', 'm') AND n.nspname = ANY ($1)
ORDER BY 1

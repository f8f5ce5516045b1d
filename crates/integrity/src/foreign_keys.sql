-- A claim for each foreign key of the catalogue, whatever `convalidated` and `conenforced` say. The constraints of
-- partitions, and those that a partitioned referenced table multiplies, are covered by the one they descend from.
-- As the server's own triggers do: ONLY where a side is not partitioned, the operators of the constraint, the
-- collation of the referenced column. TABLESAMPLE SYSTEM (100) reads all blocks of both heaps, and no index.
WITH foreign_key AS (
    SELECT
        con.oid,
        con.conname,
        con.confmatchtype,
        con.conrelid,
        con.confrelid,
        coalesce((to_jsonb(con) ->> 'conperiod')::boolean, false) AS temporal,
        format('%I.%I', cn.nspname, c.relname) AS child,
        format('%I.%I', pn.nspname, p.relname) AS parent,
        CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END AS child_only,
        CASE p.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END AS parent_only,
        k.parent_columns,
        k.periods,
        k.divides,
        con.conkey[1]::integer AS leading,
        k.columns,
        k.present,
        k.really_present,
        k.in_part,
        k.matched
    FROM pg_catalog.pg_constraint AS con
    JOIN pg_catalog.pg_class AS c ON c.oid = con.conrelid
    JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
    JOIN pg_catalog.pg_class AS p ON p.oid = con.confrelid
    JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
    CROSS JOIN LATERAL (
        SELECT
            array_agg(quote_ident(ca.attname) ORDER BY u.position) AS columns,
            array_agg(quote_ident(pa.attname) ORDER BY u.position) AS parent_columns,
            -- Whether the rows can be counted in parts: both sides order the first column alike.
            bool_and(
                ca.atttypid = pa.atttypid AND ca.attcollation = pa.attcollation
                    AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b'
            ) FILTER (WHERE u.position = 1) AS divides,
            -- All but the last, which a foreign key with PERIOD compares in another way.
            string_agg(
                format('p.%I OPERATOR(%I.%s) c.%I', pa.attname, opn.nspname, op.oprname, ca.attname),
                ' AND ' ORDER BY u.position
            ) FILTER (WHERE u.position < cardinality(con.conkey)) AS periods,
            string_agg(format('c.%I IS NOT NULL', ca.attname), ' AND ' ORDER BY u.position) AS present,
            -- In words that the planner does not look into: of a NOT NULL column it would believe that there is none.
            format('pg_catalog.num_nulls(%s) = 0', string_agg(format('c.%I', ca.attname), ', ' ORDER BY u.position)) AS really_present,
            format(
                'pg_catalog.num_nulls(%1$s) > 0 AND pg_catalog.num_nonnulls(%1$s) > 0',
                string_agg(format('c.%I', ca.attname), ', ' ORDER BY u.position)
            ) AS in_part,
            string_agg(
                format(
                    'p.%I%s OPERATOR(%I.%s) c.%I%s%s',
                    pa.attname, cast_to.left, opn.nspname, op.oprname, ca.attname, cast_to.right,
                    CASE
                        WHEN pa.attcollation <> ca.attcollation AND pa.attcollation <> 0
                            THEN format(' COLLATE %I.%I', coln.nspname, col.collname)
                        ELSE ''
                    END
                ),
                ' AND ' ORDER BY u.position
            ) AS matched
        FROM unnest(con.conkey, con.confkey, con.conpfeqop) WITH ORDINALITY AS u (child, parent, operator, position)
        JOIN pg_catalog.pg_attribute AS ca ON ca.attrelid = con.conrelid AND ca.attnum = u.child
        JOIN pg_catalog.pg_attribute AS pa ON pa.attrelid = con.confrelid AND pa.attnum = u.parent
        JOIN pg_catalog.pg_type AS t ON t.oid = ca.atttypid
        JOIN pg_catalog.pg_operator AS op ON op.oid = u.operator
        JOIN pg_catalog.pg_namespace AS opn ON opn.oid = op.oprnamespace
        -- As the trigger: each side as the type that the operator is made for, where that is another one.
        CROSS JOIN LATERAL (
            SELECT
                coalesce(min(format('::%s', format_type(asked.wanted, -1))) FILTER (WHERE asked.side = 1), '') AS left,
                coalesce(min(format('::%s', format_type(asked.wanted, -1))) FILTER (WHERE asked.side = 2), '') AS right
            FROM (VALUES (1, pa.atttypid, op.oprleft), (2, ca.atttypid, op.oprright)) AS asked (side, held, wanted)
            JOIN pg_catalog.pg_type AS wanted ON wanted.oid = asked.wanted AND wanted.typtype <> 'p'
            WHERE asked.held <> asked.wanted AND (asked.held, asked.wanted) <> ('varchar'::regtype, 'text'::regtype)
        ) AS cast_to
        LEFT JOIN pg_catalog.pg_collation AS col ON col.oid = pa.attcollation
        LEFT JOIN pg_catalog.pg_namespace AS coln ON coln.oid = col.collnamespace
    ) AS k
    -- A partition's is covered by the one it descends from, where that one is asked about, and sees its rows: those of a
    -- partition whose detachment was interrupted are no longer its.
    WHERE con.contype = 'f' AND cn.nspname = ANY ($1) AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_constraint AS above
        JOIN pg_catalog.pg_class AS ac ON ac.oid = above.conrelid
        JOIN pg_catalog.pg_namespace AS an ON an.oid = ac.relnamespace
        WHERE above.oid = con.conparentid AND (
            above.conrelid = con.conrelid
            OR an.nspname = ANY ($1) AND NOT (above.confrelid = con.confrelid AND EXISTS (
                SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = con.conrelid AND h.inhdetachpending
            ))
        )
    )
)
SELECT
    format('%I ON %s', f.conname, f.child) AS object,
    1::bigint AS claims,
    'row' AS noun,
    format('with no match in %s', f.parent) AS phrase,
    ARRAY[f.conrelid, f.confrelid]::bigint[] AS reads,
    f.conrelid::bigint AS keyed_by,
    'c.' AS qualifier,
    f.columns AS labels,
    (SELECT array_agg('c.' || label) FROM unnest(f.columns) AS label) AS expressions,
    format(
        'FROM %s%s AS c TABLESAMPLE SYSTEM (100) WHERE %s AND ' || CASE
            -- As the server's trigger for PERIOD: what the matching rows cover together covers this one.
            WHEN f.temporal
                THEN '(c.%7$s <@ (SELECT pg_catalog.range_agg(p.%8$s) FROM %4$s%5$s AS p TABLESAMPLE SYSTEM (100) '
                    'WHERE %9$s AND p.%8$s && c.%7$s)) IS NOT TRUE'
            ELSE 'NOT EXISTS (SELECT FROM %4$s%5$s AS p TABLESAMPLE SYSTEM (100) WHERE %6$s)'
        END,
        f.child_only, f.child, f.really_present, f.parent_only, f.parent, f.matched,
        f.columns[cardinality(f.columns)], f.parent_columns[cardinality(f.columns)], f.periods
    ) AS source,
    format('restore the missing rows of %s, or remove those that name them from %s', f.parent, f.child) AS remedy,
    NULL::text AS unprovable,
    CASE
        WHEN NOT f.temporal
            THEN ARRAY[
                format('FROM %s%s AS c WHERE %s', f.child_only, f.child, f.present),
                CASE WHEN f.divides THEN 'c.' || f.columns[1] ELSE '' END,
                format(' AND NOT EXISTS (SELECT FROM %s%s AS p WHERE %s', f.parent_only, f.parent, f.matched),
                CASE WHEN f.divides THEN 'p.' || f.parent_columns[1] ELSE '' END,
                ')'
            ]
    END AS along,
    CASE WHEN f.divides THEN f.leading END AS leading,
    -- The same beside what else is asked of the rows, along an index that holds all of it.
    CASE
        WHEN NOT f.temporal
            THEN ARRAY[
                array_to_string(f.columns, ', '),
                format('FROM %s%s', f.child_only, f.child),
                format('LEFT JOIN %s%s AS p ON %s', f.parent_only, f.parent, f.matched),
                format('p.%s IS NULL AND %s', f.parent_columns[1], f.present)
            ]
    END AS beside,
    -- Both heaps in one pass each, where no index is to be believed.
    CASE
        WHEN NOT f.temporal
            THEN format(
                'FROM %s%s AS c WHERE %s AND NOT EXISTS (SELECT FROM %s%s AS p WHERE %s)',
                f.child_only, f.child, f.really_present, f.parent_only, f.parent, f.matched
            )
    END AS swift
FROM foreign_key AS f
UNION ALL
-- MATCH FULL forbids what the anti-join leaves out: a key that is null in part.
SELECT
    format('%I ON %s', f.conname, f.child),
    0,
    'row',
    'with a key that is null in part, against MATCH FULL',
    ARRAY[f.conrelid]::bigint[],
    f.conrelid::bigint,
    'c.',
    f.columns,
    (SELECT array_agg('c.' || label) FROM unnest(f.columns) AS label),
    format(
        'FROM %s%s AS c TABLESAMPLE SYSTEM (100) WHERE %s',
        f.child_only, f.child, f.in_part
    ),
    format('set all columns of the key, or none, in %s', f.child),
    NULL,
    NULL,
    NULL,
    NULL,
    NULL
FROM foreign_key AS f
WHERE f.confmatchtype = 'f' AND cardinality(f.columns) > 1
ORDER BY 1, 4

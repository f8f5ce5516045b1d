-- A claim for each materialized view: its rows are what its defining query gives now, each as often. Rows are compared
-- as text, since json and its like know no equality; equal values that are written in several ways in one of them.
-- Floating point numbers to six digits, and to six places: their sums depend on the order of the rows, and where large
-- terms cancel each other, nothing but that order is left.
SELECT
    format('%I.%I', n.nspname, c.relname) AS object,
    1::bigint AS claims,
    'row' AS noun,
    'other than its defining query gives' AS phrase,
    (
        SELECT array_agg(DISTINCT d.refobjid::bigint) || c.oid::bigint
        FROM pg_catalog.pg_rewrite AS w
        JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
        WHERE w.ev_class = c.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> c.oid
    ) AS reads,
    NULL::bigint AS keyed_by,
    '' AS qualifier,
    ARRAY['what', 'row'] AS labels,
    ARRAY['what', 'held'] AS expressions,
    format(
        'FROM ((SELECT ''missing'' AS what, fresh.held FROM (%1$s EXCEPT ALL %2$s) AS fresh) '
            'UNION ALL (SELECT ''extra'', stale.held FROM (%2$s EXCEPT ALL %1$s) AS stale)) AS differing',
        format(
            'SELECT ROW(%s)::text AS held FROM (%s) AS defined (%s)',
            k.compared, rtrim(pg_get_viewdef(c.oid), ';'), k.columns
        ),
        format('SELECT ROW(%s)::text AS held FROM %I.%I', k.compared, n.nspname, c.relname)
    ) AS source,
    format('REFRESH MATERIALIZED VIEW %I.%I', n.nspname, c.relname) AS remedy,
    CASE
        WHEN NOT c.relispopulated
            THEN format('it was never filled: REFRESH MATERIALIZED VIEW %I.%I', n.nspname, c.relname)
    END AS unprovable
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT
        string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns,
        string_agg(
            CASE
                WHEN base.oid IN ('float4'::regtype, 'float8'::regtype)
                    THEN format(number.rounded, format('%I', a.attname))
                WHEN base.oid IN ('float4[]'::regtype, 'float8[]'::regtype)
                    THEN format(
                        '(SELECT array_agg(%s ORDER BY place) FROM unnest(%I) WITH ORDINALITY AS part (value, place))',
                        format(number.rounded, 'value'), a.attname
                    )
                WHEN base.oid = 'numeric'::regtype THEN format('trim_scale(%I)', a.attname)
                WHEN base.typname = 'citext' THEN format('lower(%I::text)', a.attname)
                ELSE format('%I', a.attname)
            END,
            ', ' ORDER BY a.attnum
        ) AS compared
    FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_type AS base ON base.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
    CROSS JOIN (
        VALUES (
            'CASE WHEN abs(%1$s) < 1e-6 THEN ''0'' WHEN %1$s IN (''NaN'', ''Infinity'', ''-Infinity'') THEN (%1$s)::text '
            'ELSE to_char(%1$s, ''9.99999EEEE'') END'
        )
    ) AS number (rounded)
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) AS k
WHERE c.relkind = 'm' AND n.nspname = ANY ($1)
ORDER BY 1

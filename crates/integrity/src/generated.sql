-- A claim for each stored generated column. Compared as text, since json and its like know no equality; what floating point
-- numbers are made of bit by bit, since a database may have set their text to fewer digits (extra_float_digits).
SELECT
    format('%I.%I (%I)', n.nspname, c.relname, a.attname) AS object,
    1::bigint AS claims,
    'row' AS noun,
    format('that hold another value than %s', pg_get_expr(d.adbin, d.adrelid)) AS phrase,
    ARRAY[c.oid]::bigint[] AS reads,
    c.oid::bigint AS keyed_by,
    '' AS qualifier,
    ARRAY[quote_ident(a.attname), 'generated'] AS labels,
    ARRAY[
        quote_ident(a.attname),
        format('((%s)::%s)', pg_get_expr(d.adbin, d.adrelid), format_type(a.atttypid, a.atttypmod))
    ] AS expressions,
    format('FROM ONLY %I.%I TABLESAMPLE SYSTEM (100) WHERE %s', n.nspname, c.relname, k.broken) AS source,
    format('UPDATE %I.%I SET %I = DEFAULT for these rows', n.nspname, c.relname, a.attname) AS remedy,
    NULL::text AS unprovable,
    k.broken AS condition,
    format('FROM ONLY %I.%I TABLESAMPLE SYSTEM (100)', n.nspname, c.relname) AS scanned
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type AS base ON base.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
CROSS JOIN LATERAL (
    SELECT format(
        CASE
            WHEN base.oid IN (
                'float4'::regtype, 'float8'::regtype, 'float4[]'::regtype, 'float8[]'::regtype, 'point'::regtype,
                'line'::regtype, 'lseg'::regtype, 'box'::regtype, 'path'::regtype, 'polygon'::regtype, 'circle'::regtype
            )
                THEN 'pg_catalog.record_image_ne(ROW(%I), ROW((%s)::%s))'
            ELSE '%I::text IS DISTINCT FROM ((%s)::%s)::text'
        END,
        a.attname, pg_get_expr(d.adbin, d.adrelid), format_type(a.atttypid, a.atttypmod)
    ) AS broken
) AS k
-- A partition belongs to its parent, wherever it stands.
WHERE a.attgenerated = 's' AND NOT a.attisdropped AND (n.nspname = ANY ($1) OR c.relispartition AND EXISTS (
    SELECT
    FROM pg_catalog.pg_partition_ancestors(c.oid) AS above
    JOIN pg_catalog.pg_class AS ac ON ac.oid = above.relid
    JOIN pg_catalog.pg_namespace AS an ON an.oid = ac.relnamespace
    WHERE an.nspname = ANY ($1)
))
ORDER BY 1

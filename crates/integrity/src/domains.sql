-- A claim for each column of a domain type and each constraint of that domain, or of a domain it is made from. The
-- column is read as the base type, under the name that the domain's expression knows it by.
WITH RECURSIVE based AS (
    -- The schemas come first: nearly every column of information_schema is of a domain.
    SELECT n.nspname, c.relname, a.attrelid, a.attnum, a.attname, a.atttypid AS domain
    FROM pg_catalog.pg_namespace AS n
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relkind = 'r'
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid AND t.typtype = 'd'
    -- A partition belongs to its parent, wherever it stands.
    WHERE (n.nspname = ANY ($1) OR c.relispartition AND EXISTS (
        SELECT
        FROM pg_catalog.pg_partition_ancestors(c.oid) AS above
        JOIN pg_catalog.pg_class AS ac ON ac.oid = above.relid
        JOIN pg_catalog.pg_namespace AS an ON an.oid = ac.relnamespace
        WHERE an.nspname = ANY ($1)
    ))
    UNION ALL
    SELECT b.nspname, b.relname, b.attrelid, b.attnum, b.attname, t.typbasetype
    FROM based AS b
    JOIN pg_catalog.pg_type AS t ON t.oid = b.domain
    JOIN pg_catalog.pg_type AS below ON below.oid = t.typbasetype AND below.typtype = 'd'
),
based_on AS (
    -- The base type at the end of the chain, with the modifier of the domain that names it.
    SELECT DISTINCT ON (b.attrelid, b.attnum)
        b.attrelid,
        b.attnum,
        format_type(t.typbasetype, t.typtypmod) AS base
    FROM based AS b
    JOIN pg_catalog.pg_type AS t ON t.oid = b.domain
    JOIN pg_catalog.pg_type AS below ON below.oid = t.typbasetype AND below.typtype <> 'd'
),
rule AS (
    SELECT
        con.contypid AS domain,
        format('%I', con.conname) AS name,
        pg_get_constraintdef(con.oid, true) AS definition,
        format('NOT (%s)', pg_get_expr(con.conbin, 0)) AS broken
    FROM pg_catalog.pg_constraint AS con
    WHERE con.contypid <> 0 AND con.contype = 'c'
    UNION ALL
    SELECT t.oid, 'not null', 'NOT NULL', 'pg_catalog.num_nulls(value) > 0'
    FROM pg_catalog.pg_type AS t
    WHERE t.typtype = 'd' AND t.typnotnull
)
SELECT
    format('%s of %s ON %I.%I (%I)', r.name, format_type(b.domain, NULL), b.nspname, b.relname, b.attname) AS object,
    1::bigint AS claims,
    'row' AS noun,
    'against ' || r.definition AS phrase,
    ARRAY[b.attrelid]::bigint[] AS reads,
    NULL::bigint AS keyed_by,
    '' AS qualifier,
    ARRAY['ctid', quote_ident(b.attname)] AS labels,
    ARRAY['line', 'value'] AS expressions,
    format(
        'FROM (SELECT ctid AS line, %I::%s AS value FROM ONLY %I.%I TABLESAMPLE SYSTEM (100)) AS held WHERE %s',
        b.attname, o.base, b.nspname, b.relname, r.broken
    ) AS source,
    format('correct these rows of %I.%I', b.nspname, b.relname) AS remedy,
    NULL::text AS unprovable
FROM based AS b
JOIN based_on AS o ON o.attrelid = b.attrelid AND o.attnum = b.attnum
JOIN rule AS r ON r.domain = b.domain
ORDER BY 1, 4

-- How much of its values each sequence has given out, towards the nearest of three ends: its own, that of the
-- columns it feeds, and that of the columns which refer to those. A sequence that cycles has no end.
WITH fed AS (
    -- Owned (serial, identity), or used in a default.
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid::int2 AS number
    FROM pg_depend AS d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum
    FROM pg_depend AS d
    JOIN pg_attrdef AS f ON f.oid = d.objid
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
),

columns AS (
    SELECT sequence, relation, number FROM fed
    UNION
    SELECT f.sequence, o.conrelid, o.conkey[pg_catalog.array_position(o.confkey, f.number)]
    FROM fed AS f
    JOIN pg_constraint AS o ON o.contype = 'f' AND o.confrelid = f.relation AND f.number = ANY (o.confkey)
),

bounds AS (
    SELECT DISTINCT ON (k.sequence)
        k.sequence,
        pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name,
        b.largest
    FROM columns AS k
    JOIN pg_attribute AS a ON a.attrelid = k.relation AND a.attnum = k.number
    JOIN pg_class AS c ON c.oid = k.relation
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN (VALUES
        ('int2'::regtype, 32767::numeric), ('int4'::regtype, 2147483647), ('int8'::regtype, 9223372036854775807)
    ) AS b (type, largest) ON b.type = a.atttypid
    ORDER BY k.sequence, b.largest, name
)

SELECT
    pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
    CASE
        WHEN s.seqincrement > 0 AND b.largest < s.seqmax OR s.seqincrement < 0 AND -b.largest - 1 > s.seqmin THEN b.name
    END AS narrow,
    coalesce(100 * CASE
        WHEN s.seqincrement > 0
            THEN (v.last_value - s.seqmin::numeric) / nullif(least(s.seqmax::numeric, b.largest) - s.seqmin, 0)
        ELSE (s.seqmax::numeric - v.last_value) / nullif(s.seqmax - greatest(s.seqmin::numeric, -b.largest - 1), 0)
    END, 0)::double precision AS used,
    pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') AS readable
FROM pg_sequence AS s
JOIN pg_class AS c ON c.oid = s.seqrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_sequences AS v ON v.schemaname = n.nspname AND v.sequencename = c.relname
LEFT JOIN bounds AS b ON b.sequence = s.seqrelid
WHERE n.nspname = ANY ($1)
    AND NOT s.seqcycle
ORDER BY 1

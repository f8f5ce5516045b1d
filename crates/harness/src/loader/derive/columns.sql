-- Every column of the ordinary tables of some schemas, with what is known of its values.
WITH RECURSIVE types AS (
    SELECT t.oid AS declared, t.oid, t.typname, t.typtype, t.typelem, t.typlen, t.typbasetype, t.typtypmod, t.typnotnull
    FROM pg_type AS t
    UNION ALL
    SELECT d.declared, t.oid, t.typname, t.typtype, t.typelem, t.typlen, t.typbasetype,
        CASE WHEN d.typtypmod >= 0 THEN d.typtypmod ELSE t.typtypmod END, d.typnotnull OR t.typnotnull
    FROM types AS d
    JOIN pg_type AS t ON t.oid = d.typbasetype
    WHERE d.typtype = 'd'
)
SELECT
    n.nspname::text AS schema,
    c.relname::text AS "table",
    a.attname::text AS name,
    CASE
        WHEN t.typtype = 'e' THEN 'enum'
        WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'array'
        ELSE t.typname::text
    END AS kind,
    format_type(a.atttypid, a.atttypmod) AS declared,
    CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE t.typtypmod END AS modifier,
    a.attnotnull OR t.typnotnull AS required,
    a.atthasdef OR a.attidentity <> '' AS has_default,
    a.attidentity <> '' OR pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname) IS NOT NULL AS counted,
    ARRAY(SELECT e.enumlabel::text FROM pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels,
    ARRAY(
        SELECT pg_get_constraintdef(k.oid)
        FROM pg_constraint AS k
        WHERE k.contype = 'c' AND (
            (k.conrelid = c.oid AND a.attnum = ANY (k.conkey)) OR k.contypid IN (
                SELECT d.declared FROM types AS d WHERE d.declared = a.atttypid AND d.typtype = 'd'))
        ORDER BY k.conname
    ) AS checks,
    quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS quoted_table,
    quote_ident(a.attname) AS quoted
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN types AS t ON t.declared = a.atttypid AND t.typtype <> 'd'
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2, a.attnum

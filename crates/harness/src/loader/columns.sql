-- The columns of a table that rows can be written to, with the types that are sent: a domain's base type, an enum as text.
WITH RECURSIVE types AS (
    SELECT t.oid AS declared, t.oid, t.typname, t.typtype, t.typelem, t.typlen, t.typbasetype
    FROM pg_type AS t
    UNION ALL
    SELECT d.declared, t.oid, t.typname, t.typtype, t.typelem, t.typlen, t.typbasetype
    FROM types AS d
    JOIN pg_type AS t ON t.oid = d.typbasetype
    WHERE d.typtype = 'd'
)
SELECT
    a.attname::text AS name,
    CASE
        WHEN t.typtype = 'e' THEN 'enum'
        WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'array'
        ELSE t.typname::text
    END AS kind,
    t.typelem::bigint AS element,
    quote_ident(a.attname) AS quoted
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN types AS t ON t.declared = a.atttypid AND t.typtype <> 'd'
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum

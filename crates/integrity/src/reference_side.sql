-- One side of a reference that the settings state: the table $2 of the schema $1, and its columns $3 in that order.
SELECT
    c.oid::bigint AS relation,
    coalesce(quote_ident(n.nspname) || '.' || quote_ident(c.relname), '') AS name,
    CASE c.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END AS only,
    ARRAY(
        SELECT (SELECT quote_ident(a.attname) FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attname = asked.name AND a.attnum > 0 AND NOT a.attisdropped)
        FROM unnest($3::text[]) WITH ORDINALITY AS asked (name, position)
        ORDER BY asked.position
    ) AS columns,
    ARRAY(
        SELECT (SELECT quote_ident(tn.nspname) FROM pg_catalog.pg_attribute AS a
                JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
                JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
                JOIN pg_catalog.pg_operator AS o ON o.oprnamespace = tn.oid AND o.oprname = '=' AND o.oprleft = t.oid
                WHERE a.attrelid = c.oid AND a.attname = asked.name AND a.attnum > 0 AND NOT a.attisdropped
                LIMIT 1)
        FROM unnest($3::text[]) WITH ORDINALITY AS asked (name, position)
        ORDER BY asked.position
    ) AS operators
FROM (SELECT) AS one
LEFT JOIN (
    pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
) ON n.nspname = $1::text AND c.relname = $2::text AND c.relkind IN ('r', 'p', 'm')

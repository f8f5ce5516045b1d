-- Constraints of tables. From 18 on, NOT NULL is one as well; it is told by its column, unless it is not valid.
SELECT
    CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
    format('%I.%I', n.nspname, c.relname) AS object,
    3 AS rank,
    0::bigint AS position,
    'constraint' AS part,
    quote_ident(o.conname) AS name,
    concat_ws(' ',
        pg_get_constraintdef(o.oid),
        'comment ' || quote_literal(obj_description(o.oid, 'pg_constraint'))
    ) AS definition
FROM pg_constraint AS o
JOIN pg_class AS c ON c.oid = o.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1)
    AND (o.contype <> 'n' OR NOT o.convalidated)
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )

-- Indexes, less those that only carry out a constraint and are sound: the constraint tells of them.
SELECT
    CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
    format('%I.%I', n.nspname, c.relname) AS object,
    4 AS rank,
    0::bigint AS position,
    'index' AS part,
    quote_ident(ic.relname) AS name,
    concat_ws(' ',
        pg_get_indexdef(i.indexrelid),
        CASE WHEN NOT (i.indisvalid AND i.indisready AND i.indislive) THEN 'invalid' END,
        CASE WHEN i.indisclustered THEN 'clustered' END,
        CASE WHEN i.indisreplident THEN 'replica identity' END,
        'comment ' || quote_literal(obj_description(ic.oid, 'pg_class'))
    ) AS definition
FROM pg_index AS i
JOIN pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1)
    AND NOT (
        i.indisvalid AND i.indisready AND i.indislive AND NOT i.indisclustered AND NOT i.indisreplident
        AND EXISTS (SELECT FROM pg_constraint AS o WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
    )
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )

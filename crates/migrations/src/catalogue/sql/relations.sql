-- Tables, views, materialized views, foreign tables and composite types: what is not a column, a constraint or
-- an index of theirs.
SELECT
    CASE c.relkind
        WHEN 'r' THEN 'table'
        WHEN 'p' THEN 'table'
        WHEN 'f' THEN 'foreign table'
        WHEN 'v' THEN 'view'
        WHEN 'm' THEN 'materialized view'
        ELSE 'type'
    END AS kind,
    format('%I.%I', n.nspname, c.relname) AS object,
    f.rank,
    0::bigint AS position,
    f.part,
    '' AS name,
    f.definition
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_am AS am ON am.oid = c.relam
LEFT JOIN pg_tablespace AS ts ON ts.oid = c.reltablespace
CROSS JOIN LATERAL (VALUES
    (0, 'object', ''),
    (1, 'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' WHEN 't' THEN 'temporary' END),
    (1, 'access method', CASE WHEN c.relkind IN ('r', 'm') THEN nullif(am.amname, 'heap') END),
    (1, 'tablespace', ts.spcname::text),
    (1, 'options', array_to_string(ARRAY(SELECT unnest(c.reloptions) ORDER BY 1), ', ')),
    (1, 'row security', CASE
        WHEN c.relforcerowsecurity THEN 'forced'
        WHEN c.relrowsecurity THEN 'enabled'
    END),
    (1, 'replica identity', CASE c.relreplident
        WHEN 'f' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'full' END
        WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p') THEN 'nothing' END
        WHEN 'i' THEN 'index'
    END),
    (1, 'partition by', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END),
    (1, 'partition bound', pg_get_expr(c.relpartbound, c.oid)),
    (1, 'of type', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END),
    (1, 'inherits', (
        SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno)
        FROM pg_inherits AS i
        JOIN pg_class AS p ON p.oid = i.inhparent
        JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
        WHERE i.inhrelid = c.oid
    )),
    (1, 'populated', CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'no' END),
    (8, 'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END),
    (9, 'comment', obj_description(c.oid, 'pg_class'))
) AS f (rank, part, definition)
WHERE n.nspname = ANY ($1)
    AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
    AND nullif(f.definition, CASE f.rank WHEN 0 THEN NULL ELSE '' END) IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )

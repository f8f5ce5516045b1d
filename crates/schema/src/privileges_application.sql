-- Every object of the schemas ($2) with the rights that the role ($1) lacks on it. What belongs to an extension, and the
-- tables of the migration tools, are nothing that an application touches.
WITH objects AS (
    SELECT pg_catalog.quote_ident(n.nspname) AS name, 'SCHEMA ' || pg_catalog.quote_ident(n.nspname) AS target,
        ARRAY['USAGE'] AS needed, ARRAY[pg_catalog.has_schema_privilege($1::name, n.oid, 'USAGE')] AS granted
    FROM pg_namespace AS n
    WHERE n.nspname = ANY ($2)
    UNION ALL
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.format('TABLE %I.%I', n.nspname, c.relname),
        p.needed, ARRAY(SELECT pg_catalog.has_table_privilege($1::name, c.oid, w) FROM pg_catalog.unnest(p.needed) WITH ORDINALITY AS u (w, o) ORDER BY o)
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT CASE
        WHEN c.relkind IN ('v', 'm') THEN ARRAY['SELECT']
        ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']
    END AS needed) AS p
    WHERE n.nspname = ANY ($2)
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT c.relispartition
        AND c.relname NOT IN ('_sqlx_migrations', 'alembic_version')
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.format('SEQUENCE %I.%I', n.nspname, c.relname),
        ARRAY['USAGE'], ARRAY[pg_catalog.has_sequence_privilege($1::name, c.oid, 'USAGE, UPDATE')]
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ($2)
        AND c.relkind = 'S'
        -- The sequence of an identity column asks for no right of its own.
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT p.oid::regprocedure::text, 'ROUTINE ' || p.oid::regprocedure, ARRAY['EXECUTE'], ARRAY[pg_catalog.has_function_privilege($1::name, p.oid, 'EXECUTE')]
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = ANY ($2)
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT name, target, ARRAY(
    SELECT w FROM ROWS FROM (pg_catalog.unnest(needed), pg_catalog.unnest(granted)) AS u (w, g) WHERE NOT g
) AS lacking
FROM objects
ORDER BY 1

-- $1: the schemas. The owner and the grants of each object, one a line; the defaults are written out, so that an
-- object whose grants were never touched reads like one that was granted just those.
WITH spaces AS (
    SELECT n.* FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ($1)
), objects AS (
    SELECT pg_catalog.format('schema %I', s.nspname) AS object, s.nspowner AS owner,
           coalesce(s.nspacl, pg_catalog.acldefault('n', s.nspowner)) AS acl,
           'pg_catalog.pg_namespace'::pg_catalog.regclass AS class, s.oid
    FROM spaces s
    UNION ALL
    SELECT pg_catalog.format('relation %I.%I', s.nspname, c.relname), c.relowner,
           coalesce(c.relacl, pg_catalog.acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner)),
           'pg_catalog.pg_class'::pg_catalog.regclass, c.oid
    FROM pg_catalog.pg_class c JOIN spaces s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT pg_catalog.format('column %I.%I.%I', s.nspname, c.relname, a.attname), c.relowner, a.attacl,
           'pg_catalog.pg_class'::pg_catalog.regclass, c.oid
    FROM pg_catalog.pg_class c
    JOIN spaces s ON s.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL
    UNION ALL
    SELECT pg_catalog.format('routine %I.%I(%s)', s.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)), p.proowner,
           coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)), 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid
    FROM pg_catalog.pg_proc p JOIN spaces s ON s.oid = p.pronamespace
    UNION ALL
    SELECT pg_catalog.format('type %I.%I', s.nspname, t.typname), t.typowner, coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner)),
           'pg_catalog.pg_type'::pg_catalog.regclass, t.oid
    FROM pg_catalog.pg_type t
    JOIN spaces s ON s.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c'
)
SELECT pg_catalog.format('%s: owner %s grants %s', o.object, o.owner::regrole,
              (SELECT pg_catalog.string_agg(item::text, ' ' ORDER BY item::text COLLATE "C") FROM pg_catalog.unnest(o.acl) item))
FROM objects o
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'
)

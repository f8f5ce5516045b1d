-- What an application relies on besides tables: each as a question that fails when it is gone, and what it is called.
WITH own AS (
    SELECT n.oid
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
),
extended AS (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d WHERE d.deptype = 'e'
)
SELECT 'the function ' || p.oid::regprocedure::text AS what,
    'SELECT ' || pg_catalog.quote_literal(p.oid::regprocedure::text) || '::regprocedure' AS question
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace IN (SELECT oid FROM own) AND p.prorettype <> 'pg_catalog.trigger'::regtype
    AND ('pg_catalog.pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM extended)
UNION ALL
SELECT 'the type ' || t.oid::regtype::text, 'SELECT NULL::' || t.oid::regtype::text
FROM pg_catalog.pg_type AS t
WHERE t.typnamespace IN (SELECT oid FROM own) AND t.typtype IN ('e', 'd')
    AND ('pg_catalog.pg_type'::regclass, t.oid) NOT IN (SELECT classid, objid FROM extended)
UNION ALL
SELECT 'the value ' || pg_catalog.quote_literal(e.enumlabel) || ' of ' || t.oid::regtype::text,
    'SELECT ' || pg_catalog.quote_literal(e.enumlabel) || '::' || t.oid::regtype::text
FROM pg_catalog.pg_enum AS e
JOIN pg_catalog.pg_type AS t ON t.oid = e.enumtypid
WHERE t.typnamespace IN (SELECT oid FROM own)
UNION ALL
SELECT 'the sequence ' || c.oid::regclass::text, 'SELECT ' || pg_catalog.quote_literal(c.oid::regclass::text) || '::regclass'
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace IN (SELECT oid FROM own) AND c.relkind = 'S'
ORDER BY 1

-- The functions and operators of this database that a statement on a reader may not use: volatile and not known
-- to be harmless ($1: names that count only where Postgres or an extension made the function), or made by a user
-- with the rights of its owner. One row each: the schema, the name, and what it is.
WITH judged AS (
    SELECT p.oid, n.nspname, p.proname, p.pronargs, p.pronargdefaults, p.proargtypes,
           p.provolatile, p.prosecdef,
           p.oid < 16384 OR EXISTS (
               SELECT FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
           ) AS shipped
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE (p.provolatile = 'v' OR p.prosecdef) AND p.prokind <> 'p'
), dangerous AS (
    SELECT * FROM judged WHERE prosecdef OR NOT (shipped AND proname = ANY ($1))
)
SELECT nspname::text, proname::text, 'f' FROM dangerous
UNION
SELECT nspname::text, proname::text, 'a'
FROM dangerous
JOIN pg_catalog.pg_type t ON t.oid = proargtypes[0]
WHERE pronargs >= 1 AND pronargs - pronargdefaults <= 1 AND NOT shipped AND t.typtype IN ('c', 'p')
UNION
SELECT n.nspname::text, o.oprname::text, 'o'
FROM pg_catalog.pg_operator o
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
JOIN dangerous d ON d.oid = o.oprcode
WHERE NOT d.shipped

-- What lets an application in, and what it relies on being enforced: each with a word for it.
SELECT coalesce(g.rolname, 'everybody') || ' may ' || a.privilege_type || ' on ' || c.oid::regclass::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = a.grantee
WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND a.grantee <> c.relowner
UNION ALL
SELECT 'the trigger '
    || CASE WHEN t.tgisinternal THEN 'of ' || (SELECT k.conname FROM pg_catalog.pg_constraint AS k WHERE k.oid = t.tgconstraint)
        ELSE t.tgname END
    || ' on ' || t.tgrelid::regclass::text || ' fires'
FROM pg_catalog.pg_trigger AS t
WHERE t.tgenabled <> 'D' AND t.tgrelid IN (SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p'))
ORDER BY 1

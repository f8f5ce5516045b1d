-- The triggers that carry out constraints. Their own names hold an OID, so they are known by what they are for.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation,
       pg_catalog.format('%I ON %I.%I', k.conname, kn.nspname, kc.relname) AS of_constraint,
       p.proname::text AS function,
       t.tgenabled::text AS state,
       t.tgname::text AS name
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint
JOIN pg_catalog.pg_class kc ON kc.oid = k.conrelid
JOIN pg_catalog.pg_namespace kn ON kn.oid = kc.relnamespace
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
WHERE t.tgisinternal AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, 3

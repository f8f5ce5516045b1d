-- Every table but these and those that are part of another one: the catalogue, and what was there before.
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND c.oid <> ALL ($1::regclass[])
ORDER BY c.oid

-- Of the promises that no longer hold, those whose table and trigger are still there: the rest was dropped, and is told elsewhere.
SELECT c.oid::regclass::text AS name
FROM pg_catalog.pg_class AS c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL
SELECT t.tgname::text FROM pg_catalog.pg_trigger AS t
UNION ALL
SELECT k.conname::text FROM pg_catalog.pg_constraint AS k

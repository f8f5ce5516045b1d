-- The names of everything that can refuse a row.
SELECT c.conname::text AS name FROM pg_catalog.pg_constraint AS c
UNION
SELECT c.relname::text FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('i', 'I')

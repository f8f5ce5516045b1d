-- The indexes of a table that are in use, by size of key: what takes longest is begun first.
SELECT i.indexrelid::regclass::text AS name
FROM pg_index AS i
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE n.nspname = $1 AND t.relname = $2 AND t.relkind = 'r'
    AND i.indisvalid AND i.indisready AND i.indislive
ORDER BY i.indnatts DESC, 1

-- All of them, and what each began with; where each stands is asked of itself.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS quoted, s.seqstart AS start
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"

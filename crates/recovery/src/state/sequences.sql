SELECT format('%I.%I', s.schemaname, s.sequencename) AS sequence, s.last_value
FROM pg_catalog.pg_sequences s
WHERE s.schemaname !~ '^pg_' AND s.schemaname <> 'information_schema'
ORDER BY s.schemaname COLLATE "C", s.sequencename COLLATE "C"

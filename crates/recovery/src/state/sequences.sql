-- Those of an extension are in a dump only where the extension calls them its configuration.
SELECT pg_catalog.format('%I.%I', s.schemaname, s.sequencename) AS sequence, s.last_value, s.increment_by < 0 AS descends
FROM pg_catalog.pg_sequences s
JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
WHERE s.schemaname !~ '^pg_' AND s.schemaname <> 'information_schema'
  AND (
      EXISTS (SELECT FROM pg_catalog.pg_extension p WHERE c.oid = ANY (p.extconfig))
      OR NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
  )
ORDER BY s.schemaname COLLATE "C", s.sequencename COLLATE "C"

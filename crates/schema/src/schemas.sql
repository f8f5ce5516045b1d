-- The schemas of the settings that are not in this database.
SELECT pg_catalog.quote_ident(wanted)
FROM pg_catalog.unnest($1::text[]) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = wanted)
ORDER BY 1

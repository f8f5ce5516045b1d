-- The schemas that the settings name and the database lacks.
SELECT quote_ident(named.name) AS name
FROM unnest($1::text[]) AS named (name)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = named.name)
ORDER BY 1

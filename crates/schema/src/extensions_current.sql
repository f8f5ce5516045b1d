-- The extensions that are needed ($1) or there, with the version that the server brings.
SELECT
    pg_catalog.quote_ident(w.name) AS name,
    e.extversion AS installed,
    a.default_version AS available,
    w.name = ANY ($1::text[]) AS needed
FROM (
    SELECT pg_catalog.unnest($1::text[]) AS name
    UNION
    SELECT extname::text FROM pg_extension
) AS w
LEFT JOIN pg_extension AS e ON e.extname = w.name
LEFT JOIN pg_catalog.pg_available_extensions() AS a ON a.name = w.name
ORDER BY 1

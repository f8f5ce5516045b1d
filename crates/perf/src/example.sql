-- The value of an example, its type as the catalogue names it, and its text. OFFSET 0 lets the server compute it once.
SELECT
    v,
    (SELECT format('%I.%I', n.nspname, t.typname)
     FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
     WHERE t.oid = pg_typeof(v)),
    v::text
FROM (SELECT {expression} AS v OFFSET 0) AS example

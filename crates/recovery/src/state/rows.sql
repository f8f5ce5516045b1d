SELECT pg_catalog.count(*) AS rows,
       coalesce(pg_catalog.sum(pg_catalog.hashtextextended(ROW(t.*)::text, 0)::numeric), 0)::text AS hash
FROM ONLY {table} AS t

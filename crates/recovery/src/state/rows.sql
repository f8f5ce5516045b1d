SELECT count(*) AS rows,
       coalesce(sum(hashtextextended(ROW(t.*)::text, 0)::numeric), 0)::text AS hash
FROM ONLY {table} AS t

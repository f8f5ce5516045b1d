SELECT h.hash, pg_catalog.count(*) AS rows
FROM (SELECT pg_catalog.hashtextextended(ROW({columns})::text, 0) AS hash FROM {rows} AS t) h
WHERE h.hash & 4095 = ANY ($1)
GROUP BY 1

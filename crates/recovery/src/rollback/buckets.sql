-- Rows in 4096 buckets by their hash: only buckets that differ are read row by row.
SELECT h.hash & 4095 AS bucket, pg_catalog.count(*) AS rows, pg_catalog.sum(h.hash::numeric)::text AS hash
FROM (SELECT pg_catalog.hashtextextended(ROW({columns})::text, 0) AS hash FROM {rows} AS t) h
GROUP BY 1

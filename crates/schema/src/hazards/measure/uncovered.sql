-- Foreign keys whose columns no index of all rows begins with, and how large the table is that would be read for each
-- row that goes from the other one. An empty table is taken to grow with the one it refers to.
SELECT
    c.conrelid::regclass::text AS child,
    c.confrelid::regclass::text AS parent,
    c.conname::text AS name,
    CASE WHEN pg_catalog.pg_relation_size(c.conrelid) = 0 THEN p.reltuples * 200.0
        ELSE pg_catalog.pg_relation_size(c.conrelid)
    END::float8 AS bytes
FROM pg_catalog.pg_constraint AS c
JOIN pg_catalog.pg_class AS p ON p.oid = c.confrelid
WHERE c.contype = 'f' AND c.conparentid = 0 AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_index AS i
    WHERE i.indrelid = c.conrelid AND i.indisvalid AND i.indpred IS NULL
        AND (
            SELECT pg_catalog.array_agg(k ORDER BY k)
            FROM pg_catalog.unnest((i.indkey::int2[])[0:least(pg_catalog.cardinality(c.conkey), i.indnkeyatts) - 1]) AS k
        ) = (SELECT pg_catalog.array_agg(k ORDER BY k) FROM pg_catalog.unnest(c.conkey) AS k)
)
ORDER BY 1, 3

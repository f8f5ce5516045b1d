-- Each large object with its length and a hash of its bytes. A hole is no page, and zeros once it was dumped and restored;
-- both are left out, and so are zeros at the end of a page.
SELECT o.id, o.bytes, o.hash::text AS hash
FROM (
    SELECT m.oid::bigint AS id,
           coalesce(pg_catalog.max(p.pageno::bigint * b.size + pg_catalog.length(p.data)), 0) AS bytes,
           coalesce(pg_catalog.sum(pg_catalog.hashtextextended(
               pg_catalog.concat(p.pageno, ' ', pg_catalog.encode(d.data, 'hex')), 0
           )::numeric) FILTER (WHERE d.data <> ''), 0) AS hash
    FROM pg_catalog.pg_largeobject_metadata m
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::bigint / 4 AS size) b
    LEFT JOIN pg_catalog.pg_largeobject p ON p.loid = m.oid
    LEFT JOIN LATERAL (SELECT pg_catalog.rtrim(p.data, '\x00'::bytea) AS data) d ON true
    GROUP BY m.oid
) o
ORDER BY o.id

-- Wrong checksums that the server met in this database, and in the catalogues that all databases of the cluster share;
-- and how many relations of the settings' schemas ($1) have pages that could be met.
SELECT
    coalesce(quote_ident(s.datname), 'shared catalogues') AS object,
    s.checksum_failures AS failures,
    CASE
        WHEN s.datid <> 0 THEN (
            SELECT count(*)
            FROM pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relfilenode <> 0 AND n.nspname = ANY ($1)
        )
        ELSE 0
    END AS relations
FROM pg_catalog.pg_stat_database AS s
WHERE s.datid = 0 OR s.datname = current_database()
ORDER BY 1

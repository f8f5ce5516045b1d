-- Whether the files of these relations, or of their partitions, are other than the snapshot says. The catalogue's row
-- is read by the snapshot; pg_relation_filenode() sees what holds now, and the lock of the statement before keeps it so.
SELECT count(*) > 0 AS rewritten
FROM pg_catalog.pg_class AS c
WHERE c.relfilenode <> 0
    AND c.oid IN (
        SELECT coalesce(t.relid::oid, asked.relation::oid)
        FROM unnest($1::bigint[]) AS asked (relation)
        LEFT JOIN LATERAL pg_catalog.pg_partition_tree(asked.relation::oid::regclass) AS t ON true
    )
    AND pg_catalog.pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode

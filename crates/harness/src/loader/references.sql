-- The foreign keys of a table: its columns, and what they refer to.
SELECT
    k.conname::text AS name,
    (SELECT n.nspname FROM pg_namespace AS n WHERE n.oid = r.relnamespace)::text AS schema,
    r.relname::text AS referenced,
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
          JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place) AS columns,
    ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
          JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place) AS keys
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS r ON r.oid = k.confrelid
WHERE k.contype = 'f' AND n.nspname = $1 AND c.relname = $2
ORDER BY k.conname

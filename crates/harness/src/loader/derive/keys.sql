-- The keys of some schemas: primary keys, unique constraints, unique indexes with the columns of their expressions, and
-- foreign keys.
SELECT
    n.nspname::text AS schema,
    c.relname::text AS "table",
    k.contype::text AS kind,
    k.conname::text AS name,
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
          JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place) AS columns,
    rn.nspname::text AS of_schema,
    r.relname::text AS of_table,
    ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
          JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place) AS of_columns,
    false AS partial
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_class AS r ON r.oid = k.confrelid
LEFT JOIN pg_namespace AS rn ON rn.oid = r.relnamespace
WHERE n.nspname = ANY ($1) AND k.contype IN ('p', 'u', 'f') AND k.conparentid = 0
UNION ALL
SELECT n.nspname::text, c.relname::text, 'u', x.relname::text,
    ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u (number, place)
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = u.number
          WHERE u.place <= i.indnkeyatts ORDER BY u.place)
    || ARRAY(SELECT a.attname::text FROM generate_series(1, i.indnkeyatts) AS place
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
          WHERE i.indkey[place - 1] = 0
              AND position(quote_ident(a.attname) IN pg_get_indexdef(i.indexrelid, place, true)) > 0
              AND EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                  AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)
          ORDER BY a.attnum),
    NULL, NULL, ARRAY[]::text[], i.indpred IS NOT NULL
FROM pg_index AS i
JOIN pg_class AS x ON x.oid = i.indexrelid
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND i.indisunique AND NOT x.relispartition
    AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
ORDER BY 1, 2, 3, 4

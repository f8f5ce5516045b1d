-- Columns. Types are told by number here and by name in types.sql: naming a type costs more than all the rest.
SELECT
    a.attrelid,
    a.attnum,
    pg_catalog.quote_ident(a.attname),
    a.atttypid,
    a.atttypmod,
    a.attcollation,
    CASE WHEN a.attcollation NOT IN (0, 100) THEN a.attcollation::regcollation::text END,
    -- From 18 on NOT NULL may be not valid: then its constraint tells of it.
    a.attnotnull AND (a.attrelid, a.attnum) NOT IN (
        SELECT o.conrelid, o.conkey[1] FROM pg_constraint AS o WHERE o.contype = 'n' AND o.conrelid <> 0 AND NOT o.convalidated
    ),
    a.attidentity::text,
    a.attgenerated::text,
    CASE WHEN a.atthasdef THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
    a.attstorage::text,
    a.attcompression::text,
    -- "No target of its own" is -1 up to 16 and NULL from 17.
    nullif(a.attstattarget, -1)::integer,
    a.attoptions,
    a.attfdwoptions,
    a.attacl::text[]
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname = ANY ($1)
    AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
    AND a.attnum > 0
    AND NOT a.attisdropped

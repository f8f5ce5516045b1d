-- Every constraint of a table or a domain, whether old rows were checked, and whether new ones are.
SELECT
    pg_catalog.quote_ident(o.conname) AS name,
    CASE WHEN o.conrelid <> 0 THEN pg_catalog.format('%I.%I', n.nspname, c.relname) ELSE pg_catalog.format('%I.%I', n.nspname, t.typname) END
        AS on_object,
    CASE WHEN o.conrelid <> 0 THEN 'TABLE' ELSE 'DOMAIN' END AS alter,
    o.convalidated AS validated,
    -- From 18 on a constraint may be NOT ENFORCED; before, there is no such column.
    coalesce(pg_catalog.to_jsonb(o) ->> 'conenforced', 'true')::boolean AS enforced,
    o.contype = 'f' AS of_foreign_key
FROM pg_constraint AS o
JOIN pg_namespace AS n ON n.oid = o.connamespace
LEFT JOIN pg_class AS c ON c.oid = o.conrelid
LEFT JOIN pg_type AS t ON t.oid = o.contypid
WHERE n.nspname = ANY ($1)
    AND o.contype IN ('c', 'f', 'n', 'p', 'u', 'x')
ORDER BY 2, 1

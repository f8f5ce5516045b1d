-- Triggers by table; those that carry out one constraint are one row a table and state.
SELECT
    pg_catalog.quote_ident(coalesce(o.conname, t.tgname)) AS name,
    pg_catalog.format('%I.%I', n.nspname, c.relname) AS on_table,
    t.tgisinternal AS of_foreign_key,
    t.tgenabled::text AS state,
    false AS of_events,
    pg_catalog.count(*) AS examined
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_constraint AS o ON o.oid = t.tgconstraint AND t.tgisinternal
WHERE n.nspname = ANY ($1)
GROUP BY 1, 2, 3, 4
UNION ALL
-- Event triggers belong to the whole database.
SELECT pg_catalog.quote_ident(e.evtname), 'the database', false, e.evtenabled::text, true, 1
FROM pg_event_trigger AS e
ORDER BY 2, 1, 4

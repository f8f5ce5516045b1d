-- Triggers, rules and policies of relations. A trigger that carries out a constraint is told only where it does not fire
-- as it should.
SELECT
    'pg_trigger'::regclass::oid,
    t.oid,
    t.tgrelid,
    'trigger',
    pg_catalog.quote_ident(coalesce(o.conname, t.tgname)),
    CASE WHEN t.tgisinternal THEN 'of the constraint' ELSE pg_catalog.pg_get_triggerdef(t.oid) END,
    t.tgenabled::text,
    NULL
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_constraint AS o ON o.oid = t.tgconstraint AND t.tgisinternal
WHERE n.nspname = ANY ($1) AND (NOT t.tgisinternal OR t.tgenabled <> 'O')
UNION ALL
SELECT 'pg_rewrite'::regclass, r.oid, r.ev_class, 'rule', pg_catalog.quote_ident(r.rulename), pg_catalog.pg_get_ruledef(r.oid), r.ev_enabled::text, NULL
FROM pg_rewrite AS r
JOIN pg_class AS c ON c.oid = r.ev_class
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND r.rulename <> '_RETURN'
UNION ALL
SELECT 'pg_policy'::regclass, p.oid, p.polrelid, 'policy', pg_catalog.quote_ident(p.polname), pg_catalog.concat_ws(' ',
    CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
    CASE p.polcmd
        WHEN 'r' THEN 'for select' WHEN 'a' THEN 'for insert' WHEN 'w' THEN 'for update'
        WHEN 'd' THEN 'for delete' ELSE 'for all'
    END,
    'to ' || (
        SELECT pg_catalog.string_agg(r.name, ', ' ORDER BY r.name)
        FROM pg_catalog.unnest(p.polroles) AS role
        CROSS JOIN LATERAL (SELECT CASE role WHEN 0 THEN 'public' ELSE role::regrole::text END) AS r (name)
    ),
    'using (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
    'with check (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')'
), 'O', NULL
FROM pg_policy AS p
JOIN pg_class AS c ON c.oid = p.polrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1)

-- Triggers, rules and policies of relations.
SELECT
    CASE c.relkind
        WHEN 'v' THEN 'view'
        WHEN 'm' THEN 'materialized view'
        WHEN 'f' THEN 'foreign table'
        ELSE 'table'
    END AS kind,
    format('%I.%I', n.nspname, c.relname) AS object,
    f.rank,
    0::bigint AS position,
    f.part,
    quote_ident(f.name) AS name,
    f.definition
FROM (
    SELECT tgrelid AS relation, 5 AS rank, 'trigger' AS part, tgname::text AS name,
        pg_get_triggerdef(oid) || CASE tgenabled
            WHEN 'D' THEN ' disabled' WHEN 'R' THEN ' enabled on replicas' WHEN 'A' THEN ' enabled always' ELSE ''
        END AS definition
    FROM pg_trigger
    WHERE NOT tgisinternal
    UNION ALL
    SELECT ev_class, 6, 'rule', rulename::text,
        pg_get_ruledef(oid) || CASE ev_enabled
            WHEN 'D' THEN ' disabled' WHEN 'R' THEN ' enabled on replicas' WHEN 'A' THEN ' enabled always' ELSE ''
        END
    FROM pg_rewrite
    WHERE rulename <> '_RETURN'
    UNION ALL
    SELECT polrelid, 7, 'policy', polname::text,
        concat_ws(' ',
            CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END,
            CASE polcmd
                WHEN 'r' THEN 'for select' WHEN 'a' THEN 'for insert' WHEN 'w' THEN 'for update'
                WHEN 'd' THEN 'for delete' ELSE 'for all'
            END,
            'to ' || (
                SELECT string_agg(CASE role WHEN 0 THEN 'public' ELSE role::regrole::text END, ', ' ORDER BY role)
                FROM unnest(polroles) AS role
            ),
            'using (' || pg_get_expr(polqual, polrelid) || ')',
            'with check (' || pg_get_expr(polwithcheck, polrelid) || ')'
        )
    FROM pg_policy
) AS f
JOIN pg_class AS c ON c.oid = f.relation
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1)
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )

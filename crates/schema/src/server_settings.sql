-- The settings of $1 as a new session of the application's role ($2) would have them; without such a role, as the server
-- and the database give them to whoever asks. This session's own limits are not what is asked for, so reset_val.
SELECT
    w.name,
    coalesce(o.value, s.reset_val) AS value,
    s.unit,
    coalesce(o.source, s.source) AS source,
    s.context,
    -- Some are shown to superusers and this role's members alone, and look as if the server had none of that name.
    CASE WHEN NOT pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') THEN pg_catalog.quote_ident(current_user) END AS barred
FROM pg_catalog.unnest($1::text[]) AS w (name)
LEFT JOIN pg_settings AS s ON s.name = w.name
LEFT JOIN LATERAL (
    SELECT pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1) AS value, CASE WHEN r.setrole = 0 THEN 'the database' ELSE 'the role' END AS source
    FROM pg_db_role_setting AS r
    CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) AS c
    WHERE pg_catalog.split_part(c, '=', 1) = w.name
        AND r.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = pg_catalog.current_database()))
        AND r.setrole IN (0, (SELECT p.oid FROM pg_roles AS p WHERE p.rolname = $2))
    -- A role in a database wins over a role, and that over a database.
    ORDER BY (r.setrole <> 0 AND r.setdatabase <> 0) DESC, r.setrole <> 0 DESC
    LIMIT 1
) AS o ON $2::text IS NOT NULL
ORDER BY 1

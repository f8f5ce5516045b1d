-- The database itself: its settings, alone and for a role, what may be done with it, and its comment. Its name differs from
-- side to side, and who owns it is no deployment's affair.
SELECT
    'pg_database'::regclass::oid,
    d.oid,
    'database',
    0::oid,
    'itself',
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.datdba)),
    d.datacl::text[],
    x.part,
    0::bigint,
    x.name,
    x.definition
FROM pg_catalog.pg_database AS d
CROSS JOIN LATERAL (
    SELECT 'object' AS part, '' AS name, '' AS definition
    UNION ALL
    SELECT 'comment', '', pg_catalog.format('''%s''', pg_catalog.replace(c.text, '''', ''''''))
    FROM pg_catalog.shobj_description(d.oid, 'pg_database') AS c (text)
    WHERE c.text IS NOT NULL
    UNION ALL
    SELECT
        'setting',
        pg_catalog.concat_ws(
            ' for ',
            (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(word), '.' ORDER BY at) FROM pg_catalog.string_to_table(s.name, '.') WITH ORDINALITY AS w (word, at)),
            s.role
        ),
        CASE
            -- Lists whose names are quoted one by one, and stand here as they were; where one is not, the whole is a text.
            WHEN s.name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries')
                AND s.value ~ '^(("([^"]|"")*"|[[:alnum:]_$]+)( *, *|$))*$'
                THEN CASE WHEN s.value IN ('', '""') THEN '''''' ELSE s.value END
            ELSE pg_catalog.format('''%s''', pg_catalog.replace(s.value, '''', ''''''))
        END
    FROM (
        SELECT
            pg_catalog.split_part(c.item, '=', 1) AS name,
            pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) AS value,
            CASE WHEN r.setrole <> 0 THEN pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r.setrole)) END AS role
        FROM pg_catalog.pg_db_role_setting AS r
        CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) AS c (item)
        WHERE r.setdatabase = d.oid
    ) AS s
) AS x
WHERE d.datname = pg_catalog.current_database()

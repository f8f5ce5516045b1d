SELECT d.datname::text AS name,
       pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS collate,
       d.datctype::text AS ctype,
       d.datlocprovider::text AS provider,
       -- `daticulocale` up to 16, `datlocale` from 17 on.
       coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale') AS locale,
       pg_catalog.to_jsonb(d) ->> 'daticurules' AS icu_rules,
       d.datconnlimit AS connection_limit,
       t.spcname::text AS tablespace,
       pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
       d.datacl IS NOT NULL AS has_grants,
       d.datistemplate AS is_template
FROM pg_catalog.pg_database d
JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = pg_catalog.current_database()

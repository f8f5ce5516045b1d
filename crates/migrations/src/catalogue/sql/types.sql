-- The types that columns have, by name, with what a column of each has unless it says otherwise.
SELECT t.oid, w.modifier, pg_catalog.format_type(t.oid, w.modifier), t.typcollation, t.typstorage::text
FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::integer[])) AS w (type, modifier)
JOIN pg_type AS t ON t.oid = w.type

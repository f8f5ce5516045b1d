-- The columns of a table, by its name on the search path.
SELECT quote_ident(a.attname) AS quoted
FROM pg_attribute AS a
WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum

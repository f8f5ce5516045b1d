-- The comment on this database; no row where it has none.
SELECT comment.description
FROM pg_database AS database
JOIN pg_shdescription AS comment
  ON comment.objoid = database.oid AND comment.classoid = 'pg_database'::regclass
WHERE database.datname = current_database()

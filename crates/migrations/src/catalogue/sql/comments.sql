-- Comments on what users made, and on the schema that every database has.
SELECT d.classoid, d.objoid, d.objsubid, d.description
FROM pg_description AS d
-- An extension's comment is its own affair.
WHERE (d.objoid >= 16384 AND d.classoid <> 'pg_extension'::regclass)
    OR (d.classoid = 'pg_namespace'::regclass AND d.objoid = 2200 AND d.description <> 'standard public schema')

-- What can be taken from a table in a transaction: its indexes that no constraint stands on, and its own triggers.
SELECT i.indexrelid::regclass::text AS name, 'DROP INDEX ' || i.indexrelid::regclass AS before
FROM pg_index AS i
WHERE i.indrelid = to_regclass($1) AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
UNION ALL
SELECT 'trigger ' || quote_ident(t.tgname), format('ALTER TABLE %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname)
FROM pg_trigger AS t
WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal
ORDER BY 1

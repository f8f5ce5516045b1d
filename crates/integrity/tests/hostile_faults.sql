BEGIN;
SET LOCAL session_replication_role = replica;
-- Foreign keys: no match, and a key that points into another partition's day.
INSERT INTO "Другая схема"."order" VALUES (9, 'nowhere', '2024-06-06', NULL), (1, 'x', '2025-06-06', 77);
COMMIT;

-- Domains: a value past the outer one, and one past the inner one.
ALTER DOMAIN "sel""ect"."Per Cent" DROP CONSTRAINT "at 'most'";
ALTER DOMAIN "sel""ect"."per cent" DROP CONSTRAINT "at least {n}";
UPDATE "sel""ect"."taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" SET "%I" = 101 WHERE "a.b""c" = 'x';
UPDATE "sel""ect"."taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" SET "%I" = -1 WHERE "a.b""c" = 'y';
ALTER DOMAIN "sel""ect"."Per Cent" ADD CONSTRAINT "at 'most'" CHECK (VALUE <= 100) NOT VALID;
ALTER DOMAIN "sel""ect"."per cent" ADD CONSTRAINT "at least {n}" CHECK (VALUE >= 0) NOT VALID;

-- CHECK.
ALTER TABLE "sel""ect"."taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" DROP CONSTRAINT "it's {n}; --";
UPDATE "sel""ect"."taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" SET "value" = -1 WHERE "a.b""c" = 'x';
ALTER TABLE "sel""ect"."taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    ADD CONSTRAINT "it's {n}; --" CHECK ("value" > 0) NOT VALID;

-- Generated, NOT NULL.
UPDATE pg_attribute SET attgenerated = '' WHERE attname = 'double';
UPDATE "sel""ect"."taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" SET "double" = 5 WHERE "a.b""c" = 'y';
UPDATE pg_attribute SET attgenerated = 's' WHERE attname = 'double';
UPDATE pg_attribute SET attnotnull = false WHERE attname = 'both';
UPDATE "sel""ect"."taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" SET "both" = NULL WHERE "a.b""c" = 'z';
UPDATE pg_attribute SET attnotnull = true WHERE attname = 'both';

-- Exclusion, and the unique index with nulls that are not distinct, over rows that the indexes do not take.
UPDATE pg_index SET indisready = false WHERE indexrelid IN ('"sel""ect"."ex""clude"'::regclass, '"sel""ect"."Üniqué"'::regclass);
INSERT INTO "sel""ect"."taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" ("group", "a.b""c", "value", "c", "k1", "when")
VALUES (50, 'v', 4, 1, 'K', '[2024-01-15,2024-01-16)'), (51, 'u', 23, NULL, NULL, NULL);
UPDATE pg_index SET indisready = true WHERE indexrelid IN ('"sel""ect"."ex""clude"'::regclass, '"sel""ect"."Üniqué"'::regclass);

-- The identity's sequence is now behind 51; the partitioned primary key has a key twice in one partition.
UPDATE pg_index SET indisready = false WHERE indexrelid = '"Другая схема"."order 2024_pkey"'::regclass;
INSERT INTO "Другая схема"."order" VALUES (2, 'y', '2024-05-05', NULL);
UPDATE pg_index SET indisready = true WHERE indexrelid = '"Другая схема"."order 2024_pkey"'::regclass;

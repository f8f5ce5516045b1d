-- Names and values that break what is pasted together, and a table without columns.
CREATE SCHEMA "Sch""ema é";
CREATE TABLE "Sch""ema é"."select" ("from" int PRIMARY KEY, "t" text, "it's; DROP" text DEFAULT 'a''b\', "Ünï code" timestamptz);
INSERT INTO "Sch""ema é"."select" VALUES (1, E'a\nb', '\', '2026-01-01'), (2, NULL, '(ARRAY[1])::text[]', '-infinity');
CREATE TABLE "a_table_whose_name_is_as_long_as_a_name_can_be_63_bytes_and_no__" (x float8, y numeric, z interval, j jsonb, b bytea);
INSERT INTO "a_table_whose_name_is_as_long_as_a_name_can_be_63_bytes_and_no__"
    VALUES (0.1, 1e-20, '1 mon 2 days', '{"a": [null]}', '\xdeadbeef'), ('NaN', 'NaN', NULL, NULL, NULL);
-- A column with the name of its table: `t` is then the column.
CREATE TABLE t (t text, "T" int, g int GENERATED ALWAYS AS (1) STORED);
INSERT INTO t VALUES ('x', 1);
CREATE TABLE none ();
INSERT INTO none DEFAULT VALUES;
CREATE TABLE parted (k int, v text) PARTITION BY LIST (k);
CREATE TABLE "part;1" PARTITION OF parted FOR VALUES IN (1);
INSERT INTO parted VALUES (1, 'one');
CREATE TABLE parent (a int);
CREATE TABLE child (b int) INHERITS (parent);
INSERT INTO child VALUES (1, 2);
ALTER TABLE parent DROP COLUMN a;
CREATE VIEW "vi""ew" AS SELECT "from" AS "select" FROM "Sch""ema é"."select" WHERE "t" IN ('a', 'b');
CREATE MATERIALIZED VIEW "mat view" AS SELECT count(*) FROM t;
CREATE SEQUENCE "seq 1" START 5;
SELECT nextval('"seq 1"');
CREATE UNLOGGED TABLE "unlogged" (x varchar(3) CHECK (x IN ('a', 'b,]', 'it''s')));
INSERT INTO "unlogged" VALUES ('a');

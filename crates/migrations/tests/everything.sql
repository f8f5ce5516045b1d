-- One of everything that the catalogue tells of, in two schemas, with names that nobody should choose. The same
-- statements on every supported version.
CREATE SCHEMA "o""dd Ünï";
COMMENT ON SCHEMA "o""dd Ünï" IS 'it''s odd';
CREATE TYPE mood AS ENUM ('glad', 'sad', 'it''s, "so"');
CREATE TYPE "o""dd Ünï".pair AS (a integer, "B b" text COLLATE "C");
COMMENT ON TYPE "o""dd Ünï".pair IS 'two';
CREATE DOMAIN positive AS integer DEFAULT 1 NOT NULL CONSTRAINT above_zero CHECK (VALUE > 0);
CREATE TYPE span AS RANGE (subtype = numeric, multirange_type_name = spans);
CREATE COLLATION plain (provider = libc, locale = 'C');
CREATE COLLATION german (provider = icu, locale = 'de-DE');
CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE SEQUENCE numbers AS smallint INCREMENT 5 MINVALUE 5 MAXVALUE 500 START 10 CACHE 3 CYCLE;
CREATE FUNCTION plus_one(integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1 + 1';
CREATE FUNCTION atomic(a integer, b text DEFAULT 'x') RETURNS TABLE (n integer) LANGUAGE sql
    BEGIN ATOMIC SELECT a + length(b); END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS
    'BEGIN RETURN NEW; END';
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE PROCEDURE do_it(INOUT n integer) LANGUAGE plpgsql AS 'BEGIN n := n + 1; END';
REVOKE EXECUTE ON FUNCTION plus_one(integer) FROM PUBLIC;
CREATE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0', COMBINEFUNC = int4pl, PARALLEL = SAFE);
CREATE FUNCTION pair_eq("o""dd Ünï".pair, "o""dd Ünï".pair) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS 'SELECT ($1).a = ($2).a';
CREATE OPERATOR === (FUNCTION = pair_eq, LEFTARG = "o""dd Ünï".pair, RIGHTARG = "o""dd Ünï".pair, COMMUTATOR = ===);
CREATE FUNCTION pair_hash("o""dd Ünï".pair) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a';
CREATE OPERATOR FAMILY pairs USING hash;
CREATE OPERATOR CLASS pair_ops FOR TYPE "o""dd Ünï".pair USING hash FAMILY pairs AS
    OPERATOR 1 ===, FUNCTION 1 pair_hash("o""dd Ünï".pair);
CREATE CAST (mood AS integer) WITH INOUT AS ASSIGNMENT;
CREATE TEXT SEARCH TEMPLATE tpl (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH PARSER prs (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH CONFIGURATION cfg (PARSER = default);
ALTER TEXT SEARCH CONFIGURATION cfg ADD MAPPING FOR asciiword, word WITH dict, simple;
CREATE FOREIGN DATA WRAPPER w OPTIONS (kind 'a, b');
CREATE SERVER elsewhere TYPE 't' VERSION '1' FOREIGN DATA WRAPPER w OPTIONS (host 'h''s', port '5');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS ("user" 'u', password 'secret', sslpassword 'secret too');
CREATE FOREIGN TABLE "o""dd Ünï".far (a integer OPTIONS (col 'x') NOT NULL, b text) SERVER elsewhere OPTIONS (tab 't');
CREATE TABLE parents (
    id bigserial PRIMARY KEY,
    code varchar(20) NOT NULL DEFAULT 'x' || 'y',
    state mood NOT NULL DEFAULT 'glad',
    at timestamptz NOT NULL DEFAULT '2020-01-02 03:04:05+00',
    "for" interval DEFAULT '1 day 02:00',
    bytes bytea DEFAULT '\x01ff',
    price numeric(10, 2),
    more jsonb DEFAULT '{}',
    tags text[] DEFAULT ARRAY['a', 'b'],
    word text COLLATE "C",
    p positive,
    CONSTRAINT "it's; --" CHECK (price > 0 AND code <> ''),
    CONSTRAINT uq UNIQUE NULLS NOT DISTINCT (code, state) INCLUDE (price) DEFERRABLE INITIALLY DEFERRED,
    EXCLUDE USING gist (int8range(id, id + 1) WITH &&)
) WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE TABLE "o""dd Ünï"."Kïnd, er" (
    id integer GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 2) PRIMARY KEY,
    parent bigint CONSTRAINT fk REFERENCES parents (id) ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE,
    twice integer GENERATED ALWAYS AS (id * 2) STORED,
    name text
);
ALTER TABLE "o""dd Ünï"."Kïnd, er" ALTER name SET STORAGE EXTERNAL, ALTER name SET COMPRESSION pglz,
    ALTER name SET STATISTICS 500, ALTER name SET (n_distinct = -0.5);
ALTER TABLE "o""dd Ünï"."Kïnd, er" ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
COMMENT ON TABLE parents IS E'two\nlines';
COMMENT ON COLUMN parents.code IS 'back\slash';
COMMENT ON CONSTRAINT uq ON parents IS 'unique';
CREATE INDEX plain_two ON parents (code DESC, price NULLS FIRST) INCLUDE (word);
CREATE INDEX varchar_class ON parents (code varchar_pattern_ops, word COLLATE "POSIX");
CREATE INDEX expression ON parents (lower(code), (more ->> 'a')) WHERE price IS NOT NULL;
CREATE INDEX gin ON parents USING gin (more jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX brin ON parents USING brin (at);
CREATE INDEX hash ON parents USING hash (code);
CREATE INDEX "Üb,er ""q""" ON "o""dd Ünï"."Kïnd, er" (name);
COMMENT ON INDEX plain_two IS 'plain';
ALTER TABLE parents CLUSTER ON plain_two;
CREATE TABLE parted (a integer NOT NULL, b text) PARTITION BY RANGE (a, lower(b));
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1, MINVALUE) TO (10, MAXVALUE);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
CREATE INDEX parted_a ON parted (a);
CREATE TABLE heirs (extra text) INHERITS (parents);
CREATE UNLOGGED TABLE brief (a integer);
CREATE TABLE typed OF "o""dd Ünï".pair;
ALTER TABLE brief REPLICA IDENTITY FULL;
CREATE VIEW one_table AS SELECT parents.id, parents.code || 'parents.x' AS c, (SELECT count(*) FROM heirs h WHERE h.id = parents.id) AS n
    FROM parents WHERE parents.price > 1 GROUP BY parents.id ORDER BY parents.code;
CREATE VIEW aliased WITH (security_barrier) AS SELECT "p Q".id, EXTRACT(year FROM "p Q".at) AS y FROM parents "p Q" WITH LOCAL CHECK OPTION;
CREATE VIEW joined AS SELECT p.id, k.name FROM parents p LEFT JOIN "o""dd Ünï"."Kïnd, er" k ON k.parent = p.id;
CREATE VIEW from_subquery AS SELECT s.a, max(s.b) OVER (PARTITION BY s.a) AS m FROM (SELECT x.a, x.b FROM parted x) s;
CREATE VIEW from_function AS SELECT g.n FROM generate_series(1, 3) WITH ORDINALITY g (n, o);
CREATE VIEW from_cte AS WITH c AS (SELECT id FROM parents) SELECT c.id FROM c UNION ALL SELECT parted.a FROM parted;
CREATE VIEW from_values AS SELECT v.a FROM (VALUES (1), (2)) v (a);
CREATE MATERIALIZED VIEW stats AS SELECT parents.state, count(*) AS n FROM parents GROUP BY parents.state WITH NO DATA;
CREATE UNIQUE INDEX stats_state ON stats (state);
CREATE TRIGGER touched BEFORE UPDATE OF code ON parents FOR EACH ROW WHEN (OLD.code <> NEW.code) EXECUTE FUNCTION touch();
ALTER TABLE parents DISABLE TRIGGER touched;
CREATE RULE ignored AS ON DELETE TO brief DO INSTEAD NOTHING;
ALTER TABLE parents ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON parents AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (code = current_user) WITH CHECK (price > 0);
CREATE STATISTICS both_of (ndistinct, mcv) ON code, state FROM parents;
ALTER STATISTICS both_of SET STATISTICS 300;
CREATE EVENT TRIGGER watched ON ddl_command_end WHEN TAG IN ('DROP TABLE', 'CREATE TABLE') EXECUTE FUNCTION watch();
ALTER EVENT TRIGGER watched DISABLE;
CREATE PUBLICATION few FOR TABLE parents (id, code) WHERE (id > 1), TABLE parted WITH (publish = 'insert, update');
CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA "o""dd Ünï";
CREATE PUBLICATION every FOR ALL TABLES WITH (publish_via_partition_root);
GRANT SELECT, UPDATE ON parents TO pg_monitor;
GRANT ALL ON brief TO pg_monitor WITH GRANT OPTION;
GRANT SELECT (code), UPDATE (price) ON parents TO pg_read_all_stats;
GRANT SELECT ON stats TO PUBLIC;
GRANT USAGE ON SEQUENCE numbers TO pg_monitor;
ALTER TABLE heirs OWNER TO pg_monitor;
ALTER DEFAULT PRIVILEGES IN SCHEMA "o""dd Ünï" GRANT SELECT ON TABLES TO pg_monitor;
CREATE EXTENSION hstore SCHEMA "o""dd Ünï";

CREATE SCHEMA "sel""ect";
CREATE SCHEMA "Другая схема";
CREATE TABLE "sel""ect"."o""r.der" (
    "from" serial PRIMARY KEY,
    "T o" text NOT NULL CONSTRAINT "it's; --" CHECK ("T o" <> '')
);
CREATE TABLE "Другая схема"."select" (
    "group" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "a.b""c" integer CONSTRAINT "Ключ" REFERENCES "sel""ect"."o""r.der" ("from")
);
CREATE INDEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa." ON "Другая схема"."select" ("a.b""c")
    WHERE "a.b""c" IS NOT NULL;
CREATE FUNCTION "sel""ect"."tou ch"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "Trig ger" BEFORE INSERT ON "sel""ect"."o""r.der"
    FOR EACH ROW EXECUTE FUNCTION "sel""ect"."tou ch"();
CREATE VIEW "sel""ect"."vi ew" AS SELECT "o""r.der"."from" FROM "sel""ect"."o""r.der";

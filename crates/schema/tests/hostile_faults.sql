ALTER TABLE "sel""ect"."o""r.der" ADD CONSTRAINT "not yet" CHECK ("T o" <> 'x') NOT VALID;
ALTER TABLE "sel""ect"."o""r.der" DISABLE TRIGGER "Trig ger";
CREATE TABLE "Другая схема"."no key" ("r" integer CONSTRAINT "f'k" REFERENCES "sel""ect"."o""r.der" ("from"));
CREATE UNLOGGED TABLE "Другая схема"."no log" ("k" integer PRIMARY KEY);
CREATE INDEX "ha lf" ON "sel""ect"."o""r.der" ("T o");
CREATE INDEX "twi""n" ON "Другая схема"."select" ("a.b""c", "group");
CREATE INDEX "twi""n 2" ON "Другая схема"."select" ("a.b""c", "group");
UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"sel""ect"."ha lf"'::regclass;
SELECT setval('"sel""ect"."o""r.der_from_seq"', 2000000000);

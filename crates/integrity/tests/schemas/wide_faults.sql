SET session_replication_role = replica;
DELETE FROM "t 250" WHERE id = 2;
INSERT INTO "t 500" VALUES (9, 'k', 9);

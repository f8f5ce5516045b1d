SET session_replication_role = replica;
-- foreign_keys: one half of a key, one without an account, one without what it reverses.
INSERT INTO "Ledger 2025".entry (bank, account, side, amount, booked) VALUES (1, NULL, 'debit', 1, now()), (1, 'XX', 'debit', 1, now());
INSERT INTO "Ledger 2025".entry (side, amount, booked, reverses) VALUES ('debit', 1, now(), -1);
-- matviews: all of the above is missing from it. Sequences: set back.
SELECT setval('"Ledger 2025".entry_id_seq', 3);
-- unique: (number, closed) twice, with a null that is not distinct.
UPDATE pg_index SET indisready = false WHERE indexrelid = 'books.account_number_closed_key'::regclass;
INSERT INTO books.account VALUES (9, 'DE1', 'EUR', '2020-01-01', NULL);
UPDATE pg_index SET indisready = true WHERE indexrelid = 'books.account_number_closed_key'::regclass;

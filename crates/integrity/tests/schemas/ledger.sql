-- Several schemas, composite keys, generated and identity columns, domains over domains, MATCH FULL.
CREATE SCHEMA books;
CREATE SCHEMA "Ledger 2025";
CREATE DOMAIN books.currency AS char(3) CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN books.amount AS numeric(14, 2) NOT NULL;
CREATE DOMAIN books.positive AS books.amount CHECK (VALUE > 0);
CREATE TYPE books.side AS ENUM ('debit', 'credit');
CREATE TABLE books.account (
    bank smallint,
    number text COLLATE "C",
    currency books.currency NOT NULL,
    opened date NOT NULL,
    closed date CHECK (closed > opened),
    PRIMARY KEY (bank, number),
    UNIQUE NULLS NOT DISTINCT (number, closed)
);
CREATE TABLE "Ledger 2025".entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bank smallint,
    account text,
    side books.side NOT NULL,
    amount books.positive,
    signed numeric GENERATED ALWAYS AS (CASE side WHEN 'debit' THEN amount ELSE -amount END) STORED,
    reverses bigint REFERENCES "Ledger 2025".entry DEFERRABLE INITIALLY DEFERRED,
    booked timestamptz NOT NULL,
    FOREIGN KEY (bank, account) REFERENCES books.account (bank, number) MATCH FULL,
    CHECK ((side = 'debit') OR reverses IS NULL OR amount < 1000000),
    CHECK (id <> reverses)
);
CREATE TABLE books.rate (
    of books.currency, day date, value double precision NOT NULL CHECK (value > 0 AND value < 'infinity'),
    PRIMARY KEY (of, day)
);
CREATE MATERIALIZED VIEW books.balance AS
SELECT bank, account, sum(signed) AS balance, avg(signed)::double precision AS mean, jsonb_agg(id ORDER BY id) AS entries
FROM "Ledger 2025".entry GROUP BY bank, account WITH NO DATA;

INSERT INTO books.account SELECT n % 7, 'DE' || n, 'EUR', '2020-01-01', CASE WHEN n % 3 = 0 THEN date '2024-01-01' END
FROM generate_series(1, 200) AS n;
INSERT INTO "Ledger 2025".entry (bank, account, side, amount, booked)
SELECT n % 200 % 7, CASE WHEN n % 200 > 0 THEN 'DE' || n % 200 END, CASE n % 2 WHEN 0 THEN 'debit' ELSE 'credit' END::books.side, n, '2025-01-01'
FROM generate_series(1, 2000) AS n WHERE n % 200 > 0;
INSERT INTO "Ledger 2025".entry (side, amount, booked, reverses) SELECT 'debit', 1, '2025-01-02', 5;
INSERT INTO books.rate SELECT 'USD', date '2025-01-01' + n, 1 + n / 1000.0 FROM generate_series(0, 99) AS n;
REFRESH MATERIALIZED VIEW books.balance;

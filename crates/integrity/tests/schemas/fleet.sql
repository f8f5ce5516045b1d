-- Partitions on both sides of a foreign key, two levels deep; exclusion constraints; arrays; self references.
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TABLE depot (id integer PRIMARY KEY, parent integer REFERENCES depot ON DELETE SET NULL, tags text[] NOT NULL DEFAULT '{}');
CREATE TABLE vehicle (
    region text NOT NULL, plate text NOT NULL, depot integer REFERENCES depot, spans int4range[],
    PRIMARY KEY (region, plate), CHECK (plate = upper(plate))
) PARTITION BY LIST (region);
CREATE TABLE vehicle_north PARTITION OF vehicle FOR VALUES IN ('north');
CREATE TABLE vehicle_south PARTITION OF vehicle FOR VALUES IN ('south');
CREATE TABLE vehicle_rest PARTITION OF vehicle DEFAULT;
CREATE TABLE trip (
    region text, plate text, at timestamptz NOT NULL, km real NOT NULL CHECK (km >= 0),
    FOREIGN KEY (region, plate) REFERENCES vehicle ON UPDATE CASCADE
) PARTITION BY RANGE (at);
CREATE TABLE trip_2024 PARTITION OF trip FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY HASH (plate);
CREATE TABLE trip_2024_a PARTITION OF trip_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE trip_2024_b PARTITION OF trip_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE trip_2025 PARTITION OF trip FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX ON trip (region, plate);
CREATE TABLE booking (
    region text NOT NULL, plate text NOT NULL, during tstzrange NOT NULL, cancelled boolean NOT NULL DEFAULT false,
    FOREIGN KEY (region, plate) REFERENCES vehicle,
    EXCLUDE USING gist (region WITH =, plate WITH =, during WITH &&) WHERE (NOT cancelled)
);

INSERT INTO depot SELECT n, nullif(n / 2, 0) FROM generate_series(1, 60) AS n;
INSERT INTO vehicle SELECT (ARRAY['north', 'south', 'east'])[1 + n % 3], 'P' || n, 1 + n % 60 FROM generate_series(1, 300) AS n;
INSERT INTO trip SELECT (ARRAY['north', 'south', 'east'])[1 + n % 3], 'P' || n, timestamptz '2024-06-01' + n * interval '1 day', n
FROM generate_series(1, 300) AS n;
INSERT INTO trip VALUES (NULL, 'nobody', '2024-02-02', 1);
INSERT INTO booking SELECT region, plate, tstzrange('2025-01-01', '2025-02-01') FROM vehicle;
INSERT INTO booking SELECT region, plate, tstzrange('2025-01-15', '2025-03-01'), true FROM vehicle;
ANALYZE;

SET session_replication_role = replica;
-- foreign_keys: depots below one that is gone, a trip and bookings of a vehicle that is gone from its partition.
DELETE FROM depot WHERE id = 7;
DELETE FROM vehicle_south WHERE plate = 'P1';
-- check: in a partition alone.
ALTER TABLE vehicle DROP CONSTRAINT vehicle_plate_check;
UPDATE vehicle_rest SET plate = 'p2' WHERE plate = 'P2';
UPDATE trip SET plate = 'p2' WHERE plate = 'P2';
UPDATE booking SET plate = 'p2' WHERE plate = 'P2';
ALTER TABLE vehicle ADD CONSTRAINT vehicle_plate_check CHECK (plate = upper(plate)) NOT VALID;
-- exclusion: a second booking of the same days.
UPDATE pg_index SET indisready = false WHERE indexrelid = 'booking_region_plate_during_excl'::regclass;
INSERT INTO booking VALUES ('north', 'P3', tstzrange('2025-01-10', '2025-01-11'));
UPDATE pg_index SET indisready = true WHERE indexrelid = 'booking_region_plate_during_excl'::regclass;

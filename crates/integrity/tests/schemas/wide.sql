-- Five hundred tables, each but the first referring to the one before it.
DO $$
BEGIN
    FOR n IN 1..500 LOOP
        EXECUTE format('CREATE TABLE %I (id integer PRIMARY KEY, kind text NOT NULL CHECK (kind <> %L), up integer)', 't ' || n, '');
        EXECUTE format('INSERT INTO %I SELECT i, %L, i FROM generate_series(1, 3) AS i', 't ' || n, 'k');
        IF n > 1 THEN
            EXECUTE format('ALTER TABLE %I ADD FOREIGN KEY (up) REFERENCES %I', 't ' || n, 't ' || n - 1);
        END IF;
    END LOOP;
END
$$;

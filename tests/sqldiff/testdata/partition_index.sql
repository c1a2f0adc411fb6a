-- Keys and indexes of partitioned tables, as their partitions have them.
CREATE TABLE pi (id int, k int, note text, UNIQUE NULLS NOT DISTINCT (id, k)) PARTITION BY RANGE (id);
CREATE INDEX pi_note ON pi (note DESC NULLS LAST) INCLUDE (k) WITH (fillfactor = 70);
CREATE TABLE pi1 PARTITION OF pi FOR VALUES FROM (0) TO (10);
CREATE TABLE pi2 PARTITION OF pi FOR VALUES FROM (10) TO (20);
CREATE UNIQUE INDEX pi_id ON pi (id) INCLUDE (note);
SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'pi%' ORDER BY 1, 2;
SELECT relname, relkind, reloptions FROM pg_class WHERE relname LIKE 'pi%note%' ORDER BY 1;
INSERT INTO pi VALUES (1, NULL, 'a'), (11, NULL, 'b');
INSERT INTO pi VALUES (1, NULL, 'c');
-- A partition's own partial and expression indexes follow rows that move.
CREATE INDEX pi1_lower ON pi1 (lower(note)) WHERE k IS NULL;
CREATE INDEX pi2_lower ON pi2 (upper(note));
UPDATE pi SET id = id + 10 WHERE id = 1;
UPDATE pi SET id = 15, note = 'moved' WHERE note = 'a';
SELECT tableoid::regclass, * FROM pi ORDER BY id;
SELECT * FROM pi2 WHERE upper(note) = 'MOVED';
UPDATE pi SET id = 5 WHERE id = 15;
SELECT * FROM pi1 WHERE lower(note) = 'moved' AND k IS NULL;
SELECT * FROM pi2 WHERE upper(note) = 'MOVED';
ALTER TABLE pi ALTER COLUMN note SET STATISTICS 7;
SELECT attrelid::regclass, attstattarget FROM pg_attribute WHERE attname = 'note' AND attrelid IN ('pi'::regclass, 'pi1'::regclass, 'pi2'::regclass) ORDER BY 1;
DROP TABLE pi;

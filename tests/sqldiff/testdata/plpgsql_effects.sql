-- What a function does is seen by what is computed after it, row by row.
CREATE FUNCTION ctas(n int, t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  CREATE TABLE IF NOT EXISTS ct AS SELECT n AS a, t AS b, x FROM generate_series(1, n) x WHERE x < n;
  CREATE VIEW cv AS SELECT n;
END $$;
SELECT ctas(3, 'q');
DO $$ DECLARE n int := 2; BEGIN CREATE TABLE ct AS SELECT n AS a, 't'::text AS b WITH NO DATA; END $$;
DO $$ DECLARE n int := 2; BEGIN CREATE MATERIALIZED VIEW ctm AS SELECT n AS a; END $$;
DO $$ DECLARE n int := 2; BEGIN CREATE TABLE dd (a int DEFAULT n); END $$;
DO $$ DECLARE n int := 2; BEGIN EXECUTE 'CREATE TABLE ct3 AS SELECT $1 + 1 AS a' USING n; END $$;
DO $$ DECLARE n int := 2; BEGIN EXECUTE 'CREATE TABLE ct4 (a int DEFAULT $1)' USING n; END $$;
SELECT * FROM ct;
CREATE TABLE ids (id int PRIMARY KEY, v text);
CREATE FUNCTION next_id() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT coalesce(max(id), 0) + 1 FROM ids); END $$;
INSERT INTO ids SELECT next_id(), 'a' FROM generate_series(1, 3);
INSERT INTO ids VALUES (next_id(), 'v'), (next_id(), 'w');
ALTER TABLE ids ALTER id SET DEFAULT next_id();
INSERT INTO ids (v) VALUES ('d'), ('e') RETURNING *;
INSERT INTO ids (v) SELECT 'x' || x FROM generate_series(1, 2) x;
COPY ids (v) FROM stdin;
c1
c2
\.
UPDATE ids SET id = next_id() WHERE v IN ('a', 'w');
SELECT count(*), max(id) FROM ids;
INSERT INTO ids (v) SELECT 'o' || x FROM generate_series(1, 3) x ORDER BY x;
SELECT * FROM ids WHERE v LIKE 'o%' ORDER BY id;
CREATE FUNCTION tell(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'called %', n; RETURN n; END $$;
SELECT tell(x) FROM generate_series(1, 5) x LIMIT 2;
SELECT tell(x), tell(x + 10) FROM generate_series(1, 2) x;
SELECT EXISTS (SELECT tell(x) FROM generate_series(1, 3) x);
SELECT (SELECT tell(x) FROM generate_series(1, 1) x);
BEGIN; DECLARE c CURSOR FOR SELECT tell(x) FROM generate_series(1, 5) x; FETCH 1 FROM c; FETCH 2 FROM c; COMMIT;

\set SHOW_CONTEXT always
-- Records, rows, arrays, domains.
CREATE TYPE pair AS (a int, b text);
CREATE TYPE deep AS (p pair, ps pair[], n numeric(6,2));
CREATE DOMAIN pos AS int CHECK (VALUE > 0);
CREATE DOMAIN need AS text NOT NULL;
CREATE DOMAIN pairs AS pair CHECK ((VALUE).a <> 13);
CREATE TABLE t (id int, name text, tags text[], at date);
INSERT INTO t VALUES (1, 'one', '{a,b}', '2020-01-01'), (2, 'two', NULL, NULL), (3, NULL, '{}', '2020-01-03');
DO $$
DECLARE d deep; q pair := (1, 'x'); r record; tt t; id t.id%TYPE := 7; arr int[] := '{1,2,3}'; arr2 int[][]; m text[];
BEGIN
  RAISE NOTICE '% %', q, q.b;
  q.a := q.a + 1;
  d.p := q; d.n := 1.239;
  d.ps[2] := (3, 'three');
  d.ps[1].b := 'first';
  d.p.b := 'changed';
  RAISE NOTICE '% % % %', d, d.p.b, d.ps[2].a, (d).ps[1];
  arr[2] := 20; arr[5] := 50; arr[0] := 0;
  RAISE NOTICE '% % %', arr, arr[5], arr[2:3];
  arr[1:2] := ARRAY[100, 200];
  RAISE NOTICE '%', arr;
  arr2 := '{{1,2},{3,4}}'; arr2[1][2] := 9;
  RAISE NOTICE '% %', arr2, arr2[2:2][1:1];
  m[3] := 'c'; RAISE NOTICE '% %', m, array_dims(m);
  m := m || 'd'::text; m := array_append(m, 'e'); RAISE NOTICE '%', m;
  SELECT 1 AS one, 'two' AS two, ARRAY[1] AS three INTO r;
  RAISE NOTICE '% % %', r, r.two, r.three[1];
  r.two := 'zwei'; RAISE NOTICE '%', r;
  SELECT * INTO tt FROM t WHERE t.id = 1;
  RAISE NOTICE '% %', tt, tt.tags[2];
  tt.tags[3] := 'c'; tt.at := tt.at + 1; tt := (tt.id, upper(tt.name), tt.tags, tt.at);
  RAISE NOTICE '% %', tt, tt IS NULL;
  tt := NULL; RAISE NOTICE '% %', tt, tt IS NULL;
  SELECT t.id, t.name INTO id, tt.name FROM t WHERE t.id = 2;
  RAISE NOTICE '% %', id, tt;
  SELECT 5 INTO tt; RAISE NOTICE '%', tt;
  UPDATE t SET name = name || '!' WHERE t.id = 1 RETURNING * INTO tt;
  RAISE NOTICE '%', tt;
  INSERT INTO t VALUES (tt.*) RETURNING t.id, t.name INTO r;
  RAISE NOTICE '%', r;
  DELETE FROM t WHERE t.id = 1 RETURNING t.id INTO id;
  RAISE NOTICE '%', id;
END $$;
SELECT * FROM t ORDER BY 1;
DO $$ DECLARE r record; BEGIN RAISE NOTICE '%', r; END $$;
DO $$ DECLARE r record; BEGIN RAISE NOTICE '%', r.a; END $$;
DO $$ DECLARE r record; BEGIN r.a := 1; END $$;
DO $$ DECLARE r record; BEGIN SELECT 1 AS a INTO r; r.b := 1; END $$;
DO $$ DECLARE r record; BEGIN SELECT 1 AS a INTO r; RAISE NOTICE '%', r.b; END $$;
DO $$ DECLARE q pair; BEGIN q.nix := 1; END $$;
DO $$ DECLARE q pair; BEGIN RAISE NOTICE '%', q.nix; END $$;
DO $$ DECLARE q pair; BEGIN q := 1; END $$;
DO $$ DECLARE q pair; BEGIN q := ROW(1, 'x', 2); RAISE NOTICE '%', q; END $$;
DO $$ DECLARE q pair; BEGIN q := ROW(1); RAISE NOTICE '%', q; END $$;
DO $$ DECLARE q pair; BEGIN q := ROW('x', 1); RAISE NOTICE '%', q; END $$;
DO $$ DECLARE n int; BEGIN n.a := 1; END $$;
DO $$ DECLARE n int; BEGIN n[1] := 1; END $$;
DO $$ DECLARE a int[]; BEGIN a['x'] := 1; END $$;
DO $$ DECLARE a int[]; BEGIN a[1] := 'x'; END $$;
DO $$ DECLARE a int[]; BEGIN a[NULL] := 1; END $$;
DO $$ DECLARE a int[] := '{1,2}'; BEGIN a[1][1] := 1; END $$;
DO $$ DECLARE p pos := 1; BEGIN p := p + 1; RAISE NOTICE '%', p; p := -1; END $$;
DO $$ DECLARE p pos := 0; BEGIN NULL; END $$;
DO $$ DECLARE p pos; BEGIN RAISE NOTICE '%', p; END $$;
DO $$ DECLARE n need; BEGIN NULL; END $$;
DO $$ DECLARE n need := 'a'; BEGIN n := NULL; END $$;
DO $$ DECLARE n pairs := (1, 'a'); BEGIN n.a := 12; RAISE NOTICE '%', n; n.a := 13; END $$;
DO $$ DECLARE n pairs[]; BEGIN n[2] := (1, 'q'); n[2].a := 4; RAISE NOTICE '%', n; n[1].a := 13; END $$;
DO $$ DECLARE x int; BEGIN SELECT id INTO STRICT x FROM t; END $$;
DO $$ DECLARE x int; BEGIN SELECT id INTO STRICT x FROM t WHERE id = 99; END $$;
DO $$
#print_strict_params on
DECLARE x int; k int := 99; n text := 'it''s'; BEGIN SELECT id INTO STRICT x FROM t WHERE id = k OR name = n; END $$;
DO $$
#print_strict_params on
DECLARE x int; BEGIN EXECUTE 'SELECT 1 WHERE $1 = $2' INTO STRICT x USING 1, 2; END $$;
DO $$ DECLARE x int := 5; BEGIN SELECT id INTO x FROM t WHERE id = 99; RAISE NOTICE '% %', x, FOUND; SELECT id INTO x FROM t ORDER BY id; RAISE NOTICE '% %', x, FOUND; END $$;
DO $$ DECLARE x int; y int; BEGIN EXECUTE 'SELECT 1, 2, 3' INTO x, y; RAISE NOTICE '% %', x, y; EXECUTE 'SELECT 1' INTO x, y; RAISE NOTICE '% %', x, y; END $$;
DO $$ DECLARE x int; BEGIN EXECUTE 'SELECT $1 + $2' INTO x USING 1, 2; RAISE NOTICE '%', x; EXECUTE 'SELECT $1' INTO x; END $$;
DO $$ DECLARE x int; BEGIN INSERT INTO t (id) VALUES (50) INTO x; END $$;
DO $$ DECLARE x int; BEGIN INSERT INTO t (id) VALUES (50), (51) RETURNING id INTO x; END $$;
DO $$ DECLARE x int; BEGIN UPDATE t SET id = id WHERE false RETURNING id INTO x; RAISE NOTICE '% %', x, FOUND; UPDATE t SET id = id; RAISE NOTICE '%', FOUND; END $$;
-- FOREACH.
DO $$ DECLARE x int; a int[]; q pair; BEGIN
  FOREACH x IN ARRAY '{{1,2},{3,NULL}}'::int[] LOOP RAISE NOTICE '%', x; END LOOP;
  FOREACH a SLICE 1 IN ARRAY '{{1,2},{3,4}}'::int[] LOOP RAISE NOTICE '%', a; END LOOP;
  FOREACH a SLICE 2 IN ARRAY '{{1,2},{3,4}}'::int[] LOOP RAISE NOTICE '%', a; END LOOP;
  FOREACH q IN ARRAY ARRAY[(1,'a'),(2,'b')]::pair[] LOOP RAISE NOTICE '% %', q.b, q.a; END LOOP;
  FOREACH x IN ARRAY '{}'::int[] LOOP RAISE NOTICE 'no'; END LOOP;
  RAISE NOTICE '%', FOUND;
END $$;
DO $$ DECLARE x int; BEGIN FOREACH x IN ARRAY NULL::int[] LOOP NULL; END LOOP; END $$;
DO $$ DECLARE x int; BEGIN FOREACH x SLICE 1 IN ARRAY '{1}'::int[] LOOP NULL; END LOOP; END $$;
DO $$ DECLARE x int[]; BEGIN FOREACH x SLICE 3 IN ARRAY '{{1}}'::int[] LOOP NULL; END LOOP; END $$;
DO $$ DECLARE x int[]; BEGIN FOREACH x IN ARRAY '{{1}}'::int[] LOOP NULL; END LOOP; END $$;
DO $$ DECLARE x int; BEGIN FOREACH x IN ARRAY 1 LOOP NULL; END LOOP; END $$;
-- Settings and checks.
CREATE FUNCTION amb(id int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT name FROM t WHERE id = id ORDER BY name LIMIT 1); END $$;
SELECT amb(2);
SET plpgsql.variable_conflict = use_column;
SELECT amb(2);
SET plpgsql.variable_conflict = use_variable;
SELECT amb(2);
SET plpgsql.variable_conflict = nix;
RESET plpgsql.variable_conflict;
SHOW plpgsql.variable_conflict;
SET plpgsql.extra_warnings = 'shadowed_variables';
SET plpgsql.extra_errors = 'nix';
CREATE FUNCTION shadow(a int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  b int;
BEGIN
  DECLARE a int; b int; BEGIN RETURN a; END;
END $$;
SET plpgsql.extra_errors = 'too_many_rows, strict_multi_assignment';
DO $$ DECLARE x int; BEGIN SELECT id INTO x FROM t; END $$;
DO $$ DECLARE x int; y int; BEGIN SELECT 1 INTO x, y; END $$;
DO $$ DECLARE x int; y int; BEGIN SELECT 1, 2, 3 INTO x, y; END $$;
RESET plpgsql.extra_errors;
SET plpgsql.extra_warnings = 'all';
DO $$ DECLARE x int; y int; BEGIN SELECT 1 INTO x, y; SELECT id INTO x FROM t ORDER BY 1; END $$;
RESET plpgsql.extra_warnings;
SET plpgsql.check_asserts = off;
DO $$ BEGIN ASSERT false; RAISE NOTICE 'passed'; END $$;
RESET plpgsql.check_asserts;
SET check_function_bodies = off;
CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1 END $$;
RESET check_function_bodies;
SELECT broken();
CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1 END $$;
CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  RETURN
    (SELECT FROM 1);
END $$;

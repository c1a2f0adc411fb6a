\set SHOW_CONTEXT always
-- Blocks, names, control flow.
DO $$
<<outer_block>>
DECLARE x int := 1; y text DEFAULT 'y'; z CONSTANT numeric(5,2) = 3.14159;
BEGIN
  DECLARE x int := 2;
  BEGIN
    RAISE NOTICE '% % % %', x, outer_block.x, y, z;
    outer_block.x := x + 10;
    <<inner_loop>>
    FOR i IN REVERSE 10..1 BY 3 LOOP
      CONTINUE inner_loop WHEN i = 7;
      EXIT outer_block WHEN i < 3;
      RAISE NOTICE 'i = % %', i, inner_loop.i;
    END LOOP inner_loop;
  END;
  RAISE NOTICE 'not here';
END outer_block $$;
CREATE FUNCTION names(a int, b text DEFAULT 'bb', OUT c text) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE al ALIAS FOR $1; al2 ALIAS FOR b;
BEGIN
  c := names.a || al || $1 || al2 || $2 || names.b;
  al := al + 1;
  SELECT c || a || names.a INTO c FROM (VALUES (5)) v(a);
END $$;
SELECT names(1), names(2, 'z'), names(b => 'q', a => 3);
CREATE FUNCTION flow(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE s text := '';
BEGIN
  WHILE n > 0 LOOP
    CASE
      WHEN n % 15 = 0 THEN s := s || 'fizzbuzz ';
      WHEN n % 5 = 0 THEN s := s || 'buzz ';
      WHEN n % 3 = 0 THEN s := s || 'fizz ';
      ELSE s := s || n || ' ';
    END CASE;
    n := n - 1;
  END LOOP;
  CASE length(s) WHEN 1, 2 THEN s := s || 'short'; WHEN 3 THEN s := s || 'three'; ELSE NULL; END CASE;
  IF s IS NULL THEN RETURN 'null'; ELSEIF s LIKE '% 2 1 ' THEN RETURN s || '|'; ELSE RETURN s; END IF;
END $$;
SELECT flow(15), flow(1), flow(0), flow(NULL);
CREATE FUNCTION noreturn(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF n > 0 THEN RETURN n; END IF; END $$;
SELECT noreturn(1);
SELECT noreturn(0);
CREATE FUNCTION overflow() RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int := 0; BEGIN
  FOR i IN 2147483640..2147483647 BY 5 LOOP n := n + 1; END LOOP;
  FOR i IN REVERSE -2147483647..-2147483648 LOOP n := n + 100; END LOOP;
  RETURN n; END $$;
SELECT overflow();
-- Errors have the lines that led to them.
CREATE FUNCTION f3(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF i = 0 THEN
    RAISE EXCEPTION 'zero'
      USING DETAIL = 'a detail', HINT = 'a ' || 'hint', ERRCODE = 'unique_violation',
        COLUMN = 'col', CONSTRAINT = 'con', DATATYPE = 'dt', TABLE = 'tab', SCHEMA = 'sch';
  END IF;
  RETURN 10 / (i - 1);
END $$;
CREATE FUNCTION f2(i int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE r int; BEGIN
  SELECT f3(i) INTO r;
  RETURN r;
END $$;
CREATE FUNCTION f1(i int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  r int := f2(i);
BEGIN
  RETURN r;
END $$;
SELECT f1(0);
SELECT f1(1);
SELECT f1(6);
DO $$ BEGIN PERFORM f1(1); END $$;
DO $$ BEGIN EXECUTE 'SELECT f2($1)' USING 1; END $$;
DO $$ BEGIN EXECUTE 'SELEC f2($1)' USING 1; END $$;
DO $$ BEGIN EXECUTE NULL; END $$;
DO $$ BEGIN EXECUTE 'SELECT nix FROM pg_class'; END $$;
DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT 1 / x FROM generate_series(0, 0) v(x)' LOOP RAISE NOTICE '%', r; END LOOP; END $$;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT f3(x) FROM (VALUES (1)) v(x) LOOP RAISE NOTICE '%', r; END LOOP; END $$;
DO $$ BEGIN RAISE division_by_zero; END $$;
DO $$ BEGIN RAISE division_by_zero USING MESSAGE = 'mine'; END $$;
DO $$ BEGIN RAISE SQLSTATE '12345'; END $$;
DO $$ BEGIN RAISE USING MESSAGE = 'm', ERRCODE = '22012'; END $$;
DO $$ BEGIN RAISE USING MESSAGE = NULL; END $$;
DO $$ BEGIN RAISE 'x' USING MESSAGE = 'm'; END $$;
DO $$ BEGIN RAISE 'x' USING HINT = 'm', HINT = 'n'; END $$;
DO $$ BEGIN RAISE; END $$;
DO $$ BEGIN RAISE DEBUG 'no'; RAISE LOG 'no'; RAISE INFO 'i %', NULL; RAISE NOTICE '%%n % %', 1.50, ARRAY['a', NULL]; RAISE WARNING 'w %', ROW(1, 'x'); END $$;
DO $$ BEGIN RAISE NOTICE 'n' USING ERRCODE = 'P0042', DETAIL = 'd'; END $$;
\set VERBOSITY verbose
-- Exceptions.
\set VERBOSITY default
CREATE TABLE ex (id int PRIMARY KEY, v text CHECK (v <> 'bad'));
CREATE FUNCTION ins(i int, t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; msg text; det text; hin text; con text; tab text; sch text; col text; dt text; ctx text;
BEGIN
  INSERT INTO ex VALUES (i, t);
  RETURN 'ok';
EXCEPTION
  WHEN unique_violation OR not_null_violation THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, det = PG_EXCEPTION_DETAIL, hin = PG_EXCEPTION_HINT,
      con = CONSTRAINT_NAME, tab = TABLE_NAME, sch = SCHEMA_NAME, col := COLUMN_NAME, dt = PG_DATATYPE_NAME, ctx = PG_EXCEPTION_CONTEXT;
    RETURN concat_ws('|', state, msg, det, hin, con, tab, sch, col, dt, ctx);
  WHEN SQLSTATE '23514' THEN RETURN 'check ' || SQLERRM;
  WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT ins(1, 'a');
SELECT ins(1, 'b');
SELECT ins(NULL, 'b');
SELECT ins(2, 'bad');
SELECT * FROM ex;
SELECT x, ins(x, 'm') FROM generate_series(1, 3) x;
SELECT * FROM ex ORDER BY 1;
DO $$ DECLARE n int; m oid; c text; BEGIN
  BEGIN
    INSERT INTO ex VALUES (10, 'x'), (11, 'y');
    GET DIAGNOSTICS n = ROW_COUNT, c = PG_CONTEXT;
    RAISE NOTICE '% %', n, c;
    BEGIN
      INSERT INTO ex VALUES (12, 'z'), (10, 'x');
    EXCEPTION WHEN unique_violation THEN
      RAISE NOTICE '% %', SQLSTATE, SQLERRM;
      BEGIN
        RAISE 'inner %', SQLSTATE;
      EXCEPTION WHEN raise_exception THEN
        RAISE NOTICE '% %', SQLSTATE, SQLERRM;
      END;
      RAISE NOTICE '% %', SQLSTATE, SQLERRM;
      INSERT INTO ex VALUES (13, 'q');
      RAISE;
    END;
  EXCEPTION WHEN integrity_constraint_violation THEN
    RAISE NOTICE 'class: %', SQLERRM;
  END;
  SELECT count(*) INTO n FROM ex;
  RAISE NOTICE '% rows', n;
END $$;
DO $$ DECLARE n int := 1; BEGIN
  BEGIN n := 2; RAISE 'x'; EXCEPTION WHEN OTHERS THEN n := n + 10; END;
  RAISE NOTICE 'variables stay: %', n;
END $$;
DO $$ BEGIN RAISE 'x'; EXCEPTION WHEN raise_exception THEN RAISE EXCEPTION 'y'; END $$;
DO $$ BEGIN BEGIN RAISE 'x'; EXCEPTION WHEN division_by_zero THEN NULL; END; EXCEPTION WHEN OTHERS THEN RAISE; END $$;
DO $$ DECLARE t text; BEGIN GET STACKED DIAGNOSTICS t = MESSAGE_TEXT; END $$;
DO $$ BEGIN RAISE NOTICE '%', SQLERRM; END $$;
CREATE FUNCTION retin() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  FOR i IN 1..5 LOOP
    BEGIN
      CONTINUE WHEN i < 3;
      IF i = 4 THEN RETURN i; END IF;
      RAISE 'no %', i;
    EXCEPTION WHEN raise_exception THEN RAISE NOTICE '%', SQLERRM; END;
  END LOOP;
END $$;
SELECT retin();
CREATE FUNCTION forever(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN forever(n + 1); END $$;
\set VERBOSITY sqlstate
SELECT forever(1);
\set VERBOSITY default
DO $$ BEGIN PERFORM forever(1); EXCEPTION WHEN statement_too_complex THEN RAISE NOTICE 'deep: %', SQLSTATE; END $$;
-- Foreign keys that a block looked at stay to be checked.
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE ci (id int REFERENCES p);
DO $$ BEGIN
  BEGIN INSERT INTO c VALUES (1); RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN INSERT INTO ci VALUES (1); EXCEPTION WHEN foreign_key_violation THEN RAISE NOTICE '%', SQLERRM; END;
END $$;
DO $$ BEGIN
  BEGIN INSERT INTO c VALUES (2); EXCEPTION WHEN OTHERS THEN NULL; END;
  RAISE NOTICE 'later';
END $$;
DO $$ BEGIN
  BEGIN INSERT INTO c VALUES (2); SET CONSTRAINTS ALL IMMEDIATE; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END;
END $$;
SELECT * FROM c;

\set SHOW_CONTEXT errors
-- Plans follow what they were made for.
CREATE TABLE t (a int, b text);
INSERT INTO t VALUES (1, 'one');
CREATE FUNCTION first_row() RETURNS text LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN SELECT * INTO r FROM t ORDER BY a LIMIT 1; RETURN r::text; END $$;
SELECT first_row();
ALTER TABLE t ADD c int DEFAULT 5;
SELECT first_row();
ALTER TABLE t DROP b;
SELECT first_row();
ALTER TABLE t ALTER a TYPE numeric(5,2);
SELECT first_row();
DROP TABLE t;
SELECT first_row();
CREATE TABLE t (x text, a int); INSERT INTO t VALUES ('y', 2);
SELECT first_row();
CREATE FUNCTION typed() RETURNS text LANGUAGE plpgsql AS $$ DECLARE v t.a%TYPE := '5'; r t%ROWTYPE; BEGIN r := (v, v); RETURN r::text || pg_typeof(v); END $$;
SELECT typed();
-- Temporary tables that come and go.
CREATE FUNCTION scratch(n int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE s int; BEGIN
  CREATE TEMP TABLE scratch_t ON COMMIT DROP AS SELECT x FROM generate_series(1, n) x;
  INSERT INTO scratch_t VALUES (100);
  SELECT sum(x) INTO s FROM scratch_t;
  DROP TABLE scratch_t;
  RETURN s;
END $$;
SELECT scratch(3), scratch(4);
SELECT scratch(1);
CREATE FUNCTION scratch2() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  CREATE TEMP TABLE IF NOT EXISTS keep_t (x int) ON COMMIT DELETE ROWS;
  INSERT INTO keep_t VALUES (1);
  RETURN (SELECT count(*) FROM keep_t);
END $$;
SELECT scratch2();
SELECT scratch2();
SELECT count(*) FROM keep_t;
-- search_path.
CREATE SCHEMA s1; CREATE SCHEMA s2;
CREATE TABLE s1.w (v text); INSERT INTO s1.w VALUES ('from s1');
CREATE TABLE s2.w (v text, n int); INSERT INTO s2.w VALUES ('from s2', 3);
CREATE FUNCTION wv() RETURNS text LANGUAGE plpgsql AS $$ DECLARE o text; BEGIN SELECT v INTO o FROM w; RETURN o || (SELECT count(*) FROM w); END $$;
SET search_path = s1, public;
SELECT wv();
SET search_path = s2, public;
SELECT wv();
SET search_path = public;
SELECT wv();
CREATE FUNCTION fixed() RETURNS text LANGUAGE plpgsql SET search_path = s2 AS $$ BEGIN RETURN public.wv() || current_setting('search_path'); END $$;
SELECT fixed(), current_setting('search_path');
-- Settings.
CREATE FUNCTION settings(v text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('my.var', v, true);
  SET LOCAL work_mem = '5MB';
  RETURN current_setting('my.var') || current_setting('work_mem');
END $$;
BEGIN; SELECT settings('a'), current_setting('my.var'); SHOW work_mem; COMMIT;
SHOW work_mem;
DO $$ BEGIN
  BEGIN SET work_mem = '6MB'; RAISE NOTICE '%', current_setting('work_mem'); RAISE 'x'; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', current_setting('work_mem'); END;
END $$;
CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql SET work_mem = '7MB' AS $$ BEGIN RETURN current_setting('work_mem'); END $$;
SELECT own(), current_setting('work_mem');
SHOW plpgsql.check_asserts;
SET plpgsql.nix = 1;
SET plpgsql.check_asserts = 2;
SET plpgsql.print_strict_params = on;
DO $$ DECLARE x int; y int := 4; BEGIN SELECT 1 INTO STRICT x WHERE y = 5; END $$;
RESET ALL;
-- Timeouts.
SET statement_timeout = 200;
DO $$ BEGIN LOOP NULL; END LOOP; END $$;
DO $$ DECLARE n int := 0; BEGIN WHILE true LOOP n := (n + 1) % 10; END LOOP; END $$;
DO $$ BEGIN FOR i IN 1..2000000000 LOOP NULL; END LOOP; END $$;
DO $$ BEGIN PERFORM pg_sleep(10); EXCEPTION WHEN query_canceled THEN RAISE NOTICE 'caught %', SQLERRM; END $$;
RESET statement_timeout;
-- Rights.
CREATE ROLE plr1; CREATE ROLE plr2;
CREATE TABLE secret (a int); INSERT INTO secret VALUES (42);
CREATE FUNCTION asdefiner() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE v int; BEGIN SELECT a INTO v FROM secret; RETURN (current_user = session_user) || ' ' || v; END $$;
CREATE FUNCTION asinvoker() RETURNS text LANGUAGE plpgsql AS $$ DECLARE v int; BEGIN SELECT a INTO v FROM secret; RETURN current_user || ' ' || v; END $$;
REVOKE EXECUTE ON FUNCTION asinvoker FROM public; GRANT EXECUTE ON FUNCTION asinvoker TO plr1;
SELECT asdefiner();
SET ROLE plr1;
SELECT asdefiner();
SELECT asinvoker();
DO $$ BEGIN PERFORM asinvoker(); EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE '% %', SQLSTATE, SQLERRM; END $$;
SET ROLE plr2;
SELECT asinvoker();
DO $$ BEGIN EXECUTE 'SELECT 1'; END $$;
RESET ROLE;
GRANT SELECT ON secret TO plr1;
SET ROLE plr1; SELECT asinvoker(); RESET ROLE;
DROP FUNCTION asinvoker, asdefiner; DROP TABLE secret; DROP ROLE plr1; DROP ROLE plr2;
-- What a function does to itself.
CREATE FUNCTION self() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE 'CREATE OR REPLACE FUNCTION self() RETURNS int LANGUAGE plpgsql AS $x$ BEGIN RETURN 2; END $x$';
  RETURN 1;
END $$;
SELECT self();
SELECT self();
-- Volatility.
CREATE TABLE seen (a int);
CREATE FUNCTION cnt_v() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN (SELECT count(*) FROM seen); END $$;
CREATE FUNCTION cnt_s() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM seen); END $$;
CREATE FUNCTION put(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (n); RETURN n; END $$;
CREATE FUNCTION put_s(n int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN INSERT INTO seen VALUES (n); RETURN n; END $$;
SELECT put(x), cnt_v(), cnt_s() FROM generate_series(1, 3) x;
SELECT put_s(1);
CREATE FUNCTION ddl_s() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN CREATE TABLE nope (a int); RETURN 1; END $$;
SELECT ddl_s();
INSERT INTO seen SELECT cnt_v() FROM generate_series(1, 2);
UPDATE seen SET a = put(a + 10) WHERE a < 3;
SELECT a FROM seen ORDER BY 1;
CREATE FUNCTION strictf(a int, b int) RETURNS text LANGUAGE plpgsql STRICT AS $$ BEGIN RAISE NOTICE 'called'; RETURN a + b; END $$;
SELECT strictf(1, NULL), strictf(1, 2);
-- Where functions are called.
CREATE FUNCTION slug(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN lower(regexp_replace(t, '[^a-zA-Z0-9]+', '-', 'g')); END $$;
CREATE TABLE posts (id serial PRIMARY KEY, title text CHECK (slug(title) <> ''), s text GENERATED ALWAYS AS (slug(title)) STORED, d text DEFAULT slug('De Fault'));
CREATE UNIQUE INDEX posts_slug ON posts (slug(title));
INSERT INTO posts (title) VALUES ('Hello World'), ('Another  One');
INSERT INTO posts (title) VALUES ('hello world');
INSERT INTO posts (title) VALUES ('');
SELECT id, s, d FROM posts WHERE slug(title) = 'hello-world';
SELECT slug(title) AS k, count(*) FROM posts GROUP BY slug(title) HAVING slug(min(title)) > 'a' ORDER BY slug(title) DESC;
CREATE VIEW pv AS SELECT slug(title) AS k FROM posts;
SELECT * FROM pv ORDER BY 1;
DROP FUNCTION slug(text);
PREPARE pf(int) AS SELECT strictf($1, 1); EXECUTE pf(1); EXECUTE pf(NULL);
SELECT * FROM pg_get_functiondef('strictf'::regproc);
\sf strictf
DO $do$ BEGIN EXECUTE $x$CREATE FUNCTION made() RETURNS int LANGUAGE plpgsql AS $y$ BEGIN RETURN 77; END $y$ $x$; END $do$;
SELECT made();

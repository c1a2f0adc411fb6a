\set SHOW_CONTEXT errors
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t SELECT x, 'v' || x FROM generate_series(1, 12) x;
-- Cursors that outlive the function.
CREATE FUNCTION reffunc(refcursor, n int DEFAULT 0) RETURNS refcursor LANGUAGE plpgsql AS $$ BEGIN
  OPEN $1 SCROLL FOR SELECT * FROM t WHERE id > n ORDER BY id;
  RETURN $1;
END $$;
BEGIN;
SELECT reffunc('mine');
FETCH 2 FROM mine;
FETCH LAST FROM mine;
FETCH BACKWARD 1 IN mine;
MOVE ABSOLUTE 3 FROM mine;
FETCH RELATIVE -1 FROM mine;
SELECT reffunc('mine');
ROLLBACK;
BEGIN;
SELECT reffunc(NULL, 10);
SELECT name, statement, is_scrollable FROM pg_cursors ORDER BY 1;
FETCH ALL FROM "<unnamed portal 1>";
CLOSE "<unnamed portal 1>";
COMMIT;
CREATE FUNCTION many(VARIADIC names refcursor[]) RETURNS SETOF refcursor LANGUAGE plpgsql AS $$ DECLARE c refcursor; BEGIN
  FOREACH c IN ARRAY names LOOP
    OPEN c FOR EXECUTE 'SELECT id, ' || quote_literal(c) || ' FROM t WHERE id <= $1' USING 2;
    RETURN NEXT c;
  END LOOP;
END $$;
BEGIN;
SELECT many('a', 'b');
FETCH ALL FROM a;
FETCH ALL FROM b;
COMMIT;
-- Moving.
DO $$ DECLARE c SCROLL CURSOR (lo int, hi int) FOR SELECT * FROM t WHERE id BETWEEN lo AND hi ORDER BY id; r record; a int; b text; n int; BEGIN
  OPEN c(3, 7);
  RAISE NOTICE '%', c;
  FETCH c INTO r; RAISE NOTICE 'next % %', r, FOUND;
  FETCH NEXT FROM c INTO a, b; RAISE NOTICE 'next % %', a, b;
  FETCH LAST FROM c INTO a; RAISE NOTICE 'last %', a;
  FETCH PRIOR FROM c INTO a; RAISE NOTICE 'prior %', a;
  FETCH FIRST FROM c INTO a; RAISE NOTICE 'first %', a;
  FETCH ABSOLUTE 3 FROM c INTO a; RAISE NOTICE 'absolute 3 %', a;
  FETCH ABSOLUTE -2 FROM c INTO a; RAISE NOTICE 'absolute -2 %', a;
  FETCH RELATIVE 1 + 0 FROM c INTO a; RAISE NOTICE 'relative 1 % %', a, FOUND;
  FETCH RELATIVE 9 FROM c INTO a; RAISE NOTICE 'relative 9 % %', a, FOUND;
  FETCH c INTO r; RAISE NOTICE '% % %', r, r.id, FOUND;
  FETCH BACKWARD FROM c INTO a; RAISE NOTICE 'backward %', a;
  FETCH FORWARD FROM c INTO a; RAISE NOTICE 'forward % %', a, FOUND;
  MOVE FIRST FROM c; RAISE NOTICE '%', FOUND;
  MOVE 2 FROM c; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE '% %', FOUND, n;
  MOVE FORWARD ALL FROM c; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE '% %', FOUND, n;
  MOVE BACKWARD 2 IN c; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE '% %', FOUND, n;
  FETCH c INTO r; RAISE NOTICE '%', r.v;
  CLOSE c;
  OPEN c(hi := 2, lo => 1);
  FETCH c INTO r; RAISE NOTICE '%', r;
  CLOSE c;
  FETCH c INTO r;
END $$;
DO $$ DECLARE c CURSOR FOR SELECT * FROM t ORDER BY id; BEGIN
  FOR r IN c LOOP EXIT WHEN r.id > 2; RAISE NOTICE '% %', r.v, c; END LOOP;
  RAISE NOTICE '%', c;
  OPEN c;
  FOR r IN c LOOP NULL; END LOOP;
END $$;
DO $$ DECLARE c CURSOR (p_id int) IS SELECT id * 2 AS d FROM t WHERE id < p_id ORDER BY 1; BEGIN
  FOR r IN c(4) LOOP RAISE NOTICE '%', r.d; END LOOP;
  FOR r IN c(p_id := 2) LOOP RAISE NOTICE '%', r.d; END LOOP;
  RAISE NOTICE '%', FOUND;
  FOR r IN c(0) LOOP RAISE NOTICE '%', r.d; END LOOP;
  RAISE NOTICE '%', FOUND;
END $$;
DO $$ DECLARE c refcursor; r record; BEGIN FETCH c INTO r; END $$;
DO $$ DECLARE c refcursor := 'nix'; r record; BEGIN FETCH c INTO r; END $$;
DO $$ DECLARE c refcursor := 'nix'; BEGIN CLOSE c; END $$;
DO $$ DECLARE c refcursor := 'x'; d refcursor := 'x'; BEGIN OPEN c FOR SELECT 1; OPEN d FOR SELECT 2; END $$;
DO $$ DECLARE c NO SCROLL CURSOR FOR SELECT * FROM t; r record; BEGIN OPEN c; FETCH PRIOR FROM c INTO r; END $$;
DO $$ DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE 'UPDATE t SET v = v'; END $$;
DO $$ DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE NULL; END $$;
DO $$ DECLARE c refcursor; r record; BEGIN OPEN c FOR UPDATE t SET v = v || '!' WHERE id < 3 RETURNING *; FETCH c INTO r; RAISE NOTICE '%', r; CLOSE c; END $$;
SELECT * FROM t WHERE id < 4 ORDER BY id;
-- WHERE CURRENT OF.
DO $$ DECLARE c CURSOR FOR SELECT * FROM t WHERE id > 9 ORDER BY id FOR UPDATE; n int; BEGIN
  FOR r IN c LOOP
    IF r.id = 10 THEN DELETE FROM t WHERE CURRENT OF c; ELSE UPDATE t SET v = 'current ' || r.id WHERE CURRENT OF c; END IF;
  END LOOP;
END $$;
SELECT * FROM t WHERE id > 8 ORDER BY id;
DO $$ DECLARE c refcursor; r t; BEGIN
  OPEN c FOR SELECT * FROM t WHERE id = 1;
  FETCH c INTO r;
  UPDATE t SET v = 'one' WHERE CURRENT OF c;
  MOVE c;
  UPDATE t SET v = 'one' WHERE CURRENT OF c;
END $$;
SELECT v FROM t WHERE id = 1;
-- Rows that come while the loop runs are not seen.
DO $$ DECLARE n int := 0; r record; BEGIN
  FOR r IN SELECT * FROM t ORDER BY id LOOP
    INSERT INTO t VALUES (r.id + 100, r.v); n := n + 1;
    DELETE FROM t WHERE id = r.id;
  END LOOP;
  RAISE NOTICE '% %', n, (SELECT count(*) FROM t);
  FOR r IN DELETE FROM t WHERE id > 104 RETURNING id LOOP n := n - 1; END LOOP;
  RAISE NOTICE '% %', n, (SELECT count(*) FROM t);
  FOR r IN SHOW default_transaction_isolation LOOP RAISE NOTICE '%', r; END LOOP;
END $$;
-- Sets.
CREATE FUNCTION evens(n int) RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN
  FOR i IN 1..n LOOP IF i % 2 = 0 THEN RETURN NEXT i; END IF; END LOOP;
  RETURN QUERY SELECT 100 + x FROM generate_series(1, n) x;
  RAISE NOTICE 'found %', FOUND;
  RETURN QUERY EXECUTE 'SELECT $1 WHERE false' USING n;
  RAISE NOTICE 'found %', FOUND;
  RETURN;
END $$;
SELECT * FROM evens(4);
SELECT evens(2), 'x';
SELECT count(*) FROM evens(0);
CREATE FUNCTION pairs(n int, OUT a int, OUT b text) RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN
  FOR a, b IN SELECT id, v FROM t ORDER BY id LIMIT n LOOP RETURN NEXT; END LOOP;
  a := 0; RETURN NEXT;
  RETURN QUERY SELECT 7, 'seven';
END $$;
SELECT * FROM pairs(2);
SELECT pairs(1);
CREATE FUNCTION tab(n int) RETURNS TABLE (x int, y text) LANGUAGE plpgsql AS $$ BEGIN
  x := n; y := 'n'; RETURN NEXT;
  x := x + 1; RETURN NEXT;
  RETURN QUERY VALUES (1, 'a'), (2, 'b');
END $$;
SELECT y, x FROM tab(5) ORDER BY x;
SELECT t.id, f.* FROM t, LATERAL tab(t.id) f WHERE t.id < 103 ORDER BY 1, 2;
CREATE FUNCTION rows_of() RETURNS SETOF t LANGUAGE plpgsql AS $$ DECLARE r t; q record; BEGIN
  FOR r IN SELECT * FROM t ORDER BY id LIMIT 1 LOOP RETURN NEXT r; END LOOP;
  SELECT 5, 'five' INTO q;
  RETURN NEXT q;
  RETURN NEXT (6, 'six');
  RETURN NEXT NULL;
  RETURN QUERY SELECT 8, 'eight';
END $$;
SELECT * FROM rows_of();
SELECT rows_of();
CREATE FUNCTION anyrow(n int) RETURNS record LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN IF n = 1 THEN RETURN (1, 'a'::text); ELSIF n = 2 THEN SELECT 1 AS x, 2 AS y INTO r; RETURN r; END IF; RETURN NULL; END $$;
SELECT anyrow(1), anyrow(2), anyrow(3);
SELECT * FROM anyrow(1) AS f(a int, b text);
SELECT * FROM anyrow(2) AS f(a int, b text);
SELECT * FROM anyrow(3) AS f(a int, b text);
CREATE FUNCTION anyrows() RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT 1, 2; END $$;
SELECT * FROM anyrows() AS f(a int, b int);
SELECT * FROM anyrows() AS f(a int, b int, c int);
SELECT * FROM anyrows() AS f(a int, b text);
CREATE FUNCTION wrongset() RETURNS SETOF t LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT 1; END $$;
SELECT * FROM wrongset();
CREATE FUNCTION nonset() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN NEXT 1; END $$;
CREATE FUNCTION poly(a anyelement, b anyarray, OUT c anyelement, OUT d anyarray) LANGUAGE plpgsql AS $$ DECLARE x a%TYPE; BEGIN x := b[1]; c := x; d := b || a; END $$;
SELECT * FROM poly(1, '{2,3}'::int[]);
SELECT poly('a'::text, ARRAY['b']), poly(1.5, ARRAY[2.5]);
CREATE FUNCTION polyret(anyelement) RETURNS anyelement LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
SELECT polyret(1), polyret('x'::text), polyret(now()) = now(), polyret(NULL::date), polyret(ROW(1, 2)), polyret(t) FROM t ORDER BY t.id LIMIT 1;

CREATE TABLE mt (a int, b text);
INSERT INTO mt VALUES (1, 'x'), (2, 'y');
CREATE FUNCTION amb(a int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE t text;
BEGIN
  SELECT b INTO t FROM mt WHERE a = a;
  RETURN t;
END $$;
SELECT amb(1);
DO $$ DECLARE r mt%ROWTYPE; n mt.a%TYPE; BEGIN
  SELECT * INTO r FROM mt ORDER BY a DESC;
  n := r.a;
  RAISE NOTICE '% % %', n, r.b, FOUND;
  SELECT * INTO STRICT r FROM mt;
EXCEPTION WHEN too_many_rows THEN RAISE NOTICE 'many: %', SQLERRM;
END $$;
CREATE FUNCTION rec(n int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN
  SELECT n AS v INTO r;
  RETURN length(r.v::text);
END $$;
SELECT rec(1), rec(22), rec(333);
DO $$ DECLARE n int; BEGIN
  UPDATE mt SET b = b || b;
  GET DIAGNOSTICS n = ROW_COUNT;
  RAISE NOTICE '%', n;
  CASE n WHEN 1, 2 THEN RAISE NOTICE 'few'; ELSE RAISE NOTICE 'else'; END CASE;
  <<l>> LOOP n := n + 1; EXIT l WHEN n > 5; END LOOP;
  PERFORM rec(n);
  ASSERT n = 6;
  RAISE WARNING 'n % %%', n;
END $$;
CREATE PROCEDURE pp(INOUT x int) LANGUAGE plpgsql AS $$ BEGIN x := x * 2; END $$;
CALL pp(4);

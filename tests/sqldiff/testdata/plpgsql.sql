DO $$
DECLARE
  x int := 1;
  r record;
  a int[];
  t text;
BEGIN
  FOR i IN 1..3 LOOP x := x + i; END LOOP;
  RAISE NOTICE 'x is %', x;
  SELECT 1 AS a, 'b' AS b INTO r;
  RAISE NOTICE '% %', r.a, r.b;
  a[2] := 5;
  RAISE NOTICE '%', a;
  IF x > 5 THEN RAISE NOTICE 'big'; ELSE RAISE NOTICE 'small'; END IF;
  FOR r IN SELECT g FROM generate_series(1, 3) g ORDER BY g LOOP
    CONTINUE WHEN r.g = 2;
    RAISE NOTICE 'row %', r.g;
  END LOOP;
  EXECUTE 'SELECT $1 || $2' INTO t USING 'a', 'b';
  RAISE NOTICE '%', t;
END $$;
DO $$ BEGIN RAISE EXCEPTION 'no %', 1 USING HINT = 'try'; END $$;
CREATE TABLE pt (a int PRIMARY KEY);
DO $$
BEGIN
  INSERT INTO pt VALUES (1);
  BEGIN
    INSERT INTO pt VALUES (2), (1);
  EXCEPTION WHEN unique_violation THEN
    RAISE NOTICE '% %', SQLSTATE, SQLERRM;
  END;
END $$;
SELECT * FROM pt ORDER BY a;
CREATE FUNCTION pf(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF n <= 1 THEN RETURN 1; END IF;
  RETURN n * pf(n - 1);
END $$;
SELECT pf(5);
CREATE FUNCTION ps(n int) RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..n LOOP RETURN NEXT i; END LOOP;
  RETURN QUERY SELECT 100;
END $$;
SELECT * FROM ps(2);
CREATE FUNCTION po(a int, OUT b int, OUT c text) LANGUAGE plpgsql AS $$
BEGIN
  b := a + 1;
  c := 'c' || a;
END $$;
SELECT * FROM po(1);

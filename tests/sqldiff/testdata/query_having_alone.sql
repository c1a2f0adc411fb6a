-- HAVING without aggregates and keys is about one group, whatever its rows
CREATE TABLE th (a int PRIMARY KEY, b int);
INSERT INTO th VALUES (0, 1), (1, 2);
SELECT 1 AS one FROM th HAVING 1 > 2;
SELECT 1 AS one FROM th HAVING 1 < 2;
SELECT 1 AS one FROM th WHERE 1 / a = 1 HAVING 1 < 2;
SELECT 1 AS one FROM th WHERE false HAVING true;
SELECT 1 AS one FROM th HAVING a > 1;
SELECT a FROM th HAVING 1 < 2;
SELECT 1 AS one FROM th HAVING min(a) < max(a);
SELECT 1 FROM th t1 LEFT JOIN th t2 ON t1.a = t2.a HAVING 2 > 1 ORDER BY 1 LIMIT 1;
SELECT (SELECT 1 FROM th HAVING t.a > 0), a FROM th t ORDER BY a;
SELECT * FROM (SELECT 5 AS x FROM th HAVING true) s, th ORDER BY a;
PREPARE p AS SELECT 1 FROM th HAVING $1 > 2;
EXECUTE p(1);
EXECUTE p(3);
WITH c AS (INSERT INTO th VALUES (7, 7) RETURNING a) SELECT 2 FROM c HAVING true;
SELECT count(*) FROM th;

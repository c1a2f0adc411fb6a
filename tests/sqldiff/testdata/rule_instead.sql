-- DO INSTEAD rules: the action takes the place of the statement.
CREATE TABLE r_base (a int PRIMARY KEY, b text, c int DEFAULT 7);
CREATE VIEW r_view AS SELECT a, b FROM r_base WHERE a > 0 OFFSET 0;
CREATE TABLE r_log (what text, a int, b text);
INSERT INTO r_view VALUES (1, 'one');
CREATE RULE r_ins AS ON INSERT TO r_view DO INSTEAD INSERT INTO r_base VALUES (new.a, new.b, 40 + new.a);
INSERT INTO r_view VALUES (1, 'one'), (2, 'two');
INSERT INTO r_view (b, a) SELECT 'n' || g, g FROM generate_series(3, 5) g;
INSERT INTO r_view (a) VALUES (6);
SELECT * FROM r_base ORDER BY a;
INSERT INTO r_view VALUES (7, 'x') RETURNING a;
INSERT INTO r_view VALUES (7);
INSERT INTO r_view VALUES (8, 'x', 3);
INSERT INTO r_view DEFAULT VALUES;
-- RETURNING lists
CREATE OR REPLACE RULE r_ins AS ON INSERT TO r_view DO INSTEAD INSERT INTO r_base VALUES (new.*, 3) RETURNING *;
CREATE OR REPLACE RULE r_ins AS ON INSERT TO r_view DO INSTEAD INSERT INTO r_base VALUES (new.*, 3) RETURNING a;
CREATE OR REPLACE RULE r_ins AS ON INSERT TO r_view DO INSTEAD INSERT INTO r_base VALUES (new.*, 3) RETURNING b, a;
CREATE RULE r_ins AS ON INSERT TO r_view DO INSTEAD NOTHING;
CREATE OR REPLACE RULE r_ins AS ON INSERT TO r_view DO INSTEAD (INSERT INTO r_base VALUES (new.*, 3) RETURNING a, b || '!');
INSERT INTO r_view VALUES (8, 'eight') RETURNING *, a + 1 AS next, (SELECT count(*) FROM r_log WHERE r_log.a = r_view.a), r_view;
INSERT INTO r_view AS v VALUES (9, 'nine') RETURNING v.b;
INSERT INTO r_view VALUES (9, 'nine');
WITH x AS (SELECT 10 AS a) INSERT INTO r_view SELECT a, 'ten' FROM x RETURNING *;
WITH i AS (INSERT INTO r_view VALUES (11, 'eleven') RETURNING *) SELECT * FROM i;
INSERT INTO r_view VALUES (12, 'x') ON CONFLICT DO NOTHING;
-- UPDATE and DELETE
CREATE RULE r_upd AS ON UPDATE TO r_view DO INSTEAD
  UPDATE r_base SET a = new.a, b = new.b WHERE a = old.a RETURNING a, b;
CREATE RULE r_del AS ON DELETE TO r_view DO INSTEAD DELETE FROM r_base WHERE a = old.a;
UPDATE r_view SET b = upper(b) WHERE a < 3;
UPDATE r_view SET b = b || r_log.what FROM (VALUES (1, '+')) r_log (a, what) WHERE r_view.a = r_log.a RETURNING r_view.*, r_log.what, r_view.b || '?';
UPDATE r_view SET (a, b) = (a + 100, DEFAULT) WHERE a = 2 RETURNING *;
UPDATE r_view SET nosuch = 1;
UPDATE r_view SET a = 'x';
DELETE FROM r_view WHERE a IN (3, 4);
DELETE FROM r_view WHERE a = 5 RETURNING *;
SELECT * FROM r_base ORDER BY a;
-- An action of another kind: its rows are not counted
CREATE OR REPLACE RULE r_del AS ON DELETE TO r_view DO INSTEAD INSERT INTO r_log VALUES ('gone', old.a, old.b);
DELETE FROM r_view WHERE a < 7;
SELECT * FROM r_log ORDER BY a;
CREATE OR REPLACE RULE r_del AS ON DELETE TO r_view DO INSTEAD NOTHING;
DELETE FROM r_view;
DELETE FROM r_view RETURNING a;
WITH d AS (DELETE FROM r_view) SELECT 1;
SELECT count(*) FROM r_base;
-- Tables
CREATE TABLE r_tab (x int, y int);
INSERT INTO r_tab VALUES (1, 1), (2, 2);
CREATE RULE r_t AS ON UPDATE TO r_tab DO INSTEAD INSERT INTO r_log SELECT w.s, new.x, old.y::text FROM (VALUES ('u'), ('v')) w (s);
UPDATE r_tab SET x = x + 10 WHERE y = 2;
SELECT * FROM r_log ORDER BY a, what;
CREATE RULE r_loop AS ON INSERT TO r_tab DO INSTEAD INSERT INTO r_tab VALUES (new.x, new.y);
INSERT INTO r_tab VALUES (1, 1);
-- What rules may use
CREATE RULE bad AS ON INSERT TO r_tab DO INSTEAD DELETE FROM r_log WHERE a = old.x;
CREATE RULE bad AS ON DELETE TO r_tab DO INSTEAD DELETE FROM r_log WHERE a = new.x;
CREATE RULE bad AS ON DELETE TO r_tab DO INSTEAD DELETE FROM r_log WHERE a = old.z;
CREATE RULE bad AS ON DELETE TO r_nosuch DO INSTEAD NOTHING;
CREATE RULE bad AS ON DELETE TO r_tab DO INSTEAD DELETE FROM r_nosuch;
-- Names follow, dependencies hold
ALTER TABLE r_base RENAME COLUMN b TO bb;
ALTER TABLE r_base RENAME TO r_base2;
UPDATE r_view SET b = 'renamed' WHERE a = 1 RETURNING *;
DROP TABLE r_log;
DROP RULE r_t ON r_tab;
DROP RULE r_t ON r_tab;
DROP RULE IF EXISTS r_t ON r_tab;
DROP RULE IF EXISTS r_t ON r_nosuch;
DROP RULE r_t ON r_nosuch;
DROP RULE "_RETURN" ON r_view;
DROP RULE r_loop ON r_tab;
INSERT INTO r_tab VALUES (5, 5);
DROP TABLE r_log;
SELECT rulename, ev_type, ev_enabled, is_instead FROM pg_rewrite WHERE ev_class = 'r_view'::regclass ORDER BY 1;
SELECT tablename, rulename, definition FROM pg_rules WHERE tablename IN ('r_view', 'r_tab') ORDER BY 1, 2;
SELECT relhasrules FROM pg_class WHERE relname IN ('r_view', 'r_tab') ORDER BY relname;
\d+ r_view
DROP VIEW r_view;
CREATE RULE r_n AS ON INSERT TO r_tab DO INSTEAD NOTHING;
INSERT INTO r_tab VALUES (6, 6);
EXPLAIN (COSTS OFF) INSERT INTO r_tab VALUES (6, 6);
\d r_tab
SELECT * FROM r_tab ORDER BY x;
DROP TABLE r_tab, r_base2;

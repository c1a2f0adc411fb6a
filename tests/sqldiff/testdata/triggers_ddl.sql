-- What a trigger is: its definition, its catalogs, its life beside its relation. The functions are built in.
CREATE TABLE t (id int PRIMARY KEY, a int, "B b" text, g int GENERATED ALWAYS AS (a + 1) STORED);
CREATE VIEW v AS SELECT id, a FROM t;
CREATE TABLE u (id int PRIMARY KEY);
CREATE TRIGGER z1 BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER z1 BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER a1 AFTER INSERT OR UPDATE OF a, "B b" OR DELETE ON t FOR EACH ROW WHEN (pg_trigger_depth() = 0)
  EXECUTE PROCEDURE suppress_redundant_updates_trigger('x', 'it''s', 3);
CREATE TRIGGER w1 AFTER UPDATE ON t FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*)
  EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER w2 BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.a > NEW.a AND NEW."B b" LIKE 'x%' OR OLD.id IN (1, 2))
  EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER s1 AFTER TRUNCATE ON t EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER r1 AFTER UPDATE ON t REFERENCING OLD TABLE AS o NEW TABLE AS "N n" FOR EACH STATEMENT
  EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE CONSTRAINT TRIGGER c1 AFTER INSERT ON t FROM u DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE CONSTRAINT TRIGGER c2 AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER vi INSTEAD OF INSERT OR DELETE ON v FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER vs BEFORE UPDATE ON v FOR EACH STATEMENT EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text IN ('t', 'v') ORDER BY tgrelid::regclass::text, tgname;
SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text IN ('t', 'v') ORDER BY tgrelid::regclass::text, tgname;
SELECT tgrelid::regclass, tgname, tgfoid::regproc, tgtype, tgenabled, tgconstrrelid::regclass, tgconstraint <> 0, tgdeferrable,
  tginitdeferred, tgnargs, tgattr, tgargs, tgoldtable, tgnewtable, tgparentid FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text IN ('t', 'v') ORDER BY 1, 2;
SELECT conname, contype, condeferrable, condeferred, conrelid::regclass FROM pg_constraint WHERE contype = 't' AND conrelid = 't'::regclass;
SELECT trigger_name, event_manipulation, event_object_table, action_order, action_condition, action_statement, action_orientation,
  action_timing, action_reference_old_table, action_reference_new_table FROM information_schema.triggers WHERE trigger_schema = 's_triggers_ddl' ORDER BY 1, 2;
SELECT trigger_name, event_object_column FROM information_schema.triggered_update_columns WHERE trigger_schema = 's_triggers_ddl' ORDER BY 1, 2;
SELECT relname, relhastriggers FROM pg_class WHERE oid IN ('t'::regclass, 'v'::regclass, 'u'::regclass) ORDER BY 1;
SELECT classid::regclass, refclassid::regclass, refobjsubid, deptype FROM pg_depend WHERE classid = 'pg_trigger'::regclass
  AND objid IN (SELECT oid FROM pg_trigger WHERE NOT tgisinternal AND tgname IN ('a1', 'w2', 'c1')) AND refclassid <> 'pg_proc'::regclass ORDER BY 1, 2, 3, 4;
\d t
\d v
COMMENT ON TRIGGER z1 ON t IS 'first';
SELECT obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE tgname = 'z1';
COMMENT ON TRIGGER nope ON t IS 'x';
-- states
ALTER TABLE t DISABLE TRIGGER z1;
ALTER TABLE t ENABLE REPLICA TRIGGER a1;
ALTER TABLE t ENABLE ALWAYS TRIGGER w1;
ALTER TABLE t DISABLE TRIGGER nope;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal ORDER BY 1;
\d t
ALTER TABLE t DISABLE TRIGGER USER;
SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal;
ALTER TABLE t ENABLE TRIGGER ALL;
SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal;
-- names and columns
ALTER TRIGGER z1 ON t RENAME TO z2;
ALTER TRIGGER z1 ON t RENAME TO z3;
ALTER TRIGGER z2 ON t RENAME TO a1;
ALTER TABLE t RENAME COLUMN a TO aa;
ALTER TABLE t RENAME COLUMN "B b" TO b;
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 't'::regclass AND NOT tgisinternal ORDER BY 1;
ALTER TABLE t ALTER COLUMN aa TYPE bigint;
ALTER TABLE t ALTER COLUMN b TYPE varchar(10);
ALTER TABLE t DROP COLUMN b;
ALTER TABLE t DROP COLUMN b CASCADE;
-- refusals
CREATE TRIGGER x BEFORE UPDATE OF nope ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE OF aa, aa ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION nope();
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION now();
CREATE TRIGGER x INSTEAD OF UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON v FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER TRUNCATE ON v EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x INSTEAD OF UPDATE ON v EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x INSTEAD OF UPDATE ON v FOR EACH ROW WHEN (true) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x INSTEAD OF UPDATE OF a ON v FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER TRUNCATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE DELETE ON t FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t WHEN (NEW.id = 1) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.g = 1) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.* = NEW.*) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW WHEN (id = 1) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW WHEN (1) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW WHEN (EXISTS (SELECT 1)) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW WHEN (count(*) = 1) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER UPDATE ON t REFERENCING OLD ROW AS o FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON t REFERENCING OLD TABLE AS o EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER UPDATE OR DELETE ON t REFERENCING OLD TABLE AS o EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER UPDATE OF aa ON t REFERENCING OLD TABLE AS o EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER INSERT ON t REFERENCING OLD TABLE AS o EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER DELETE ON t REFERENCING NEW TABLE AS o EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER UPDATE ON t REFERENCING OLD TABLE AS o NEW TABLE AS o EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x AFTER UPDATE ON v REFERENCING OLD TABLE AS o EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER x BEFORE UPDATE ON nope FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE SEQUENCE sq;
CREATE TRIGGER x BEFORE UPDATE ON sq FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
-- replacing and dropping
CREATE OR REPLACE TRIGGER z2 AFTER DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE OR REPLACE TRIGGER c2 AFTER DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'z2';
DROP TRIGGER z2 ON t;
DROP TRIGGER z2 ON t;
DROP TRIGGER IF EXISTS z2 ON t;
DROP TRIGGER IF EXISTS z2 ON nope;
DROP TRIGGER IF EXISTS z2 ON nope.t;
DROP TRIGGER z2 ON nope;
BEGIN;
DROP TRIGGER vi ON v CASCADE;
ROLLBACK;
SELECT count(*) FROM pg_trigger WHERE tgname = 'vi';
DROP TABLE u;
DROP TABLE u CASCADE;
-- partitions
CREATE TABLE p (k int, v int, w text) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 (w text, k int, x int, v int);
ALTER TABLE p2 DROP COLUMN x;
CREATE TRIGGER pt AFTER UPDATE OF v ON p FOR EACH ROW WHEN (OLD.v < NEW.v) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER ps AFTER UPDATE ON p FOR EACH STATEMENT EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3, 4) PARTITION BY LIST (k);
CREATE TABLE p33 PARTITION OF p3 FOR VALUES IN (3);
SELECT tgrelid::regclass, tgname, tgattr, tgparentid <> 0, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'p%' AND NOT tgisinternal ORDER BY 1, 2;
DROP TRIGGER pt ON p1;
ALTER TRIGGER pt ON p1 RENAME TO q;
CREATE OR REPLACE TRIGGER pt AFTER UPDATE ON p1 FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TRIGGER pt ON p RENAME TO q;
ALTER TABLE p DISABLE TRIGGER q;
ALTER TABLE ONLY p ENABLE TRIGGER q;
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'p%' AND NOT tgisinternal ORDER BY 1, 2;
\d p1
ALTER TABLE p DETACH PARTITION p2;
ALTER TABLE p DETACH PARTITION p3;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'p%' AND NOT tgisinternal ORDER BY 1, 2;
CREATE TRIGGER px AFTER UPDATE ON p REFERENCING OLD TABLE AS o FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER px AFTER UPDATE ON p1 REFERENCING OLD TABLE AS o FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER px AFTER UPDATE ON p2 REFERENCING OLD TABLE AS o FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
DROP TRIGGER q ON p;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'p%' AND NOT tgisinternal ORDER BY 1, 2;
-- privileges
CREATE ROLE tr_user;
GRANT USAGE ON SCHEMA s_triggers_ddl TO tr_user;
SET ROLE tr_user;
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
DROP TRIGGER a1 ON t;
ALTER TRIGGER a1 ON t RENAME TO b1;
ALTER TABLE t DISABLE TRIGGER a1;
RESET ROLE;
GRANT TRIGGER ON t TO tr_user;
SET ROLE tr_user;
CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
DROP TRIGGER x ON t;
RESET ROLE;
DROP TABLE t CASCADE;
DROP TABLE p, p2, p3 CASCADE;
DROP SEQUENCE sq;
REVOKE USAGE ON SCHEMA s_triggers_ddl FROM tr_user;
DROP ROLE tr_user;

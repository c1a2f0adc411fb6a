-- Triggers and the functions that they call.
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE t (a int);
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f('a');
CREATE TRIGGER y AFTER INSERT ON t EXECUTE FUNCTION s_triggers_functions.f();
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 't'::regclass ORDER BY 1;
SELECT tgfoid::regproc FROM pg_trigger WHERE tgrelid = 't'::regclass ORDER BY 1;
\d t
DROP FUNCTION f();
CREATE ROLE trf_user;
GRANT USAGE ON SCHEMA s_triggers_functions TO trf_user;
GRANT ALL ON t TO trf_user;
REVOKE EXECUTE ON FUNCTION f() FROM public;
SET ROLE trf_user;
CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
RESET ROLE;
ALTER FUNCTION f() RENAME TO h;
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 't'::regclass ORDER BY 1;
DROP FUNCTION h() CASCADE;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 't'::regclass;
DROP TABLE t;
DROP FUNCTION g();
REVOKE USAGE ON SCHEMA s_triggers_functions FROM trf_user;
DROP ROLE trf_user;

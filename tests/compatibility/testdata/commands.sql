ALTER AGGREGATE: alter aggregate nothing(int) rename to something
ALTER COLLATION: alter collation nothing rename to something
ALTER CONVERSION: alter conversion nothing rename to something
ALTER DATABASE: alter database nothing rename to something
ALTER DATABASE SET: alter database nothing set work_mem = '4MB'
ALTER DEFAULT PRIVILEGES: alter default privileges grant select on tables to public
ALTER DOMAIN: alter domain nothing set not null
ALTER EVENT TRIGGER: alter event trigger nothing disable
ALTER EXTENSION: alter extension nothing update
ALTER FOREIGN DATA WRAPPER: alter foreign data wrapper nothing no handler
ALTER FOREIGN TABLE: alter foreign table nothing add column a int
ALTER FUNCTION: alter function nothing() immutable
ALTER GROUP: alter group nothing add user nobody
ALTER INDEX: alter index nothing rename to something
ALTER LANGUAGE: alter language nothing rename to something
ALTER LARGE OBJECT: alter large object 1 owner to postgres
ALTER MATERIALIZED VIEW: alter materialized view nothing rename to something
ALTER OPERATOR: alter operator === (int, int) owner to postgres
ALTER OPERATOR CLASS: alter operator class nothing using btree rename to something
ALTER OPERATOR FAMILY: alter operator family nothing using btree rename to something
ALTER POLICY: alter policy nothing on nothing rename to something
ALTER PROCEDURE: alter procedure nothing() rename to something
ALTER PUBLICATION: alter publication nothing rename to something
ALTER ROLE: alter role nothing createdb
ALTER ROLE SET: alter role nothing set work_mem = '4MB'
ALTER RULE: alter rule nothing on nothing rename to something
ALTER SCHEMA: alter schema nothing rename to something
ALTER SEQUENCE: alter sequence nothing restart
ALTER SERVER: alter server nothing version '2'
ALTER STATISTICS: alter statistics nothing rename to something
ALTER SUBSCRIPTION: alter subscription nothing disable
ALTER SYSTEM: alter system set work_mem = '4MB'
ALTER TABLE: alter table nothing add column a int
ALTER TABLESPACE: alter tablespace nothing rename to something
ALTER TEXT SEARCH CONFIGURATION: alter text search configuration nothing rename to something
ALTER TEXT SEARCH DICTIONARY: alter text search dictionary nothing rename to something
ALTER TEXT SEARCH PARSER: alter text search parser nothing rename to something
ALTER TEXT SEARCH TEMPLATE: alter text search template nothing rename to something
ALTER TRIGGER: alter trigger nothing on nothing rename to something
ALTER TYPE: alter type nothing rename to something
ALTER TYPE ADD VALUE: alter type nothing add value 'a'
ALTER USER MAPPING: alter user mapping for postgres server nothing options (a 'b')
ALTER VIEW: alter view nothing rename to something
ANALYZE: analyze
BEGIN: begin
CALL: call nothing()
CHECKPOINT: checkpoint
CLOSE: close nothing
CLUSTER: cluster nothing
COMMENT: comment on table nothing is 'a'
COMMIT: commit
COMMIT PREPARED: commit prepared 'nothing'
COPY: copy nothing from stdin
CREATE ACCESS METHOD: create access method nothing type index handler nothing
CREATE AGGREGATE: create aggregate nothing(int) (sfunc = int4pl, stype = int)
CREATE CAST: create cast (bytea as date) without function
CREATE COLLATION: create collation nothing from "C"
CREATE CONVERSION: create conversion nothing for 'UTF8' to 'LATIN1' from nothing
CREATE DATABASE: create database nothing_db template nothing
CREATE DOMAIN: create domain a_domain as int
CREATE EVENT TRIGGER: create event trigger nothing on ddl_command_start execute function nothing()
CREATE EXTENSION: create extension plpgsql
CREATE FOREIGN DATA WRAPPER: create foreign data wrapper nothing
CREATE FOREIGN TABLE: create foreign table nothing (a int) server nothing
CREATE FUNCTION: create function a_function() returns int language sql as 'select 1'
CREATE GROUP: create group a_group
CREATE INDEX: create index on nothing (a)
CREATE LANGUAGE: create language nothing handler nothing
CREATE MATERIALIZED VIEW: create materialized view a_view as select 1 as a
CREATE OPERATOR: create operator === (function = int4eq, leftarg = int, rightarg = int)
CREATE OPERATOR CLASS: create operator class nothing for type int using btree as operator 1 <
CREATE OPERATOR FAMILY: create operator family nothing using btree
CREATE POLICY: create policy nothing on nothing
CREATE PROCEDURE: create procedure a_procedure() language sql as 'select 1'
CREATE PUBLICATION: create publication nothing
CREATE ROLE: create role a_role
CREATE RULE: create rule nothing as on insert to nothing do nothing
CREATE SCHEMA: create schema a_schema
CREATE SEQUENCE: create sequence a_sequence
CREATE SERVER: create server nothing foreign data wrapper nothing
CREATE STATISTICS: create statistics nothing on a, b from nothing
CREATE SUBSCRIPTION: create subscription nothing connection '' publication nothing with (connect = false)
CREATE TABLE: create table a_table (a int)
CREATE TABLE AS: create table another_table as select 1 as a
CREATE TABLESPACE: create tablespace nothing location '/nowhere'
CREATE TEXT SEARCH CONFIGURATION: create text search configuration nothing (parser = default)
CREATE TEXT SEARCH DICTIONARY: create text search dictionary nothing (template = simple)
CREATE TEXT SEARCH PARSER: create text search parser nothing (start = a, gettoken = b, end = c, lextypes = d)
CREATE TEXT SEARCH TEMPLATE: create text search template nothing (lexize = a)
CREATE TRANSFORM: create transform for int language sql (from sql with function nothing(internal))
CREATE TRIGGER: create trigger nothing before insert on nothing execute function nothing()
CREATE TYPE (base): create type nothing
CREATE TYPE AS: create type a_type as (a int)
CREATE TYPE AS ENUM: create type a_mood as enum ('sad', 'ok')
CREATE TYPE AS RANGE: create type a_range as range (subtype = int)
CREATE USER: create user a_user
CREATE USER MAPPING: create user mapping for postgres server nothing
CREATE VIEW: create view plain_view as select 1 as a
DEALLOCATE: deallocate nothing
DECLARE: declare c cursor for select 1
DELETE: delete from nothing
DISCARD ALL: discard all
DISCARD PLANS: discard plans
DISCARD SEQUENCES: discard sequences
DISCARD TEMP: discard temp
DO: do 'begin end'
DROP ACCESS METHOD: drop access method nothing
DROP AGGREGATE: drop aggregate nothing(int)
DROP CAST: drop cast (bytea as date)
DROP COLLATION: drop collation nothing
DROP CONVERSION: drop conversion nothing
DROP DATABASE: drop database nothing_db
DROP DOMAIN: drop domain nothing
DROP EVENT TRIGGER: drop event trigger nothing
DROP EXTENSION: drop extension nothing
DROP FOREIGN DATA WRAPPER: drop foreign data wrapper nothing
DROP FOREIGN TABLE: drop foreign table nothing
DROP FUNCTION: drop function nothing()
DROP INDEX: drop index nothing
DROP LANGUAGE: drop language nothing
DROP MATERIALIZED VIEW: drop materialized view nothing
DROP OPERATOR: drop operator === (int, int)
DROP OPERATOR CLASS: drop operator class nothing using btree
DROP OPERATOR FAMILY: drop operator family nothing using btree
DROP OWNED: drop owned by nobody
DROP POLICY: drop policy nothing on nothing
DROP PROCEDURE: drop procedure nothing()
DROP PUBLICATION: drop publication nothing
DROP ROLE: drop role nobody
DROP ROUTINE: drop routine nothing()
DROP RULE: drop rule nothing on nothing
DROP SCHEMA: drop schema nothing
DROP SEQUENCE: drop sequence nothing
DROP SERVER: drop server nothing
DROP STATISTICS: drop statistics nothing
DROP SUBSCRIPTION: drop subscription nothing
DROP TABLE: drop table nothing
DROP TABLESPACE: drop tablespace nothing
DROP TEXT SEARCH CONFIGURATION: drop text search configuration nothing
DROP TEXT SEARCH DICTIONARY: drop text search dictionary nothing
DROP TEXT SEARCH PARSER: drop text search parser nothing
DROP TEXT SEARCH TEMPLATE: drop text search template nothing
DROP TRANSFORM: drop transform for int language sql
DROP TRIGGER: drop trigger nothing on nothing
DROP TYPE: drop type nothing
DROP USER MAPPING: drop user mapping for postgres server nothing
DROP VIEW: drop view nothing
EXECUTE: execute nothing
EXPLAIN: explain select 1
FETCH: fetch nothing
GRANT: grant select on nothing to public
GRANT ROLE: grant nothing to nobody
IMPORT FOREIGN SCHEMA: import foreign schema nothing from server nothing into public
INSERT: insert into nothing values (1)
LISTEN: listen a_channel
LOAD: load 'nothing'
LOCK: lock table nothing
MERGE: merge into nothing using nothing on true when matched then delete
MOVE: move nothing
NOTIFY: notify a_channel
PREPARE: prepare a_statement as select 1
PREPARE TRANSACTION: prepare transaction 'nothing'
REASSIGN OWNED: reassign owned by nobody to postgres
REFRESH MATERIALIZED VIEW: refresh materialized view nothing
REINDEX: reindex table nothing
RELEASE SAVEPOINT: release savepoint nothing
RESET: reset work_mem
REVOKE: revoke select on nothing from public
ROLLBACK: rollback
ROLLBACK PREPARED: rollback prepared 'nothing'
ROLLBACK TO SAVEPOINT: rollback to savepoint nothing
SAVEPOINT: savepoint a
SECURITY LABEL: security label on table nothing is 'a'
SELECT: select 1
SELECT INTO: select 1 as a into third_table
SET: set work_mem = '4MB'
SET CONSTRAINTS: set constraints all deferred
SET ROLE: set role nobody
SET SESSION AUTHORIZATION: set session authorization nobody
SET TRANSACTION: set transaction read write
SHOW: show work_mem
START TRANSACTION: start transaction
TABLE: table nothing
TRUNCATE: truncate nothing
UNLISTEN: unlisten *
UPDATE: update nothing set a = 1
VACUUM: vacuum
VALUES: values (1)

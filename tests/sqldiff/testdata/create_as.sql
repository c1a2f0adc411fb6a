-- CREATE TABLE AS, SELECT INTO, unlogged tables, and CREATE SCHEMA with elements.
\set VERBOSITY verbose
select current_schema() as schema \gset
create table src (a int, b text);
insert into src values (1, 'one'), (2, 'two'), (3, 'three');
create table c1 as select * from src;
create table c2 (x, y) as select * from src where a > 1;
create table c3 (x, y, z) as select * from src;
create table c4 as select * from src with no data;
create table if not exists c4 as select * from src;
create table c4 as select * from src;
create table c5 as values (1, 'a'), (2, 'b');
create table c6 as table src;
create table c7 as select null as n, 'lit' as l;
select * from c1 order by 1;
select * from c2 order by 1;
select * from c4;
select * from c5 order by 1;
\d c7
create table dupcol as select 1 as a, 2 as a;
create temp table ct as select 1 as one;
select * from ct;
create unlogged table cu as select 2 as two;
select relpersistence from pg_class where relnamespace = current_schema()::regnamespace and relname = 'cu';
-- EXECUTE
prepare p (int) as select a, b from src where a >= $1;
create table e1 as execute p (2);
select * from e1 order by 1;
create temp table e2 (k) as execute p (3) with no data;
select * from e2;
create table e3 as execute p;
create table e3 as execute p (1, 2);
create table e3 as execute p ('x');
create table e3 as execute nope;
prepare w as insert into src values (9, 'nine');
create table e3 as execute w;
create table if not exists e1 as execute p (1);
-- SELECT INTO
select a, b into i1 from src where a = 1;
select * from i1;
select a into temp i2 from src union all select 99;
select * from i2 order by 1;
select 1 as a into unlogged i3;
select relpersistence from pg_class where relnamespace = current_schema()::regnamespace and relname = 'i3';
select 1 into i1;
select * from (select 1 into f) x;
insert into src select 1, 'x' into f;
-- privileges: no right to insert is needed into what one makes
create role maker;
grant usage, create on schema :schema to maker;
grant select on src to maker;
alter default privileges for role maker revoke insert on tables from maker;
set role maker;
create table made as select * from src;
select count(*) from made;
insert into made values (1, 'x');
reset role;
drop owned by maker;
drop role maker;
-- unlogged
create unlogged table u1 (a serial primary key, b int references u1);
create table u2 (a int references u1);
create unlogged table u2 (a int references u1);
alter table u1 set logged;
alter table u2 set logged;
alter table u2 set unlogged;
select relname, relpersistence from pg_class where relnamespace = current_schema()::regnamespace and relname in ('u1', 'u1_pkey', 'u1_a_seq', 'u2') order by 1;
alter table u1 set unlogged;
create unlogged sequence us;
alter sequence us set logged;
select relpersistence from pg_class where relnamespace = current_schema()::regnamespace and relname = 'us';
\d u2
-- like
create view likev as select a, b from src;
create table fromview (like likev);
\d fromview
-- schemas
create schema with_elts
  create view v as select a from t where a in (select 1)
  create table t (a int primary key, b int references t)
  create index on t (b)
  create sequence sq
  grant select on t to public;
\d with_elts.t
select * from with_elts.v;
select nextval('with_elts.sq');
create schema elsewhere create table with_elts.x (a int);
create schema if not exists with_elts create table x (a int);
create schema broken create table x (a nope);
select count(*) from pg_namespace where nspname = 'broken';
drop schema with_elts cascade;

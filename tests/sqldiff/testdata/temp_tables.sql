-- Temporary tables, views and sequences: names, lifetimes, constraints, and what others see.
\set VERBOSITY verbose
create table perm (a int primary key, b text);
insert into perm values (1, 'permanent');
create temp table t (a int primary key, b serial, c text unique, d int generated always as identity, check (a < 100));
insert into t (a, c) values (1, 'x'), (2, 'y');
select * from t order by a;
select * from pg_temp.t order by a;
insert into t (a, c) values (1, 'z');
insert into t (a, c) values (3, 'x');
insert into t (a, c) values (100, 'q');
create temp table child (x int references t on delete cascade);
create temp table bad (x int references perm);
create table bad (x int references t);
insert into child values (1), (2);
insert into child values (7);
delete from t where a = 1;
select * from child;
create index on t (c);
create unique index t_u on t (c, a);
alter table t add column e int default 5;
alter table t rename column e to f;
select a, c, f from t;
truncate t, child;
select count(*) from t;
drop table child;
-- names
create temp table perm (z int);
insert into perm values (42);
select * from perm;
select * from public.perm;
drop table perm;
select * from perm;
create temporary table pg_class (nothing int);
select * from pg_class;
drop table pg_class;
create temp table public.x (a int);
create table pg_temp.y (a int);
select relpersistence, relnamespace = pg_my_temp_schema() from pg_class where relname = 'y' and relpersistence = 't';
create temp sequence sq;
select nextval('sq'), nextval('pg_temp.sq');
select relname, relkind, relpersistence, pg_is_other_temp_schema(relnamespace), pg_table_is_visible(oid) from pg_class
  where relname in ('t', 't_pkey', 't_b_seq', 't_d_seq', 'sq') and relnamespace = pg_my_temp_schema() order by 1;
select table_name, table_type from information_schema.tables where table_name in ('t', 'perm') and table_schema in (current_schema(), pg_my_temp_schema()::regnamespace::text) order by 1;
select 't'::regclass, 'pg_temp.t'::regclass = 't'::regclass, to_regclass('pg_temp.nope') is null;
select array_length(current_schemas(true), 1) - array_length(current_schemas(false), 1), (current_schemas(true))[1] ~ '^pg_temp_\d+$', (current_schemas(true))[2];
select * from pg_temp.nope;
create schema pg_temp;
create schema pg_temp_1;
alter table t set schema public;
alter table perm set schema pg_temp;
alter table t set logged;
create table another (a int) on commit drop;
create table another (a int) on commit preserve rows;
-- pg_temp in search_path
begin;
set local search_path = pg_temp, public;
create table implied (a int);
select relpersistence from pg_class where relname = 'implied';
set local search_path = public, pg_temp;
create temp table perm (q int);
select * from perm;
select * from pg_temp.perm;
rollback;
-- views
create view v as select a, c from t;
create or replace view v as select a, c, f from t;
select * from v;
create temp view tv as select 1 as one;
create view pg_temp.tv2 as select one from tv;
create view public.tv3 as select * from tv;
create temp view public.tv4 as select 1;
create unlogged view uv as select 1;
select relname, relpersistence from pg_class where relname in ('v', 'tv', 'tv2') and relnamespace = pg_my_temp_schema() order by 1;
drop table t;
drop table t cascade;
-- types
create type pg_temp.mood as enum ('sad', 'happy');
create temp table feels (m pg_temp.mood, n mood);
insert into feels values ('sad', 'happy');
select * from feels;
create domain pg_temp.pos as int check (value > 0);
select 1::pg_temp.pos;
select 0::pg_temp.pos;
-- rollback
begin;
create temp table gone (a int);
insert into gone values (1);
savepoint s;
create temp table gone2 (a int);
rollback to s;
select * from gone2;
rollback;
select * from gone;
-- read only transactions write temporary tables
create temp table ro (a int);
begin read only;
insert into ro values (1);
select nextval('sq');
copy ro from stdin;
2
\.
update ro set a = a + 1;
select * from ro order by 1;
insert into perm values (5, 'no');
rollback;
-- privileges: TEMPORARY on the database is enough
create role temp_user;
set role temp_user;
create temp table mine (a serial primary key, b int references mine);
insert into mine (b) values (null), (1);
select * from mine order by 1;
create temp view mine_too as select * from mine;
select count(*) from pg_temp.mine_too;
create temp sequence my_seq;
select nextval('my_seq');
create index on mine (b);
drop table mine cascade;
create table not_mine (a int);
reset role;
revoke temporary on database :DBNAME from public;
set role temp_user;
create temp table mine (a int);
create temp view mine as select 1;
create table pg_temp.mine (a int);
create temp table mine as select 1;
reset role;
grant temporary on database :DBNAME to public;
drop owned by temp_user;
drop role temp_user;
-- ends
discard temp;
select * from ro;
select count(*) from pg_class where relnamespace = pg_my_temp_schema();
create temp table again (a int);
select * from again;
discard all;
select * from again;

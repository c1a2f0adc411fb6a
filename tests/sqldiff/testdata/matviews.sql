-- Materialized views.
\set VERBOSITY verbose
select current_schema() as schema \gset
create table t (id int primary key, type text not null, amt numeric not null);
insert into t values (1, 'x', 2), (2, 'x', 3), (3, 'y', 5), (4, 'y', 7), (5, 'z', 11);
create view tv as select type, sum(amt) as totamt from t group by type;
create materialized view tm as select type, sum(amt) as totamt from t group by type with no data;
select relispopulated, relkind from pg_class where oid = 'tm'::regclass;
select * from tm;
refresh materialized view tm;
select relispopulated from pg_class where oid = 'tm'::regclass;
create unique index tm_type on tm (type);
select * from tm order by type;
create materialized view tvm as select * from tv order by type;
create materialized view tmm as select sum(totamt) as grandtot from tm;
create materialized view named (a, b) as select type, totamt from tv with data;
select * from named order by 1;
create materialized view toomany (a, b, c) as select type, totamt from tv;
\d tm
\d+ tmm
\dm
select matviewname, hasindexes, ispopulated from pg_matviews where matviewname in ('tm', 'tmm', 'tvm') order by 1;
select pg_get_viewdef('tmm'::regclass, true);
select tablename from pg_tables where schemaname = current_schema() and tablename = 'tm';
select table_name from information_schema.tables where table_name = 'tm';
insert into t values (6, 'z', 13);
select * from tm order by type;
refresh materialized view concurrently tm;
select * from tm order by type;
select * from tmm;
refresh materialized view concurrently tmm;
refresh materialized view tmm;
select * from tmm;
-- what it is not
insert into tm values ('q', 1);
update tm set totamt = 1;
delete from tm;
truncate tm;
select * from tm for update;
lock table tm;
copy tm to stdout;
alter table tm add column x int;
alter table tm drop column totamt;
alter materialized view tm alter column totamt set not null;
create table refs (a text references tm (type));
refresh materialized view t;
refresh materialized view tv;
refresh materialized view nope;
drop table tm;
drop view tm;
drop materialized view tv;
drop materialized view t;
alter materialized view t rename to tt;
create materialized view tm as select 1;
create materialized view if not exists tm as select 1;
-- transactions
begin;
insert into t values (7, 'new', 1);
refresh materialized view tm;
select count(*) from tm;
rollback;
select count(*) from tm;
begin;
refresh materialized view tm with no data;
select * from tm;
rollback;
select count(*) from tm;
refresh materialized view tm with no data;
select * from tm;
refresh materialized view concurrently tm;
refresh materialized view concurrently tm with no data;
refresh materialized view tm;
-- dependence
drop table t;
drop materialized view tm;
alter materialized view tmm rename column grandtot to g;
select g from tmm;
alter materialized view tmm rename to tmm2;
alter table tmm2 rename to tmm;
comment on materialized view tmm is 'a total';
comment on column tmm.g is 'of all';
select obj_description('tmm'::regclass), col_description('tmm'::regclass, 1);
create schema other_schema;
alter materialized view tmm set schema other_schema;
select * from other_schema.tmm;
drop schema other_schema cascade;
create materialized view dup as select a from (values (1), (1)) v (a) with no data;
create unique index on dup (a);
refresh materialized view dup;
create materialized view if not exists dep as select * from tm;
drop materialized view if exists nope, dep;
drop view tv cascade;
drop materialized view tm cascade;
-- refused queries
create temp table temporary_one (a int);
create materialized view m as select * from temporary_one;
create materialized view m as with w as (insert into t values (9, 'q', 1) returning *) select * from w;
create unlogged materialized view m as select 1;
create materialized view m as select * from nope;
create materialized view m as select 1 as a, 2 as a;
-- privileges
create role matview_reader;
create materialized view priv as select * from t;
grant usage on schema :schema to matview_reader;
set role matview_reader;
select count(*) from priv;
refresh materialized view priv;
reset role;
grant select on priv to matview_reader;
set role matview_reader;
select count(*) from priv;
select count(*) from t;
reset role;
drop owned by matview_reader;
drop role matview_reader;

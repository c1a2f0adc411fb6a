-- Maintenance, other sessions, and who may look at and end them.
create role pm_user; create role pm_owner; grant usage, create on schema s_privileges_misc to pm_user, pm_owner;
set session authorization pm_owner;
create table t (a int); insert into t values (1);
create view v as select * from t; vacuum v; analyze v;
set session authorization pm_user;
vacuum t; analyze t; vacuum analyze t; vacuum (verbose off) t; analyze v; analyze nothing;
reindex table t; checkpoint;
select pg_cancel_backend(pg_backend_pid()); select pg_terminate_backend(pg_backend_pid()); select pg_terminate_backend(0); select pg_cancel_backend(2147483647);
select setting from pg_settings where name in ('role', 'session_authorization', 'is_superuser') order by name;
show is_superuser; select current_setting('role'), current_setting('session_authorization');
set role pm_user; select setting from pg_settings where name in ('role', 'session_authorization', 'is_superuser') order by name;
select count(*) from pg_class where relname = 't' and relnamespace = 's_privileges_misc'::regnamespace;
select * from pg_catalog.pg_largeobject; select * from pg_statistic; select * from pg_user_mapping; select 1 from pg_hba_file_rules; select 1 from pg_stats where false;
insert into pg_class (relname) values ('x'); update pg_class set relname = 'x'; delete from pg_class;
set session authorization pm_user;
copy t to '/tmp/nowhere/x'; copy t from '/tmp/nowhere/x'; copy t to program 'true';
reset session authorization;
drop owned by pm_user, pm_owner; drop role pm_user, pm_owner;

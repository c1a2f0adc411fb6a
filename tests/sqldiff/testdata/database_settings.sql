-- ALTER ROLE and ALTER DATABASE … SET, applied at login; who may do what with databases.
create role db_u1 login; create role db_u2 login createdb;
alter role db_u1 set work_mem = '64MB';
alter role db_u1 set search_path = s1, "S 2", public;
alter database postgres set statement_timeout = '5min';
alter role db_u1 in database postgres set datestyle = 'German';
alter role db_u1 set nope = 1;
alter role db_u1 set work_mem = 'abc';
select datname, rolname, setconfig from pg_db_role_setting s left join pg_database d on d.oid = setdatabase left join pg_roles r on r.oid = setrole order by 2, 1;
\drds db*
\c - db_u1
show work_mem; show search_path; show statement_timeout; show datestyle;
select name, setting, source, reset_val from pg_settings where name in ('work_mem','search_path','statement_timeout','DateStyle') order by 1;
set work_mem = '1MB'; reset work_mem; show work_mem; set search_path = public; reset all; show search_path;
create database db_u1;
alter role db_u1 set log_statement = 'all';
alter role db_u1 set enable_seqscan = off;
alter role db_u2 set enable_seqscan = off;
alter database postgres set enable_seqscan=off;
\c - postgres
alter role db_u1 reset work_mem; alter role db_u1 reset all; alter role db_u1 in database postgres reset all; alter database postgres reset all;
set work_mem='3MB'; alter role db_u1 set work_mem from current;
select setconfig from pg_db_role_setting;
\c - db_u2
create database ud; 
alter database ud owner to db_u1;
create schema frob;
\c ud
create schema frob;
create table t(a int);
\l ud
\c postgres postgres
drop role db_u2;
drop owned by db_u2;
drop database ud;
create database own2 owner db_u2;
\c own2 db_u1
create table x(a int);
\c postgres postgres
grant create on database own2 to db_u1;
drop role db_u1; drop role db_u2;
alter role db_u1 reset all;
drop database own2; drop role db_u1; drop role db_u2;

-- Options of views, and what they change.
\set VERBOSITY verbose
select current_schema() as schema \gset
create table t (a int, secret text);
insert into t values (1, 'visible'), (-1, 'hidden');
create view plain as select * from t where a > 0;
create view barrier with (security_barrier) as select * from t where a > 0;
create view barrier_off with (security_barrier = false) as select * from t where a > 0;
create view invoker with (security_invoker = true, security_barrier = on) as select * from t where a > 0;
create view bad with (security_barrier = 100) as select 1;
create view bad with (nonsense) as select 1;
create view bad with (toast.nonsense = 1) as select 1;
select relname, reloptions from pg_class where relname in ('plain', 'barrier', 'barrier_off', 'invoker') and relnamespace = current_schema()::regnamespace order by 1;
select * from barrier where secret <> 'hidden';
\d+ barrier
alter view plain set (security_barrier);
alter view barrier reset (security_barrier);
alter view invoker set (security_barrier = false);
alter view invoker set (security_barrier = 'maybe');
alter view invoker set (nonsense = 1);
alter view nope set (security_barrier);
alter view if exists nope set (security_barrier);
select relname, reloptions from pg_class where relname in ('plain', 'barrier', 'barrier_off', 'invoker') and relnamespace = current_schema()::regnamespace order by 1;
create or replace view plain as select * from t where a > 0;
select reloptions from pg_class where relnamespace = current_schema()::regnamespace and relname = 'plain';
-- a condition that divides must not see what the barrier hides
create view nonzero with (security_barrier) as select a from t where a <> -1;
select * from nonzero where 10 / (a + 1) > 1;
-- who uses what is in the view
create role view_user;
grant usage on schema :schema to view_user;
grant select on plain, invoker to view_user;
set role view_user;
select a from plain;
select a from invoker;
reset role;
grant select on t to view_user;
set role view_user;
select a from invoker;
reset role;
create view over as select * from invoker;
grant select on over to view_user;
revoke select on t from view_user;
set role view_user;
select a from over;
reset role;
drop owned by view_user;
drop role view_user;
-- columns of views are renamed
alter view plain rename column secret to shown;
select shown from plain;
alter table plain rename column shown to a;
alter view plain rename column nope to x;
alter view plain rename column shown to also_shown;
\d+ plain

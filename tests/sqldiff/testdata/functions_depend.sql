-- What depends on functions.
create table t(a int primary key, b int);
create function v_of(t) returns int language sql as 'select $1.b * 100';
create table d (a int primary key, b int check (public.v_of(row(a, b)::t) >= 0));
create table d2 (a int primary key, b int check (v_of(row(a, b)::t) >= 0));
create table d3 (a int primary key, b int check (v_of(null::t) >= 0));
\d d
drop function v_of(t);
select conrelid::regclass, pg_get_constraintdef(oid) from pg_constraint where conrelid in (select oid from pg_class where relname in ('d','d2','d3')) and contype = 'c' order by 1;
drop function v_of(t) cascade;

-- The system catalogs of functions.
create schema s;
create type comp as (a int, b text);
create table t(a int primary key, b text);
create function f1(x int, y text default 'a' || 'b', variadic z int[] default '{}') returns int language sql immutable strict parallel safe cost 5 as $$ select x $$;
create function s.f2(out a int, out b text) returns setof record language sql stable rows 5 set search_path = s, public set work_mem to '5MB' as 'select 1, ''x''';
create function f3(comp) returns table(p int, q t) language sql security definer as $$ select 1, t from t $$;
create procedure pr(in a int, inout b int default 3, out c text) language sql as $function$ select 1, 'x'::text $function$;
create function f4(x int) returns int return x + 1;
comment on function f1 is 'first';
\df
\df+ f1
\sf f1
\sf s.f2
\sf f3
\sf pr
select pg_get_function_arguments(oid), pg_get_function_identity_arguments(oid), pg_get_function_result(oid), pg_get_function_arg_default(oid,2) from pg_proc where proname in ('f1','f2','f3','pr') order by proname;
select 'f1'::regproc, 's.f2'::regproc, 'f1(int,text,int[])'::regprocedure, 's.f2()'::regprocedure::oid::regprocedure;
select 'nof'::regproc;
select obj_description('f1'::regproc,'pg_proc');
select has_function_privilege('public','f1(int,text,int[])','execute');
create view v as select f1(1), s.f2() from t where f1(a) > 0;
\d+ v
select * from v;
drop type comp;
drop schema s cascade;
\d v
select lanname from pg_language order by 1;
revoke all on function f1 from public;
select proacl from pg_proc where proname='f1';
\df+ f1
alter default privileges revoke execute on functions from public;
create function nopriv() returns int language sql as 'select 1';
select proacl from pg_proc where proname='nopriv';

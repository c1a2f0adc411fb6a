-- CREATE AGGREGATE.
create table nums (id int primary key, g int, i int, n numeric, t text, a int[]);
insert into nums select k, k % 3, case when k % 5 = 0 then null else k end, k / 2.0, chr(96 + k), array[k, -k] from generate_series(1, 12) k;

-- Built-in and own transition functions.
create aggregate newavg (sfunc = int4_avg_accum, basetype = int4, stype = _int8, finalfunc = int8_avg, initcond1 = '{0,0}');
create aggregate mysum (int4) (sfunc = int4pl, stype = int4, initcond = '0');
create aggregate nosum (int4) (sfunc = int4pl, stype = int4);
create aggregate mycount (*) (sfunc = int8inc, stype = int8, initcond = 0);
create function appended(s text, v text) returns text language sql as $$ select coalesce($1 || ',', '') || coalesce($2, '-') $$;
create function strictly(s text, v text) returns text language sql strict as $$ select $1 || '+' || $2 $$;
create function wrapped(s text) returns text language plpgsql as $$ begin return '<' || coalesce(s, 'nothing') || '>'; end $$;
create aggregate joined (text) (sfunc = appended, stype = text);
create aggregate joined_strictly (text) (sfunc = strictly, stype = text);
create aggregate joined_from (text) (sfunc = strictly, stype = text, initcond = 'start');
create aggregate framed (text) (sfunc = appended, stype = text, finalfunc = wrapped, finalfunc_modify = read_only, parallel = safe, sspace = 100);
create aggregate collected (anycompatible) (sfunc = array_append, stype = anycompatiblearray, initcond = '{}');
create function second(s int, a int, b int) returns int language sql immutable as $$ select greatest(coalesce($1, 0), $2 * $3) $$;
create aggregate best_product (a int, b int) (sfunc = second, stype = int);
create function upto(s int, v int) returns int language plpgsql strict as $$ begin if v > 9 then return null; end if; return s + v; end $$;
create aggregate until_null (int) (sfunc = upto, stype = int, initcond = '0');
create function firstly(anyelement, anyelement) returns anyelement language sql strict immutable as 'select $1';
create aggregate first(anyelement) (sfunc = firstly, stype = anyelement);
create function lastly(anyelement, anyelement) returns anyelement language sql strict immutable as 'select $2';
create aggregate last(anyelement) (sfunc = lastly, stype = anyelement);

select mysum(i), nosum(i), mycount(*), joined(t order by id), joined_strictly(t order by id), joined_from(t order by id), framed(t order by id desc) from nums;
select newavg(i) from nums;
select g, mysum(i), mycount(*), first(t order by id), last(t order by id), collected(i order by id) from nums group by g order by g;
select mysum(i), nosum(i), mycount(*), joined(t), framed(t), collected(i), until_null(i) from nums where false;
select g, framed(t) from nums where false group by g;
select until_null(i order by id), until_null(i) filter (where id < 5), best_product(g, id), best_product(i, g) from nums;
select framed(distinct g::text), collected(distinct g order by g desc), mysum(distinct g) from nums;
select joined(t order by g, id desc) filter (where i is not null) from nums;
select g, mysum(i) from nums group by g having mysum(i) > 20 order by mysum(i) desc;
select g, mysum(i), grouping(g) from nums group by rollup (g) order by g;
select id, mysum(i) over (order by id), joined(t) over (partition by g order by id), last(n) over (order by id rows between 2 preceding and current row),
    framed(t) over (order by id rows between 1 preceding and 1 following exclude current row) from nums order by id;
select id, mysum(i) filter (where g > 0) over w from nums window w as (order by id groups between unbounded preceding and 1 following) order by id;
select (select mysum(n2.i + nums.id) from nums n2 where n2.g = nums.g) from nums where id < 3 order by id;
select mysum(i + 1) * 2, mysum(i) + sum(i) from nums;
select collected(t order by id), collected(n order by id), collected(a[1] order by id) from nums where id < 4;
select first(a order by id), last(a order by id) from nums;

-- Calls that are wrong.
select mysum(*) from nums;
select mycount() from nums;
select mysum(t) from nums;
select mysum(i, i) from nums;
select mysum(mysum(i)) from nums;
select mysum(i) within group (order by i) from nums;
select i from nums where mysum(i) > 1;
select mysum(distinct i) over () from nums;
select mysum(arg => i) from nums;
call mysum(1);
select best_product(a => 1, b => 2);

-- Variadic ones.
create function widest(s int, variadic list int[]) returns int language sql as $$ select greatest($1, max(v)) from unnest($2) v $$;
create aggregate widest_of (variadic list int[]) (sfunc = widest, stype = int);
select widest_of(i, g, 7), widest_of(g), widest_of(variadic a) from nums;

-- The state and its end.
create type tally as (n int, total numeric);
create function tallied(s tally, v numeric) returns tally language plpgsql as $$ begin return row(coalesce(s.n, 0) + 1, coalesce(s.total, 0) + v); end $$;
create function tally_mean(s tally) returns numeric language sql as $$ select round($1.total / nullif($1.n, 0), 3) $$;
create aggregate mean (numeric) (sfunc = tallied, stype = tally, finalfunc = tally_mean);
select mean(n), mean(n) filter (where false) from nums;
create function extra_final(s int, v int) returns text language sql as $$ select $1 || '/' || coalesce($2::text, 'none') $$;
create aggregate with_extra (int) (sfunc = int4pl, stype = int, initcond = '0', finalfunc = extra_final, finalfunc_extra);
select with_extra(i) from nums;
create aggregate one_result (int) (sfunc = int4pl, stype = int, initcond = '0', finalfunc = int4abs, finalfunc_modify = read_write);
select one_result(i) from nums;
select one_result(i) over (order by id) from nums;
create function failing(s int, v int) returns int language plpgsql as $$ begin if v = 4 then raise exception 'no %', v; end if; return coalesce(s, 0) + v; end $$;
create aggregate fails (int) (sfunc = failing, stype = int);
select fails(i order by id) from nums;
select fails(i order by id) from nums where id <> 4;

-- In views, functions and other statements.
create view sums as select g, mysum(i) as s, framed(t order by id) over_g from nums group by g;
select * from sums order by g;
select pg_get_viewdef('sums');
alter aggregate mysum(int) rename to mytotal;
select pg_get_viewdef('sums');
select * from sums order by g;
create function total_of(int) returns int language sql as 'select mytotal(i) from nums where g = $1';
select total_of(1);
do $$ declare v int; begin select mytotal(i) into v from nums; raise notice 'total %', v; end $$;
create table kept as select g, mytotal(i) as m from nums group by g;
select * from kept order by g;
update kept set m = (select mytotal(id) from nums where nums.g = kept.g);
select * from kept order by g;
drop aggregate mytotal(int);
drop function int4pl(int, int);
drop function wrapped(text);
drop function appended(text, text) cascade;
select * from sums;

-- Replaced functions and aggregates.
create or replace function strictly(s text, v text) returns text language sql as $$ select coalesce($1, '?') || '*' || coalesce($2, '?') $$;
select joined_strictly(t order by id) from nums where id < 4;
create or replace aggregate joined_from (text) (sfunc = strictly, stype = text, initcond = 'anew');
select joined_from(t order by id) from nums where id < 3;
create aggregate joined_from (text) (sfunc = strictly, stype = text);
create or replace aggregate joined_from (text) (sfunc = strictly, stype = text, finalfunc = length);
create or replace aggregate strictly (text, text) (sfunc = array_append, stype = text[]);
create or replace function joined_from(text) returns text language sql as 'select $1';
create or replace function mytotal(int) returns int language sql as 'select $1';
create or replace aggregate mytotal (int) (sfunc = int4pl, stype = int);

-- What is refused.
create aggregate bad (int) (stype = int);
create aggregate bad (int) (sfunc = int4pl);
create aggregate bad (int) (sfunc = int4pl, stype = int, basetype = int);
create aggregate bad (sfunc = int4pl, stype = int);
create aggregate bad (int) (sfunc = nosuch, stype = int);
create aggregate bad (int) (sfunc = int4pl, stype = nosuch);
create aggregate bad (nosuch) (sfunc = int4pl, stype = int);
create aggregate bad (text) (sfunc = int4pl, stype = int);
create aggregate bad (int) (sfunc = int48pl, stype = int);
create aggregate bad (int8) (sfunc = int48pl, stype = int);
create aggregate bad (text) (sfunc = strictly, stype = int);
create aggregate bad (int) (sfunc = generate_series, stype = int);
create aggregate bad (text) (sfunc = textcat, stype = text, finalfunc = nosuch);
create aggregate bad (text) (sfunc = textcat, stype = text, finalfunc = int4abs);
create aggregate bad (int) (sfunc = int4pl, stype = int, initcond = 'x');
create aggregate bad (int) (sfunc = int4pl, stype = int, parallel = maybe);
create aggregate bad (int) (sfunc = int4pl, stype = int, finalfunc_modify = sometimes);
create aggregate bad (int) (sfunc = int4pl, stype = int, combinefunc = int8pl);
create aggregate bad (int) (sfunc = int4pl, stype = int, serialfunc = int4out);
create aggregate bad (int) (sfunc = int4pl, stype = int, sortop = <<<);
create aggregate bad (int, int) (sfunc = second, stype = int, sortop = <);
create aggregate bad (int) (sfunc = int4pl, stype = anyelement);
create aggregate bad (int) (sfunc = int4pl, stype = trigger);
create aggregate bad (numeric) (sfunc = float8pl, stype = float8);
create aggregate bad (setof int) (sfunc = int4pl, stype = int);
create aggregate bad (int8, int4) (sfunc = int84pl, stype = int8);
create function strict_two(int, text) returns int language sql strict as 'select $1';
create aggregate bad (text) (sfunc = strict_two, stype = int);
create function strict_extra(int, int) returns int language sql strict as 'select $1';
create aggregate bad (int) (sfunc = int4pl, stype = int, finalfunc = strict_extra, finalfunc_extra);
create aggregate odd (int) (sfunc = int4pl, stype = int, colour = red);
drop aggregate odd (int);

-- ALTER, DROP, COMMENT, GRANT.
drop aggregate nosuch(int);
drop aggregate if exists nosuch(int);
drop aggregate if exists nosuch(*);
drop aggregate nosuch(*);
drop aggregate strictly(text, text);
drop function joined_from(text);
drop aggregate sum(int);
alter function joined_from(text) strict;
alter aggregate nosuch(int) rename to x;
alter aggregate mycount(*) rename to counted;
comment on aggregate counted(*) is 'how many';
select obj_description('counted'::regproc, 'pg_proc');
comment on aggregate counted(*) is null;
create schema aggs_user;
alter aggregate counted(*) set schema aggs_user;
select aggs_user.counted(*) from nums;
select pg_get_functiondef('aggs_user.counted'::regproc);
select pg_get_function_arguments('best_product'::regproc), pg_get_function_identity_arguments('best_product'::regproc), pg_get_function_result('best_product'::regproc);
select 'collected'::regproc, 'collected(anycompatible)'::regprocedure;
create role aggregate_user;
grant usage on schema s_aggregates_user to aggregate_user;
grant select on nums to aggregate_user;
revoke execute on function best_product(int, int) from public;
revoke execute on function second(int, int, int) from public;
set role aggregate_user;
select best_product(g, id) from nums;
create temp table mine (a int);
reset role;
grant execute on function best_product(int, int) to aggregate_user;
set role aggregate_user;
select best_product(g, id) from nums;
alter aggregate best_product(int, int) rename to bp;
drop aggregate best_product(int, int);
reset role;
alter aggregate best_product(int, int) owner to aggregate_user;
set role aggregate_user;
select best_product(g, id) from nums;
reset role;
\da
\df best_product
select proname, prokind, prolang, provolatile, proisstrict, prosrc, pronargs, proparallel from pg_proc where pronamespace = 's_aggregates_user'::regnamespace and prokind = 'a'
  order by proname;
select aggfnoid::regprocedure, aggkind, aggnumdirectargs, aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggfinalextra,
    aggfinalmodify, aggmfinalmodify, aggsortop, aggtranstype::regtype, aggtransspace, aggmtranstype, agginitval, aggminitval
  from pg_aggregate where aggfnoid::oid in (select oid from pg_proc where pronamespace = 's_aggregates_user'::regnamespace) order by aggfnoid::regprocedure::text;
select routine_name, routine_type, data_type, routine_body, external_language from information_schema.routines
  where routine_schema = 's_aggregates_user' and routine_name in ('best_product', 'collected') order by 1;
drop owned by aggregate_user cascade;
drop role aggregate_user;

-- COMBINEFUNC and SORTOP are kept.
create aggregate whole (int4) (sfunc = int4pl, stype = int4, combinefunc = int4pl, sortop = <, parallel = safe);
select whole(i) from nums;
select aggcombinefn, aggsortop::regoperator from pg_aggregate where aggfnoid = 'whole'::regproc;

-- A name that a built-in one has.
create schema aggs_hiding;
create aggregate aggs_hiding.max (int4) (sfunc = int4smaller, stype = int4);
select aggs_hiding.max(i), max(i) from nums;
select id, aggs_hiding.max(i) over w, max(i) over w from nums window w as (order by id rows between 1 preceding and current row) order by id;
set search_path = aggs_hiding, pg_catalog, s_aggregates_user;
select max(i), pg_catalog.max(i) from nums;
set search_path = s_aggregates_user;
drop schema aggs_hiding cascade;
drop schema aggs_user cascade;

-- In one transaction.
begin;
create aggregate inside (int4) (sfunc = int4pl, stype = int4);
select inside(i) from nums;
rollback;
select inside(i) from nums;

-- Transition functions that are called as functions.
select int8inc(5), int8dec(5), int8inc_any(5, 'x'::text), int4_sum(null, 3), int4_sum(4, null), int4_sum(4, 3), int2_sum(1, 2::int2);
select int8inc(9223372036854775807);
select int4_avg_accum('{2,5}', 7), int8_avg('{3,10}'), int8_avg('{0,0}'), int2int4_sum('{3,10}');
select float8_avg('{2,10,0}'), float8_var_pop('{2,10,8}'), float8_var_samp('{2,10,8}'), float8_stddev_pop('{2,10,8}'), float8_stddev_samp('{2,10,8}');

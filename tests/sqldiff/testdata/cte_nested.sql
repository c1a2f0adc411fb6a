-- WITH queries that depend on rows around them, nested WITH, and what recursive ones refuse.
create table n (f1 int);
insert into n values (1), (2), (3);
select (with cte(foo) as (values (f1)) select (select foo from cte)) from n order by f1;
select (with cte(foo) as (values (f1)) values ((select foo from cte))) from n order by f1;
select (with cte(foo) as materialized (select f1 * 10) select (select (select foo from cte) + f1)) from n order by f1;
select (with a as materialized (select f1), b as materialized (select f1 + 1 from a) select (select (select f1 from a) from b)) x from n order by f1;
select f1, (with a as materialized (select f1 as x), b as materialized (select x + 1 as y from a) select (select sum(y) from b, n)) x from n order by f1;
select * from n, lateral (with a as materialized (select f1 * 2 as x) select (select x from a) as y, (select count(*) from a, n) as c) l order by f1;
select f1, (with recursive r(i) as (select f1 union all select i + 1 from r where i < 4) select (select count(*) from r)) from n order by f1;
select f1, (with cte1(x,y) as (select 1,2) select count((select i4.f1 from cte1))) as ss from n i4;
select (select count((with cte1(x,y) as (select 1,2) select i4.f1 from cte1))) as ss from n i4;
with recursive t(j) as (
	with recursive s(i) as (values (1) union all select i+1 from s where i < 10)
	select i from s union all select j+1 from t where j < 10)
select count(*), sum(j) from t;
with recursive t(j) as (with s as (select 3 as k) select k from s union all select j + k from t, s where j < 10) select j from t order by 1;
with recursive foo(i) as (select i::numeric(3,0) from (values(1),(2)) t(i) union all select (i+1)::numeric(10,0) from foo where i < 10) select * from foo;
with recursive foo(i) as (select 'a'::varchar(3) union all select 'b'::varchar(4) from foo where i < 'b') select * from foo;
with recursive t(n) as (values (1::money) union select n+1::money from t where n < 100::money) select sum(n) from t;
with recursive t(n) as (values (b'1') union select b'0' from t) select * from t;
with recursive t(n) as (values (array[b'1']) union select array[b'0'] from t) select * from t;
-- columns that nothing reads are not computed
select q1 from (with c as (select f1 from n) select f1 as q1, (select f1 from c where n.f1 > 0) as many from n) ss order by 1;
select q1 from (with c as materialized (select f1 from n) select f1 as q1, 1 / (f1 - f1) as many from n) ss order by 1;
select q1 from (select f1 as q1, 1 / (f1 - f1) as many from n offset 0) ss order by 1;
select count(*) from (select f1 as q1, 1 / (f1 - f1) as many from n limit 2) ss;
select q1 from (select f1 as q1, 1 / (f1 - f1) as many from n order by 2 limit 2) ss;
select q1 from (select distinct f1 as q1, 1 / (f1 - f1) as many from n) ss;
select 1 from (select count(*) as c, 1 / (count(*) - count(*)) as z from n) ss;
create view v_rec as with recursive r(x) as (with w as (select 1 as a) select a from w union all select x + 1 from r where x < 3) select (r).* from r;
select pg_get_viewdef('v_rec');
create view v_record as select row(1, 2) as r;
create view v_records as select array[row(1, 2)] as r;
select 1 from (select count(*) as c from n) ss;
select 1 from (select max(f1) as c from n group by f1 > 1) ss;
select 1 from (select max(f1) as c from n having count(*) > 5) ss;
select count(*) from (select max(f1) as c, f1 from n group by f1 limit 2) ss;
select f1, (select 7 from (select max(m.f1 - n.f1) as c from n m) x) from n order by 1;
select (with c as materialized (select sum(n.f1) as x) select (select x from c)) from n;

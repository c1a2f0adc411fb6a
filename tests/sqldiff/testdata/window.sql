-- Window functions: every function, frames, named windows, aggregates, errors.
create table staff (id int primary key, dept text, name text, pay int, since date, bonus numeric(10,2), score float8, at timestamp, big bigint);
insert into staff values
 (1, 'dev', 'ann', 5200, '2007-08-01', 10.50, 1.5, '2020-01-01 10:00', 10),
 (2, 'sales', 'bob', 5000, '2006-10-01', null, 2.5, '2020-01-02 11:00', 20),
 (3, 'ops', 'cat', 3500, '2007-12-10', 1.1, 'NaN', '2020-01-02 11:30', 30),
 (4, 'sales', 'dan', 4800, '2007-08-08', 1.10, 4, '2020-01-03 00:00', null),
 (5, 'ops', 'eve', 3900, '2006-12-23', 7, 'Infinity', '2020-01-31 09:00', 9223372036854775807),
 (7, 'dev', 'fay', 4200, '2008-01-01', null, -3, '2020-02-29 23:00', -5),
 (8, 'dev', 'gus', 6000, '2006-10-01', 20, null, '2020-03-31 01:00', 7),
 (9, 'dev', 'hal', 4500, '2008-01-01', 3.25, 1.5, null, 10),
 (10, 'dev', 'ida', 5200, '2007-08-01', 10.50, '-Infinity', 'infinity', 0),
 (11, null, 'jon', 4800, '2007-08-15', 0, 2.5, '-infinity', 10);

-- Ranking functions.
select id, dept, pay, row_number() over (partition by dept order by pay, id), rank() over (partition by dept order by pay),
 dense_rank() over (partition by dept order by pay), percent_rank() over (partition by dept order by pay),
 cume_dist() over (partition by dept order by pay) from staff order by dept, pay, id;
select id, rank() over () r, dense_rank() over () d, percent_rank() over () p, cume_dist() over () c from staff order by id;
select id, ntile(1) over w a, ntile(3) over w b, ntile(4) over w c, ntile(100) over w d, ntile(null) over w e
 from staff window w as (order by id) order by id;
select id, ntile(nullif(id % 4, 1)) over (order by id) from staff order by id;
select pg_typeof(row_number() over ()), pg_typeof(rank() over ()), pg_typeof(ntile(2) over ()), pg_typeof(percent_rank() over ()), pg_typeof(lag(1.5) over ());

-- lag, lead, and the values of the frame.
select id, lag(name) over w, lag(name, 2) over w, lag(name, 2, 'none') over w, lead(name) over w, lead(name, 3, '-') over w, lead(name, -1) over w,
 lag(name, 0) over w from staff window w as (partition by dept order by id) order by dept, id;
select id, lag(pay, id % 3, -1) over (order by id), lead(pay, null) over (order by id), lag(pay, 1, 1.5) over (order by id) from staff order by id;
select id, first_value(name) over w, last_value(name) over w, nth_value(name, 2) over w, nth_value(name, 20) over w, nth_value(name, null) over w
 from staff window w as (partition by dept order by pay) order by dept, pay, id;
select id, first_value(id) over (order by id rows between 1 following and 3 following), last_value(id) over (order by id rows between 3 preceding and 2 preceding),
 nth_value(id, 2) over (order by id rows between 1 preceding and 1 following) from staff order by id;

-- Aggregates with the default frame, without order, over nothing.
select id, sum(pay) over (partition by dept), count(*) over (partition by dept), avg(pay) over (partition by dept), min(name) over (partition by dept),
 max(since) over (partition by dept) from staff order by dept, id;
select id, sum(pay) over (order by dept, since), count(bonus) over (order by since), array_agg(id) over (order by id), string_agg(name, ',') over (order by id) from staff order by id;
select sum(pay) over (), count(*) over () from staff where false;
select count(*) over (), id from staff order by id offset 3 limit 2;
select id, sum(pay) filter (where pay > 4500) over (order by id), count(*) filter (where dept = 'dev') over (order by id rows 2 preceding),
 sum(100 / (pay - 4800)) filter (where pay <> 4800) over (order by id), max(name) filter (where id > 3) over (order by id rows 1 preceding) from staff order by id;

-- Moving frames: sums with inverse transitions, minima and maxima, what is computed anew.
select id, sum(pay) over w, avg(pay) over w, count(bonus) over w, sum(bonus) over w, avg(bonus) over w, min(bonus) over w, max(bonus) over w
 from staff window w as (order by id rows between 1 preceding and 1 following) order by id;
select id, sum(score) over w, avg(score) over w, min(score) over w, max(score) over w, sum(big) over w, avg(big) over w, max(name) over w, min(dept) over w
 from staff window w as (order by id rows between 2 preceding and current row) order by id;
select id, array_agg(id) over w, string_agg(name, '-') over w, bool_or(pay > 5000) over w, stddev(pay) over w, bit_xor(id) over w
 from staff window w as (order by id rows between 2 preceding and 1 preceding) order by id;
select id, sum(pay) over (order by id rows between current row and unbounded following), sum(bonus) over (order by id desc rows between 3 following and unbounded following),
 sum(pay) over (order by id rows between 3 preceding and 5 preceding), count(*) over (order by id rows 100 preceding) from staff order by id;
select id, sum(since - date '2000-01-01') over w, sum(age(since, '2000-01-01')) over w, avg(age(since, '2000-01-01')) over w
 from staff window w as (order by id rows 1 preceding) order by id;
select n, sum(v) over (order by n rows 1 preceding), avg(v) over (order by n rows 1 preceding), min(v) over (order by n rows 2 preceding)
 from (values (1, 1.0), (2, 1.000), (3, 2.00), (4, 'NaN'), (5, 3.5), (6, null), (7, 'Infinity'), (8, 4)) t(n, v) order by n;
select g, sum(g) over w, min(-g) over w, max(g % 7) over w, count(*) over w from generate_series(1, 12) g
 window w as (order by g rows between 3 preceding and 2 following exclude current row) order by g;

-- GROUPS and RANGE.
select id, pay, count(*) over (order by pay groups between 1 preceding and 1 following), sum(id) over (order by pay groups between current row and unbounded following),
 bit_xor(id) over (order by pay desc groups between 2 following and 3 following), sum(id) over (order by pay groups 0 preceding),
 sum(id) over (order by pay groups between 3 preceding and 2 preceding) from staff order by id;
select id, pay, sum(pay) over (order by pay range between 300 preceding and 300 following), sum(pay) over (order by pay desc range between 300 preceding and 100 preceding),
 count(*) over (order by pay range between 1000 following and 2000 following), sum(pay) over (order by pay range between unbounded preceding and 0 following) from staff order by id;
select id, bonus, array_agg(bonus) over (order by bonus, id), sum(id) over (order by bonus range between 0.5 preceding and 5 following),
 sum(id) over (order by bonus nulls first range between 5 preceding and unbounded following), sum(id) over (order by bonus desc nulls first range 3 preceding),
 sum(id) over (order by bonus desc nulls last range between current row and 3.25 following) from staff order by id;
select id, score, sum(id) over (order by score range between 1 preceding and 1 following), sum(id) over (order by score desc range between 'Infinity' preceding and 1 following),
 count(*) over (order by score nulls first range 1 preceding) from staff order by id;
select id, big, count(*) over (order by big range between 10 preceding and 10 following), count(*) over (order by big range between 1 following and 9223372036854775807 following) from staff order by id;
select id, since, sum(pay) over (order by since range between '1 year' preceding and '1 month' following), sum(pay) over (order by since desc range between interval '100 days' preceding and current row) from staff order by id;
select id, at, count(*) over (order by at range between interval '1 month' preceding and interval '12:00' following),
 count(*) over (order by at::timestamptz range '1 day' preceding), count(*) over (order by at::time range between '1 hour' preceding and '01:30' following) from staff order by id;
select id, sum(id) over (order by age(since, '2000-01-01') range between '1 mon' preceding and '2 mons' following) from staff order by id;
select x, count(*) over (order by x range between 1 preceding and 1::bigint following), count(*) over (order by x::float4 range 1 preceding) from generate_series(1::smallint, 6::smallint) x order by x;

-- EXCLUDE.
select id, pay, sum(id) over (w rows between unbounded preceding and unbounded following exclude current row) c,
 sum(id) over (w rows between unbounded preceding and unbounded following exclude group) g,
 sum(id) over (w rows between unbounded preceding and unbounded following exclude ties) t,
 array_agg(id) over (order by id rows between 1 preceding and 1 following exclude no others) n
 from staff window w as (order by pay) order by id;
select id, min(id) over w, max(id) over w, sum(pay) over w, count(*) over w
 from staff window w as (order by since range between unbounded preceding and current row exclude group) order by id;
select g, first_value(g) over w, last_value(g) over w, nth_value(g, 3) over w, array_agg(g) over w from generate_series(1, 6) g
 window w as (order by g groups between 1 preceding and 1 following exclude ties) order by g;
select g, first_value(g) over w, last_value(g) over w, nth_value(g, 3) over w, array_agg(g) over w from generate_series(1, 6) g
 window w as (order by g rows between 2 preceding and 2 following exclude group) order by g;

-- Named windows and inheritance.
select id, sum(pay) over w1, sum(pay) over (w2), sum(pay) over (w1 order by id), count(*) over (w2 rows 1 preceding)
 from staff window w1 as (partition by dept), w2 as (w1 order by id) order by id;
select count(*) over w from staff window w as (order by id rows 1 preceding), w3 as (order by nothing) order by 1;
select count(*) over w from staff window w as (order by id), w as (order by id);
select count(*) over nope from staff;
select count(*) over (nope) from staff;
select count(*) over (w partition by id) from staff window w as (order by id);
select count(*) over (w order by id) from staff window w as (order by id);
select count(*) over (w) from staff window w as (rows 1 preceding);
select count(*) over (w order by id) from staff window w as (rows 1 preceding);
select count(*) over w2 from staff window w as (rows 1 preceding), w2 as (w);
select count(*) over w2 from staff window w2 as (w1), w1 as ();

-- Over grouped queries, in ORDER BY, DISTINCT, subqueries, CTEs, set operations, INSERT.
select dept, sum(pay), sum(sum(pay)) over (order by dept), rank() over (order by sum(pay) desc), avg(count(*)) over () from staff group by dept order by dept;
select dept, count(*), lag(count(*)) over (order by count(*), dept), sum(count(*)) filter (where count(*) > 1) over () from staff group by dept having count(*) > 1 order by dept;
select sum(sum(pay)) over () from staff;
select dept, extract(year from since) y, sum(pay), sum(sum(pay)) over (partition by dept order by extract(year from since)) from staff group by dept, y order by 1, 2;
select id from staff order by rank() over (order by pay desc), id;
select id, pay from staff order by pay - avg(pay) over (partition by dept), id limit 4;
select distinct dept, count(*) over (partition by dept) from staff order by 1;
select distinct on (rank() over (partition by dept order by pay desc), dept) dept, id from staff order by rank() over (partition by dept order by pay desc), dept, id;
select * from (select id, dept, row_number() over (partition by dept order by pay desc, id) n from staff) s where n <= 2 order by dept, n;
with r as (select id, sum(pay) over (order by id) s from staff) select a.id, a.s, b.s from r a join r b on a.id + 1 = b.id order by 1;
select id, (select count(*) from staff) - row_number() over (order by id), (select max(x) from (select sum(y) over (order by y) x from generate_series(1, staff.id) y) z) from staff order by id;
select s.id, l.* from staff s, lateral (select sum(g) over (order by g rows s.id preceding), row_number() over (order by g desc) from generate_series(1, 3) g) l where s.id < 3 order by 1, 2, 3;
select row_number() over (order by id) from staff where id < 4 union all select rank() over (order by id) from staff where id > 9 order by 1;
create table top (dept text, id int, n bigint);
insert into top select dept, id, row_number() over (partition by dept order by pay desc, id) from staff;
select * from top order by 1, 2;
update top set n = s.t from (select id, sum(id) over (order by id) t from staff) s where s.id = top.id;
select * from top order by id;
select id, generate_series(1, 2), row_number() over (order by id) from staff where id < 3 order by 1, 2;
select case when row_number() over (order by id) = 1 then 'first' else 'later' end || name, coalesce(lag(id) over (order by id), 0) + 1 from staff order by id limit 3;
select f.id, s.id, count(*) over (partition by f.dept) from staff f left join staff s on s.id = f.id + 1 order by f.id;
select id, sum(pay) over (partition by dept order by id), rank() over (partition by dept order by pay), sum(pay) over (partition by dept), count(*) over (order by id desc) from staff order by id;
select exists (select row_number() over () from staff), 3 in (select row_number() over (order by id) from staff);

-- Where window functions cannot be.
select id from staff where row_number() over () > 1;
select dept from staff group by dept having rank() over () = 1;
select rank() over (order by id) from staff group by rank() over (order by id);
select rank() over (order by id) from staff group by 1;
select 1 from staff a join staff b on row_number() over () = 1;
select sum(row_number() over ()) from staff;
select row_number() over (order by row_number() over ()) from staff;
select sum(lag(id) over ()) over () from staff;
select id from staff limit row_number() over ();
select * from generate_series(1, row_number() over ()) g;
update staff set pay = row_number() over ();
delete from staff where row_number() over () = 1;
delete from staff returning rank() over ();
insert into top values ('x', 1, row_number() over ());
values (row_number() over ());
create table bad (a int default row_number() over ());
create table bad (a int check (a > row_number() over ()));
select count(*) filter (where rank() over () = 1) from staff;
select count(*) filter (where rank() over () = 1) over () from staff;
select row_number() over () from staff for update;
select row_number() from staff;
select count(distinct id) over () from staff;
select count() over () from staff;
select sum(id order by id) over () from staff;
select rank() filter (where true) over () from staff;
select lower(name) over () from staff;
select ntile(2) over (order by id rows between generate_series(1, 2) preceding and current row) from staff;
select sum(generate_series(1, 3)) over () from staff;
select rank(1) over () from staff;
select nosuch(id) over () from staff;
select dept, sum(pay) over (order by id) from staff group by dept;
select dept, rank() over (partition by name) from staff group by dept;
select sum(pay) over (), id from staff group by id, dept, pay order by sum(pay) over (order by name);

-- Frames that cannot be.
select sum(id) over (order by id rows between unbounded following and current row) from staff;
select sum(id) over (order by id rows between current row and unbounded preceding) from staff;
select sum(id) over (order by id rows between current row and 1 preceding) from staff;
select sum(id) over (order by id rows between 1 following and current row) from staff;
select sum(id) over (order by id rows 1 following) from staff;
select sum(id) over (order by id rows -1 preceding) from staff;
select sum(id) over (order by id rows between 1 preceding and -1 following) from staff;
select sum(id) over (order by id rows null preceding) from staff;
select sum(id) over (order by id groups between 1 preceding and null::int following) from staff;
select sum(id) over (order by id groups -1 preceding) from staff;
select sum(id) over (order by id range -1 preceding) from staff;
select sum(id) over (order by since range interval '-1 day' preceding) from staff;
select sum(id) over (order by score range 'NaN' preceding) from staff;
select sum(id) over (order by id rows -1 preceding) from staff where false;
select sum(id) over (order by id rows id preceding) from staff;
select sum(id) over (order by id rows count(*) preceding) from staff;
select sum(id) over (order by id rows 'x' preceding) from staff;
select sum(id) over (order by id rows 1.5 preceding) from staff;
select sum(id) over (order by id rows 'x'::text preceding) from staff;
select sum(id) over (range 1 preceding) from staff;
select sum(id) over (order by id, pay range 1 preceding) from staff;
select sum(id) over (order by name range 1 preceding) from staff;
select sum(id) over (order by since range 1 preceding) from staff;
select sum(id) over (order by id range interval '1 day' preceding) from staff;
select sum(id) over (order by id range 1.5 preceding) from staff;
select sum(id) over (groups 1 preceding) from staff;
select ntile(0) over () from staff;
select ntile(-1) over () from staff;
select nth_value(id, 0) over () from staff;
select lag(id, 1, 'x') over () from staff;
select rank() over (order by '{}'::json) from staff;
select rank() over (partition by '{}'::json) from staff;

-- Views.
create view v1 as select id, dept, sum(pay) over (partition by dept order by id) as total, rank() over w as r, count(*) filter (where pay > 1) over (w rows between 1 preceding and 2 following exclude ties) as c
 from staff window w as (partition by dept order by pay desc nulls last);
select pg_get_viewdef('v1'), pg_get_viewdef('v1', true);
select * from v1 order by id;
create view v2 as select dept, sum(sum(pay)) over (order by dept range between unbounded preceding and unbounded following) s, first_value(dept) over (order by (lower(dept))) f,
 sum(max(id)) over (order by max(since) range between '1 day' preceding and current row) from staff group by dept having count(*) > 0 order by (rank() over (order by dept));
select pg_get_viewdef('v2'), pg_get_viewdef('v2', true);
select * from v2;
create view v3 as select id, ntile(4) over (order by id), lag(pay, 1, 0) over (order by id rows 3 preceding), nth_value(id, 2) over (groups between current row and 1 following) from staff;
create view v3 as select id, ntile(4) over (order by id), lag(pay, 1, 0) over (order by id rows 3 preceding), nth_value(id, 2) over (order by id groups between current row and 1 following) from staff;
select pg_get_viewdef('v3');
select * from v3 order by id;

-- Parameters.
prepare p(int, int) as select id, sum(id) over (order by id rows between $1 preceding and $2 following) from staff order by id;
execute p(1, 0);
execute p(0, 2);
execute p(-1, 0);
prepare q as select sum(id) over (order by since range $1 preceding), ntile($2) over (order by id) from staff order by id;
select parameter_types from pg_prepared_statements where name = 'q';
execute q('1 year', 3);

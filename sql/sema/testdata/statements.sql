select * from t
select t.* from t
select id, a + 1, b || 'x' from t where id = $1
select nosuch from t
select t.nosuch from t
select tt.id from t
select t.idd from t
select aa from t
select id from nosuch
select id from public.nosuch
select id from s.nosuch
select id from t, u
select t.id, u.id from t, u where t.id = u.t_id
select t.id from t x
select x.id from t x
select * from t join u on t.id = u.t_id
select * from t join u using (id)
select id from t join u using (id)
select * from t natural join u
select * from t full join u using (id)
select t.id, u.id from t left join u on u.t_id = t.id
select * from t join u using (nosuch)
select * from t, t
select * from t a, t b
select * from (select id, a from t) s
select * from (select id, a from t) s (x, y)
select * from (select id, a from t) s (x, y, z)
select * from t, lateral (select * from u where u.t_id = t.id) l
select * from t, (select * from u where u.t_id = t.id) l
select * from t where exists (select 1 from u where u.t_id = t.id)
select id, (select name from u where u.t_id = t.id) from t
select (select id, a from t)
select id from t where id in (select t_id, id from u)
select id from t where (id, a) in (select t_id, 1 from u)
select count(*) from t
select count(*), a from t
select a, count(*) from t group by a
select a, b from t group by a
select id, b from t group by id
select a + 1, count(*) from t group by a + 1
select a as k, count(*) from t group by k
select a, count(*) from t group by 1
select a, count(*) from t group by 3
select count(*) from t where count(*) > 1
select sum(count(*)) from t
select a from t having a > 1
select sum(a), avg(a), min(b), max(c), sum(c), avg(v) from t, u
select sum(id), sum(v), avg(id), count(distinct name) from u
select a from t group by a having count(*) > 1 order by count(*)
select a from t group by sum(a)
select array_agg(a order by b), string_agg(b, ','), bool_and(f), json_agg(g), jsonb_agg(t) from t
select count(*) filter (where a > 1) from t
select id from t order by nosuch
select id as x from t order by x
select id as x from t order by x + 1
select id from t order by 2
select id from t order by b desc nulls last
select distinct a from t order by b
select distinct on (a) a, b from t order by b
select distinct on (a) a, b from t order by a, b
select g from t order by g
select * from t order by h
select distinct '1'::json
select id from t limit $1 offset $2
select id from t limit 'x'
select id from t limit a
select id from t for update
select id from t for update of u
select count(*) from t for update
select distinct id from t for update
select 1 union select 2
select 1 union select 'x'
select 1 union select '2'
select id from t union all select name from u
select id, a from t union select id from u
select 'a' as x union select 'b' order by x
select id from t union select id from u order by a
select id from t intersect select 1 except select 2
select null union select 1
values (1, 'a'), (2, 'b')
values (1), ('x')
values (1, 2), (3)
values (1), (2.5) order by 1
with c as (select id from t) select * from c
with c (x) as (select id from t) select x from c
with c (x, y) as (select id from t) select x from c
with c as (select 1), c as (select 2) select * from c
with a as (select * from b), b as (select 1) select * from a
with recursive r (n) as (select 1 union all select n + 1 from r where n < 10) select n from r
with recursive r (n) as (select 1 union all select n + 1.5 from r) select n from r
with recursive r as (select n from r) select * from r
with i as (insert into w values (1, 2, 'x') returning x, z) select * from i
with i as (insert into w values (1, 2, 'x')) select * from i
with d as (delete from t returning *) insert into w select id, a, b from d
select * from vw
select id + 1 from vw where b = $1
select $1
select $1 + 1
select $1 || 'x'
select $1::int, $2::text
select $1 = $2
select * from t where a = $1 and b = $2
select coalesce($1, 5)
select * from t where a in ($1, $2)
select * from t where id = any($1)
select case when $1 then 1 end
select $1 + $1::int
select $2::int
insert into t values (1, 2, 'x')
insert into t (id, b) values ($1, $2)
insert into t (id, b) values ($1, $2) returning id, d
insert into t (id, nosuch) values (1, 2)
insert into t (id, id) values (1, 2)
insert into t (id) values (1, 2)
insert into t (id, a) values (1)
insert into w values (1, 2, 'x', 4)
insert into t (id, a) values ('x', 2)
insert into t (id, a) values (1, 'x'::text)
insert into t (id, f) values (1, 1)
insert into t (id, c) values (1, 1.234)
insert into t (id, b) values (1, 2)
insert into t (id, h) values (1, '{1,2}')
insert into t (id, g) values (1, '{bad')
insert into t default values
insert into t (id, a) values (default, default)
insert into t (id, a) select id, t_id from u
insert into t (id, a) select id, name from u
insert into t (id, a) select name from u
insert into t select 1, 'x'
insert into t (id, b) select 1, $1
insert into nosuch values (1)
insert into u values (1, 2, 'x', 3)
insert into u (t_id, name) values (1, 'x') returning *
insert into u overriding system value values (1, 2, 'x', 3)
insert into u (id) values (default)
insert into t (id, a) values (1, 2), (3, 4, 5)
insert into t (id, a) values (1, 2), (3, 'x')
insert into t (id) values (1) on conflict do nothing
insert into t (id) values (1) on conflict (id) do nothing
insert into t (id) values (1) on conflict (nosuch) do nothing
insert into t (id, a) values (1, 2) on conflict (id) do update set a = excluded.a
insert into t (id, a) values (1, 2) on conflict (id) do update set a = a + 1
insert into t (id, a) values (1, 2) on conflict (id) do update set a = t.a + excluded.a where t.f returning id
insert into t (id, a) values (1, 2) on conflict do update set a = 1
insert into t (id, a) values (1, 2) on conflict on constraint t_pkey do nothing
insert into t (id, a) values (1, 2) on conflict on constraint nosuch do nothing
insert into w (x, y) values (1, 2) on conflict (y, x) do update set z = 'q'
insert into t (id) values (count(*))
insert into t (id) values ((select max(id) + 1 from t))
insert into t (id) values (a)
update t set a = a + 1 where id = $1
update t set a = $1, b = $2 where id = $3 returning *
update t set nosuch = 1
update t set a = 1, a = 2
update t set a = 'x'
update t set a = b
update t set b = 5
update t set (a, b) = (1, 'x')
update t set (a, b) = (select 1, 'y')
update t set (a, b) = (1, 2, 3)
update t set a = default
update t x set a = 1 where t.id = 1
update t x set a = 1 where x.id = 1
update t set a = u.t_id from u where u.id = t.id returning t.id, u.name
update t set t.a = 1
update u set id = 5
update u set id = default
update t set a = (select count(*) from u where u.t_id = t.id)
update t set a = sum(a)
delete from t where id = $1
delete from t where a
delete from t using u where u.t_id = t.id returning *
delete from t returning id, u.id
delete from nosuch
select * from generate_series(1, 3)
select * from generate_series(1, 3) g
select * from generate_series(1, 3) as g(n)
select n from generate_series(1, 3) with ordinality as g(n, i)
select unnest(array[1,2]), generate_series(1, 2)
select * from unnest(array['a','b']) as x
select * from jsonb_each('{"a":1}')
select * from jsonb_each_text('{"a":1}') as e(k, v)
select t.id, x from t, unnest(h) x
select generate_series(1, 2) from t where generate_series(1, 2) = 1
select case when true then generate_series(1, 2) end
select count(generate_series(1, 2))
select length(b), upper(e), coalesce(a, 0), c * 2, f and true, d + interval '1 day', now() from t
select a::text, b::varchar(3), c::int, e, 'lit', null, 1.5, true from t
select case a when 1 then 'x' else b end, nullif(a, 1), greatest(a, 2), exists (select 1), array[a], row(a, b), (select 1) from t
select current_date, current_user, localtimestamp(3), current_timestamp
select a = 'x' from t
select a = '5' from t
select b = 5 from t
select a and true from t
select not a from t
select a from t where b
select -b from t
select a || b from t
select b like 5 from t
select a is true from t
select count(t) from t
select to_jsonb(t), row_to_json(t) from t
select t.tableoid from t
select a[1] from t
select h[1], h[1:2] from t
select h['x'] from t
select g -> 'a', g ->> 'a', g @> '{}' from t
select (g).x from t
select extract(year from d), date_trunc('day', d), d at time zone 'UTC' from t
select b collate "C" from t
select b collate "nosuch" from t
select nosuch(a) from t
select abs(b) from t
select abs(a, a) from t
select count(a, b) from t
select count() from t
select abs(*) from t
select abs(distinct a) from t
select min(*) from t
select sum(b) from t
select max(g) from t
select a::nosuch from t
select a::timestamp from t
select a::numeric(10,2), b::char(3), d::date, d::timestamp(0) from t
select cast(a as varchar(0)) from t
select id from t where id between 'a' and 5
select id from t where a > all (select t_id from u)
select id from t where a = any (array[1, null])
select id from t where a = any (5)
select id from t where b in (1, 2)
select id from t where a in (1, 'x')
select id from t where (a, b) = (1, 'x')
select id from t where (a, b) = (1, 2, 3)
select id from t group by id, a order by sum(a) desc limit 5
select * from t left join u on t.id = u.nosuch
select * from t join u on t.id
select *
select 1 as x, 2 as x order by x
select a as id, id as a from t order by id
select x.y from (select 1 as y) x where x.z = 1
select id from (select id from t) s where s.id = (select max(id) from u where u.t_id = s.id)
select (select sum(t.a) from u) from t
select (select u.t_id + t.a from u limit 1) from t group by t.id
select (select u.t_id + t.a from u limit 1) from t group by t.b
select a from t union all select v from u order by 1 limit 3
select sum(a) + b from t
select 1 from t having true
select id from t where sum(a) > 1
select * from t where a = null or a <> 'y'
select make_interval(days => 1), make_interval(nosuch => 1)
select make_interval(days => 1, 5)
select greatest(1, 'x')
select coalesce(1, true)
select array[1, 'x']
select array[]
select 'a' < 1
select 1 + true
select 'abc' + 1.5
select interval '1 day' + 5
select date '2024-01-01' + 1.5
select sum(1)
select nosuch.abs(1)
select now(*)
select s.id from t s group by s.id having max(s.a) > (select count(*) from u where u.t_id = s.a)
select t.b from t group by t.id
select 1 where 1
select 1 limit -1
select x from w where x = 1 order by y, z
select rowid from w
select count(*), sum(x) filter (where y > 0), max(z) from w group by x, y
select 'x'::regclass
insert into w select * from w
insert into w (x, z) select $1, $2
insert into w (x, y) values ($1, $2 + 1), (3, $3)
update w set x = $1 where y = $1
update w set x = $1::text
select * from w where z ilike $1 or x between $2 and $3
select * from w where (x, y) in (($1, $2), (3, 4))
select * from w where z is not distinct from $1
select coalesce(z, $1), x + coalesce($2, 0) from w
select sum(x)::numeric(10,2), round(avg(x), 2) from w
select json_build_object('a', x, 'b', $1::text) from w
select * from w where z = $1::varchar
select $1::text[], $2::jsonb
select * from w order by x limit $1 for update skip locked
select case $1 when 1 then 'a' end
select x, rank() from w
select string_agg(z) from w
select string_agg(distinct z, ',' order by z) from w
select string_agg(distinct z, ',' order by x) from w
select * from w where x = (select x, y from w)
select array(select x from w), array_agg(x), '{}'::int[] || x from w group by x
select substring(z from 1 for 2), trim(z), position('a' in z), overlay(z placing 'x' from 1) from w
delete from w where x in (select id from t where a = $1) returning x as gone
select w.* from w where not exists (select * from t where id = w.x and t.b = w.z)
select x as "Order", count(*) as n from w group by x order by n desc, "Order" limit 10
select distinct x from w order by x + 1
select nextval('u_id_seq'), currval('u_id_seq'::regclass)
select nextval('nosuch_seq')
select z || x || 'a' from w
select x::float8 / 3, y % 2, x ^ 2, -x, abs(x) from w
select true and x = 1 or not y > 2 is true from w
select max(x) from w where y = max(y)
select * from w left join t on w.x = t.id right join u on u.t_id = t.id
select id, u.* from t left join (select t_id, count(*) from u group by t_id) u on u.t_id = t.id
select t.*, u.name from t join u using (id) where u.v > 1.5
select * from t cross join w
select * from (values (1, 'a'), (2, 'b')) v (k, s) join t on t.id = v.k
select (array_agg(x order by y desc))[1] from w
select * from json_each_text('{}') j where j.key = 'a'
select date_trunc('hour', d) as h, count(*) from t group by 1 order by 1
select now() - d, d::date - current_date, age(d) from t
select extract(hour from d)::int, to_char(d, 'YYYY') from t
select g->>'a' as a, (g->>'n')::int + 1, g#>>'{a,b}', g ? 'x' from t where g @> '{"a": 1}'

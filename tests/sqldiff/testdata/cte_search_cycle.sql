-- SEARCH and CYCLE of recursive WITH queries: the columns that they add, views, and what is refused.
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search depth first by a set p select * from t;
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search depth first by a set p select * from (select * from t) s;
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search depth first by a set p select * from (select a,p from t) s;
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search breadth first by a set p select row_to_json(p), p from t;
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search breadth first by a set p cycle a set c using pp select row_to_json(t) , t, t.* from t;
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search depth first by a set p select (p[1]).a from t;
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search depth first by a set p select x.* from t join t x using (a);
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search depth first by a set p select * from t as x(b,c) ;
with recursive t(a) as (values(1) union all select a+1 from t where a<3) search depth first by a set p select (select t from t limit 1);
with recursive t(a) as (values(1) union all select a+1 from t where a<3) cycle a set c to 'y' default 'n' using pp select *, pg_typeof(c) from t;
with recursive t(a) as (values(1) union all select a+1 from t where a<3) cycle a set c to 1 default 2.5 using pp select *, pg_typeof(c) from t;
with recursive t(a) as (values(1) union select (a+1)%3 from t) cycle a set c to null default 2.5 using pp select *, pg_typeof(c) from t limit 20;
with recursive t(a,b) as (values(1,2) union all select a+1,x.* from t, lateral (select 1) x where a<3) search depth first by b,a set p select * from t;
with recursive t(a) as (values(1) union all select a+1 from (select * from t) t where a<3) search depth first by a set p select * from t;
with recursive t(a) as (values(1) union all (with w as (select 1) select a+1 from t where a<3)) search depth first by a set p select * from t;
with recursive t(a) as (values(1) union all (with w as (select * from t) select a+1 from w where a<3)) search depth first by a set p select * from t;
select x, (with recursive t(a) as (values(x) union all select a+x from t where a<3) search depth first by a set p select max(p) from t) from (values (1),(2)) v(x);
with recursive t(a) as (select 1 union all values(1) union all select a+1 from t where a<3) search depth first by a set p select * from t;
with recursive t(a) as ((select 1 union all values(1)) union all select a+1 from t where a<3) search depth first by a set p select * from t;
with recursive t(a) as (select 1 union all (select a+1 from t where a<3 union select 7)) search depth first by a set p select * from t;
create table graph (f int, t int, label text);
insert into graph values (1, 2, 'arc 1 -> 2'), (1, 3, 'arc 1 -> 3'), (2, 3, 'arc 2 -> 3'), (1, 4, 'arc 1 -> 4'), (4, 5, 'arc 4 -> 5'),
	(5, 1, 'arc 5 -> 1');
with recursive sg(f, t, label) as (select * from graph g union all select g.* from graph g, sg where g.f = sg.t)
cycle f, t set is_cycle using path select * from sg order by path;
with recursive sg(f, t, label) as (select * from graph g union distinct select g.* from graph g, sg where g.f = sg.t)
cycle f, t set is_cycle to 'Y' default 'N' using path select * from sg order by path;
with recursive sg(f, t, label) as (select * from graph g union all select g.* from graph g, sg where g.f = sg.t)
search depth first by f, t set seq cycle f, t set is_cycle using path select * from sg order by seq;
with recursive sg(f, t, label) as (select * from graph g union all select g.* from graph g, sg where g.f = sg.t and not is_cycle)
search breadth first by f, t set seq cycle f, t set is_cycle using path select * from sg order by seq, path;
with recursive sg(f, t, label) as (select * from graph g where f = 1 union all select g.* from graph g join sg on g.f = sg.t where array_length(path, 1) < 3)
cycle t set is_cycle using path select f, t, path from sg order by path;
prepare s(int) as with recursive sg(f, t) as (select f, t from graph g where f = $1 union all select g.f, g.t from graph g, sg where g.f = sg.t)
cycle f, t set c to 1 default 0 using path select * from sg order by path;
execute s(1);
execute s(4);
create view v_search as with recursive sg(f, t, label) as (select * from graph g union all select g.* from graph g, sg where g.f = sg.t)
search depth first by f, t set seq select f, t, label from sg;
create view v_cycle1 as with recursive sg(f, t, label) as (select * from graph g union all select g.* from graph g, sg where g.f = sg.t)
cycle f, t set is_cycle using path select f, t, label from sg;
create view v_cycle2 as with recursive sg(f, t, "La bel") as (select * from graph g union all select g.* from graph g, sg where g.f = sg.t)
search breadth first by f, "La bel" set "Seq" cycle f, t set is_cycle to 'Y' default 'N' using path select f, t, "La bel", "Seq", path from sg;
select pg_get_viewdef('v_search');
select pg_get_viewdef('v_cycle1');
select pg_get_viewdef('v_cycle2');
\d v_cycle2
select * from v_cycle1 order by 1, 2, 3;
select * from v_cycle2 order by path;
-- refused
with t as (select 1 as a) search depth first by a set p select * from t;
with recursive t(a) as (select 1) search depth first by a set p select * from t;
with recursive t(a) as (select 1 union all select 2) cycle a set c using p select * from t;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) search depth first by foo, t set seq select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) search depth first by f, f set seq select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) search depth first by f, t set f select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) cycle foo, t set c using path select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) cycle f, f set c using path select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) cycle f, t set c to true default 55 using path select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) cycle f, t set c to json '1' default json '2' using path select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) cycle f, t set f to true default false using path select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) cycle f, t set c to true default false using t select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) cycle f, t set foo to true default false using foo select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) search depth first by f, t set foo cycle f, t set foo using path select * from sg;
with recursive sg(f, t) as (select f, t from graph union all select g.f, g.t from graph g, sg where g.f = sg.t) search depth first by f, t set foo cycle f, t set c using foo select * from sg;
-- names among the columns of the recursive term
with recursive t(a) as (select 1 union all select a + 1 from t where a < 3 and c is not null) cycle a set c using p select count(c) from t;
with recursive t(a) as (select 1 union all select x.a + 1 from (select * from t) x where a < 3) cycle a set c using p select count(c) from t;
with recursive t(a) as (select 1 union all select a + 1 from t where a < 3) search depth first by a set p select q.a, r.p from t q natural join t r order by 1;

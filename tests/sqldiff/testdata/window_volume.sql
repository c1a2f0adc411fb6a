-- Windows over more rows than a batch: partitions of all sizes, and frames that are much wider than a batch is long.
create table v (id int primary key, g int, x int, n numeric, f float8, t text);
insert into v select i, (i * 7919) % 13, (i * 104729) % 1009, (i % 997) / 8.0, (i % 64) * 0.5, 't' || i % 91 from generate_series(1, 6000) i;
select g, count(*), sum(rn), sum(rk), sum(dr), sum(lg), sum(ld), sum(nt) from (
 select g, row_number() over w rn, rank() over (partition by g order by x) rk, dense_rank() over (partition by g order by x) dr, lag(id, 3) over w lg,
 lead(id, 5, -1) over w ld, ntile(7) over w nt from v window w as (partition by g order by id)) s group by g order by g;
select count(*), sum(a), sum(b), sum(c), sum(d), sum(e), max(f), min(h) from (
 select sum(x) over w a, avg(n) over w b, min(x) over w c, max(n) over w d, count(f) over w e, max(t) over w f, min(t) over w h
 from v window w as (order by id rows between 700 preceding and 400 following)) s;
select id, sum(n) over w, avg(x) over w, min(t) over w, max(f) over w from v window w as (partition by g order by id rows between 100 preceding and 50 following) order by id desc limit 20;
select sum(a), sum(b), sum(c), sum(d) from (select sum(x) over (order by x range between 50 preceding and 20 following) a, count(*) over (order by x desc range 100 preceding) b,
 sum(x) over (order by n groups between 30 preceding and 10 preceding) c, max(id) over (partition by g order by n groups between 3 following and unbounded following) d from v) s;
select sum(a), sum(b) from (select sum(x) over (partition by id order by x) a, count(*) over (partition by id / 2) b from v) s;
select sum(s) from (select sum(i) over (order by i) s from generate_series(1, 100000) i) q;
select i, row_number() over (order by i) from generate_series(1, 50000) i order by i limit 3;

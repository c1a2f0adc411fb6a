-- Subqueries of expressions whose rows are hashed: EXISTS under OR and in a join's condition, IN over several columns and numerics.
create table big (k int primary key, v int, t text, n numeric); create table small (k int, v int, n numeric);
insert into big select i, i % 1000, 't' || i % 100, case when i % 7 = 0 then null else i / 10.0 end from generate_series(1, 3000) i;
insert into small select i * 3, nullif(i % 50, 7), i / 10.00 from generate_series(1, 3000) i;
select count(*) from big b where exists (select 1 from small s where s.k = b.k) or b.v = 1;
select count(*) from big b where not exists (select 1 from small s where s.v = b.v and b.n = s.n) or b.v = 1;
select count(*) from big b where exists (select 1 from small s where s.v = b.v + 1 and s.k > 30 and 't' || s.v = b.t) or b.v = 1;
select count(*), count(e), sum(e::int) from (select exists (select 1 from small s where s.n = b.n) as e from big b) x;
select count(*) from big b where (b.n, b.v) in (select n, v from small) or b.k < 5;
select count(*) from big b where (b.n, b.v) not in (select n, v from small) or b.k < 5;
select count(*) from big b where (b.n in (select n from small where n is not null)) is not true;
select count(*) from big b where (b.n in (select n from small)) is null;
select count(*) from big b left join small s on b.k = s.k and exists (select 1 from big c where c.k = s.v);
select count(*) from big a where exists (select 1 from small s where s.k = a.k and exists (select 1 from big c where c.v = s.v and c.t = a.t)) and a.k < 60 or a.k = 1;
select count(*) from (select b.k, (select count(*) from small s where s.k <= 30 and (exists (select 1 from big c where c.v = s.v and c.n = b.n) or s.v is null)) as c from big b where k < 300) x where c > 0;
drop table big, small;

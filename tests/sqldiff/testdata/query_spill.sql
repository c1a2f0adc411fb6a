-- Operators whose rows do not fit into work_mem use files; the rows are the same.
create table big (id int primary key, k int, s text, n numeric, a int[]);
insert into big select i, case when i % 13 = 0 then null else (i * 7919) % 2003 end, repeat(md5(i::text), 1 + i % 3), (i % 997) / 8.0, array[i, null, i % 5]
  from generate_series(1, 20000) i;
create table other as select id + 5 as id, (k * 3) % 1999 as k, s, n from big where id % 2 = 0;

set work_mem = '64kB';
show work_mem;
show hash_mem_multiplier;
set hash_mem_multiplier = 1.0;
show hash_mem_multiplier;
set hash_mem_multiplier = 0.5;
set hash_mem_multiplier = 1001;
set hash_mem_multiplier = 'x';
set work_mem = 63;
set temp_file_limit = -2;
set log_temp_files = -2;
show temp_file_limit;
show log_temp_files;

-- sorts
select md5(string_agg(id::text, ',')) from (select id from big order by s, id) x;
select md5(string_agg(id::text || coalesce(k, -1), ',')) from (select id, k from big order by k desc nulls last, n, id desc) x;
select id, a from (select id, a from big order by s desc, id offset 9000) x limit 3;
select id from big order by n desc, s, id limit 4;
select id from big order by n desc, s, id offset 19990;

-- joins
select count(*), sum(b.id), sum(o.id), md5(string_agg(o.s, '' order by b.id, o.id)) from big b join other o on b.k = o.k;
select count(*), count(o.id), sum(o.id) from big b left join other o on b.k = o.k and o.id > b.id;
select count(*), count(b.id), count(o.id) from big b full join other o on b.s = o.s and b.k = o.k;
select count(*), sum(id) from big b where exists (select from other o where o.s = b.s);
select count(*), sum(id) from big b where not exists (select from other o where o.k = b.k);
select count(*) from big where id < 300 and s not in (select s from other);
select count(*) from big where id < 300 and k not in (select k from other);

-- aggregates
select count(*), sum(c), sum(m), md5(string_agg(k::text || c, ',' order by k)) from (select k, count(*) c, max(n) m from big group by k) x;
select count(*), md5(string_agg(s || c, '' order by s)) from (select s, count(*) c from big group by s) x;
select count(distinct s), count(distinct n), sum(distinct k), count(distinct (k, n)) from big;
select k % 2, count(distinct s), md5(string_agg(distinct s, '')) from big group by 1 order by 1;
select md5(string_agg(s, ',' order by n desc, id)) from big;
select percentile_disc(0.3) within group (order by id), mode() within group (order by n) from big;
select count(*), sum(c) from (select k, n, count(*) c from big group by grouping sets ((k), (n), (k, n), ())) x;
select count(*), md5(string_agg(s, ',' order by s)) from (select distinct s from big) x;
select count(*), sum(id) from (select distinct on (k) k, id from big order by k, s, id) x;
select distinct on (k) k, id from big order by k desc, id limit 3;

-- set operations
select count(*), md5(string_agg(s, ',' order by s)) from (select s from big union select s || 'x' from other) x;
select count(*), md5(string_agg(s, ',' order by s)) from (select s from big intersect select s from other) x;
select count(*), sum(k) from (select k, s from big except select k, s from other) x;
select count(*), sum(k) from (select k from big intersect all select k from other) x;
select count(*), sum(k) from (select k from big except all select k from other) x;

-- windows, CTEs, cursors
select count(*), sum(r), sum(w), md5(string_agg(l, '' order by id)) from
  (select id, row_number() over (order by s, id) r, sum(k) over (order by s, id rows 5 preceding) w, lag(s, 900) over (order by s, id) l from big) x;
select sum(c), md5(string_agg(f || g, '' order by id)) from
  (select id, count(*) over p c, first_value(s) over p f, last_value(s) over (p order by id groups between 2 preceding and 1 following exclude current row) g
   from big window p as (partition by k % 2)) x;
with c as materialized (select * from big) select count(*), sum(x.id), md5(string_agg(y.s, '' order by y.id)) from c x join c y on x.id = y.id + 1;
with recursive r(n, s) as (select id, s from big where id <= 7000 union all select n + 7000, s || '+' from r where n <= 7000)
  select count(*), sum(n), sum(length(s)) from r;
with recursive r(n) as (select id from big union select n + 20000 from r where n < 25000) select count(*), sum(n) from r;
select count(*), sum(b.id), sum(o.id) from (select * from big where id < 30) b left join other o on o.id > b.id * 400;
begin;
declare c scroll cursor for select id, s, a from big order by id;
move 15000 in c;
fetch 2 from c;
fetch absolute 3 from c;
fetch last from c;
fetch prior from c;
fetch backward 2 from c;
move backward all in c;
fetch relative 9000 from c;
close c;
commit;

-- limits
set temp_file_limit = 100;
select count(*) from (select id from big order by s, id offset 0) x;
begin;
select count(*) from (select distinct s from big) x;
rollback;
reset temp_file_limit;
select count(*) from (select id from big order by s, id offset 0) x;
create role spill_nobody;
set role spill_nobody;
set temp_file_limit = 5;
set log_temp_files = 5;
set work_mem = '1MB';
show work_mem;
reset role;
drop role spill_nobody;

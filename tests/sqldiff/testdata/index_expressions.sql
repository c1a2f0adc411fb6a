create table u (id int primary key, email text, active bool not null default true, n int, data jsonb);
create unique index on u (lower(email));
create index on u (n) where active;
create unique index u_partial on u (n) where active and n > 10;
create index on u ((n + 1), email desc) include (active) where email is not null;
create index on u ((n), (lower(email)), (upper(email)));
create index on u ((data->>'k'));
create index on u ((n * 2), (n * 3));
create index on u (email collate "C" text_pattern_ops);
\d u
select indexrelid::regclass, indnatts, indnkeyatts, indisunique, indkey, pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid) from pg_index where indrelid = 'u'::regclass order by 1;
select indexdef from pg_indexes where tablename = 'u' and schemaname = current_schema order by indexname;
select attrelid::regclass, attnum, attname, atttypid::regtype from pg_attribute where attrelid in (select indexrelid from pg_index where indrelid = 'u'::regclass) order by 1, 2;
insert into u values (1, 'A@x', true, 5), (2, 'b@x', false, 20), (3, 'c@x', true, 20), (4, 'd@x', false, 20);
insert into u values (5, 'a@X', true, 6);
insert into u values (5, 'e@x', true, 20);
update u set active = true where id = 2;
update u set email = 'B@X' where id = 3;
select * from u where lower(email) = 'a@x';
select * from u where n = 20 and active order by id;
select * from u where n = 20 and active and n > 15 order by id;
select id from u order by lower(email);
select id from u where n + 1 = 21 and email is not null order by id;
insert into u values (6, 'A@X', true, 30) on conflict (lower(email)) do update set n = u.n + 100 returning *;
insert into u values (7, 'z@x', true, 20) on conflict (n) where active and n > 10 do update set data = '{"k": "v"}' returning *;
insert into u values (7, 'z@x', true, 20) on conflict (n) do nothing;
insert into u values (7, 'z@x', true, 20) on conflict (n) where active do nothing;
insert into u values (7, 'z@x', true, 20) on conflict (n) where active and n > 11 do nothing;
insert into u values (7, 'z@x', true, 20) on conflict do nothing;
insert into u values (8, 'C@x', true, 999) on conflict (id) do nothing;
select * from u where data->>'k' = 'v';
create index on u ((random()));
create index on u (n) where random() > 0.5;
create index on u (n) where n;
create index on u ((select 1));
create index on u ((avg(n)));
create index on u (n) where (select true);
create index on u ((generate_series(1, n)));
create index on u (nosuch);
create index on u ((nosuch + 1));
create index on u (n) include (nosuch);
create index on u (n) include ((n + 1));
create unique index on u ((n % 2));
create index on u ((data::text::json));
create unique index u_nnd on u (data) nulls not distinct;
alter table u drop column email;
\d u
create table nd (a int, b int, unique nulls not distinct (a, b));
insert into nd values (1, null);
insert into nd values (1, null);
insert into nd values (null, null), (null, 1);
insert into nd values (null, null);
update nd set b = null where b = 1;
select * from nd where a = 1;
insert into nd values (1, null) on conflict (a, b) do update set b = 7 returning *;
\d nd
create table inc (a int, b int, c int, primary key (a) include (b), unique (b) include (c, a));
\d inc
insert into inc values (1, 2, 3);
insert into inc values (1, 3, 3);
insert into inc values (2, 2, 3);
alter table inc drop column c;
\d inc
-- what a predicate is implied by
create table q (id int primary key, a int, b text, f bool, v varchar(10));
insert into q select g, nullif(g % 7, 3), case when g % 5 = 0 then null else 'b' || g % 4 end, nullif(g % 3, 2) = 1, 'v' || g % 6 from generate_series(1, 60) g;
create index on q (id) where a > 3;
create index on q (id) where b is not null;
create index on q (id) where f;
create index on q (id) where not f;
create index on q (id) where a in (1, 2, 5);
create index on q (id) where a = 1 or b = 'b2';
create index on q (id) where v = 'v1' and a <> 2;
create index on q (b) where a is null;
create index on q ((a + id)) where b like 'b%';
select count(*), sum(id) from q where a > 3;
select count(*), sum(id) from q where a >= 3;
select count(*), sum(id) from q where a > 4 and id > 10;
select count(*), sum(id) from q where a = 5;
select count(*), sum(id) from q where a = 1 or a = 2;
select count(*), sum(id) from q where a in (1, 5);
select count(*), sum(id) from q where a in (1, 6);
select count(*), sum(id) from q where not (a = any ('{}'::int[]));
select count(*), sum(id) from q where b like 'b1%';
select count(*), sum(id) from q where b || 'x' = 'b1x';
select count(*), sum(id) from q where coalesce(b, 'b1') = 'b1';
select count(*), sum(id) from q where b is distinct from 'b1';
select count(*), sum(id) from q where f;
select count(*), sum(id) from q where f = true;
select count(*), sum(id) from q where f is true;
select count(*), sum(id) from q where f = false;
select count(*), sum(id) from q where f is not true;
select count(*), sum(id) from q where not f and id < 30;
select count(*), sum(id) from q where a = 1;
select count(*), sum(id) from q where b = 'b2' or a = 1;
select count(*), sum(id) from q where v = 'v1' and a = 5;
select count(*), sum(id) from q where v = 'v1' and a < 2;
select count(*), sum(id) from q where v = 'v1';
select count(*), sum(id) from q where a is null and b = 'b1';
select count(*), sum(id) from q where a is null;
select count(*), sum(id) from q where b like 'b%' and a + id = 20;
select x.id, y.id from q x join q y on y.b = x.b and y.a is null where x.id = 9 order by 1, 2;
select x.id, y.id from q x left join q y on y.id = x.id and y.f where x.id < 6 order by 1, 2;
select x.id, y.id from q x join q y on y.a + y.id = x.id and y.b like 'b%' where x.id between 20 and 25 order by 1, 2;
prepare pa as select count(*) from q where a > $1;
execute pa(3);
execute pa(0);
update q set a = 6 where a > 3 and id < 20;
update q set f = not f where f;
delete from q where b is not null and id % 2 = 0;
select count(*), sum(id) from q where a > 3;
select count(*), sum(id) from q where f;
select count(*), sum(id) from q where not f;
select count(*), sum(id) from q where b is not null;
-- writes keep them
create table w (id int primary key, grp int, name text, gone bool default false);
create unique index w_name on w (lower(name)) where not gone;
create unique index w_one on w (grp) where name = 'head';
insert into w values (1, 1, 'Ann'), (2, 1, 'head'), (3, 2, 'ANN', true), (4, 2, 'HEAD', true);
insert into w values (5, 3, 'ann');
insert into w values (5, 1, 'head', true);
update w set gone = false where id = 3;
update w set gone = true where id = 1;
update w set gone = false where id = 3;
update w set name = 'Bob' where id = 2;
insert into w values (5, 1, 'head');
update w set id = id + 10;
update w set id = id + 1;
select * from w where lower(name) = 'ann' and not gone;
select * from w where grp = 1 and name = 'head';
update w set name = 'same' where not gone;
update w set grp = 9, name = 'x' || id;
insert into w select g, g, 'x' || g from generate_series(12, 17) g on conflict (lower(name)) where not gone do update set grp = 100 + excluded.grp returning *;
insert into w select g, g, 'x' || g from generate_series(30, 33) g on conflict do nothing returning id;
insert into w values (40, 1, 'X40'), (41, 1, 'x40') on conflict (lower(name)) where not gone do update set grp = 7;
select * from w order by id;
begin;
create unique index w_tmp on w ((grp % 1000)) where grp > 105;
insert into w values (50, 1106, 'dup', true);
rollback;
copy w from stdin;
60	1	Sixty	f
61	1	sixty	f
\.
copy w from stdin;
60	1	Sixty	f
61	1	sixty	t
\.
truncate w;
insert into w values (1, 1, 'again');
-- cascades
create table cp (id int primary key);
create table cc (id int primary key, p int references cp on update cascade on delete set null, k text);
create unique index cc_u on cc ((p * 10)) where p is not null;
create index cc_x on cc ((p + id), k);
insert into cp values (1), (2), (3);
insert into cc values (10, 1, 'a'), (20, 2, 'b');
update cp set id = id + 100;
select * from cc where p * 10 = 1010 and p is not null;
select * from cc where p + id = 122;
insert into cc values (30, 101, 'c');
delete from cp where id = 101;
insert into cc values (31, null, 'c'), (32, null, 'd');
insert into cc values (33, 103, 'c');
update cc set p = 103 where id = 20;
-- division by zero, in an expression
create table dz (a int, b int);
create index on dz ((a / b));
insert into dz values (1, 0);
insert into dz values (4, 2);
update dz set b = 0;
insert into dz values (5, null);
select * from dz where a / b = 2;
drop table dz;
create table dz (a int, b int);
insert into dz values (1, 0);
create index on dz ((a / b));
create index on dz ((a / b)) where b <> 0;
-- definitions
create table d (a int, b text, c date);
create index d_i on d (upper(b) desc nulls last, (a + 1) nulls first, b collate "C") where a > 1 and c is not null;
create unique index on d (a) include (b, c) where b <> '';
create index if not exists d_i on d (a);
create index on d (coalesce(b, 'x'), (b || 'y'), greatest(a, 2), (a::text), (c - 1), (a between 1 and 5), nullif(a, 1), (case when a = 1 then b end));
alter table d rename a to aa;
\d d
alter table d alter aa type bigint;
\d d
create table d2 (like d including indexes);
\d d2
alter table d2 add constraint d2_u unique using index d2_a_b_c_idx;
alter table d2 add primary key using index d_i;
create unique index d2_e on d2 ((aa + 1));
alter table d2 add constraint d2_u unique using index d2_e;
create unique index d2_inc on d2 (c) include (b);
alter table d2 add constraint d2_u unique using index d2_inc;
create unique index d2_b on d2 (b) where aa > 0;
create table d3 (b text references d2 (b));
\d d2
drop index d2_e;
alter table d2 drop column c;
\d d2
create index on d (b text_pattern_ops, (upper(b)) text_pattern_ops, aa int8_ops);
create index on d ((aa) text_ops);
create index on d ((aa + 1) collate "C");
create index on d using hash ((aa + 1));
create index on d using hash (aa) where aa > 5;
create index on d using hash (aa) include (b);
create unique index on d using hash (aa);
create index on d (aa) include (b desc);
create index on d (aa) include (b collate "C");
select pg_get_indexdef('d_i'::regclass, 1, false), pg_get_indexdef('d_i'::regclass, 2, true), pg_get_indexdef('d_i'::regclass, 0, true);
create table tn (a int unique nulls not distinct, b int, constraint tn_b unique nulls not distinct (b) include (a));
select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'tn'::regclass order by 1;
select indexrelid::regclass, indnullsnotdistinct from pg_index where indrelid = 'tn'::regclass order by indexrelid::regclass::text;
select constraint_name, nulls_distinct from information_schema.table_constraints where table_name = 'tn' and table_schema = current_schema order by 1;
insert into tn values (null, 1), (null, 2);
insert into tn values (1, null), (2, 3);
create unique index on tn ((null::int)) nulls not distinct;
\d tn

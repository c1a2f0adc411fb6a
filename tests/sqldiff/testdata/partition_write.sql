-- ON CONFLICT on a partitioned table
create table p (id int, region text, v text, n int default 0, primary key (id, region)) partition by list (region);
create table p_eu partition of p for values in ('de', 'fr');
create table p_us (n int default 5, v text, region text not null, id int not null, primary key (id, region));
drop table p_us;
create table p_us partition of p for values in ('us');
insert into p values (1, 'de', 'a'), (1, 'us', 'b') on conflict do nothing;
insert into p values (1, 'de', 'x'), (2, 'us', 'y'), (1, 'us', 'z') on conflict (id, region) do update set v = excluded.v || p.v, n = p.n + 1 returning tableoid::regclass, *;
insert into p values (1, 'de', 'x') on conflict (region, id) do nothing returning *;
insert into p values (1, 'de', 'q') on conflict (id, region) do update set region = 'us';
insert into p values (1, 'de', 'q') on conflict (id, region) do update set region = 'fr' where p.tableoid = 'p_us'::regclass;
insert into p values (1, 'de', 'q') on conflict (id, region) do update set region = 'fr' where p.tableoid = 'p_eu'::regclass returning *;
insert into p values (1, 'fr', 'q'), (1, 'fr', 'r') on conflict (id, region) do update set v = excluded.v;
insert into p values (1, 'fr', 'q') on conflict (id) do nothing;
insert into p values (1, 'fr', 'q') on conflict on constraint p_pkey do update set v = 'con';
insert into p values (1, 'fr', 'q') on conflict on constraint p_eu_pkey do nothing;
insert into p_eu values (1, 'fr', 'q') on conflict (id, region) do update set region = 'us';
insert into p_eu values (1, 'fr', 'q') on conflict (id, region) do update set v = 'leaf';
insert into p select g, case when g % 2 = 0 then 'de' else 'us' end, 'bulk' from generate_series(1, 10) g on conflict (id, region) do update set n = p.n + 100;
select tableoid::regclass, * from p order by id, region;
-- MERGE
create table src (id int, region text, v text);
insert into src values (1, 'fr', 'del'), (2, 'us', 'move'), (3, 'us', 'upd'), (50, 'de', 'ins'), (51, 'us', 'ins'), (52, 'jp', 'ins');
merge into p using src on p.id = src.id and p.region = src.region
when matched and src.v = 'del' then delete
when matched and src.v = 'move' then update set region = 'de', v = 'moved', id = 60
when matched then update set v = src.v
when not matched and src.region <> 'jp' then insert values (src.id, src.region, src.v);
select tableoid::regclass, * from p order by id, region;
merge into p using src on p.id = src.id and p.region = src.region when not matched then insert (id, region) values (src.id, src.region);
merge into p_us using src on p_us.id = src.id when matched and src.id = 51 then update set region = 'de' when matched then do nothing;
-- MERGE into a table that others inherit from
create table a (id int primary key, t text);
create table b (x int, t text, id int primary key) inherits (a);
insert into a values (1, 'a'); insert into b (id, t, x) values (2, 'b', 7), (3, 'b', 8);
merge into a using (values (1, 'A'), (2, 'B'), (4, 'D')) s(id, t) on a.id = s.id when matched then update set t = s.t when not matched then insert values (s.id, s.t);
select tableoid::regclass, * from a order by id;
merge into only a using (values (2, 'X')) s(id, t) on a.id = s.id when matched then delete when not matched then insert values (20, s.t);
select tableoid::regclass, * from a order by id;
select * from b order by id;
-- generated columns
create table g (id int primary key, d int, twice int generated always as (d * 2) stored) partition by range (id);
create table g1 partition of g for values from (0) to (10);
create table g2 partition of g for values from (10) to (20);
insert into g values (1, 2), (11, 3) returning *;
update g set id = id + 10, d = d + 1 where id = 1;
update g set d = 7 where id = 12;
select tableoid::regclass, * from g order by id;
\d g1
create table gp (a int, b int generated always as (a * 2) stored);
create table gc (b2 int generated always as (a + 1) stored) inherits (gp);
insert into gc values (5);
update gp set a = a + 1;
select * from gc;
select * from gp;
create table gbad (b int default 3) inherits (gp);
create table gbad (b int generated always as (a * 3) stored) inherits (gp);
create table gbad (b int generated always as identity) inherits (gp);
create table gn (a int, b int);
alter table gn inherit gp;
create table go (a int, b int generated always as (a * 2) stored);
alter table go inherit gp;
alter table gp alter column b drop expression;
\d gp
\d gc
alter table gc alter column b drop expression;
alter table only gp alter column b drop expression;
alter table gp add column z int generated always as (a * 10) stored;
insert into gc values (9, 9);
select * from gp order by a;
-- views over partitioned tables, with CHECK OPTION
create view pv as select id, region, v from p where id < 100 with check option;
insert into pv values (70, 'de', 'view') returning *;
insert into pv values (170, 'de', 'view');
update pv set region = 'us' where id = 70;
update pv set id = 500 where id = 70;
update pv set v = 'via view' where id = 70 returning *;
insert into pv values (70, 'us', 'z') on conflict (id, region) do update set v = 'twice' returning *;
select tableoid::regclass, * from p where id = 70;
delete from pv where id = 70 returning *;
create view av as select * from a where id < 10 with local check option;
update av set id = 30 where id = 2;
update av set t = 'av' where id = 2 returning *;
create view ov as select * from only a;
update ov set t = 'only';
create view tv as select tableoid::regclass as tab, id, region from p;
select * from tv order by id, region limit 3;
with u as (update tv set id = id + 1000 where tab = 'p_us'::regclass returning *) select * from u order by id;
select tableoid::regclass, * from a order by id;
-- WHERE CURRENT OF
begin;
declare c cursor for select * from p order by id;
fetch 1 from c;
update p set v = 'cur' where current of c;
rollback;
begin;
declare c cursor for select * from p for update;
move 1000 in c;
fetch backward 1 from c;
rollback;
begin;
declare c cursor for select * from p where id = 50 or id = 1009 for update;
fetch 1 from c;
update p set v = 'current' where current of c returning tableoid::regclass, *;
fetch 1 from c;
delete from p where current of c returning *;
update p_us set v = 'leaf' where current of c;
delete from p_eu where current of c;
commit;
select tableoid::regclass, * from p where id in (50, 1009) order by id;
begin;
declare c cursor for select id, t from a where id < 3;
fetch 1 from c;
update a set t = 'here' where current of c returning tableoid::regclass, *;
fetch 1 from c;
update b set t = 'there' where current of c returning t;
update only a set t = 'no' where current of c;
commit;
select tableoid::regclass, * from a order by id, t;
-- moves
update p set region = 'us' where id = 4 returning tableoid::regclass, id;
with moved as (update p set region = 'de' where region = 'us' and id < 2000 returning tableoid::regclass as t, id) select count(*) from moved where t = 'p_eu'::regclass;
with u as (update p set region = case region when 'de' then 'us' else 'de' end from src where p.id = src.id returning p.tableoid::regclass, p.id, src.v) select * from u order by id;
select tableoid::regclass, count(*) from p group by 1 order by 1;
copy p (id, region) from stdin;
2001	us
2002	fr
2003	xx
\.
select count(*) from p;
select pg_get_viewdef('tv'::regclass), pg_get_viewdef('ov'::regclass);

create table p (a int, b text default 'dflt', check (a > 0));
create table c1 (c int) inherits (p);
create table c2 (b text, a int not null default 7, d int) inherits (p);
create table g (e int) inherits (c1, c2);
\d p
\d+ p
\d c1
\d+ c1
\d c2
\d g
insert into p values (1, 'p1'), (2, 'p2');
insert into c1 values (3, 'c1', 30), (4, default, 40);
insert into c2 (a, d) values (5, 50);
insert into g (a, b, c, d, e) values (6, 'g', 60, 600, 6000);
insert into c1 values (-1);
select * from p order by a;
select * from only p order by a;
select tableoid::regclass, a, b from p order by a;
select tableoid::regclass, * from c1 order by a;
select p.tableoid::regclass, count(*) from p group by 1 order by 1;
select a from p where tableoid = 'c2'::regclass;
select x.a, y.a from p x join p y on x.a = y.a + 1 order by 1;
select a from p where a in (select a from c1) order by 1;
select a, (select count(*) from p q where q.a < p.a) from p order by 1;
with u as (update p set b = b || '!' where a > 2 returning tableoid::regclass as t, *) select * from u order by a;
update only p set b = 'only';
select tableoid::regclass, a, b from p order by a;
update p set a = a + 100 where tableoid = 'g'::regclass returning a, tableoid::regclass;
update p set a = -a where a = 3;
with d as (delete from p where a in (1, 106) returning tableoid::regclass as t, a, b) select * from d order by a;
delete from only p;
select tableoid::regclass, * from p order by a;
select * from c2 order by a;
select * from p order by a for update;
select inhrelid::regclass, inhparent::regclass, inhseqno from pg_inherits where inhparent::regclass::text in ('p', 'c1', 'c2') order by 1, 3;
select attname, attinhcount, attislocal from pg_attribute where attrelid = 'g'::regclass and attnum > 0 order by attnum;
select conname, coninhcount, conislocal, connoinherit from pg_constraint where conrelid in ('p'::regclass, 'g'::regclass) order by conrelid, 1;
select relname, relhassubclass from pg_class where relnamespace = current_schema::regnamespace and relname in ('p', 'c1', 'c2', 'g') order by 1;
drop table c1;
drop table p;
truncate only p;
select count(*) from p;
truncate p;
select count(*) from p;
drop table c1 cascade;
\d p
drop table p cascade;
-- merging
create table m1 (a int default 1, b text);
create table m2 (b varchar, c int);
create table bad () inherits (m1, m2);
create table m3 (a int default 2);
create table bad () inherits (m1, m3);
create table ok (a int default 3) inherits (m1, m3);
\d ok
create table bad (a text) inherits (m1);
create table bad () inherits (m1, m1);
create table bad () inherits (nonesuch);
create view v as select 1 as a;
create table bad () inherits (v);
create table ok2 (b text, z int) inherits (m1);
\d ok2
create table n1 (x int constraint k check (x > 0));
create table n2 (x int constraint k check (x > 1));
create table bad () inherits (n1, n2);
create table n3 (x int, constraint k check (x > 0)) inherits (n1);
create table bad (x int, constraint k check (x > 5)) inherits (n1);
create table n4 (y int constraint ky check (y > 0) no inherit);
create table n5 () inherits (n4);
\d n4
\d n5
insert into n5 values (-1);
insert into n4 values (-1);

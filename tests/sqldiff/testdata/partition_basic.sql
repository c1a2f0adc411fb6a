
create table l (a int, b text, f float8, d date) partition by list (a);
create table l1 partition of l for values in (-1, 2, null);
create table l2 partition of l (b not null default 'q', constraint k check (a > 0)) for values in (2);
create table l2 partition of l (b not null default 'q', constraint k check (a > 0)) for values in (3, 3);
create table l3 partition of l for values in ('x');
create table l3 partition of l for values in (99999999999);
create table l3 partition of l for values from (1) to (2);
create table l3 partition of l default;
create table l4 partition of l default;
select pg_get_expr(relpartbound, oid) from pg_class where relname in ('l1','l2','l3') and relnamespace = current_schema()::regnamespace order by 1;
create table r (a int, b numeric, d date) partition by range (d, b);
create table r1 partition of r for values from ('2020-01-01', -1.5) to ('2020-02-01', maxvalue);
create table r2 partition of r for values from ('2020-02-01', 3) to ('2020-03-01', minvalue);
create table r2 partition of r for values from ('2020-03-01', 3) to ('2020-03-01', minvalue);
create table r2 partition of r for values from ('2020-03-01') to ('2020-03-01', minvalue);
create table r2 partition of r for values from ('2020-03-01', null) to ('2020-03-01', minvalue);
create table r2 partition of r for values from (minvalue, 3) to ('2020-03-01', minvalue);
create table r2 partition of r for values in (1);
select pg_get_expr(relpartbound, oid) from pg_class where relname in ('r1','r2') and relnamespace = current_schema()::regnamespace order by 1;
insert into l values (5, null);
insert into l values (77, 'x');
insert into r values (1, 2, '2021-01-01');
insert into r1 values (1, 2, '2021-01-01');
insert into r values (1, 2, null);
update r set d = '2025-01-01';
insert into r values (1, 2, '2020-01-05');
update r set d = '2025-01-01';
update r1 set d = '2025-01-01';
\d l
\d+ l
\d l2
\d l2
\d+ r
\d r1
create table x partition of l1 for values in (1);
create table x () inherits (l);
create table x () inherits (l1);
create table x (a int) partition by list (a, a);
create table x (a int) partition by list (zz);
create table x (a int) partition by range (ctid);
create table x (a int primary key, b int) partition by range (b);
create table x (a int, b int unique) partition by range (a);
create unique index on r (a);
create table k (a int primary key, b int unique) partition by range (a);
create table k (a int primary key, b int, unique (b, a)) partition by range (a);
create index on k (b);
create table k1 partition of k for values from (1) to (10);
\d k
\d k1
drop index k1_b_idx;
alter table k1 drop constraint k1_pkey;
drop table k1;
drop table k;
alter table l add column z int;
alter table l1 add column zz int;
alter table l1 drop column a;
alter table l drop column a;
truncate only l;
alter table l1 no inherit l;
alter table l1 inherit l;
alter table only l add column y int;
alter table l alter column a type text;

-- ALTER TABLE with rows that do not satisfy what is added; combinations; schemas and search_path.
create table t (id int, a int, b text, c numeric);
insert into t values (1, 1, 'x', 1.5), (1, 2, 'x', null), (null, 3, null, -1);
alter table t add primary key (c);
alter table t add primary key (a);
alter table t add primary key (b);
alter table t drop constraint t_pkey;
\d t
alter table t add unique (id);
alter table t add constraint t_b unique (b);
alter table t add unique (b, a);
alter table t add unique (a, nosuch);
alter table t add unique (a, a);
alter table t add constraint t_b_a_key unique (c);
alter table t add check (c > 0);
alter table t add constraint ck check (c > -5), add constraint ck2 check (a < 3);
alter table t add constraint ck check (c > -5);
alter table t add constraint ck check (c > -6);
alter table t add constraint ck3 check (c > 0) not valid;
insert into t values (5, 5, 'y', -2);
update t set a = 3 where a = 3;
alter table t validate constraint ck3;
delete from t where c < 0;
alter table t validate constraint ck3;
\d t
alter table t add check (nosuch > 1);
alter table t add check (a);
alter table t add check (max(a) > 1);
alter table t add check (a > (select 1));
alter table t alter id set not null;
alter table t alter c set not null;
update t set c = 0.5 where c is null;
alter table t alter c set not null, alter c set default 7;
insert into t (id, a) values (4, 4) returning *;
alter table t drop constraint ck3, drop constraint ck;
alter table t alter c type int;
alter table t add constraint ck check (c > -5), add constraint ck3 check (c > 0);
select c from t order by a;
alter table t alter c type smallint using c * 100000;
alter table t alter b type int;
alter table t alter b type int using length(b);
alter table t alter b type varchar(2);
\d t
alter table t add column d int not null default 3, drop column b, add unique (d);
alter table t add column d int not null default 3, drop column b;
alter table t add column e int default 1, add column e int;
alter table t add column f int references nosuch;
alter table t add column f int references t (d);
alter table t add column f int references t (a);
alter table t add column g int default 99 references t (a);
alter table t add column h serial unique;
select id, a, c, d from t order by a;
alter table t add column i int primary key;
alter table t add column j int unique default 1;
alter table t add column k int unique default null;
alter table t add column l timestamptz default now();
alter table t add column ctid int;
alter table t add column xmin int;
alter table t drop column l, drop column k, drop column h;
alter table t drop column a;
alter table t drop column a cascade;
\d t
alter table t drop constraint nosuch;
alter table t rename d to c;
alter table t rename column d to dd;
alter table t rename constraint ck to ck9;
alter table t rename to t9;
alter table t9 rename to t;
alter table t alter dd type text using 'v' || dd;
alter table t alter dd set default 5;
alter table t alter dd type int using 5;
alter table t alter column dd drop default, alter column dd type int using 5;
alter table t alter column dd set default 'x';
alter table t add constraint multi check (id > 0 or c > 0) no inherit;
create index t_c on t (c);
alter table t add primary key using index t_c;
create unique index t_c2 on t (c);
alter table t add constraint t_c2_key unique using index t_c2;
\d t
create unique index t_id on t (id);
truncate t;
create unique index t_id on t (id);
alter table t add primary key using index t_id;
\d t
alter index t_id rename to t_renamed;
drop index t_renamed;
alter table t drop constraint t_renamed;
\d t
-- dependencies of columns
create table base (id int primary key, a int, b int, c int, check (a < b), unique (a, b));
create index base_bc on base (b, c);
create view bv as select id, c from base;
alter table base drop column b;
\d base
alter table base drop column c;
alter table base alter c type text;
alter table base drop column c cascade;
select * from bv;
alter table base add constraint bad check (b > 0);
drop table base;
-- schemas
create schema s1_alter;
create schema s1_alter;
create schema if not exists s1_alter;
create table s1_alter.x (id int primary key, v text);
create table s1_alter.y (id int primary key, x int references s1_alter.x);
insert into s1_alter.x values (1, 'a');
insert into s1_alter.y values (1, 1);
insert into s1_alter.y values (2, 2);
delete from s1_alter.x;
set search_path = s1_alter;
select * from x;
\d y
create table z (id int primary key);
set search_path = s_ddl_alter_fails, s1_alter;
select * from z;
create table z (other text);
select * from z;
\d z
\dt
drop table z;
select * from z;
alter table z set schema s_ddl_alter_fails;
alter table z set schema s_ddl_alter_fails;
alter table z set schema nosuch;
select * from s1_alter.z;
create table nosuch.x (a int);
create table s1_alter.x (a int);
alter table s1_alter.x rename to s_ddl_alter_fails.w;
alter schema s1_alter rename to s2_alter;
select * from s1_alter.x;
select * from s2_alter.x;
select * from y;
set search_path = s2_alter;
select y.id, s2_alter.y.x from y;
select s2_alter.y.id from s2_alter.y;
select s2_alter.x.id from s2_alter.y;
insert into y values (1, 1);
insert into y values (5, 7);
drop schema s2_alter;
drop schema s2_alter cascade;
select * from y;
set search_path = s_ddl_alter_fails;
drop schema if exists s2_alter;
create schema pg_mine;
create table pg_catalog.x (a int);

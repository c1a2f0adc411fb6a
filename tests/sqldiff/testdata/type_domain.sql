-- \dD lists constraints as its plan finds them: in PostgreSQL that is their order only without an index
set enable_indexscan = off; set enable_bitmapscan = off; set enable_indexonlyscan = off;
create domain posint as int check (value > 0);
create domain posint as int;
create domain name5 varchar(5) default 'abc' not null;
create domain bad as int check (value > 0) check (value < 10) constraint small check (value < 100) not null null;
create domain bad as anyelement;
create domain bad as nosuch;
create domain bad as int unique;
create domain bad as int primary key;
create domain bad as int references x(y);
create domain bad as int default 1 default 2;
create domain bad as int check (value > 0) no inherit;
create domain bad as int check (x > 0);
create domain bad as int check (value);
create domain bad as int check (value > (select 1));
create domain bad as int check (max(value) > 1);
create domain bad as int default 'x';
create domain multi as int constraint lo check (value > 0) constraint hi check (value < 100) check (value <> 50);
create domain multi2 as int constraint lo check (value > 0) constraint lo check (value < 100);
select 5::posint, pg_typeof(5::posint), pg_typeof(5::posint + 1), pg_typeof((5::posint)::int);
select (-5)::posint;
select '-5'::posint;
select null::posint;
select null::name5;
select 'toolong'::name5;
select 'toolong'::text::name5;
select 50::multi;
select 500::multi;
select 0::multi;
create domain pos2 as posint check (value < 10) not null;
select 5::pos2, 5::posint::pos2;
select 50::pos2;
select (-1)::pos2;
select null::pos2;
select 5::posint + 5::pos2, 5::posint = 5, 5::posint < 6.5, -(5::posint), abs(5::posint), 5::posint::text || 'x';
select coalesce(null::posint, 3), case when true then 4::posint end, greatest(1::posint, 2);
create table dt (id int primary key, a posint, b name5, c pos2 default 3);
insert into dt values (1, 1, 'x', 1);
insert into dt values (2, -1, 'x', 1);
insert into dt values (2, 1, null, 1);
insert into dt values (2, 1, 'x', null);
insert into dt values (2, 1, 'abcdef', 1);
insert into dt (id) values (2);
insert into dt (id, b) values (3, default);
insert into dt select g, g, 'n' || g, 1 from generate_series(4, 6) g;
insert into dt select g, -g, 'n' || g, 1 from generate_series(7, 8) g;
update dt set a = -1 where id = 1;
update dt set a = a + 1 where id = 1;
update dt set c = null where id = 1;
select * from dt order by id;
select a, count(*) from dt group by a order by a;
select * from dt where a = 4;
\d dt
\dD
\dD posint
\dD+ name5
select typname, typtype, typnotnull, typdefault, typbasetype::regtype, typtypmod, typlen, typcategory from pg_type where typname in ('posint', 'name5', 'pos2', 'multi', '_posint') order by 1;
select conname, contype, pg_get_constraintdef(oid), convalidated from pg_constraint where contypid in ('posint'::regtype, 'multi'::regtype, 'pos2'::regtype) order by 1;
select domain_name, data_type, character_maximum_length, domain_default, udt_name, numeric_precision from information_schema.domains where domain_schema = current_schema order by 1;
select constraint_name, domain_name, is_deferrable from information_schema.domain_constraints where domain_schema = current_schema and constraint_name not like '%not_null' order by 1;
select column_name, data_type, domain_name, udt_name, is_nullable, column_default from information_schema.columns where table_name = 'dt' order by ordinal_position;
-- alter
alter domain posint add constraint under check (value < 3);
alter domain posint add constraint under check (value < 1000);
alter domain posint add constraint under check (value < 1000);
alter domain posint add check (value < 2000);
select 1500::posint;
alter domain posint rename constraint under to thousand;
alter domain posint rename constraint nope to thousand;
select 1500::posint;
alter domain posint drop constraint thousand;
alter domain posint drop constraint thousand;
alter domain posint drop constraint if exists thousand;
select 1500::posint;
alter domain posint set not null;
insert into dt (id) values (10);
update dt set a = 7 where a is null;
alter domain posint set not null;
insert into dt (id) values (11);
alter domain posint drop not null;
alter domain posint set default 42;
insert into dt (id) values (12);
select a from dt where id = 12;
alter domain posint drop default;
insert into dt (id) values (13);
select a from dt where id = 13;
alter domain posint add constraint nv check (value < 5) not valid;
insert into dt (id, a) values (14, 6);
alter domain posint validate constraint nv;
update dt set a = 1;
alter domain posint validate constraint nv;
alter domain posint validate constraint nope;
alter domain nosuch set not null;
alter domain int4 set not null;
alter domain posint set default 'x';
\dD posint
alter domain posint rename to pint;
\d dt
alter domain pint rename to posint;
alter type posint rename to pint;
alter domain pint rename to posint;
comment on domain posint is 'positive';
comment on constraint nv on domain posint is 'not valid once';
select obj_description('posint'::regtype, 'pg_type');
alter domain posint owner to postgres;
-- columns
alter table dt add column d posint;
alter table dt add column e pos2;
alter table dt add column e name5;
select id, d, e from dt order by id limit 2;
alter table dt alter column d type pos2;
alter table dt alter column id type posint;
update dt set d = 2;
alter table dt alter column d type pos2;
update dt set d = null;
\d dt
-- arrays and enums
create domain ints as int[] check (array_length(value, 1) < 3);
select '{1,2}'::ints, array[1]::ints, ('{1,2}'::ints)[2], pg_typeof(('{1,2}'::ints)[2]);
select '{1,2,3}'::ints;
select '{1,2}'::posint[], pg_typeof('{1,2}'::posint[]);
select '{1,-2}'::posint[];
select array[1, 2]::posint[];
select array[1, -2]::posint[];
create table da (a posint[], i ints);
insert into da values ('{1,2}', '{1}');
insert into da values (array[1,-2], '{1}');
insert into da values ('{1}', '{1,2,3}');
select a[1], i, pg_typeof(a), pg_typeof(a[1]), pg_typeof(i) from da;
alter domain posint add check (value < 4);
create type mood as enum ('sad', 'ok', 'happy');
create domain fine as mood check (value > 'sad');
select 'ok'::fine, 'ok'::fine::mood < 'happy';
select 'sad'::fine;
select 'bogus'::fine;
alter type mood rename value 'sad' to 'blue';
select 'blue'::fine;
\dD fine
drop type mood;
drop domain posint;
drop type posint;
drop domain mood;
drop domain if exists nosuch;
drop domain nosuch;
-- copy
create table dc (a posint, b name5);
copy dc from stdin;
1	x
\.
copy dc from stdin;
-1	x
\.
copy dc from stdin;
1	\N
\.
select * from dc;
-- casts and views
create view dv as select a, a + 1 as b, 3::posint as c from dc;
\d dv
select pg_get_viewdef('dv'::regclass);
create table dctas as select a, b from dc;
\d dctas
prepare pp (posint) as select $1, $1 + 1;
execute pp(3);
execute pp(-3);
prepare p2 as select $1::posint;
execute p2('4');
execute p2('-4');
insert into dc values (2, 'y') on conflict do nothing returning a, b;
select a from dc union select 9 order by 1;
select a::posint from (values (1), (2)) v(a) order by 1;
create table dfk (a posint references dt);
create table dpk (a posint primary key, b pos2 unique);
insert into dpk values (1, 2), (3, 4);
insert into dpk values (1, 5);
insert into dpk values (2, 4);
select * from dpk where a = 3;
create table dpc (a posint references dpk on delete cascade);
insert into dpc values (1), (3);
insert into dpc values (2);
delete from dpk where a = 1;
select * from dpc;
create index on dpc (a);
drop domain posint cascade;
\d dpk
select * from dc order by b;
-- domains within composites
create domain inner_d as int check (value > 0);
create type holder as (d inner_d, t text);
create table held (id int primary key, h holder);
alter domain inner_d add constraint small check (value < 100);
alter domain inner_d drop constraint small;
insert into held values (1, row(5, 'x')), (2, '(6,y)');
insert into held values (3, row(-5, 'x'));
insert into held values (3, '(-6,y)');
alter domain inner_d add constraint small check (value < 100);
alter domain inner_d set not null;
drop table held;
alter domain inner_d add constraint small check (value < 100);

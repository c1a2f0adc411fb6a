-- Stored expressions follow the names of what they use.
create type pair as (x int, "Odd" text);
create table t (a int primary key default 1, b int check (t.b > 0), c pair, d int generated always as ((c).x + 1) stored,
  constraint whole check (t is not null), constraint attr check ((c).x < 100 and (t.c)."Odd" <> 'bad'), constraint both check (s_expression_renames.t.a <> t.b));
create index t_attr on t (((c).x)) where (c).x > 3;
create index t_qualified on t ((t.a + t.b));
insert into t values (1, 2, row(5, 'fine'));
\d t
alter table t rename to tt;
insert into tt values (2, 0, row(5, 'fine'));
insert into tt values (2, 2, row(5, 'fine'));
insert into tt values (3, null, row(5, 'fine'));
insert into tt values (3, 4, row(500, 'fine'));
alter type pair rename attribute x to ex;
alter type pair rename attribute "Odd" to "Even more";
insert into tt values (3, 4, row(500, 'fine'));
insert into tt values (4, 5, row(50, 'bad'));
insert into tt values (4, 5, row(50, 'good'));
select a, b, c, d from tt order by a;
\d tt
alter table tt rename column c to "C c";
alter table tt rename column a to tt;
insert into tt values (5, 6, row(500, 'fine'));
insert into tt values (5, 5, row(50, 'good'));
\d tt
create schema moved;
alter table tt set schema moved;
insert into moved.tt values (6, 6, row(50, 'good'));
\d moved.tt
alter type pair rename to couple;
alter type couple set schema moved;
insert into moved.tt values (7, 8, row(50, 'good'));
\d moved.tt
-- attributes of a table's row type
create table base (id int, val text);
create table using_base (r base, constraint chk check ((r).val <> 'no'), v text default (row(1, 'dflt')::base).val);
create view base_view as select (r).val, (r).id as ident from using_base;
alter table base rename column val to value;
alter table base rename to bases;
insert into using_base values (row(1, 'no'));
insert into using_base values (row(1, 'yes'));
select * from using_base;
select * from base_view;
select pg_get_viewdef('base_view', true);
select pg_get_constraintdef(oid) from pg_constraint where conname = 'chk';
select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'using_base'::regclass;
alter table bases add column more int;
select * from base_view;
-- sequences and enum labels
create sequence sq;
create type mood as enum ('sad', 'ok');
create table defs (id int default nextval('sq'), m mood default 'ok', constraint notsad check (m <> 'sad'::mood));
create view seqs as select last_value, nextval('sq') is not null as next from sq;
alter sequence sq rename to squence;
alter type mood rename value 'sad' to 'gloomy';
alter type mood rename value 'ok' to 'fine';
insert into defs default values;
insert into defs values (7, 'gloomy');
select * from defs;
select next from seqs;
select pg_get_viewdef('seqs');
\d defs
drop sequence squence;
drop table defs;
drop sequence squence;
drop sequence squence cascade;
-- domains over a composite type
create type cell as (v int);
create domain checked as cell check ((value).v > 0);
create table cells (c checked);
insert into cells values (row(1));
alter type cell rename attribute v to val;
insert into cells values (row(0));
insert into cells values (row(2));
select (c).val from cells order by 1;

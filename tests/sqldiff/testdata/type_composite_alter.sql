-- ALTER TYPE and ALTER TABLE where other types, domains and columns hold values of the row type.
create type comptype as (r float8, i float8);
create domain dcomptype as comptype;
alter domain dcomptype add constraint c1 check ((value).r > 0);
select row(0,1)::dcomptype;  -- fail
alter type comptype alter attribute r type bigint;
alter type comptype drop attribute r;  -- fail
alter type comptype drop attribute i;
select row(1)::dcomptype;
alter type comptype drop attribute r cascade;
select row()::dcomptype;
alter type comptype add attribute z text, add attribute y int;
select row('a', 1)::dcomptype, ('b', 2)::comptype;
create table rt (a int, b text);
create table uses_rt (x rt, y rt[]);
insert into rt values (1, 'x');
insert into uses_rt values ((1,'q'), '{"(2,w)"}');
alter table rt add column c int default 5;
alter table rt add column c int default null;
alter table rt add column d serial;
alter table rt add column d int not null default 3;
alter table rt add column e int check (e > 0);
alter table rt alter a type bigint;
alter table rt alter b type varchar;
alter table rt drop column b;
alter table rt rename a to aa;
select x, y, (x).aa from uses_rt;
drop table uses_rt;
create type wraps as (w rt);
create domain dwraps as wraps;
create table uses2 (q dwraps[]);
alter table rt alter aa type bigint;
alter type wraps alter attribute w type int;
drop table uses2;
alter table rt alter aa type bigint;
alter type wraps add attribute v int, alter attribute w type int, rename attribute w to ww;
alter type wraps rename attribute w to ww;
\d wraps
alter type wraps add attribute ww int;
alter type wraps drop attribute nosuch;
alter type wraps drop attribute if exists nosuch;
alter type wraps alter attribute nosuch type int;
alter type wraps rename attribute nosuch to b;
alter type wraps rename attribute v to ww;
alter type nosuch add attribute a int;
alter type rt add attribute zz int;
alter table wraps add column zz int;
create domain posint as int4;
create type rposint as range (subtype = posint);
create table ddtest2(f1 rposint, f2 rposint[]);
alter table ddtest2 drop f2;
alter domain posint add constraint c1 check(value >= 0);

alter domain posint add constraint c1 check(value >= 0);
drop table ddtest2;
alter domain posint add constraint c1 check(value >= 0);

-- Typed tables: CREATE TABLE OF, ALTER TABLE OF, and ALTER TYPE with CASCADE.
create type tt as (x int, y text);
create table tt1 of tt (primary key (x), y with options not null default 'q' check (length(y) < 5));
create table tt2 of tt;
create index on tt2 (y);
insert into tt1 values (1), (2, 'zz');
insert into tt2 select * from tt1;
alter type tt add attribute z numeric;
alter type tt add attribute z numeric cascade;
alter type tt rename attribute y to yy;
alter type tt rename attribute y to yy cascade;
alter type tt alter attribute x type bigint;
alter type tt alter attribute x type bigint cascade;
select * from tt1 order by 1;
\d tt1
\d tt2
alter type tt drop attribute yy;
alter type tt drop attribute yy cascade;
select * from tt2 order by 1;
\d tt1
drop type tt;
alter table tt1 add w int;
alter table tt1 drop z;
alter table tt1 alter z type int;
alter table tt1 rename z to zz;
alter table tt1 inherit tt2;
create table plain (x int8, z numeric);
alter table tt1 inherit plain;
alter table plain of tt;
\d plain
alter table plain not of;
alter table plain not of;
create table p1 (x int8);
alter table p1 of tt;
create table p2 (x int8, zz numeric);
alter table p2 of tt;
create table p3 (x int, z numeric);
alter table p3 of tt;
create table p4 (x int8, z numeric, q int);
alter table p4 of tt;
alter table p4 drop q;
alter table p4 of tt;
alter table p4 of plain;
alter table p4 of int4;
create table bad of plain;
create table bad of nosuch;
create table bad of int4;
create table bad of tt (nosuch with options primary key);
create table bad of tt (x with options not null, x with options unique);
create table bad of tt (x with options generated always as identity);
create table bad of tt (x with options generated always as (z) stored);
create temp table tmp of tt (unique (x, z));
select c.relname, c.reloftype::regtype from pg_class c where c.relname in ('tt1', 'tmp', 'plain') order by 1;
select table_name, is_typed from information_schema.tables where table_name in ('tt1', 'plain') order by 1;
create table if not exists tt1 of tt;
create table likes (like tt1);
\d likes
drop type tt cascade;

-- Names that need quotes, in every kind of message and definition.
create table "T 1" ("a""b" int primary key, "Ü" text unique, "x
y" int, constraint "c""k" check ("x
y" > 0));
\d "T 1"
insert into "T 1" values (1, 'é', 1);
insert into "T 1" values (1, 'ü', 1);
insert into "T 1" values (2, 'é', 1);
insert into "T 1" values (2, 'ü', 0);
insert into "T 1" values (null, 'ü', 1);
select "nosuch""col" from "T 1";
select "a""c" from "T 1";
select * from "no""such";
select "no""fn"(1);
select "T 1"."zz" from "T 1";
select "Q"."zz" from "T 1";
create table "K" (id int primary key, "P" int references "T 1", "U""" text references "T 1" ("Ü") on delete cascade);
\d "K"
insert into "K" values (1, 5, null);
insert into "K" values (1, 1, 'zz"z');
insert into "K" values (1, 1, 'é');
delete from "T 1";
alter table "K" drop constraint "K_P_fkey";
delete from "T 1";
select count(*) from "K";
alter table "T 1" rename column "a""b" to "c""d";
alter table "T 1" rename to "Re""named";
alter table "Re""named" drop column "no""col";
alter table "Re""named" add column "c""d" int;
alter table "Re""named" alter "c""d" type text using "c""d"::text;
alter table "Re""named" alter "c""d" type int;
\d "Re""named"
create index "I""x" on "Re""named" ("Ü");
create index "I""x" on "Re""named" ("Ü");
drop index "I""y";
create view "V""w" as select "c""d" as "q""r" from "Re""named";
\d "V""w"
drop table "Re""named";
create sequence "S""q";
select nextval('"S""q"'), nextval('s"q');
alter sequence "S""q" owned by "K"."U""";
create schema "Sch""1";
create table "Sch""1"."T" (a int);
select * from "Sch""1"."T";
select * from "Sch""1"."no""T";
select * from "Sch""2"."T";
drop schema "Sch""1";
drop schema "Sch""1" cascade;
prepare "p""q" as select 1;
execute "p""q";
execute "no""p";
begin;
savepoint "s""p";
rollback to "s""p";
release "n""o";
rollback;
begin;
declare "c""r" cursor for values (1);
fetch "c""r";
close "c""r";
fetch "c""r";
rollback;
set "my.va""r" = 'x';
select 'a"b'::int, 1;
select E'tab\tnew\nline'::int;
select '\x00zz'::bytea;
select cast('é' as int);
select 1 as "a""b", 2 as "Ü";
select * from (values (1)) as "t""u" ("c""v");
select "t""u"."nope" from (values (1)) as "t""u" ("c""v");
insert into "K" (id, "nope""") values (1, 2);
insert into "K" (id, "P", "P") values (1, 2, 3);
insert into "K" values (9, 1, 'v') on conflict on constraint "no""c" do nothing;
update "K" set "nope""" = 1;
drop table "Re""named" cascade;

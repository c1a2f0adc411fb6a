create table p (a int, b text);
create table c () inherits (p);
create table g (z int) inherits (c);
insert into p values (1, 'p'); insert into c values (2, 'c'); insert into g values (3, 'g', 9);
alter table p add column d int default 5;
select * from p order by a;
select * from g order by a;
alter table only p add column e int;
alter table p add column if not exists d int;
alter table c add column f int not null default 3;
alter table p add column f int default 4;
select tableoid::regclass, * from p order by a;
\d c
alter table g drop column d;
alter table p drop column d;
alter table p drop column f;
\d c
\d g
alter table p add constraint pos check (a > 0);
alter table only p add constraint pos2 check (a > 0);
alter table p add constraint small check (a < 3);
alter table c drop constraint pos;
insert into g values (-1);
alter table p add constraint own check (a < 10) no inherit;
\d c
alter table p drop constraint pos;
\d g
alter table c add constraint same check (a <> 77);
alter table p add constraint same check (a <> 77);
\d c
alter table p drop constraint same;
\d c
alter table p add constraint nv check (a > 0) not valid;
alter table only p validate constraint nv;
alter table p validate constraint nv;
alter table p rename constraint nv to nv2;
alter table only p rename constraint nv2 to nv3;
alter table c rename constraint nv2 to nv3;
alter table p rename column a to aa;
alter table only p rename column aa to a;
alter table g rename column aa to a;
\d g
alter table p alter column aa set not null;
\d g
alter table p alter column aa drop not null;
alter table p alter column b set default 'x';
\d c
alter table only p alter column b set default 'y';
\d g
alter table p alter column aa type bigint;
\d g
select * from p order by aa;
alter table c alter column aa type int;
alter table only p alter column aa type int;
alter table c no inherit p;
\d c
\d p
select * from p order by aa;
alter table c inherit p;
\d+ p
alter table c inherit p;
alter table p inherit g;
alter table p no inherit c;
create table odd (aa int, b text);
alter table odd inherit p;
create table odd2 (aa bigint);
alter table odd2 inherit p;
create table odd3 (aa bigint, b text);
alter table odd3 inherit p;
create table odd4 (aa bigint, b text, constraint nv2 check (aa > 0));
alter table odd4 inherit p;
\d odd4
insert into odd4 values (8, 'odd');
select tableoid::regclass, * from p order by aa;
alter table only p drop column b;
\d odd4
\d g
create table s (a int);
create table t () inherits (s);
insert into s values (1); insert into t values (2);
alter table s add column n serial;
\d t
select * from s order by a;
alter table s add column i int generated always as identity;
begin;
create table u () inherits (s);
insert into u values (3);
select tableoid::regclass, a from s order by a;
rollback;
select a from s order by a;
\d s

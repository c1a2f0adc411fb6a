-- foreign keys from and to partitioned tables
create table pk (a int, b text, primary key (a)) partition by range (a);
create table pk1 partition of pk for values from (0) to (10);
create table pk2 (b text, a int not null, primary key (a));
alter table pk attach partition pk2 for values from (10) to (20);
create table pk3 partition of pk for values from (20) to (40) partition by range (a);
create table pk31 partition of pk3 for values from (20) to (30);
create table fk (a int references pk, t text);
\d pk
\d pk1
\d pk31
\d fk
select conrelid::regclass, conname, confrelid::regclass, coninhcount, conislocal, (select p.conname from pg_constraint p where p.oid = c.conparentid) from pg_constraint c where contype = 'f' and conrelid = 'fk'::regclass order by 1, 2;
insert into pk values (1, 'a'), (11, 'b'), (21, 'c');
insert into fk values (1, 'x'), (11, 'y'), (21, 'z'), (null, 'n');
insert into fk values (2, 'no');
insert into fk values (35, 'no part');
insert into fk values (100, 'no part');
update fk set a = 12 where a = 11;
delete from pk where a = 1;
delete from pk1 where a = 1;
delete from pk2 where a = 11;
delete from pk3 where a = 21;
update pk set a = 2 where a = 1;
update pk set a = 12 where a = 1;
update pk31 set a = 22 where a = 21;
update pk set b = 'same' where a = 1;
delete from fk where a = 1;
delete from pk where a = 1;
alter table pk detach partition pk2;
delete from fk where a = 11;
alter table pk detach partition pk2;
\d fk
\d pk2
insert into fk values (11, 'gone');
alter table pk attach partition pk2 for values from (10) to (20);
insert into fk values (11, 'back');
delete from pk2;
create table pkd partition of pk default;
insert into pk values (1000, 'def');
insert into fk values (1000, 'def');
delete from pkd;
select conrelid::regclass, conname, confrelid::regclass from pg_constraint c where contype = 'f' and conrelid = 'fk'::regclass order by 1, 2;
drop table pkd;
truncate pk1;
truncate pk1, fk;
truncate pk;
truncate pk cascade;
drop table pk31;
alter table fk drop constraint fk_a_fkey1;
alter table fk drop constraint fk_a_fkey;
select count(*) from pg_constraint c where contype = 'f' and conrelid = 'fk'::regclass;
\d pk
-- actions
insert into pk values (1, 'a'), (11, 'b'), (21, 'c');
alter table fk add foreign key (a) references pk on delete cascade on update cascade;
insert into fk values (1, 'x'), (11, 'y'), (21, 'z');
update pk set a = 15 where a = 1;
select * from fk order by t;
update pk set a = a + 10 where a in (11, 15);
select tableoid::regclass, * from pk order by a;
select * from fk order by t;
delete from pk where a = 21;
delete from pk2;
select * from fk order by t;
-- both sides partitioned
create table c (id int, a int, t text, primary key (id, a)) partition by hash (a);
create table c0 partition of c for values with (modulus 2, remainder 0);
create table c1 (t text, a int not null, id int not null, primary key (id, a));
alter table c attach partition c1 for values with (modulus 2, remainder 1);
alter table c add constraint cfk foreign key (a) references pk on update cascade on delete set default;
\d c
\d c0
\d c1
\d pk1
select conrelid::regclass, conname, confrelid::regclass, coninhcount, conislocal, (select p.conname from pg_constraint p where p.oid = c.conparentid) from pg_constraint c where contype = 'f' and conrelid::regclass::text in ('c', 'c0', 'c1') order by 1, 2;
insert into pk values (3, 'x'), (4, 'y'), (5, 'z'), (6, 'w');
insert into c select g, 3 + g % 4, 'v' || g from generate_series(1, 12) g;
insert into c values (100, 99, 'orphan');
update c set a = 77 where id = 1;
update c0 set a = 3 where id = 1;
select tableoid::regclass, a, count(*) from c group by 1, 2 order by 1, 2;
update pk set a = 13 where a = 3;
select tableoid::regclass, a, count(*) from c group by 1, 2 order by 1, 2;
update pk set a = a + 3 where a < 10 and a > 3;
select * from pk order by a;
select tableoid::regclass, a, count(*) from c group by 1, 2 order by 1, 2;
alter table c alter a set default 6;
delete from pk where a = 7;
select tableoid::regclass, a, count(*) from c group by 1, 2 order by 1, 2;
select 1;
alter table c detach partition c0;
\d c0
\d c
delete from pk where a = 6;
delete from pk where a = 8;
create table c2 (id int not null, a int not null, t text, primary key (id, a));
insert into c2 values (1, 12345, 'bad');
alter table c2 add constraint cfk foreign key (a) references pk on update cascade on delete set default;
drop table c2;
truncate c0;
alter table c attach partition c0 for values with (modulus 2, remainder 0);
\d c0
select conrelid::regclass, conname, confrelid::regclass, coninhcount, conislocal, (select p.conname from pg_constraint p where p.oid = c.conparentid) from pg_constraint c where contype = 'f' and conrelid::regclass::text in ('c', 'c0', 'c1') order by 1, 2;
-- rows that do not fit the foreign key are refused at ATTACH
create table d (a int, b int) partition by list (b);
alter table d add foreign key (a) references pk;
create table d1 (a int, b int);
insert into d1 values (555, 1);
alter table d attach partition d1 for values in (1);
update d1 set a = 6;
alter table d attach partition d1 for values in (1);
update d set a = 556;
update d set b = 2;
create table d2 partition of d for values in (2);
update d set b = 2, a = 557;
update d set b = 2;
-- directly referenced partitions
create table r (a int primary key) partition by list (a);
create table r1 partition of r for values in (1, 2) partition by list (a);
create table r11 partition of r1 for values in (1);
create table r2 partition of r for values in (3);
create table f1 (a int references r1);
create table f11 (a int references r11 on delete cascade);
insert into r values (1);
insert into f11 values (1);
update r set a = 3 where a = 1;
drop table f1;
update r set a = 3 where a = 1;
select * from f11;
-- deferred, self reference, match full
create table s (id int primary key, up int) partition by list (id);
create table s1 partition of s for values in (1, 2);
create table s2 partition of s for values in (3, 4);
alter table s add foreign key (up) references s deferrable initially deferred;
\d s1
begin; insert into s values (1, 3); insert into s values (3, null); commit;
begin; insert into s values (2, 4); commit;
begin; delete from s where id = 3; insert into s values (3, null); commit;
begin; set constraints s_up_fkey immediate; insert into s values (4, 77); rollback;
begin; delete from s where id = 3; commit;
update s set id = 4 where id = 3;
drop table s;
drop table pk;
drop table pk cascade;
drop table fk, c, d;
-- deferral goes with the copies; defaults are those of the table that declares the key
create table dp (a int primary key) partition by list (a);
create table dp1 partition of dp for values in (1, 2);
create table dpd partition of dp default;
create table dp0 partition of dp for values in (0) partition by list (a);
create table dp01 partition of dp0 for values in (0);
create table df (a int default 2, b int) partition by list (b);
create table df1 partition of df for values in (1);
alter table df1 alter a set default 77;
alter table df add foreign key (a) references dp on delete set default;
select conrelid::regclass, conname, confrelid::regclass, condeferrable from pg_constraint where contype = 'f' and conrelid in ('df'::regclass, 'df1'::regclass) order by 1, 2;
insert into dp values (0), (1), (2), (5);
insert into df values (1, 1), (5, 1);
delete from dp where a = 1;
select * from df1 order by a;
alter table df drop constraint df_a_fkey;
alter table df add foreign key (a) references dp;
alter table df alter constraint df_a_fkey deferrable initially deferred;
select conrelid::regclass, conname, confrelid::regclass, condeferrable, condeferred from pg_constraint where contype = 'f' and conrelid in ('df'::regclass, 'df1'::regclass) order by 1, 2;
alter table df alter constraint df_a_fkey1 not deferrable;
alter table df1 alter constraint df_a_fkey not deferrable;
begin; delete from dp where a = 5; delete from df where a = 5; commit;
begin; set constraints df_a_fkey immediate; delete from dp where a = 2; rollback;
begin; set constraints df_a_fkey deferred; delete from dp where a = 2; insert into dp values (2); commit;
begin; delete from dp where a = 2; commit;
create table da (a int primary key, b int);
create table dr (a int references da, b int) partition by list (b);
alter table dr attach partition da for values in (1);

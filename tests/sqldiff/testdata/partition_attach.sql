-- ATTACH and DETACH PARTITION of tables and indexes
create table p (a int, b text) partition by list (a);
create table p1 (b text, a int);
insert into p1 values ('x', 1), ('y', 7);
alter table p attach partition p1 for values in (1, 2);
delete from p1 where a = 7;
alter table p attach partition p1 for values in (1, 2);
\d+ p1
alter table p attach partition p1 for values in (3);
create table p2 (a int, b text, c int);
alter table p attach partition p2 for values in (3);
alter table p2 drop column c;
alter table p attach partition p2 for values in (1);
alter table p attach partition p2 for values in (3);
create table pd partition of p default;
insert into p values (10, 'd'), (3, 'z');
create table p3 (like p);
alter table p attach partition p3 for values in (10);
alter table p attach partition p3 for values in (11);
alter table p attach partition p3 for values in (12);
alter table p detach partition p3;
alter table p detach partition p3;
\d p3
insert into p values (11, 'back in default');
alter table p attach partition p3 for values in (11);
alter table p detach partition pd;
alter table p attach partition p3 for values in (11);
alter table p attach partition pd default;
select tableoid::regclass, * from p order by a, b;
alter table p detach partition nonesuch;
alter table p1 detach partition p2;
alter table p1 attach partition p2 for values in (1);
create view v as select 1 as a;
alter table p attach partition v for values in (100);
create table inh (x int); create table inhc () inherits (inh);
alter table p attach partition inh for values in (100);
alter table p attach partition inhc for values in (100);
create table q (a int not null, b text check (b <> ''), constraint k check (a > 0)) partition by range (a);
create table q1 (a int, b text);
alter table q attach partition q1 for values from (0) to (10);
alter table q1 alter a set not null;
alter table q attach partition q1 for values from (0) to (10);
alter table q1 add constraint k check (a > 1);
alter table q attach partition q1 for values from (0) to (10);
alter table q1 drop constraint k, add constraint k check (a > 0), add constraint q_b_check check (b <> '');
alter table q attach partition q1 for values from (0) to (10);
\d q1
alter table q detach partition q1;
\d q1
-- indexes
create table i (a int, b int, c text) partition by range (a);
create table i1 (a int, b int, c text);
create index i1_b on i1 (b);
create unique index i1_a on i1 (a);
create index i_b on i (b);
alter table i add primary key (a);
create index i_expr on i (lower(c)) where b > 0;
create index on i ((a + b));
alter table i attach partition i1 for values from (0) to (10);
create table i2 partition of i for values from (10) to (20);
\d i
\d i1
\d i2
insert into i values (1, 1, 'A'), (11, 1, 'B');
insert into i values (1, 1, 'A');
select * from i where lower(c) = 'a' and b > 0;
drop index i1_b;
drop index i2_b_idx;
alter table i detach partition i1;
\d i1
drop index i1_b;
create index i_only on only i (c);
\d i
select indexrelid::regclass, indisvalid from pg_index where indrelid = 'i'::regclass order by indexrelid::regclass::text;
create index i2_c on i2 (c);
create index i2_cc on i2 (c, a);
alter index i_only attach partition i2_cc;
alter index i_only attach partition i1_a;
alter index i_only attach partition i2_c;
alter index i_only attach partition i2_c;
create index i2_c2 on i2 (c);
alter index i_only attach partition i2_c2;
select indexrelid::regclass, indisvalid from pg_index where indrelid = 'i'::regclass order by indexrelid::regclass::text;
select * from pg_partition_tree('i_only'::regclass);
alter index i2_c attach partition i2_c2;
create table z (a int, b int) partition by list (a);
create table z1 partition of z for values in (1);
alter table only z add unique (a, b);
alter table z1 add unique (a, b);
alter index z_a_b_key attach partition z1_a_b_key;
\d z
\d z1
alter table z add unique using index z_a_b_key;
alter table z drop constraint z_a_b_key;
\d z1
create unique index zz on z (b);
create unique index zz on z (lower(b::text), a);
create index on z using hash (b);
\d z1
drop table p cascade;
select relname from pg_class where relnamespace = current_schema::regnamespace and relname like 'p%';

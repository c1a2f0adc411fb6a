-- hash partitions, expressions in partition keys, and what the catalog shows of bounds
create table h (a int, b text) partition by hash (a, b);
create table h0 partition of h for values with (modulus 4, remainder 0);
create table h1 partition of h for values with (modulus 4, remainder 1);
create table h2 partition of h for values with (modulus 8, remainder 2);
create table h3 partition of h for values with (modulus 8, remainder 6);
create table h4 partition of h for values with (modulus 4, remainder 2);
create table h4 partition of h for values with (modulus 6, remainder 2);
create table h4 partition of h for values with (modulus 12, remainder 2);
create table h4 partition of h for values with (modulus 0, remainder 2);
create table h4 partition of h for values with (modulus 4, remainder 4);
create table h4 partition of h for values with (modulus 4, remainder -1);
create table h4 partition of h default;
create table h4 partition of h for values in (1);
insert into h select g, 'x' || g from generate_series(1, 100) g;
create table h3b partition of h for values with (modulus 4, remainder 3);
insert into h select g, 'x' || g from generate_series(1, 100) g;
insert into h values (null, null), (1, null), (null, 'q');
select tableoid::regclass, count(*), sum(a) from h group by 1 order by 1;
select tableoid::regclass, * from h where a is null or b is null order by 1, a, b;
\d h
\d+ h
\d h1
update h set a = a + 1 where a = 5;
create table e (a int, b text, c numeric) partition by range ((a + 1), lower(b), c);
create table e1 partition of e for values from (1, 'a', 0.5) to (10, 'c', 1.5);
create table e2 partition of e for values from (10, 'c', minvalue) to (10, maxvalue, maxvalue);
insert into e values (1, 'B', 1), (9, 'D', 3);
insert into e values (10, 'D', 3);
insert into e values (null, 'D', 3);
\d+ e
\d+ e1
\d+ e2
select pg_get_partition_constraintdef('e1'::regclass), pg_get_partition_constraintdef('e2'::regclass), pg_get_partition_constraintdef('e'::regclass);
alter table e rename b to bb;
\d e
insert into e values (1, 'C', 1);
alter table e drop column bb;
alter table e alter column a type bigint;
create table l (a text, b int, c bool) partition by list (a);
create table l1 partition of l for values in ('a', 'b');
create table l2 partition of l for values in ('c', null) partition by range (b);
create table l21 partition of l2 for values from (minvalue) to (-1);
create table l2d partition of l2 default;
create table ld partition of l default partition by list (c);
create table ldt partition of ld for values in (true);
\d+ l
\d+ l1
\d+ l2
\d+ l21
\d+ l2d
\d+ ld
\d+ ldt
select * from pg_partition_tree('l'::regclass) order by 1;
select * from pg_partition_ancestors('l21'::regclass);
select pg_partition_root('l21'::regclass), pg_partition_root('l'), pg_partition_root('pg_class');
select relname, pg_get_expr(relpartbound, oid), pg_get_partkeydef(oid) from pg_class where relname like 'l%' and relnamespace = current_schema::regnamespace order by 1;
create table b1 (a int) partition by range ((42));
create table b1 (a int) partition by range ((a + random()::int));
create table b1 (a int) partition by range (avg(a));
create table b1 (a int) partition by range ((select 1));
create table b1 (a int) partition by range ((zz + 1));
create table b1 (a int, b text) partition by range (a, ('unknown'));
create table b1 (a int, b int) partition by range (((a, b)));
create table b1 (a int, b int generated always as (a) stored) partition by list (b);
create table b1 (a int, b int generated always as (a) stored) partition by list ((b));
create table b1 (a int, b int generated always as (a) stored) partition by list ((b + 1));
create table b1 (a int, b int, unique (a)) partition by list ((a + 1));
create table b1 (a int oid, b int) partition by range (a oid_ops, b int4_ops);
create table b1 (a int, b text) partition by range (a oid_ops, b collate "C");
\d b1
create table c1 partition of l for values in (a);
create table c1 partition of l for values in (sum(1));
create table c1 partition of l for values in ((select 1));
create table c1 partition of l for values in (generate_series(1, 3));
create table c1 partition of l for values in (lower('XY'));
\d c1
insert into l values ('q', 1, true);
create table c2 partition of l for values in ('q');
create table c2 partition of l for values in ('r');
create table nn (a int, b int) partition by range (a, b);
create table nn1 partition of nn for values from (1, minvalue) to (5, 5);
create table nn2 partition of nn for values from (5, 5) to (maxvalue, maxvalue);
create table nnd partition of nn default;
\d+ nn1
\d+ nn2
\d+ nnd

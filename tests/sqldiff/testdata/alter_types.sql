-- ALTER TABLE with several new types at once, keys that make columns of children NOT NULL, columns of ANALYZE
create table s(id int primary key, a int, b text, c numeric default 1.5);
insert into s values (1,10,'20',3),(2,11,'21',4);
alter table s alter a type text using b, alter b type int using a;
select * from s order by id;
\d s
alter table s alter a type int using b + id, alter b type text using a || '-' || id, drop column c;
select * from s order by id;
alter table s alter a type bigint, alter a type text;
alter table s alter a type boolean using b::int;
alter table s alter a type boolean using b;
alter table s alter a type int using x.b;
alter table s alter a type int using sum(b);
alter table s alter a type int using (select 1);
alter table s alter a type int using s;
create table pa(a int, b int); create table ch(c int) inherits (pa);
insert into pa values (1,2); insert into ch values (3,4,5);
alter table pa alter a type text using b || 'x', alter b type bigint using a * 10;
select tableoid::regclass, * from pa order by 2;
alter table pa add primary key (a);
\d pa
\d ch
create table pb(a int, b int); create table cb() inherits (pb);
insert into cb values (null, 1);
alter table pb add primary key (a);
alter table only pb add primary key (a);
alter table pb add primary key (nope);
alter table pb add unique (nope);
alter table pb add primary key ("........pg.dropped.1........");
create table pc(a int, primary key (b));
create table pc(a int, unique (b));
analyze s(nope);
analyze s(a, a);
vacuum analyze s(nope);
vacuum s(a);
analyze s(a);
analyze s(a), pa(b);
create table self(id int primary key, up int references self);
insert into self values (1, null), (2, 1);
alter table self alter id type bigint, alter up type bigint;
insert into self values (3, 9);
\d self
create table gen(a int, b int generated always as (a * 2) stored, k int);
insert into gen(a,k) values (2, 3);
alter table gen alter b type bigint, alter k type text;
select * from gen order by k;
alter table gen alter a type bigint, drop column b;
select * from gen order by k;
create index gk on gen(k, a); create unique index on gen((a+1));
alter table gen alter k type int using a + 1, alter a type numeric using k::numeric + 0.5;
select * from gen order by k;
\d gen
select * from gen where k = 3; select * from gen where a + 1 = 4.5;
create table cst(a int check (a > 0), b int);
alter table cst alter a type text using b::text, alter b type text;
alter table cst drop constraint cst_a_check, alter a type text using b::text, alter b type text;
\d cst

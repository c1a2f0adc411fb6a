-- Databases: their own catalogs, copies of templates, options and errors.
create database db_a;
create database db_a;
create table db_t0(a int);
\c db_a
select current_database(), count(*) from pg_class where relname='db_t0';
create type mood as enum('x','y');
create domain d as int check (value > 0);
create schema s2;
create table s2.p(id serial primary key, m mood default 'x', c d);
create table t(id int generated always as identity primary key, p int references s2.p on delete cascade, n text unique, r s2.p);
create view v as select t.n, p.m from t join s2.p on p.id = t.p;
insert into s2.p(m,c) values ('x',1),('y',2);
insert into t(p,n,r) values (1,'a',row(1,'y',3)),(2,'b',null);
select * from t; select * from v;
comment on table t is 'hello';
\dn
\d t
select datname, datistemplate, datallowconn, datconnlimit from pg_database where datname in ('postgres', 'db_a', 'template0', 'template1') order by 1;
drop database db_a;
\c postgres
begin; create database x; rollback;
create database db_b template db_a;
\c db_b
select * from t; select * from v; select * from s2.p;
insert into t(p,n) values (2,'c') returning *;
insert into t(p,n) values (7,'c') returning *;
insert into t(p,n) values (1,'b') returning *;
insert into s2.p(m) values('y') returning *;
delete from s2.p where id = 1; select * from t order by 1;
\d t
drop schema public cascade; create schema public;
\c db_a
select * from t;
\c postgres
create database db_c template nope;
create database db_c encoding 'unicode' lc_collate 'C.UTF-8' connection limit 3 is_template true;
drop database db_c;
alter database db_c is_template false;
alter database db_c rename to db_c2;
\c db_c2
\c postgres
alter database db_c2 allow_connections false;
alter database db_c2 rename to db_a;
alter database nope rename to a2;
drop database if exists nope;
drop database nope;
drop database db_c2;
drop database db_a with (force);
drop database db_b;
create database x frob 1;
create database x owner nope;
drop table db_t0;

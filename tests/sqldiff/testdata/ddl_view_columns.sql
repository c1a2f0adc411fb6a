create table t (id int primary key, a int);
insert into t values (1, 10), (2, 20);
create view v as select * from t;
create view w as select t.*, a + 1 as b from t where id > 1;
alter table t add column z text default 'zz';
select * from v order by id;
select * from w;
select z from v;
select count(*) from v join w using (id);

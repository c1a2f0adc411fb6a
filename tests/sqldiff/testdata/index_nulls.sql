-- A unique index of several columns has no entry of rows with a NULL: it finds neither rows nor children by its leading columns alone.
create table part (id int primary key, a int, b int, unique (a, b));
insert into part values (1, 5, null), (2, 5, 1), (3, 6, null), (4, null, 2);
select * from part where a = 5 order by id;
select * from part where a between 5 and 6 order by id;
select * from part where a in (5, 6) order by id;
select * from part where a = 5 and b = 1;
select * from part where a = 5 and b > 0;
select p.id, q.id from part p join part q on q.a = p.a where p.id = 2 order by 1, 2;
update part set b = null where a = 5;
select * from part order by id;
delete from part where a = 5;
select * from part order by id;

create table parent (id int primary key);
create table child (id int primary key, parent int references parent, b int, unique (parent, b));
insert into parent values (1), (2);
insert into child values (1, 1, null), (2, 2, 7);
delete from parent where id = 1;
update parent set id = 3 where id = 1;
delete from parent where id = 2;
alter table child drop constraint child_parent_fkey, add foreign key (parent) references parent on delete cascade on update cascade;
update parent set id = id + 10;
select * from child order by id;
delete from parent;
select * from child order by id;

-- names in DETAIL: quoted where an index definition quotes them, plain in foreign key messages
create table ser (id serial primary key, "Col A" int unique);
create table q ("Col A" int, "select" int, b int, unique ("Col A", "select"), "Ref X" int);
insert into q values (1, 2);
insert into q values (1, 2);
create unique index qi on q (b, "Col A");
insert into q values (2, 3, 5), (2, 4, 5);
create table q2 ("Fk Col" int references ser ("Col A"));
insert into q2 values (7);
insert into q2 values (1);
delete from ser;
alter table q add unique ("Col A");
insert into q values (1, 3);
alter table q add unique ("Col A");
insert into q values (1,9) on conflict ("Col A") do nothing;

-- DISABLE TRIGGER ALL and session_replication_role over foreign keys.
create table parents (id int primary key, k int unique);
create table children (id int primary key, parent int references parents on delete cascade on update cascade,
    k int references parents (k) deferrable initially deferred);
create table grand (id int primary key, child int references children on delete set null);
create function shout() returns trigger language plpgsql as $$ begin raise notice '% on %', tg_op, tg_table_name; return coalesce(new, old); end $$;
create trigger told before insert or update or delete on children for each row execute function shout();
insert into parents values (1, 10), (2, 20);
insert into children values (1, 1, 10), (2, 2, null);

-- The referencing table's checks.
alter table children disable trigger all;
insert into children values (3, 99, 999);
update children set parent = 98 where id = 3;
insert into parents values (3, 30);
delete from parents where id = 2;
select * from children order by id;
alter table children enable trigger user;
insert into children values (4, 97, null);
alter table children enable trigger all;
insert into children values (5, 96, null);
update children set parent = 96 where id = 3;
update children set k = null where id = 3;
update children set id = 33 where id = 3;
begin;
insert into children values (5, 1, 12345);
commit;
select * from children order by id;

-- The referenced table's actions.
alter table parents disable trigger all;
delete from parents where id = 1;
update parents set id = 7 where id = 3;
insert into children values (6, 55, null);
insert into children values (6, 7, null);
alter table parents enable trigger all;
update parents set id = 8 where id = 7;
delete from parents where id = 8;
select * from children order by id;
select * from parents order by id;

-- User triggers alone.
alter table children disable trigger user;
insert into children values (7, 55, null);
alter table children enable trigger user;

-- In the middle of a chain.
insert into parents values (1, 1);
insert into children values (10, 1, null);
insert into grand values (1, 10);
alter table children disable trigger all;
delete from parents where id = 1;
select * from children where id = 10;
select * from grand;
alter table children enable trigger all;
delete from grand;
insert into grand values (2, 10);

-- Rolled back, it never was.
begin;
alter table children disable trigger all;
insert into children values (11, 77, null);
rollback;
insert into children values (11, 77, null);

-- A key to the table itself.
create table tree (id int primary key, up int references tree on delete cascade);
alter table tree disable trigger all;
insert into tree values (2, 1), (3, 2), (4, 9);
delete from tree where id = 2;
select * from tree order by id;
alter table tree enable trigger all;
delete from tree where id = 3;
insert into tree values (5, 6);
select * from tree order by id;

-- Keys that are added later are on.
alter table parents disable trigger all;
create table later (id int primary key, parent int references parents on delete restrict);
insert into parents values (50, 50);
insert into later values (1, 50);
delete from parents where id = 50;
alter table parents enable trigger all;

-- session_replication_role.
set session_replication_role = replica;
insert into children values (20, 444, 555);
delete from parents where id = 50;
update later set parent = 3;
insert into tree values (100, 99);
truncate parents;
reset session_replication_role;
insert into children values (21, 444, null);
update children set parent = 445 where id = 20;
select * from later;
begin;
insert into children values (22, null, 666);
set local session_replication_role = replica;
insert into children values (23, null, 777);
delete from children where id = 22;
commit;
select id from children where id > 19 order by 1;

-- Partitions.
create table pp (id int, x int, primary key (id)) partition by range (id);
create table pp1 partition of pp for values from (0) to (100);
create table pp2 partition of pp for values from (100) to (200);
create table pc (id int, p int references pp on delete cascade, primary key (id)) partition by range (id);
create table pc1 partition of pc for values from (0) to (100);
create table pc2 partition of pc for values from (100) to (200);
insert into pp values (1), (2), (101);
insert into pc values (1, 1), (2, 2), (101, 101);
alter table pc1 disable trigger all;
insert into pc values (3, 55);
insert into pc values (103, 55);
alter table pc1 enable trigger all;
insert into pc values (4, 55);
alter table pp1 disable trigger all;
delete from pp where id = 1;
delete from pp where id = 101;
select * from pc order by id;
alter table pp1 enable trigger all;
delete from pp where id = 2;
select * from pc order by id;
alter table pc disable trigger all;
insert into pc values (5, 56), (105, 56);
alter table pc enable trigger all;
insert into pc values (6, 56);
insert into pc values (106, 56);
insert into pp values (10);
insert into pc values (10, 10);
alter table pp disable trigger all;
delete from pp where id = 10;
select * from pc order by id;
alter table pp enable trigger all;
insert into pp values (10);
delete from pp where id = 10;
select * from pc order by id;
alter table only pc disable trigger all;
insert into pc values (7, 57);
alter table only pc enable trigger all;

-- Who may.
create role trigger_owner;
create table owned (id int primary key);
create table owned_child (id int references owned);
alter table owned_child owner to trigger_owner;
create table free (id int);
alter table free owner to trigger_owner;
grant all on schema s_triggers_disabled_keys to trigger_owner;
set role trigger_owner;
alter table free disable trigger all;
alter table free enable trigger all;
alter table owned_child disable trigger user;
do $$ begin
  alter table owned_child disable trigger all;
exception when insufficient_privilege then
  raise notice '%', regexp_replace(sqlerrm, '\d+', 'N');
end $$;
do $$ begin
  alter table owned_child enable trigger all;
exception when insufficient_privilege then
  raise notice '%', regexp_replace(sqlerrm, '\d+', 'N');
end $$;
alter table owned disable trigger all;
set session_replication_role = replica;
reset role;
drop owned by trigger_owner cascade;
drop role trigger_owner;

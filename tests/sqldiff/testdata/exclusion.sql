-- exclusion constraints: what is refused, and when
create table slot (during tsrange, exclude using gist (during with &&));
insert into slot values ('[2010-01-01 14:00,2010-01-01 15:00)'), ('[2010-01-01 15:00,2010-01-01 16:00)'), (null), (null), ('empty'), ('empty');
insert into slot values ('[2010-01-01 14:30,2010-01-01 14:40)');
insert into slot values ('[2010-01-02 14:30,2010-01-02 14:40)'), ('[2010-01-02 14:35,2010-01-02 14:45)');
select count(*) from slot;
update slot set during = '[2010-01-01 13:00,2010-01-01 14:30)' where during is null;
update slot set during = during where during is not null;
update slot set during = tsrange(lower(during) + '1 hour', upper(during) + '1 hour') where lower(during) = '2010-01-01 15:00';
update slot set during = tsrange(lower(during) + '2 hours', upper(during) + '2 hours') where lower(during) = '2010-01-01 14:00';
\d slot
drop table slot;
-- with equality, of the types that btree_gist has
create table booking0 (room int, during tsrange, exclude using gist (room with =, during with &&));
create extension btree_gist;
select extname, extversion from pg_extension where extname = 'btree_gist';
create table booking (id serial primary key, room int, during tsrange, exclude using gist (room with =, during with &&));
insert into booking (room, during) values (1, '[2010-01-01 14:00,2010-01-01 15:00)'), (2, '[2010-01-01 14:00,2010-01-01 15:00)');
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)');
insert into booking (room, during) values (1, '[2010-01-01 15:00,2010-01-01 15:30)');
insert into booking (room, during) values (null, '[2010-01-01 15:00,2010-01-01 15:30)'), (null, '[2010-01-01 15:00,2010-01-01 15:30)');
insert into booking (room, during) values (3, '[2010-01-01 15:00,2010-01-01 15:30)'), (3, '[2010-01-01 15:20,2010-01-01 15:40)');
update booking set room = 1 where room = 2;
update booking set room = 2 where room = 1;
update booking set id = id + 100 where room = 1;
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)') on conflict do nothing;
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)') on conflict on constraint booking_room_during_excl do nothing;
insert into booking (id, room, during) values (101, 1, '[2010-01-01 14:30,2010-01-01 15:30)') on conflict on constraint booking_room_during_excl do nothing;
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)') on conflict on constraint booking_room_during_excl do update set room = 3;
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)') on conflict (room, during) do nothing;
insert into booking (room, during) values (1, '[2011-01-01 14:30,2011-01-01 15:30)') on conflict do nothing returning room;
delete from booking where room = 1;
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)');
merge into booking b using (values (2, tsrange('2010-01-01 14:30', '2010-01-01 14:40')), (4, tsrange('2010-01-01 14:30', '2010-01-01 14:40'))) v(room, during) on false
  when not matched then insert (room, during) values (v.room, v.during);
select room, during from booking order by 1, 2;
begin;
savepoint a;
insert into booking (room, during) values (5, '[2010-01-01,2010-01-02)');
rollback to a;
insert into booking (room, during) values (5, '[2010-01-01,2010-01-02)');
insert into booking (room, during) values (5, '[2010-01-01,2010-01-02)');
rollback;
-- catalogs
select conname, contype, condeferrable, conindid::regclass, conkey, conexclop::regoper[], convalidated, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'booking'::regclass and contype = 'x';
select indexrelid::regclass, indisexclusion, indisunique, indimmediate, indisvalid, indkey, pg_get_indexdef(indexrelid) from pg_index where indrelid = 'booking'::regclass order by 1::text;
select c.relname, am.amname from pg_class c join pg_am am on am.oid = c.relam where c.relname in ('booking_room_during_excl', 'booking_pkey') and relnamespace = current_schema::regnamespace order by 1;
select constraint_name, constraint_type from information_schema.table_constraints where table_name = 'booking' and table_schema = current_schema and constraint_type <> 'CHECK';
\d booking
drop index booking_room_during_excl;
-- ALTER TABLE
alter table booking drop constraint booking_room_during_excl;
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)');
alter table booking add constraint bx exclude using gist (room with =, during with &&);
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)');
delete from booking where room = 1;
alter table booking add constraint bx exclude using gist (room with =, during with &&) where (room > 5) deferrable initially deferred;
alter table booking add constraint bx exclude using gist (room with =);
insert into booking (room, during) values (1, '[2010-01-01 14:30,2010-01-01 15:30)'), (1, '[2010-01-01 14:30,2010-01-01 15:30)');
\d booking
begin;
insert into booking (room, during) values (6, '[2010-01-01 14:30,2010-01-01 15:30)'), (6, '[2010-01-01 14:30,2010-01-01 15:30)');
commit;
begin;
insert into booking (room, during) values (6, '[2010-01-01 14:30,2010-01-01 15:30)'), (6, '[2010-01-01 14:30,2010-01-01 15:30)');
set constraints bx immediate;
rollback;
begin;
insert into booking (id, room, during) values (1000, 6, '[2010-01-01 14:30,2010-01-01 15:30)'), (1001, 6, '[2010-01-01 14:30,2010-01-01 15:30)');
update booking set during = '[2010-01-02 14:30,2010-01-02 15:30)' where id = 1001;
commit;
begin;
insert into booking (id, room, during) values (1002, 6, '[2010-01-01 14:30,2010-01-01 15:30)');
delete from booking where id = 1000;
commit;
begin;
insert into booking (id, room, during) values (1003, 6, '[2010-01-01 14:30,2010-01-01 15:30)');
update booking set room = 7 where id = 1003;
commit;
select id, room from booking where room > 5 order by 1;
insert into booking (room, during) values (6, '[2010-01-01 14:30,2010-01-01 15:30)') on conflict do nothing;
update booking set room = room + 5 where room = 1;
alter table booking alter constraint bx not deferrable;
alter table booking rename column room to place;
alter table booking rename constraint bx to by;
\d booking
insert into booking (place, during) values (6, '[2010-01-01 14:30,2010-01-01 15:30)');
alter table booking drop column during;
\d booking
truncate booking;
drop extension btree_gist cascade;
create extension btree_gist;
-- expressions, btree and hash, several constraints
create table span (a int, s timestamp, t timestamp, exclude using gist (tsrange(s, t) with &&), constraint low exclude using gist (a with =, (s::date) with =) where (a < 10));
insert into span values (1, '2010-01-01', '2010-01-02');
insert into span values (2, '2010-01-01 12:00', '2010-01-03');
insert into span values (1, '2010-01-02', '2010-01-03');
insert into span values (1, '2010-01-02 12:00', '2010-01-02 12:00');
insert into span values (11, '2010-01-03', '2010-01-04'), (11, '2010-01-03', '2010-01-03');
\d span
alter table span drop column t;
\d span
create table plain (a int, b text, exclude (a with =), constraint fb exclude using hash (b with =));
insert into plain values (1, 'x'), (2, 'y');
insert into plain values (1, 'z');
insert into plain values (3, 'y');
update plain set a = 1 where a = 2;
update plain set a = 3 where a = 2;
copy plain from stdin;
7	p
8	q
7	r
\.
select * from plain order by 1;
create table likewise (like plain including all);
insert into likewise values (1, 'a'), (1, 'b');
\d likewise
create table other (a int, b int, c cidr, u uuid, exclude using gist (a with =, b with <>), exclude using gist (c inet_ops with &&), exclude using gist (u with =));
insert into other values (1, 2, '10.0.0.0/8', null), (1, 2, '11.0.0.0/8', null), (2, 3, '10.1.0.0/16', null);
insert into other values (1, 2, '10.0.0.0/8', null), (1, 2, '11.0.0.0/8', null), (2, 3, '12.1.0.0/16', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
insert into other values (1, 3, '13.0.0.0/8', null);
insert into other values (3, 3, '14.0.0.0/8', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
\d other
-- within partitions, and what cannot be
create table whole (a int, r int4range) partition by list (a);
create table part partition of whole for values in (1);
create table rest partition of whole default;
alter table part add exclude using gist (r with &&);
insert into whole values (1, '[1,5)'), (2, '[1,5)'), (2, '[1,5)');
insert into whole values (1, '[2,3)');
update whole set a = 1 where a = 2;
alter table whole add exclude (a with =);
create table nope (a int, exclude (a with =)) partition by list (a);
create table nope (a int, exclude (a with <));
create table nope (a int, exclude using gist (a with <));
create table nope (a int4range, exclude using gist (a with @>));
create table nope (a int4range, exclude (a with &&));
create table nope (a int4range, exclude using gin (a with &&));
create table nope (a int4range, exclude using nope (a with &&));
create table nope (a int4range, exclude using gist (b with &&));
create table nope (a int4range, exclude using gist (a with &&&));
create table nope (a json, exclude using gist (a with =));
create table nope (a json, exclude (a with =));
create table nope (a int exclude (a with =));
create table nope (a cidr, exclude using gist (a with &&));
create domain nope as int exclude (value with =);
-- foreign keys cannot rest on one, and their actions obey it
create table parent (a int primary key);
create table child (a int references parent on update cascade on delete set default default 0, r int4range, exclude using gist (a with =, r with &&));
insert into parent values (0), (1), (2);
insert into child values (1, '[1,5)'), (0, '[1,5)');
delete from parent where a = 1;
update parent set a = 3 where a = 1;
select * from child order by a;
drop table span, other;
drop extension btree_gist cascade;
insert into child values (3, '[1,5)'), (3, '[1,5)');

-- Exclusion constraints and collations.
create schema ex;
create table ex.booking (id int primary key, room int, during tsrange,
    constraint alone exclude using gist (int4range(room, room + 1) with &&, during with &&) where (room > 5) deferrable initially deferred);
create table ex.span (a int, s timestamp, t timestamp, exclude using gist (tsrange(s, t) with &&), exclude (a with =), exclude using hash (s with =));
comment on constraint alone on ex.booking is 'one at a time';
insert into ex.booking values (1, 6, '[2010-01-01,2010-01-02)'), (2, 6, '[2010-01-02,2010-01-03)');
insert into ex.span values (1, '2010-01-01', '2010-01-02');
create table ex.coll (a text collate "C", b text collate "POSIX" default 'x', c text collate ucs_basic);
create index on ex.coll (a collate "POSIX");
create index on ex.coll ((a || b) collate "C");
create view ex.coll_view as select a collate "POSIX" as x, b, a || 'x' as y from ex.coll order by a collate "C";
create domain ex.coll_domain as text collate "C";

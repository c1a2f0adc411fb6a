-- Entries of GIN indexes follow every way in which rows are written.
create table w (id int primary key, doc jsonb, tags text[]);
create index w_doc on w using gin (doc);
create index w_path on w using gin (doc jsonb_path_ops);
create index w_tags on w using gin (tags) where id < 1000;
create index w_expr on w using gin ((doc -> 'list'), (tags || array['all']));
create function found(out "what" text, out ids int[]) returns setof record language sql as $$
  select 'a1', array_agg(id order by id) from w where doc @> '{"a": 1}' union all
  select 'a1 path', array_agg(id order by id) from w where doc @? '$.a ? (@ == 1)' union all
  select 'key b', array_agg(id order by id) from w where doc ? 'b' union all
  select 'x', array_agg(id order by id) from w where tags @> '{x}' and id < 1000 union all
  select 'x or y', array_agg(id order by id) from w where tags && '{x,y}' and id < 1000 union all
  select 'none', array_agg(id order by id) from w where tags = '{}' and id < 1000 union all
  select 'within', array_agg(id order by id) from w where tags <@ '{x,y}' and id < 1000 union all
  select 'list', array_agg(id order by id) from w where doc -> 'list' @> '[2]' union all
  select 'all', array_agg(id order by id) from w where tags || array['all'] @> '{all,x}' $$;
insert into w select i, jsonb_build_object('a', i % 3, 'n', i), case when i % 4 = 0 then '{}' else array['x', 'y', 'z'][i % 3 + 1:3] end from generate_series(1, 12) i;
select * from found();
insert into w values (20, '{"a": 1, "b": 2, "list": [1, 2]}', '{x}'), (21, null, null), (22, '{"list": [2]}', '{NULL}'), (2000, '{"a": 1}', '{x,y}');
select * from found();
update w set doc = doc || '{"a": 1}' where id in (2, 3);
select * from found();
update w set doc = doc - 'a', tags = array_remove(tags, 'x') where id in (1, 20);
select * from found();
update w set tags = '{}' where id = 22;
update w set tags = null where id = 4;
update w set doc = null where id = 5;
select * from found();
update w set id = id + 100 where id in (6, 7);
update w set id = 30 where id = 2000;
update w set id = 3000 where id = 8;
select * from found();
delete from w where id in (9, 10, 30);
select * from found();
begin;
insert into w values (40, '{"a": 1, "b": 1}', '{x}');
update w set doc = '{"b": 1}' where id = 3;
delete from w where id = 20;
select * from found();
savepoint s;
update w set doc = '{"a": 1}', tags = '{y}' where id = 40;
update w set id = 41 where id = 40;
select * from found();
rollback to s;
select * from found();
rollback;
select * from found();
insert into w values (11, '{"a": 1, "b": 1}', '{x}') on conflict (id) do update set doc = excluded.doc, tags = excluded.tags;
insert into w values (11, '{"a": 5}', '{q}') on conflict do nothing;
select * from found();
merge into w using (values (11, '{"list": [2]}'::jsonb), (12, null), (50, '{"a": 1}')) v (i, d) on id = i
  when matched and d is null then delete when matched then update set doc = d when not matched then insert values (i, d, '{x}');
select * from found();
copy w from stdin;
60	{"a": 1, "list": [2, 3]}	{x,y}
61	\N	{}
62	{"b": {"a": 1}}	\N
\.
select * from found();
with u as (update w set doc = '{"a": 1}' where tags @> '{x}' and id < 1000 returning id), n as (insert into w values (70, '{"a": 1}', '{y}') returning id)
  select array_agg(id order by id) from (select * from u union all select * from n) k;
select * from found();
insert into w values (60, '{"a": 1}', '{x}');
select * from found();
alter table w add column extra int default 5;
alter table w alter column id type bigint;
select * from found();
drop index w_doc;
create index w_doc on w using gin (doc);
reindex table w;
select * from found();
truncate w;
select * from found();
insert into w values (1, '{"a": 1, "b": 1, "list": [2]}', '{x}');
select * from found();
drop table w cascade;

-- Cascades.
create table parent (id int primary key, tags text[] unique);
create table child (id int primary key, p int references parent on delete cascade on update cascade, t text[] references parent (tags) on delete set null on update cascade);
create index on child using gin (t);
insert into parent select i, array['t' || i, 'u'] from generate_series(1, 10) i;
insert into child select i, i, array['t' || i, 'u'] from generate_series(1, 10) i;
select array_agg(id order by id) from child where t @> '{u}';
update parent set tags = array['v' || id] where id < 4;
select array_agg(id order by id) from child where t @> '{u}';
select array_agg(id order by id) from child where t && '{v1,v2}';
delete from parent where id in (2, 8);
select array_agg(id order by id) from child where t @> '{u}';
select array_agg(id order by id) from child where t && '{v1,v2,v3}';
drop table child, parent;

-- Triggers and generated columns.
create table tg (id int primary key, words text, list text[] generated always as (string_to_array(words, ' ')) stored);
create index on tg using gin (list);
create function lower_words() returns trigger language plpgsql as $$ begin new.words := lower(new.words); return new; end $$;
create trigger b before insert or update on tg for each row execute function lower_words();
insert into tg select i, 'Common W' || i from generate_series(1, 10) i;
select id from tg where list @> '{w3}';
select count(*) from tg where list @> '{common}';
update tg set words = 'Other' where id = 3;
select id from tg where list && '{other,w4}' order by 1;
drop table tg;
drop function lower_words;

-- Partitions and inheritance.
create table pt (id int, k int, doc jsonb, primary key (k, id)) partition by range (k);
create index pt_doc on pt using gin (doc jsonb_path_ops);
create table pt1 partition of pt for values from (0) to (10);
create table pt2 partition of pt for values from (10) to (20);
create table pt3 (extra int, doc jsonb, k int not null, id int not null);
create index pt3_doc on pt3 using gin (doc jsonb_path_ops);
alter table pt3 drop column extra;
alter table pt attach partition pt3 for values from (20) to (30);
insert into pt select i, i % 30, jsonb_build_object('n', i, 'm', i % 4) from generate_series(1, 90) i;
select id, tableoid::regclass from pt where doc @> '{"n": 25}' order by 1;
select count(*) from pt where doc @> '{"m": 1}';
update pt set k = (k + 10) % 30 where doc @> '{"n": 25}';
select id, k, tableoid::regclass from pt where doc @> '{"n": 25}' order by 1;
select count(*) from pt where doc @> '{"m": 1}' and k >= 10;
\d pt
\d pt3
alter table pt detach partition pt2;
select count(*) from pt where doc @> '{"m": 1}';
select count(*) from pt2 where doc @> '{"m": 1}';
drop table pt, pt2;
create table base (id int primary key, tags text[]);
create table derived (more text[]) inherits (base);
create index on base using gin (tags);
create index on derived using gin (tags, more);
insert into base select i, array['t' || i % 3] from generate_series(1, 9) i;
insert into derived select i, array['t' || i % 3], array['m' || i % 2] from generate_series(11, 19) i;
select id from base where tags @> '{t1}' order by 1;
select id from derived where more @> '{m1}' and tags @> '{t1}' order by 1;
delete from base where tags @> '{t2}';
select id from base order by 1;
drop table derived, base;

-- Materialized views, and elements of other types.
create table src as select i as id, array['x' || i, 'y'] as a from generate_series(1, 20) i;
create materialized view mv as select * from src;
create index on mv using gin (a);
create unique index on mv (id);
select id from mv where a @> '{x7}';
update src set a = array['z' || id] where id = 7;
refresh materialized view mv;
select id from mv where a @> '{x7}';
select id from mv where a @> '{z7}';
update src set a = array['zz' || id] where id = 8;
refresh materialized view concurrently mv;
select id from mv where a @> '{zz8}';
drop materialized view mv;
drop table src;
create type mood as enum ('sad', 'ok', 'happy');
create type pair as (a int, b text);
create domain words as text[] check (value <> '{bad}');
create table e (id int primary key, moods mood[], pairs pair[], stamps timestamptz[], u uuid[], b bytea[], f float8[], c char(4)[], bo bool[], d words, j jsonb[], r int4range[], o oid[], i8 bigint[], dt date[], iv interval[]);
create index e_all on e using gin (moods, pairs, stamps, u, b, f, c, bo, d, j, r, o, i8, dt, iv);
insert into e values
  (1, '{sad,ok}', array[row(1, 'a')::pair, row(2, null)::pair], '{2020-01-01 00:00+00}', '{00000000-0000-0000-0000-000000000001}', array['\x00'::bytea, '\x0001'], '{0,-0,NaN}', '{ab,cd}', '{t}', '{x,y}', array['{"a": 1}'::jsonb], '{"[1,3)"}', '{1}', '{1}', '{2020-01-01}', '{"1 mon"}'),
  (2, '{happy}', array[row(1, 'b')::pair], '{2021-01-01 00:00+00}', '{00000000-0000-0000-0000-000000000002}', array['\x0000'::bytea], '{1.5}', '{"ab  "}', '{f,NULL}', '{y}', array['{"a": 1.0}'::jsonb, '2'], '{empty,"[1,2]"}', '{4000000000}', '{9223372036854775807}', '{infinity}', '{"30 days"}'),
  (3, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'), (4), (5), (6), (7), (8), (9), (10);
select id from e where moods && '{ok}' order by 1;
select id from e where moods <@ '{happy,sad}' order by 1;
select id from e where pairs @> array[row(2, null)::pair] order by 1;
select id from e where pairs && array[row(1, 'b')::pair] order by 1;
select id from e where stamps @> '{2020-01-01 01:00+01}' order by 1;
select id from e where u && '{00000000-0000-0000-0000-000000000002}' order by 1;
select id from e where b @> array['\x00'::bytea] order by 1;
select id from e where f @> '{-0}' order by 1;
select id from e where f && '{NaN,2}' order by 1;
select id from e where c @> '{ab}' order by 1;
select id from e where c = '{ab}' order by 1;
select id from e where bo @> '{f}' order by 1;
select id from e where d @> '{y}' order by 1;
select id from e where d = '{y}' order by 1;
select id from e where d <@ '{y,z}' order by 1;
select id from e where j @> array['{"a": 1.00}'::jsonb] order by 1;
select id from e where r && '{"[1,2]"}' order by 1;
select id from e where o @> '{4000000000}' order by 1;
select id from e where i8 @> '{9223372036854775807}' order by 1;
select id from e where dt && '{infinity}' order by 1;
select id from e where iv @> '{"30 days"}' order by 1;
insert into e (id, d) values (11, '{bad}');
alter type mood add value 'great' after 'ok';
insert into e (id, moods) values (12, '{great}');
select id from e where moods && '{great,ok}' order by 1;
alter type mood rename value 'ok' to 'fine';
select id from e where moods && '{fine}' order by 1;
drop table e;
drop type mood, pair;
drop domain words;

-- What CREATE INDEX … USING gin takes and refuses, and how catalogs show it.
create table d (id int primary key, doc jsonb, tags text[], n int[], t text, j json, js json[], v varchar(5)[], m numeric[]);
create index on d using gin (doc);
create index d_path on d using gin (doc jsonb_path_ops);
create index d_explicit on d using gin (doc jsonb_ops, tags array_ops);
create index d_many on d using gin (tags, n, v, m) with (fastupdate = off, gin_pending_list_limit = 128);
create index d_expr on d using gin ((doc -> 'a'), (string_to_array(t, ' ')));
create index d_expr_path on d using gin ((doc -> 'a') jsonb_path_ops) where id > 3;
create index d_on on d using gin (doc) with (fastupdate);
\d d
\d d_doc_idx
\d d_path
\d d_many
\d d_expr
select indexname, indexdef from pg_indexes where tablename = 'd' and schemaname = current_schema order by 1;
select relname, amname, reloptions, relnatts from pg_class c join pg_am a on a.oid = c.relam where relname like 'd\_%' and relnamespace = current_schema::regnamespace order by 1;
select c.relname, i.indisunique, i.indnatts, i.indnkeyatts, i.indoption, array(select opcname from unnest(i.indclass) with ordinality u(o, n) join pg_opclass p on p.oid = u.o order by n),
  pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid)
  from pg_index i join pg_class c on c.oid = i.indexrelid where relname like 'd\_%' order by 1;
select attrelid::regclass, attnum, attname, atttypid::regtype, attcollation::regcollation from pg_attribute a join pg_class c on c.oid = a.attrelid
  where relname like 'd\_%' and relkind = 'i' and relam <> 403 order by 1, 2;
select p, pg_index_column_has_property('d_path', 1, p), pg_index_column_has_property('d_pkey', 1, p)
  from unnest(array['asc', 'desc', 'nulls_first', 'nulls_last', 'orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls', 'bogus']) p;
select p, pg_index_has_property('d_path', p), pg_index_has_property('d_pkey', p) from unnest(array['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan', 'bogus']) p;
select amname, p, pg_indexam_has_property(oid, p) from pg_am, unnest(array['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include', 'bogus']) p
  where amname in ('gin', 'btree', 'hash') order by 1, 2;
select pg_get_indexdef('d_explicit'::regclass, 1, false), pg_get_indexdef('d_explicit'::regclass, 2, true), pg_get_indexdef('d_expr_path'::regclass, 1, false);

create unique index on d using gin (doc);
create index on d using gin (doc) include (id);
create index on d using gin (doc desc);
create index on d using gin (doc asc);
create index on d using gin (doc nulls first);
create index on d using gin (doc nulls last);
create index on d using hash (id nulls last);
create index on d using gin (id);
create index on d using gin (t);
create index on d using gin (j);
create index on d using gin (js);
create index on d using gin (doc, id);
create index on d using gin ((id + 1));
create index on d using gin (doc array_ops);
create index on d using gin (tags jsonb_ops);
create index on d using gin (tags jsonb_path_ops);
create index on d using gin (doc text_ops);
create index on d using gin (doc nonesuch_ops);
create index on d using gin (nonesuch);
create index on d using gin (doc) with (fillfactor = 70);
create index on d using gin (doc) with (fastupdate = maybe);
create index on d using gin (doc) with (gin_pending_list_limit = 1);
create index on d using gin (doc) with (gin_pending_list_limit = many);
create index on d using gin (doc) with (deduplicate_items = on);
create index on d using btree (id) with (fastupdate = on);
create index on d using gin (random());
create index on d using gin ((tags || random()::text));
alter table d add constraint u unique using index d_path;
alter table d cluster on d_path;
alter table d replica identity using index d_path;
alter index d_path set (fastupdate = off);
alter index d_path set (fillfactor = 10);
\d d_path
alter index d_many reset (fastupdate);
select reloptions from pg_class where relnamespace = current_schema::regnamespace and relname in ('d_path', 'd_many') order by 1;
alter table d alter tags type text using tags::text;
drop index d_doc_idx, d_explicit, d_expr, d_expr_path, d_on;
alter table d alter doc type text using doc::text;
drop index d_path;
create index d_v on d using gin (v);
alter table d alter v type text[];
\d d_v
insert into d (id, v) values (1, '{a,b}');
alter table d alter v type varchar(3)[];
select id from d where v @> '{b}';
\d d_v
comment on index d_v is 'words';
select obj_description('d_v'::regclass);
reindex index d_v;
alter index d_v rename to d_w;
select id from d where v @> '{b}';
create table l (like d including all);
\d l
drop table l;
alter table d drop column v;
\d d
insert into d (id) values (1) on conflict (tags) do nothing;
drop index d_many;
drop index d_w;
create schema s;
create table s.t (a int[]);
create index if not exists i on s.t using gin (a);
create index if not exists i on s.t using gin (a);
select indexdef from pg_indexes where schemaname = 's';
create temp table tt (a jsonb);
create index tti on tt using gin (a);
insert into tt values ('{"a": 1}'), ('{"a": 2}');
select * from tt where a @> '{"a": 2}';
create index on tt using nomethod (a);

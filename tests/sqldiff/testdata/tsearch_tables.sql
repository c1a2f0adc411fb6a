-- Text search in tables: stored and generated columns, triggers, keys, COPY.
create table docs (id int primary key, title text, body text,
  tsv tsvector generated always as (setweight(to_tsvector('english', coalesce(title, '')), 'A') || to_tsvector('english', coalesce(body, ''))) stored);
\d docs
insert into docs (id, title, body) values (1, 'Cats', 'The quick brown foxes jumped over the lazy dogs'), (2, null, 'A cat sat on the mat'), (3, 'Foxes and dogs', null), (4, null, null);
select * from docs order by id;
select id, ts_rank(tsv, q) from docs, to_tsquery('english', 'cat | fox') q where tsv @@ q order by 2 desc, 1;
select id, ts_headline('english', body, q) from docs, plainto_tsquery('english', 'cats') q where tsv @@ q order by 1;
update docs set body = 'no animals' where id = 2 returning tsv;
insert into docs (id, tsv) values (9, 'a');
create table bad (a text, tsv tsvector generated always as (to_tsvector(a)) stored);
select word, ndoc, nentry from ts_stat('select tsv from docs') order by ndoc desc, word limit 5;
alter table docs add column q tsquery default 'a & b';
select id, q from docs order by id;
select id, tsv from docs order by tsv desc, id;
select tsv, count(*) from docs group by tsv order by 2, 1;
copy docs (id, tsv, q) to stdout;
create table c (v tsvector unique, q tsquery unique, vs tsvector[], primary key (v, q));
copy c from stdin;
a:1 b:2A	a & b	{"a:1","b"}
'it''s':1	!c	\N
\.
copy c from stdin;
a:1 b:2A	x	\N
\.
copy c from stdin;
z	a:* & b:A	\N
\.
copy c from stdin;
z	x &	\N
\.
select * from c order by v;
select * from c where v = 'b:2A a:1';
select * from c where v > 'a' order by q;
select max(v::text), count(*) from c where q < 'x';
delete from c where v = $$'it''s':1$$ returning *;
create index on c (v);
create table ref (v tsvector references c (v), q tsquery);
insert into ref values ('a:1 b:2A', 'a');
insert into ref values ('nix', 'a');
select * from ref join c using (v);
select * from ref natural full join c order by v, q;
-- trigger functions
create table t (id int primary key, a text, b varchar(20), c char(5), n int, cfg regconfig, v tsvector);
create trigger upd before insert or update on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.english', a, b);
insert into t (id, a, b) values (1, 'The cats', 'are running'), (2, null, 'dogs'), (3, null, null);
select id, v from t order by id;
update t set n = 1, v = 'x' where id = 1;
update t set a = 'mice' where id = 2;
select id, v from t order by id;
\d t
drop trigger upd on t;
create trigger upd before insert or update on t for each row execute procedure tsvector_update_trigger_column(v, cfg, a);
insert into t (id, a, cfg) values (4, 'The cats', 'simple'), (5, 'The cats', 'english'), (6, 'Die Katzen', 'german');
insert into t (id, a) values (7, 'x');
update t set cfg = 'english' where id = 4;
select id, cfg, v from t order by id;
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger(v, 'english', a);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.nix', a);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger(nix, 'pg_catalog.english', a);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger(a, 'pg_catalog.english', a);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.english', n);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.english', c);
insert into t (id, c) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.english', nix);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger_column(v, nix, a);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger_column(v, a, a);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before insert on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.english');
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd after insert on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.english', a);
insert into t (id, a) values (10, 'x');
drop trigger upd on t;
create trigger upd before delete on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.english', a);
delete from t where id = 1;
drop trigger upd on t;
create trigger upd before insert on t for each statement execute function tsvector_update_trigger(v, 'pg_catalog.english', a);
insert into t (id, a) values (10, 'x');
select tsvector_update_trigger();
drop table ref, c, docs, t;

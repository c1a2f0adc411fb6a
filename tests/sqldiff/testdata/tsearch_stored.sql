-- Full text search in what the catalog stores: defaults, checks, domains, indexes, conditions of triggers, policies, views.
create domain catty as text check (to_tsvector('english', value) @@ 'cat'::tsquery);
create table t (
    id int primary key,
    title text not null check (numnode(plainto_tsquery('pg_catalog.simple', title)) > 0),
    about catty,
    config regconfig default 'english',
    dict regdictionary default 'simple',
    configs regconfig[] default '{simple,german}',
    tsv tsvector generated always as (setweight(to_tsvector('english', title), 'A') || to_tsvector($$german$$::regconfig, coalesce(about::text, ''))) stored,
    words tsvector default to_tsvector('english', 'no words yet')
);
insert into t (id, title, about) values (1, 'The fat cats', 'cats'), (2, 'Running rats', null);
insert into t (id, title) values (3, '...');
insert into t (id, title, about) values (4, 'a', 'rats');
create index t_title on t (to_tsvector('english', title));
create index t_lexed on t ((ts_lexize('english_stem', title)));
create index t_cats on t (id) where to_tsvector('english', title) @@ 'cat';
create unique index t_words on t (strip(to_tsvector('simple', title)));
create index t_broken on t (to_tsvector('klingon', title));
create index t_mutable on t (to_tsvector(title));
insert into t (id, title) values (5, 'rats running'), (6, 'foxes');
insert into t (id, title) values (6, 'foxes'), (7, 'cats!');
select * from t order by id;
select id from t where to_tsvector('english', title) = 'cat:3 fat:2';
select id from t where to_tsvector('english', title) @@ 'cat' order by id;
\d t
alter table t alter column title type varchar(40);
alter table t drop column tsv, add column tsv tsvector generated always as (to_tsvector('french', title)) stored;
alter table t add check (to_tsvector('english', title) @@ '!dog');
insert into t (id, title) values (8, 'dogs');
select id, tsv from t order by tsv, id;
create function note() returns trigger language plpgsql as $$ begin raise notice '% %', tg_name, new.title; return new; end $$;
create trigger cats before insert or update on t for each row when (to_tsvector('english', new.title) @@ 'cat' and new.config <> 'simple'::regconfig) execute function note();
insert into t (id, title) values (9, 'cats and cats'), (10, 'mice');
update t set config = 'simple' where id = 9;
update t set title = 'ponies' where id = 9;
select id, title from t where id = 9;
create view v as select id, ts_headline('english', title, 'cat') h from t where to_tsvector('english', title) @@ websearch_to_tsquery('english', 'cats -running');
select * from v order by id;
\d+ v
create materialized view m as select to_tsvector('simple', title) as words, count(*) from t group by 1;
create unique index on m (words);
refresh materialized view m;
select * from m order by words;
create function search(q text) returns setof int language sql stable begin atomic select id from t where tsv @@ to_tsquery('french', q) order by id; end;
select search('cat:* | mice');
create policy p on t using (to_tsvector('english', title) @@ 'cat | mice');
create role tsearch_reader;
grant select on t to tsearch_reader;
grant usage on schema s_tsearch_stored to tsearch_reader;
alter table t enable row level security;
set role tsearch_reader;
select id from t order by id;
reset role;
drop table t cascade;
drop owned by tsearch_reader;
drop role tsearch_reader;

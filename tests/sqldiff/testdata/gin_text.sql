-- GIN indexes on tsvector: what they take, how catalogs show them, and what searches find.
create table doc (id int primary key, title text, body text, tags tsvector, n int);
create index doc_tags on doc using gin (tags);
create index doc_body on doc using gin (to_tsvector('english', body));
create index doc_both on doc using gin (to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, '')), tags) with (fastupdate = off);
create index doc_explicit on doc using gin (tags tsvector_ops) where n > 10;
create index doc_wrong on doc using gin (body);
create index doc_wrong on doc using gin (body tsvector_ops);
create index doc_wrong on doc using gin (tags jsonb_ops);
create index doc_wrong on doc using gin (tags array_ops);
create index doc_wrong on doc using gin (tags tsquery_ops);
create index doc_wrong on doc using gin (to_tsvector(body));
create unique index doc_wrong on doc using gin (tags);
create index doc_query on doc using gin ((to_tsquery('english', body)));
create index doc_btree on doc (tags);
\d doc
\d doc_both
\di doc*
select indexrelid::regclass, indclass::text, indoption, indcollation, pg_get_indexdef(indexrelid)
  from pg_index where indrelid = 'doc'::regclass order by 1;
select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation
  from pg_attribute a join pg_class c on c.oid = attrelid join pg_index i on i.indexrelid = c.oid where i.indrelid = 'doc'::regclass
  order by 1, 2;
select opcname, opcintype::regtype, opcdefault, opckeytype::regtype from pg_opclass o join pg_am a on a.oid = opcmethod
  where amname = 'gin' order by 1;
drop index doc_btree;

insert into doc select i, 'title ' || (array['red', 'green', 'blue'])[i % 3 + 1],
  'The ' || (array['quick', 'lazy', 'sleeping'])[i % 3 + 1] || ' ' || (array['foxes', 'dogs'])[i % 2 + 1] || ' jumped over '
    || case when i % 7 = 0 then 'fences' else 'rivers number' || i end, null, i from generate_series(1, 200) i;
update doc set tags = setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', body), 'C');
update doc set tags = strip(tags) where id % 10 = 0;
update doc set tags = null where id % 50 = 0;
update doc set tags = '' where id = 51;
update doc set tags = (repeat('x', 2000) || ' ' || repeat('x', 120) || 'y')::tsvector where id in (52, 53);
insert into doc values (1000, null, null, 'a:1 b:2 c:3'), (1001, null, 'a b c', 'a:1A c:2B b:5'), (1002, '', '', 'ab abc');
select count(*), min(id), max(id) from doc where to_tsvector('english', body) @@ to_tsquery('english', 'fox & fence');
select id from doc where to_tsvector('english', body) @@ to_tsquery('english', 'jumping & fences & !dog') order by 1;
select id from doc where to_tsvector('english', body) @@ plainto_tsquery('english', 'number17 foxes') order by 1;
select count(*) from doc where to_tsvector('english', body) @@ phraseto_tsquery('english', 'sleeping dogs');
select id from doc where to_tsvector('english', body) @@ websearch_to_tsquery('english', '"quick fox" or number8 -fence') and id < 20 order by 1;
select count(*) from doc where tags @@ 'red';
select count(*) from doc where tags @@ 'red:A';
select count(*) from doc where tags @@ 'red:B';
select count(*) from doc where tags @@ 'red | quick:C';
select count(*) from doc where tags @@ '!red';
select count(*) from doc where tags @@ '!!red';
select count(*) from doc where tags @@ '!(red | !quick)';
select count(*) from doc where tags @@ 'red & !(quick & foxes)';
select id from doc where tags @@ 'number1:*' and id < 120 order by 1;
select count(*) from doc where tags @@ 'num:* & green';
select count(*) from doc where tags @@ 'num:* | green';
select count(*) from doc where tags @@ 'r:*C';
select count(*) from doc where tags @@ 'title <-> red';
select count(*) from doc where tags @@ 'title <2> red';
select count(*) from doc where tags @@ 'the <3> jumped';
select count(*) from doc where tags @@ 'title <-> !red';
select id from doc where tags @@ ('x' || repeat('x', 119) || ':*')::tsquery order by 1;
select id from doc where tags @@ (repeat('x', 2000))::tsquery order by 1;
select id from doc where tags @@ (repeat('x', 1999))::tsquery order by 1;
select id from doc where tags @@ (repeat('x', 1999) || ':*')::tsquery order by 1;
select id from doc where tags @@ 'a & b' order by 1;
select id from doc where tags @@ 'a <-> b' order by 1;
select id from doc where tags @@ 'a:* & !b' order by 1;
select id from doc where tags @@ to_tsquery('simple', '') order by 1;
select id from doc where tags @@ null::tsquery order by 1;
select id from doc where 'a'::tsquery @@ tags order by 1;
select id from doc where tags @@@ 'ab' order by 1;
select id from doc where 'ab:*'::tsquery @@@ tags order by 1;
select id from doc where body @@ 'number9' order by 1;
select id from doc where tags @@ 'number3' and to_tsvector('english', body) @@ 'river' or tags @@ 'c:B' order by 1;
select count(*) from doc where to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, '')) @@ 'red & dog' and tags @@ 'red';
select count(*) from doc where tags @@ 'red' and n > 10;

prepare by_query(text) as select id from doc where to_tsvector('english', body) @@ to_tsquery('english', $1) order by id limit 3;
execute by_query('fox');
execute by_query('!fox');
execute by_query('nothing:*');
execute by_query('slee:*');
execute by_query(null);
execute by_query('the');
execute by_query('fox &');
prepare by_tags(tsquery) as select count(*) from doc where tags @@ $1;
execute by_tags('blue & !lazy');
execute by_tags('blue');

create table word (w tsquery);
insert into word values ('number5'), ('number6 | number8'), ('red & foxes & number99'), (null), ('!red & number10');
select w, array_agg(id order by id) from word left join doc on tags @@ w group by w order by w::text;
select w, id from word join doc on to_tsvector('english', body) @@ w order by 1, 2;
select w from word where exists (select from doc where tags @@ w and n > 8) order by w::text;
select id, ts_rank(tags, q) > 0 from doc, to_tsquery('simple', 'number11 | number12') q where tags @@ q order by id;

-- Entries follow the rows.
update doc set body = 'a marvellous thing' where id = 5;
select id from doc where to_tsvector('english', body) @@ 'marvel' order by 1;
select id from doc where to_tsvector('english', body) @@ 'number5' order by 1;
delete from doc where tags @@ 'number6';
select id from doc where tags @@ 'number6' order by 1;
begin;
insert into doc values (2000, 'red', 'new words', 'new:1 words:2');
select id from doc where tags @@ 'new <-> words' order by 1;
rollback;
select id from doc where tags @@ 'new <-> words' order by 1;
create table gen (id int primary key, body text, v tsvector generated always as (to_tsvector('english', coalesce(body, ''))) stored);
create index on gen using gin (v);
insert into gen values (1, 'running dogs'), (2, 'a dog ran'), (3, null);
select id from gen where v @@ to_tsquery('english', 'run') order by 1;
update gen set body = 'they run' where id = 3;
select id from gen where v @@ to_tsquery('english', 'run') order by 1;
alter table gen alter column v type text;
drop index gen_v_idx;
\d gen
drop table doc, word, gen;

-- pg_trgm: similarity, its operators and thresholds, and GIN indexes for LIKE, regular expressions and similarity.
select 'a'::text % 'b'::text;
select show_trgm('a');
create extension pg_trgm;
\dx pg_trgm
select oprname, oprleft::regtype, oprright::regtype, oprresult::regtype, oprcode::text, oprcanhash, oprcanmerge,
  (select c.oprname from pg_operator c where c.oid = o.oprcom) as com
  from pg_operator o join pg_namespace n on n.oid = oprnamespace where nspname = current_schema() order by 1;
select opcname, opcintype::regtype, opckeytype::regtype, opcdefault from pg_opclass join pg_namespace n on n.oid = opcnamespace
  where nspname = current_schema() and opcname like 'gin%';
select proname, provolatile, proparallel, proisstrict, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)
  from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname = current_schema() and proname !~ '^g(in_|trgm)' order by 1;

select show_trgm(''), show_trgm(' '), show_trgm('a'), show_trgm('ab'), show_trgm('abc'), show_trgm('Abc, def-ghi 42');
select show_trgm('(*&^$@%@'), show_trgm('a b c'), show_trgm(' a b C '), show_trgm('öl'), show_trgm('Straße ΑΒΓ'), show_trgm('日本語');
select show_trgm(null);
select similarity('wow', 'WOWa '), similarity('wow', ' WOW '), similarity('', 'a'), similarity('---', '####---'), similarity('öl', 'ÖLE'), similarity(null, 'a');
select word_similarity('word', 'two words'), word_similarity('two words', 'word'), strict_word_similarity('word', 'two words'), strict_word_similarity('two words', 'word');
select word_similarity('Kabankala', 'Kaban'), strict_word_similarity('Kabankala', 'Kaban'), word_similarity('', ''), word_similarity('abc', ''), strict_word_similarity('', 'abc');
select a, b, similarity(a, b), word_similarity(a, b), strict_word_similarity(a, b), a <-> b as d, a <<-> b as wd, a <->> b as wdc, a <<<-> b as sd, a <->>> b as sdc,
    a % b as s, a <% b as w, a %> b as wc, a <<% b as sw, a %>> b as swc
  from (values ('hello', 'hello world'), ('helo', 'hello wold helo'), ('abc def ghi', 'ghi abc xdef'), ('aaa', 'aaaa'), ('aba', 'ababab'), ('x', 'y'), ('PostgreSQL', 'postgres sql'),
    ('one two three', 'two three four five one'), ('a1b2', 'a1 b2 a1b2c3')) v(a, b) order by 1;
select 'abc' % null::text, null::text <-> 'abc';

show pg_trgm.similarity_threshold;
show pg_trgm.word_similarity_threshold;
show pg_trgm.strict_word_similarity_threshold;
select show_limit();
select set_limit(0.5), show_limit();
show pg_trgm.similarity_threshold;
select set_limit(2);
select set_limit(-1);
set pg_trgm.similarity_threshold = 1.5;
set pg_trgm.similarity_threshold = 'x';
set pg_trgm.nonesuch = 1;
set pg_trgm.word_similarity_threshold = 0.4;
select name, setting, min_val, max_val, boot_val, context, vartype, category, short_desc, extra_desc from pg_settings where name like 'pg_trgm%' order by 1;
begin;
set local pg_trgm.similarity_threshold = 0.9;
select 'hello' % 'hello world';
rollback;
reset pg_trgm.similarity_threshold;
reset pg_trgm.word_similarity_threshold;
select 'hello' % 'hello world', 'hello' operator(s_extension_trgm.%) 'hello';
select 'hello' operator(nowhere.%) 'hello';
select 5 % 3, 'a' % 'a', 1.5 % 'a';
select 'a'::varchar % 'a'::char(3);

create table t (id int primary key, body text, v varchar(60), n int);
create index t_body on t using gin (body gin_trgm_ops);
create index t_v on t using gin (v gin_trgm_ops, lower(body) gin_trgm_ops) where n > 3;
create index t_wrong on t using gin (n gin_trgm_ops);
create index t_wrong on t using gin (body);
create index t_wrong on t (body gin_trgm_ops);
create index t_qualified on t using gin (body s_extension_trgm.gin_trgm_ops);
\d t
\d t_body
select pg_get_indexdef('t_body'::regclass);
select indexrelid::regclass, opcname from pg_index, pg_opclass o where indrelid = 't'::regclass and o.oid = indclass[0] order by 1;
insert into t select i, case when i % 50 = 0 then null else 'Item number ' || i || ' of the ' || (array['red', 'GREEN', 'blue'])[i % 3 + 1] || ' box; key=' || md5(i::text) end, 'v' || i || ' ' || md5((i * 7)::text), i from generate_series(1, 400) i;
insert into t values (1001, 'Ünïcödé wörds: ÄÖÜ äöü', 'ſtraße Kelvin', 5), (1002, '50% off_now \ back', 'kelvin STRASSE', 6), (1003, '', '', 7), (1004, 'a', 'ab', 8), (1005, 'foo.bar@example.com', 'x+y', 9), (1006, 'K', 'K', 10),
  (1007, E'line one\nline two abc\nabcdef', 'aab aaab', 11);
analyze t;
select id from t where body like '%number 12%' order by 1;
select id from t where body like 'Item number 7_ %' and body like '%box%' order by 1;
select count(*) from t where body ilike '%green box%';
select count(*) from t where body ilike 'ITEM NUMBER 1%';
select id from t where body ilike '%äöü%' order by 1;
select id from t where body like '%50\% off\_now \\\\ b%' order by 1;
select id from t where body like '50\%%' order by 1;
select id from t where body like '%' and id > 1000 order by 1;
select id from t where body like 'a' order by 1;
select id from t where body like '' order by 1;
select id from t where body like '_' order by 1;
select id from t where body = 'a' order by 1;
select id from t where body = 'Item number 3 of the red box; key=eccbc87e4b5ce2fe28308fd9f2a7baf3' order by 1;
select id from t where body = '' order by 1;
select count(*) from t where body not like '%number 1%';
select id from t where body ~ 'number 12[0-3] ' order by 1;
select id from t where body ~ '^Item number (7|8|9)[0-9]? of the (red|blue)' order by 1;
select id from t where body ~ 'key=.*abc' order by 1;
select id from t where body ~* 'KEY=A[0-9]+b' order by 1;
select id from t where body ~ 'foo\.bar@' order by 1;
select id from t where body ~ 'l?ine +t(w|wx)o ab*c' order by 1;
select id from t where body ~ '(?n)^abcdef$' order by 1;
select id from t where body ~ '\mabc\M' order by 1;
select id from t where body ~ '(foo|bar){2,}|(x|y)*ample' order by 1;
select id from t where body ~ 'nothing of this|off_now' order by 1;
select id from t where body ~ '^(.)\1\1' and id > 1000 order by 1;
select id from t where body ~ '' and id > 1000 order by 1;
select id from t where body ~ 'a(?!b)c' and id > 1000 order by 1;
select id from t where body ~ '(' order by 1;
select id, v from t where v ~* 'kelvin' and n > 3 order by 1;
select id, v from t where v ilike 'k%' and n > 3 order by 1;
select id from t where v like 'v12%' and n > 3 order by 1;
select id from t where lower(body) like '%green box; key=1%' and n > 3 order by 1;
select id, similarity(body, 'foo bar example') > 0.3 from t where body % 'foo bar example' order by 1;
select id from t where 'foo bar example' % body order by 1;
select id from t where 'number 77 of' <% body order by 1;
select id from t where body %> 'number 77 of' order by 1;
select id from t where body %>> 'wörds ÄÖÜ' order by 1;
select id from t where 'wörds ÄÖÜ' <<% body order by 1;
set pg_trgm.similarity_threshold = 0;
select count(*) from t where body % 'zzz';
set pg_trgm.similarity_threshold = 0.1;
select id from t where body % 'Ünïcödé xyz' order by 1;
set pg_trgm.similarity_threshold = 1;
select id from t where body % 'a' order by 1;
select id from t where body % '' order by 1;
reset pg_trgm.similarity_threshold;
select id from t order by body <-> 'foo.bar@example.com', id limit 2;
select id from t where body % any (array['foo bar example', 'line one line two']) order by 1;
prepare p(text) as select count(*) from t where body like $1;
execute p('%number 12%');
execute p('%blue%');
execute p(null);
select w.x, t.id from (values ('%number 33 %'), ('%bar@%'), ('%')) w(x) join t on t.body like w.x and t.id > 320 and t.id % 3 = 1 and t.id < 1010 where w.x <> '%' order by 1, 2;
update t set body = 'replaced text' where id = 12;
select id from t where body like '%number 12 %' order by 1;
select id from t where body like '%ced te%' order by 1;
delete from t where body like '%ced te%';
select id from t where body like '%ced te%' order by 1;

create view similar_ones as select id from t where body % 'foo bar example' or body <-> 'x' < 0;
\d+ similar_ones
create table checked (a text check (similarity(a, 'abc') > 0.1), b text default show_limit()::text);
drop extension pg_trgm;
drop view similar_ones;
drop table checked;
drop extension pg_trgm restrict;
alter extension pg_trgm set schema public;
select pg_get_indexdef('t_body'::regclass);
\d t
alter extension pg_trgm set schema s_extension_trgm;
drop table t;
drop extension pg_trgm;
select 'a'::text % 'b'::text;

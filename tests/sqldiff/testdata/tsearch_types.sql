-- tsvector and tsquery: text forms, errors, operators and functions that need no configuration.
select '1'::tsvector, ' 1 '::tsvector, '1 2'::tsvector, '''1 2'''::tsvector, E'''1 \\''2'''::tsvector, E'''1 \\''2''3'::tsvector, ''::tsvector;
select E'''1 \\''2'' '' 4'' 5 6 '::tsvector, 'b a c a b'::tsvector, 'a:1,3 b:2A a:2B,1C'::tsvector;
select $$'\\as' ab\c ab\\c AB\\\c ab\\\\c$$::tsvector, $$a\'b 'it''s' x:y$$::tsvector;
select $$a\:b 'c:d':3a e\ f$$::tsvector, 'ä:1 ß:2,3 日本語:4'::tsvector, 'wa:1D,2c,3B,4a,5*'::tsvector;
select 'a:16384 b:99999 c:16383'::tsvector, 'a:1,1,1A,2'::tsvector, 'a:3,2,1'::tsvector, 'a:1 a b'::tsvector;
select 'a:0'::tsvector;
select 'a:x'::tsvector;
select 'a:1x'::tsvector;
select 'a:1AB'::tsvector;
select 'a:'::tsvector;
select 'a:1,'::tsvector;
select $$''$$::tsvector;
select $$'a$$::tsvector;
select $$a\$$::tsvector;
select $$'' '1' '2'$$::tsvector;
select (repeat('x', 2047))::tsvector;
select length((repeat('x', 2046))::tsvector::text);
select (select string_agg(repeat('y', 2000) || i, ' ') from generate_series(1, 600) i)::tsvector;
select '1'::tsquery, ' 1 '::tsquery, '1 & 2'::tsquery, '1|2&3'::tsquery, '!1'::tsquery, '!(1|2)&3'::tsquery, '''1 2'''::tsquery, $$'a''b' & c\'d$$::tsquery;
select '1 | 2 & 3 | 4'::tsquery, '(1|2)&(3|4)'::tsquery, '!!b'::tsquery, '!!!b'::tsquery, '!(!b)'::tsquery, 'a & !!b'::tsquery, '!a|!b'::tsquery;
select 'a:*'::tsquery, 'a:*B & b:ABCD & c:dcba*'::tsquery, 'a:A'::tsquery, 'a:'::tsquery, 'a:x'::tsquery;
select 'a:ax'::tsquery;
select 'a <-> b'::tsquery, 'a <2> b'::tsquery, 'a <0> b'::tsquery, 'a <16384> b'::tsquery, 'a <-> b <-> c'::tsquery, 'a <-> (b <-> c)'::tsquery, '(a <-> b) <3> c & d'::tsquery;
select 'a <-> b | c'::tsquery, 'a <-> (b | c)'::tsquery, '!a <-> b'::tsquery, '!(a <-> b)'::tsquery, 'a <-> !(b & c)'::tsquery;
select 'a <16385> b'::tsquery;
select 'a <-1> b'::tsquery;
select 'a <-> '::tsquery;
select 'a <->'::tsquery;
select 'a < b'::tsquery;
select 'a b'::tsquery;
select 'a &'::tsquery;
select '& a'::tsquery;
select '(a'::tsquery;
select 'a)'::tsquery;
select '()'::tsquery;
select ':a'::tsquery;
select 'a & :b'::tsquery;
select $$a \$$::tsquery;
select ''::tsquery;
select '   '::tsquery;
select '!'::tsquery;
select repeat('!', 33)::tsquery;
select (repeat('!', 32) || 'a')::tsquery;
select (repeat('x', 2047))::tsquery;
select null::tsquery, null::tsvector, array['a & b'::tsquery, null, '!"c"'], '{"a:1 b:2","c"}'::tsvector[];
-- comparison
select 'a:1'::tsvector < 'b:1'::tsvector, 'a'::tsvector < 'a:1'::tsvector, 'a b'::tsvector = 'b a'::tsvector, 'a:1'::tsvector <> 'a:2'::tsvector, 'aaa'::tsvector > 'b c'::tsvector;
select v from (values ('a:1'::tsvector), ('b'), ('a'), ('a b'), ('a:1A'), ('a:2'), ('a:1,2'), (''), ('ab'), ('a:1 b'), ('a b:1'), (null)) t(v) order by v;
select q from (values ('a'::tsquery), ('b'), ('a&b'), ('a|b'), ('!a'), ('a<->b'), ('a<2>b'), ('ab'), ('b&a'), ('a:*'), ('a:B'), ('a&b|c'), ('!(a|b)'), (null)) t(q) order by q, q::text;
select 'a:A'::tsquery = 'a'::tsquery, 'a:*'::tsquery = 'a'::tsquery, 'a & b'::tsquery = 'b & a'::tsquery, 'a <-> b'::tsquery < 'a <2> b'::tsquery, 'a'::tsquery >= 'b'::tsquery;
select tsquery_cmp('a', 'b'), tsquery_cmp('b', 'a'), tsquery_cmp('a', 'a:*'), tsvector_cmp('a', 'b'), tsvector_cmp('a:1', 'a:1');
select q, count(*) from (values ('a'::tsquery), ('a:A'), ('b'), ('b')) t(q) group by q order by 2, 1;
select count(distinct q), count(distinct v) from (values ('a'::tsquery, 'a:1'::tsvector), ('a:A', 'a:1'), ('b', 'a:2')) t(q, v);
select 'a'::tsquery in (select q from (values ('a:A'::tsquery), ('b')) t(q)), 'a'::tsquery in ('a:A', 'b'), 'c'::tsquery = any (array['a'::tsquery, 'b']);
-- operators and functions
select 'a b:1'::tsvector || 'a:1 c:2 b:2'::tsvector, 'a:1,3 b:2'::tsvector || 'a:1A d'::tsvector, ''::tsvector || 'a:1', 'a:16383'::tsvector || 'a:1 b:2';
select 'a & b'::tsquery && 'c | d'::tsquery, 'a'::tsquery || 'b', !! 'a & b'::tsquery, !! !! 'a'::tsquery, 'a'::tsquery <-> 'b & c', ('a'::tsquery <-> 'b') <-> 'c', 'a'::tsquery <-> ('b'::tsquery <-> 'c');
select 'a'::tsquery && '', ''::tsquery || 'b', !! ''::tsquery, ''::tsquery <-> 'a';
select tsquery_phrase('a', 'b'), tsquery_phrase('a & b', 'c', 5), tsquery_phrase('a', 'b', 0), tsquery_phrase('a', 'b', 16384);
select tsquery_phrase('a', 'b', 16385);
select tsquery_phrase('a', 'b', -1);
select 'a & b'::tsquery @> 'b'::tsquery, 'a & b'::tsquery @> 'c', 'a'::tsquery <@ 'a | b', 'a:A'::tsquery @> 'a:*', 'a'::tsquery @> '!a & a';
select numnode('a & b | !c'), numnode('a'), numnode(''), querytree('a & !b'), querytree('!a'), querytree('a | !b'), querytree('a & (b | !c) & d'), querytree('a <-> !b'), querytree(''::tsquery);
select setweight('a:1,2B b c:3A', 'a'), setweight('a:1 b:2', 'D'), setweight('a:1 b:2 c', 'B', '{b,c,x,null}');
select setweight('a:1', 'x');
select setweight('a:1', 'x', '{a}');
select strip('a:1,2B b c:3A'), length('a:1,2 b'), length(''::tsvector), tsvector_to_array('b:2 a:1'), tsvector_to_array(''), array_to_tsvector('{b,a,b,"c d"}'), array_to_tsvector('{}');
select array_to_tsvector(array['a', null]);
select array_to_tsvector(array['a', '']);
select ts_delete('a:1 b:2 c', 'b'), ts_delete('a:1', 'x'), ts_delete('a:1 b:2 c', '{a,c,null}'::text[]), ts_filter('a:1A,2B b:3 c:4C d', '{a,"d"}'), ts_filter('a:1A', '{}');
select ts_filter('a:1', '{x}');
select ts_filter('a:1', '{a,null}');
select * from unnest('a:1,2A b c:3B'::tsvector);
select unnest('a:1 b'::tsvector);
select (unnest('a:1,3C'::tsvector)).*;
-- matching
select q, v @@ q as m, q @@ v as r from (values ('a:1 b:2 c:3,5A d:4'::tsvector)) t(v), (values ('a'::tsquery), ('x'), ('!a'), ('!x'), ('a & c'), ('a & x'), ('x | c'), ('c:A'), ('c:B'), ('a:A'),
  ('b:*'), ('x:*'), ('a <-> b'), ('a <2> c'), ('a <4> c'), ('b <-> a'), ('a <-> b <-> c'), ('a <-> (b <-> c)'), ('a <-> !c'), ('!a <-> b'), ('!x <-> b'), ('a <-> (b | x)'), ('a <-> (b & x)'),
  ('(a | x) <-> b'), ('a <0> a'), ('a <0> b'), ('!(a <-> b)'), ('a <3> c:A'), ('a <4> c:A'), ('c:*A <-> d'), ('d <-> c:*A'), ('!a <-> !b'), ('!a <-> !d'), ('a <-> (!x | c)'), ('a <-> (!b & c)'), (''))
  u(q);
select 'a b'::tsvector @@ 'a & b', 'a b'::tsvector @@ 'a <-> b', 'a b'::tsvector @@ '!(a <-> b)', 'a b'::tsvector @@ 'a:A', 'a b:1'::tsvector @@ 'b:A', ''::tsvector @@ '!a', 'a'::tsvector @@ ''::tsquery;
select 'supernova supersonic:3 super:1'::tsvector @@ 'super:*', 'supernova'::tsvector @@ 'super', 'ab:1 abc:2 abd:4'::tsvector @@ 'ab:* <2> abd', 'ab:1 abc:2'::tsvector @@ 'ab:* <-> ab:*';
select 'a:1'::tsvector @@@ 'a'::tsquery;
-- rewriting
select ts_rewrite('a & b', 'a', 'c'), ts_rewrite('a & b & c', 'a & c', 'd | e'), ts_rewrite('a & b', 'a', ''), ts_rewrite('a', 'a', ''), ts_rewrite('a | b', 'b', '!c'), ts_rewrite('!a', 'a', 'b & c');
select ts_rewrite('foo & bar & qq & new & york', 'new & york', 'big & apple | nyc | new & york & city'), ts_rewrite('a <-> b', 'b', 'c | d'), ts_rewrite('a <-> b', 'a <-> b', 'c'), ts_rewrite('a <-> b', 'a <2> b', 'c'),
  ts_rewrite('', 'a', 'b'), ts_rewrite('a', '', 'b'), ts_rewrite('1 & (2 <-> 3)', '2 <-> 3', '2 <-> 4'), ts_rewrite('5 & (6 | 5)', '5', '');
create table aliases (t tsquery primary key, s tsquery);
insert into aliases values ('a', 'b & c'), ('c', 'd'), ('x', null), ('new & york', 'nyc');
insert into aliases values ('a:*', 'z');
select * from aliases order by t;
select ts_rewrite('a & new & york', 'select t, s from aliases order by t::text'), ts_rewrite('a', 'select t, s from aliases where false'), ts_rewrite('', 'select 1');
select ts_rewrite('a', 'select t from aliases');
select ts_rewrite('a', 'select t, t::text from aliases');
select ts_rewrite('a', 'selec t');
select ts_rewrite('a', 'select nix from aliases');
select ts_rewrite('a', 'delete from aliases');
select ts_rewrite('a', 'select 1; select 2');
select * from ts_stat('select ''a:1,2A b:3 c''::tsvector union all select ''b:1 d:2B''') order by 1;
select * from ts_stat('select ''a:1,2A b:3 c''::tsvector union all select ''b:1 d:2B''', 'ab') order by 1;
select * from ts_stat('select 1');
drop table aliases;
-- casts
select 'a:1 b'::tsvector::text || '!', 'a&b'::tsquery::text, 'a b'::text::tsvector, ('a'::varchar || ' & b')::tsquery, to_json('it''s'::tsvector), array_agg(v) from (values ('a'::tsvector)) t(v);
select 'a'::tsvector::tsquery;
select pg_typeof('a'::tsvector), pg_typeof('a'::tsquery), format_type('tsvector'::regtype, -1), 'tsquery[]'::regtype;

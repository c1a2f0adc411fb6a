-- What GIN indexes find: each operator with operands of every shape, against each operator class.
create table g (id int primary key, doc jsonb, path jsonb, tags text[], nums int[], deep numeric[]);
create index g_doc on g using gin (doc);
create index g_path on g using gin (path jsonb_path_ops);
create index g_arrays on g using gin (tags, nums, deep);
insert into g (id, doc) values
  (1, '{}'), (2, '[]'), (3, 'null'), (4, '1'), (5, '"a"'), (6, 'true'), (7, null), (8, '{"a": 1}'), (9, '{"a": 1.00}'), (10, '{"a": "1"}'),
  (11, '{"a": null}'), (12, '{"a": true, "b": false}'), (13, '{"a": {"b": {"c": 1}}}'), (14, '{"a": [1, 2, 3]}'), (15, '{"a": [{"b": 1}, {"b": 2}]}'),
  (16, '["a", "b"]'), (17, '["a", ["b", ["c"]]]'), (18, '[1, 2, null, true]'), (19, '{"b": "a"}'), (20, '{"a": {}}'), (21, '{"a": []}'), (22, '[[]]'),
  (23, '[{}]'), (24, '{"": ""}'), (25, '{"a": -0.0}'), (26, '{"a": 1e3}'), (27, '{"a": 1000}'), (28, '{"a": {"b": 1}, "c": [{"b": 2}]}'),
  (29, jsonb_build_object(repeat('x', 200), repeat('y', 200))), (30, jsonb_build_object(repeat('x', 125), repeat('y', 126))),
  (31, jsonb_build_array(repeat('x', 200))), (32, '{"a": "é", "ü": ["ß"]}'), (33, '{"a": [[1]]}'), (34, '{"a": [[1], 2]}'), (35, '"é"'),
  (36, '{"tags": ["x", "y"], "n": 5, "sub": {"k": [1, {"z": null}]}}'), (37, '{"tags": ["x"], "n": 5.0}'), (38, '{"tags": "x", "n": "5"}');
insert into g (id, doc) select i, jsonb_build_object('id', i, 'mod', i % 7, 'name', 'n' || i, 'list', array[i % 3, i % 5], 'o', jsonb_build_object('p', i % 11)) from generate_series(100, 400) i;
update g set path = doc;
update g set tags = v.tags, nums = v.nums, deep = v.deep from (values
  (1, '{}'::text[], '{}'::int[], '{}'::numeric[]), (2, null, null, null), (3, '{a}', '{1}', '{1}'), (4, '{a,b}', '{1,2}', '{1.0,2}'), (5, '{a,NULL}', '{1,NULL}', '{1.00,NULL}'),
  (6, '{NULL}', '{NULL}', '{NULL}'), (7, '{NULL,NULL}', '{NULL,NULL}', '{NaN}'), (8, '{a,a,b}', '{1,1,2}', '{1,1.000,2}'), (9, '{b,a}', '{2,1}', '{2,1}'),
  (10, '{{a,b},{c,d}}', '{{1,2},{3,4}}', '{{1,2},{3,4}}'), (11, '[0:1]={a,b}', '[0:1]={1,2}', '[5:6]={1,2}'), (12, '{""}', '{0}', '{0}'),
  (13, '{NULL,a,b,c}', '{-1,-2}', '{-1,-0.5}'), (14, array[repeat('z', 300)], '{2147483647,-2147483648}', '{1e100}'), (15, '{"NULL"}', '{7}', '{Infinity}')) v (i, tags, nums, deep) where id = i;
analyze g;

create table q (n int primary key, v jsonb);
insert into q select row_number() over (), v::jsonb from unnest(array['{}', '[]', 'null', '1', '1.0', '"a"', '"b"', 'true', 'false', '{"a": 1}', '{"a": 1.0}', '{"a": "1"}',
  '{"a": null}', '{"a": true}', '{"a": {}}', '{"a": []}', '[[]]', '[{}]', '{"a": {"b": {}}}', '{"a": {"b": {"c": 1}}}', '{"a": [2]}', '{"a": [3, 1]}', '{"a": [{"b": 2}]}',
  '["a"]', '["b"]', '["b", "a"]', '[["b"]]', '[["c"]]', '[["b", ["c"]]]', '[null]', '[true, 2]', '{"b": "a"}', '{"": ""}', '{"a": 0}', '{"a": 1000}', '{"a": 1, "b": 2}',
  '{"c": [{"b": 2}], "a": {"b": 1}}', '{"ü": ["ß"]}', '{"a": "é"}', '"é"', '{"a": [[1]]}', '{"a": [[2]]}', '{"tags": ["x"]}', '{"n": 5}', '{"sub": {"k": [{"z": null}]}}',
  '{"mod": 3, "o": {"p": 4}}', '{"id": 200}', '{"list": [2]}', '{"id": 200, "mod": 4}', '{"id": 200, "mod": 5}', '{"name": "n250"}', '{"list": [0, 4], "o": {"p": 0}}']) v;
insert into q values (1000, null), (1001, jsonb_build_object(repeat('x', 200), repeat('y', 200))), (1002, jsonb_build_array(repeat('x', 200))), (1003, jsonb_build_object(repeat('x', 125), repeat('y', 126)));
select n, left(v::text, 60), (select array_agg(id order by id) from g where doc @> v), (select array_agg(id order by id) from g where path @> v) from q order by n;
select n, (select array_agg(id order by id) from g where v <@ doc) = (select array_agg(id order by id) from g where doc @> v),
  (select array_agg(id order by id) from g where doc <@ v) from q where v is not null order by n;
select k, (select array_agg(id order by id) from g where doc ? k), (select count(*) from g where path ? k)
  from unnest(array['a', 'b', 'c', '', 'é', 'ü', 'ß', '1', 'id', 'tags', 'x', 'nonesuch', repeat('x', 200), repeat('x', 125), null]) k order by 1;
select k, (select array_agg(id order by id) from g where doc ?| k), (select array_agg(id order by id) from g where doc ?& k)
  from (values ('{a}'::text[]), ('{a,b}'), ('{b,c}'), ('{}'), ('{NULL}'), ('{a,NULL}'), (null), ('{tags,n}'), ('{"",ü,a}'), ('{a,a,b,b}')) v (k) order by 1;

create table p (n int primary key, v jsonpath);
insert into p select row_number() over (), v::jsonpath from unnest(array['$', '$.a', '$.a.b', '$.a.b.c', '$.*', '$.**', '$[*]', '$[0]', '$[last]', 'strict $.a', 'strict $[*]', '$.nonesuch',
  '$.a ? (@ == 1)', '$.a ? (@ == "1")', '$.a ? (@ == null)', '$.a ? (@ == true)', '$.a[*] ? (@ == 2)', '$.a[*] ? (@.b == 2)', '$.a ? (@.b == 2)', '$.a ? (exists(@.b))', '$.a ? (@ > 1)', '$.a ? (!(@ == 1))',
  '$.a ? (@ == 1 || @ == "1")', '$.a ? (@ == 1 && @ == 2)', '$ ? (@.mod == 3 && @.o.p == 4)', '$ ? (@.mod == 3 || @.id == 200)', '$ ? (@.id == 200)', '$.** ? (@ == 1)', '$.**.b ? (@ == 1)', '$.* ? (@ == 1)',
  '$.tags[*] ? (@ == "x")', '$.tags ? (@ == "x")', 'strict $.tags ? (@ == "x")', 'strict $.tags[*] ? (@ == "x")', '$ ? (@ == "a")', '$[*] ? (@ == "a")', 'strict $ ? (@ == "a")', 'strict $[*] ? (@ == "a")', '$.a.size()', '$.a.type()',
  '$.a ? (@ == 1).type()', '$.a + 1', '$.n ? (@ + 1 == 6)', '$.n ? (5 == @)', '$.list[*] ? (@ == 2)', '$.name ? (@ starts with "n25")', '$.name ? (@ like_regex "^n30")', '$.a ? (@ <> 1)', '$.a ? ((@ == 1) is unknown)',
  '$.a ? (exists(@ ? (@ == 1)))', '$ ? (exists($.tags) && @.n == 5)', '$.a ? ($.b == false)', '$.""', '$."ü"[0] ? (@ == "ß")', '$.sub.k[1].z', '$.sub.k[*] ? (@.z == null)', '$.a == 1', '$.a', '"a" == $.b', '!($.a == 1)', '!(!($.a == 1))',
  '$.a == 1 && $.b == 2', '$.a == 1 || $.n == 5', '$.mod == 3 && $.o.p == 4', 'exists($.sub)', '!exists($.a)', 'exists($.tags) && !exists($.sub)', '$.a > 1', '$.a[*] == 2', '$[*] == "a"', '$ == 1', '$ == "a"', '$ == null', '$.** == 1', '$.a == "é"',
  '$.a == $.b', '1 == 1', 'true', '$.a == true', '$.b == true', '$.b == false', '(($.mod == 1 || $.mod == 2) && $.o.p == 3)', '$.list[*] == 2 && $.list[*] == 4', '$.id == 200 || exists($.ü)', '$.a.b == 1', '$.a[*].b == 1', '$.a == 1e3',
  '$.a == -0', '$.a == 1.0', '$.id == 150 && !($.mod == 3)', '$.a[0 to 1] == 1', '$.a[1] == 1', '$[0].b == 1', '($.a == 1) is unknown', '$.a.**{1}.b == 1', '$.a.**{0 to 2} == 1']) v;
select n, v, (select array_agg(id order by id) from g where doc @? v), (select array_agg(id order by id) from g where doc @@ v) from p order by n;
select n, (select array_agg(id order by id) from g where path @? v) is not distinct from (select array_agg(id order by id) from g where doc @? v),
  (select array_agg(id order by id) from g where path @@ v) is not distinct from (select array_agg(id order by id) from g where doc @@ v) from p order by n;
select id from g where doc @? '$.a ? (@ == $x)' order by 1;

select v, (select array_agg(id order by id) from g where tags && v), (select array_agg(id order by id) from g where tags @> v), (select array_agg(id order by id) from g where tags <@ v),
  (select array_agg(id order by id) from g where tags = v) from (values ('{}'::text[]), (null), ('{a}'), ('{a,b}'), ('{b,a}'), ('{NULL}'), ('{a,NULL}'), ('{NULL,a,b,c}'), ('{{a,b},{c,d}}'), ('[0:1]={a,b}'),
  ('{"NULL"}'), ('{a,a}'), ('{nonesuch}'), ('{""}'), (array[repeat('z', 300)]), ('{a,b,c,d,e}')) t (v) order by 1;
select v, (select array_agg(id order by id) from g where nums && v), (select array_agg(id order by id) from g where v <@ nums), (select array_agg(id order by id) from g where v @> nums),
  (select array_agg(id order by id) from g where v = nums) from (values ('{}'::int[]), (null), ('{1}'), ('{1,2}'), ('{2,1}'), ('{NULL}'), ('{1,NULL}'), ('{-1}'), ('{0,-1,-2,1}'), ('{{1,2},{3,4}}'), ('[0:1]={1,2}'),
  ('{2147483647}'), ('{5}'), ('{1,1}'), ('{-2147483648,7}')) t (v) order by 1;
select v, (select array_agg(id order by id) from g where deep && v), (select array_agg(id order by id) from g where deep @> v), (select array_agg(id order by id) from g where deep <@ v),
  (select array_agg(id order by id) from g where deep = v) from (values ('{}'::numeric[]), ('{1}'), ('{1.000}'), ('{1,2}'), ('{NULL}'), ('{NaN}'), ('{Infinity}'), ('{1e100}'), ('{-0.5}'), ('{-0}')) t (v) order by 1;

-- Several conditions, on one column and on many, beside others, in OR and in joins.
select id from g where tags @> '{a}' and nums && '{2}' order by 1;
select id from g where tags @> '{a}' and nums @> '{}' order by 1;
select id from g where tags <@ '{a,b}' and deep <@ '{1,2}' and id > 3 order by 1;
select id from g where doc @> '{"mod": 3}' and doc @> '{"o": {"p": 4}}' order by 1;
select id from g where doc @> '{"mod": 3}' and path @> '{"o": {"p": 4}}' order by 1;
select id from g where doc @> '{"mod": 3}' and not doc @> '{"o": {"p": 4}}' order by 1 limit 5;
select id from g where doc @> '{"id": 200}' or doc @> '{"id": 300}' or tags = '{a}' or id = 17 order by 1;
select id from g where doc ? 'tags' or nums && '{7}' order by 1;
select id from g where doc @> '{"id": 1}' and false;
select id from g where doc @> null;
select count(*) from g where doc @> '{"mod": 3}';
select count(*), min(id), max(id) from g where path @> '{"list": [2]}';
select a.id, b.id from g a join g b on b.doc @> a.doc where a.id in (1, 2, 5, 8, 16, 20, 37) order by 1, 2 limit 200;
select a.id, b.id from g a left join g b on b.tags && a.tags and b.id <> a.id where a.id < 8 order by 1, 2;
select a.id from g a where exists (select from g b where b.nums @> a.nums and b.id > a.id) order by 1;
select id from g where doc @> '{"list": [1]}' order by id desc limit 3;
select id from g where doc @> '{"list": [1]}' order by doc -> 'name' limit 3;
with w as (select jsonb_build_object('id', 123) as x) select id from g, w where doc @> x;
prepare one (jsonb) as select id from g where doc @> $1 order by 1;
execute one ('{"id": 111}');
execute one ('{"mod": 1, "o": {"p": 1}}');
execute one ('{"a": {}}');
execute one (null);
execute one ('{"id": 112}');
execute one ('{"id": 113}');
execute one ('{"id": 114}');
prepare two (text[], text) as select id from g where tags && $1 or doc ? $2 order by 1;
execute two ('{c}', 'ü');
execute two ('{}', '');
execute two (null, 'n');

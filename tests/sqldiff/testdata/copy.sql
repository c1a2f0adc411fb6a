-- COPY in and out, with every option.
create table t (id int primary key, a text, n numeric(6,2) default 1.5, b bool);
copy t from stdin;
1	one	2.5	t
2	\N	\N	f
3	tab\tnl\nback\\slash	3	\N
4	\x41\101\q	4	true
\.
select * from t order by id;
copy (select * from t order by id) to stdout;
copy (select * from t order by id) to stdout;
copy (select id, a from t where b order by id) to stdout;
copy (select 1, 'x', null) to stdout;
copy (values (1, 'a'), (2, 'b')) to stdout with (format csv);
copy t (a, id) from stdin;
five	5
\N	6
\.
select * from t order by id;
copy (select id from t order by id) to stdout (format text, null 'NULL');
-- delimiters and nulls
truncate t;
copy t from stdin with (delimiter '|', null 'nil');
1|a|nil|nil
2|nil|2|t
3|x\|y|3|f
\.
copy (select * from t order by id) to stdout with (delimiter '|', null 'nil');
copy (select * from t order by id) to stdout delimiter ',' null '';
copy (select 'a,b', E'c\\d', E'e\nf', E'g\th', '') to stdout delimiter ',';
copy t from stdin delimiters ';';
10;z;1;t
\.
copy t from stdin with (delimiter 'ab');
copy t from stdin with (delimiter E'\n');
copy t from stdin with (delimiter 'a');
copy t from stdin with (null E'a\nb');
copy t from stdin with (delimiter '|', null 'a|b');
copy t from stdin with (delimiter '');
-- csv
truncate t;
copy t from stdin with (format csv);
1,one,1.5,t
2,"two, quoted",,f
3,"say ""hi""",3,
4,,4,true
5,"",5,false
6,"multi
line",6,t
\.
copy (select * from t order by id) to stdout csv;
copy (select * from t order by id) to stdout csv header;
copy (select * from t order by id) to stdout (format csv, header true, quote '''', delimiter ';');
copy (select * from t order by id) to stdout (format csv, force_quote *);
copy (select * from t order by id) to stdout (format csv, force_quote (a, b), null 'NULL');
copy (select 'a"b', 'c\d', null, '', 'NULL', ' s ') to stdout (format csv, escape '\', null 'NULL');
copy (select '\.', '.', 'x') to stdout csv;
copy (select '\.') to stdout csv;
truncate t;
copy t from stdin csv header;
id,a,n,b
1,x,1,t
\.
copy t from stdin (format csv, header match);
id,a,n,b
2,x,1,t
\.
copy t from stdin (format csv, header match);
id,a,nn,b
3,x,1,t
\.
copy t from stdin (format csv, header match);
id,a
3,x,1,t
\.
copy t from stdin (header);
id	a	n	b
3	y	2	f
\.
copy (select id, a from t order by id) to stdout (header);
copy t from stdin (format csv, quote '''', escape '\', null 'nil');
11,'it\'s',nil,t
12,'nil',1,nil
\.
copy t from stdin (format csv, force_not_null (a), force_null (b));
13,,1,""
14,"",1,t
\.
select id, a, a is null as anull, n, b from t order by id;
copy t from stdin (format csv, null 'N', force_null (a));
15,"N",N,t
16,"x",1,t
\.
select * from t where id > 14 order by id;
-- WHERE
truncate t;
copy t from stdin where id > 1 and a <> 'skip';
1	a	1	t
2	b	1	t
3	skip	1	t
4	\N	1	t
\.
select * from t order by id;
copy t from stdin where nosuch > 1;
copy t from stdin where sum(id) > 1;
copy t from stdin where id in (select 1);
copy t from stdin where id;
copy t to stdout where id > 1;
-- errors with their place
copy t from stdin;
20	a	1	t
21	b
\.
copy t from stdin;
20	a	1	t	extra
\.
copy t from stdin;
x	a	1	t
\.
copy t from stdin;
20	a	1	t
21	b	abc	t
\.
copy t from stdin;
20	a	1	t
21	b	1	maybe
\.
copy t from stdin;
20	a	1	t
\N	b	1	t
\.
copy t from stdin;
20	a	1	t
20	b	1	t
\.
copy t from stdin;
2	dup	1	t
\.
copy t from stdin;
20	a	99999999	t
\.
copy t from stdin csv;
20,"unterminated,1,t
\.
copy t from stdin csv;
20,a
\.
copy t from stdin csv;
20,a,1,t,5
\.
copy t from stdin csv;
20,"a"b,1,t
\.
copy t from stdin;

\.
copy t (id, a) from stdin;
99999999999	a
\.
select * from t order by id;
copy t (nosuch) from stdin;
copy t (id, id) from stdin;
copy nosuch from stdin;
copy nosuch to stdout;
copy t from stdin (nosuch);
copy t from stdin (format nosuch);
copy t from stdin (format csv, format csv);
copy t from stdin (delimiter ',', delimiter ';');
copy t from stdin (quote '"');
copy t from stdin (escape '"');
copy t from stdin (force_quote (a));
copy t from stdin (format csv, force_quote (a));
copy t to stdout (format csv, force_not_null (a));
copy t to stdout (format csv, force_null (a));
copy t from stdin (format csv, force_not_null (nosuch));
copy t (id) from stdin (format csv, force_not_null (a));
copy t from stdin (format csv, quote 'ab');
copy t from stdin (format csv, quote ',');
copy t from stdin (format csv, escape '');
copy t from stdin (header maybe);
copy t to stdout (header match);
copy (select 1) to stdout (freeze);
copy t from stdin (encoding 'nosuch');
copy (delete from t where id = 2) to stdout;
copy (delete from t where id = 2 returning *) to stdout;
copy (select 1) from stdin;
copy (insert into t values (30, 'ret') returning id, a, n) to stdout;
copy (select 1; select 2) to stdout;
-- constraints, defaults, triggers of foreign keys
create table c (id serial primary key, t int references t on delete cascade, v varchar(3) not null check (v <> 'bad'));
copy c (t, v) from stdin;
4	abc
30	x
\N	y
\.
select * from c order by id;
copy c (t, v) from stdin;
4	abcd
\.
copy c (t, v) from stdin;
4	ok
77	x
\.
copy c (t, v) from stdin;
4	ok
4	bad
\.
copy c (t, v) from stdin;
4	ok
4	\N
\.
copy c (t) from stdin;
4
\.
select t, v from c order by id;
create view v as select * from c;
copy v to stdout;
copy (select t, v from v order by v) to stdout;
begin;
copy t from stdin;
40	a	1	t
\.
savepoint s;
copy t from stdin;
41	a	1	t
40	a	1	t
\.
rollback to s;
copy t from stdin;
42	a	1	t
\.
commit;
select id from t order by id;
begin read only;
copy (select * from t order by id) to stdout;
copy t from stdin;
rollback;
set datestyle = 'SQL, DMY';
set bytea_output = escape;
copy (select date '2020-01-31', '\x0061'::bytea, 1.5::float8, array[1, 2], '{"a": 1}'::jsonb) to stdout;
reset all;
copy (select date '2020-01-31', '\x0061'::bytea, 'infinity'::float8, array['a b', null], true) to stdout csv;
create table e ();
copy e from stdin;
\.
copy e to stdout;

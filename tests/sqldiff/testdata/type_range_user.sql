-- Range types that users create: constructors, multiranges, catalogs, dependencies.
create type textrange as range (subtype=text, collation="C");
create type float8range as range (subtype=float8, subtype_diff=float8mi);
select textrange('a','c'), textrange('a','c','[]'), textmultirange(textrange('a','b'), textrange('d','e')), textmultirange(), textmultirange('{[a,b)}'), textrange('[a,b]'), textmultirange(textrange('x','y'));
select '[a,b)'::textrange @> 'a'::text, '[a,b)'::textrange && '[aa,c)', lower('[a,b)'::textrange), textrange('a','b') + textrange('b','c');
select float8range(1,2) * float8range(1.5,7), upper(float8range(1,2)), range_agg(x) from (values (float8range(1,2)),(float8range(2,3)),(null)) v(x) group by ();
create table r (id int primary key, t textrange, f float8range default float8range(1, 2), m textmultirange);
insert into r values (1, '[a,b]', default, '{[a,b),[c,d)}'), (2, 'empty', '(,)', '{}'), (3, null, null, null), (4, textrange(null, 'q'), float8range(3,4,'(]'), textmultirange(textrange('1','2')));
select * from r order by id;
select * from r order by t, id;
create index on r (t);
create unique index on r (f);
insert into r values (5, 'empty', '(,)');
select * from r where t = '[a,b]';
select * from r where f = '(,)';
select t, count(*) from r group by t order by t;
\d r
\dT
\dT+ textrange
select typname, typtype, typcategory, typlen, typalign, typinput, typoutput from pg_type where typname in ('textrange','_textrange','textmultirange', '_textmultirange', 'float8range', 'float8multirange') order by 1;
select rngtypid::regtype, rngsubtype::regtype, rngmultitypid::regtype, rngcollation, rngsubopc, rngcanonical, rngsubdiff from pg_range order by 1;
drop type textmultirange;
drop type textrange;
alter type textrange rename to tr;
select textrange('a','b'), 'x'::tr;
select tr('a','b');
alter type tr set schema public;
\dT
select null::public.tr, textrange('a','z'), null::textmultirange;
drop table r;
drop type public.tr;
drop type float8range;
create type int4range2 as range(subtype = int4);
select '[1,5]'::int4range2, int4range2(1,5,'(]'), '{[1,5],[6,7)}'::int4multirange2, int4range2(1,2)::int4multirange2, '[1,2)'::int4range = '[1,2)'::int4range2;
create type bad as range (subtype=text, foo = 3);
create type bad as range (subtype=text, subtype = int);
create type bad as range (collation="C");
create type bad as range (subtype=int, collation="C");
create type bad as range (subtype=int, subtype_opclass=text_ops);
create type bad as range (subtype=int, subtype_opclass=nosuch);
create type bad as range (subtype=json);
create type bad as range (subtype=nosuch);
create type bad as range (subtype=anyelement);
create type bad as range (subtype=int, canonical=foo);
create type bad as range (subtype=float4, subtype_diff=float8mi);
create type bad as range (subtype=float8, subtype_diff=float8lt);
create type bad as range (subtype=float8, subtype_diff=float8pl, multirange_type_name=int4range2);
create type bad as range (subtype=float8, subtype_diff=float8pl, multirange_type_name=good);
select good(bad(1,2));
create type int4range2 as range(subtype = int4);
create type in4range2 as range(subtype = int4, multirange_type_name = int4multirange2);
create type myrange as range(subtype = int4, subtype_opclass = int4_ops);
select * from r;

-- citext: text that is compared without regard to case, in operators, keys, aggregates, casts and functions.
select 'a'::citext;
create table early (a citext);
create extension citext;
\dx citext
\dT citext
select typname, typlen, typbyval, typtype, typcategory, typispreferred, typdelim, typalign, typstorage, typcollation, typarray::regtype, typelem::regtype
  from pg_type t join pg_namespace n on n.oid = typnamespace where nspname = current_schema() order by 1;
select oprname, oprleft::regtype, oprright::regtype, oprresult::regtype, oprcanhash, oprcanmerge, (select c.oprname from pg_operator c where c.oid = o.oprcom) as com,
  (select c.oprname from pg_operator c where c.oid = o.oprnegate) as neg from pg_operator o join pg_namespace n on n.oid = oprnamespace
  where nspname = current_schema() order by 1, 2, 3;
select amname, opcname, opcintype::regtype, opcdefault from pg_opclass o join pg_am a on a.oid = opcmethod join pg_namespace n on n.oid = opcnamespace where nspname = current_schema() order by 1, 2;
select castsource::regtype, casttarget::regtype, castcontext, castmethod from pg_cast where castsource = 'citext'::regtype or casttarget = 'citext'::regtype order by 1, 2;
select proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), prokind, provolatile, proisstrict, proparallel from pg_proc p join pg_namespace n on n.oid = pronamespace
  where nspname = current_schema() and proname !~ 'citext(in|out|recv|send)' order by 1, 2;

select 'a'::citext = 'A', 'a'::citext = 'A'::text, 'a'::citext = 'A'::varchar, 'ä'::citext = 'Ä', 'a'::citext <> 'b', 'a'::citext = 'b', 'a' = 'A'::citext, 'a'::text = 'A'::citext;
select 'a'::citext < 'B', 'B'::citext < 'a', 'a'::citext <= 'A', 'b'::citext > 'A', 'b'::citext >= 'B', 'a'::citext between 'A' and 'A', 'Z'::citext > 'a';
select pg_typeof('a'::citext || 'b'), 'a'::citext || 'B', pg_typeof(lower('A'::citext)), lower('A'::citext), upper('a'::citext), length('abc'::citext), pg_typeof(coalesce('a'::citext, 'b'));
select 'Hello'::citext in ('HELLO', 'x'), 'Hello'::citext = any ('{hello,x}'), 'Hello'::citext not in ('HELLO'), 'Hello'::citext is distinct from 'HELLO', nullif('A'::citext, 'a'), 'A'::citext = any (array['a']::citext[]);
select case 'A'::citext when 'a' then 'same' else 'other' end, greatest('a'::citext, 'B'), least('B'::citext, 'a');
select row('A'::citext, 1) = row('a'::citext, 1), array['A', 'b']::citext[] = array['a', 'B']::citext[], array['A']::citext[] @> array['a']::citext[], array['b']::citext[] > array['A']::citext[];
select 'Abc'::citext like 'aB%', 'Abc'::citext ilike 'aB%', 'Abc'::citext not like 'aB%', 'Abc'::citext ~ '^aB', 'Abc'::citext ~* '^aB', 'Abc'::citext !~ '^aB', 'Abc'::citext !~* 'x', 'Abc'::citext like 'aB%'::text, 'Abc'::citext ~ 'b'::text, 'abc' like 'A%'::citext, 'abc'::text like 'A%'::citext;
select 'Abc'::citext similar to 'a%', 'A'::citext ~<~ 'b', 'A'::citext ~<=~ 'a', 'A'::citext ~>=~ 'a', 'A'::citext ~>~ 'a';
select regexp_match('Foobarbaz'::citext, 'BAR'), regexp_match('Foobarbaz'::citext, 'BAR', 'c'), regexp_replace('aBc'::citext, 'b', 'x'), regexp_replace('aBcb'::citext, 'b', 'x', 'g'), regexp_split_to_array('axbXc'::citext, 'x');
select * from regexp_split_to_table('axbXc'::citext, 'X');
select * from regexp_matches('FooFOO'::citext, 'foo', 'g');
select strpos('abCd'::citext, 'c'), replace('aBcabc'::citext, 'b'::citext, 'x'), split_part('aXbxc'::citext, 'x'::citext, 2), translate('abAB'::citext, 'ab'::citext, 'xy'), position('C' in 'abc'::citext);
select citext_cmp('a', 'A'), sign(citext_cmp('a', 'B')), citext_hash('A') = citext_hash('a'), citext_hash('abc'), citext_hash_extended('ABC', 5), citext_larger('a', 'B'), citext_smaller('a', 'A'), citext_larger('a', 'A'), citext_eq('a', 'A'), citext_pattern_cmp('x', 'X');
select true::citext, 'f'::bool::citext, '10.0.0.1/8'::inet::citext, 'ab  '::char(4)::citext || '|', 5::citext, 1.5::citext, 'x'::name::citext, '2020-01-01'::date::citext, 'c'::"char"::citext;
select 'AB'::citext::text, 'AB'::citext::varchar(1), 'AB'::citext::char(3), '12'::citext::int, 'true'::citext::bool, 'AB'::citext::name, '{"a":1}'::citext::jsonb, '{A,b}'::citext::text[], '{A,b}'::text[]::citext[], 'x'::citext::bytea;
select citext('A'::char(3)), citext(true), citext('10.1.1.1'::inet), citext('A'::text), text('A'::citext);
select 'abc'::citext(3);
select 'a'::citext collate "C" < 'B', 'a'::citext collate nonesuch;
select 'a'::citext + 1;
select 'a'::citext = 1;

create table u (id int primary key, email citext not null unique, note citext default 'None', check (note <> 'BAD'));
\d u
insert into u values (1, 'Alice@Example.com', default), (2, 'bob@example.com', 'Hi');
insert into u values (3, 'ALICE@example.COM');
insert into u values (3, 'carol@example.com', 'bad');
insert into u (id, email) values (4, 'BOB@EXAMPLE.COM') on conflict (email) do nothing;
insert into u (id, email) values (4, 'BOB@EXAMPLE.COM') on conflict (email) do update set note = 'again ' || excluded.email returning *;
insert into u (id, email) values (5, 'dave@x.org'), (6, 'DAVE@X.ORG') on conflict (email) do nothing returning *;
select * from u where email = 'ALICE@EXAMPLE.COM';
select * from u where email = 'ALICE@EXAMPLE.COM'::text;
select * from u where email in ('BOB@example.com', 'dave@X.org') order by id;
select * from u where email like 'aLICE%' order by id;
select * from u where email > 'Alice@example.com' order by email;
prepare p(citext) as select id, email from u where email = $1;
execute p('DAVE@x.ORG');
prepare pt(text) as select id, email from u where email = $1;
execute pt('DAVE@x.ORG');
execute pt('dave@x.org');
prepare pu as select id, email from u where email = $1;
execute pu('DAVE@x.ORG');
update u set email = 'ALICE@EXAMPLE.COM' where id = 1 returning *;
update u set email = 'bob@Example.com' where id = 1;
delete from u where email = 'Dave@X.org' returning *;
select email from u order by email;
create table child (id int primary key, email citext references u (email) on update cascade on delete set null, t text);
insert into child values (1, 'alice@example.com', 'x'), (2, 'BOB@example.com', 'y'), (3, null, 'z');
insert into child values (4, 'nobody@example.com');
delete from u where id = 1;
select * from child order by id;
update u set email = 'Bob@Example.ORG' where id = 2;
select * from child order by id;
update u set email = 'BOB@example.org' where id = 2;
select * from child order by id;
create table tchild (email text references u (email));
create table pk (a citext, b int, c citext, primary key (a, b));
insert into pk values ('A', 1, 'x'), ('a', 2, 'X'), ('B', 1, 'y'), ('b', 3, 'Y'), ('Ä', 1, 'ß'), ('ä', 2, null);
insert into pk values ('ä', 1, 'dup');
select * from pk order by a, b;
select * from pk where a = 'a' and b = 2;
select a, b from pk where a = 'B' order by b;
select a, b from pk where a >= 'b' order by a desc, b;
select lower(a::text), count(*), count(distinct c), min(b) from pk group by a order by 1;
select distinct lower(c::text) from pk order by 1;
select count(distinct a), count(distinct a::text) from pk;
select min(a), max(a), pg_typeof(max(a)) from pk where b = 1;
select max(c), lower(min(c)) from pk;
select string_agg(a, ',' order by a, b), array_agg(a order by a desc, b), string_agg(a::varchar(5), ',' order by a::varchar(5), b) from pk;
select p.a, p.b, q.a, q.b from pk p join pk q on p.a = q.a and p.b < q.b order by 1, 2, 3, 4;
select p.a, u.id from pk p left join u on u.email = p.a || '@x' order by p.a, p.b, 2;
select lower(x::text) from (select a from pk union select 'A'::citext except select 'b'::citext) v(x) order by 1;
select row_number() over (partition by a order by b), lower(a::text) from pk order by 2, 1;
select a, b from pk where (a, b) in (('A', 2), ('B', 3)) order by 1;
select a from pk where a = any (select 'A'::citext) order by b;
select exists (select from pk where c = 'X' and a = 'A');
create index pk_c on pk (c);
create index pk_lower on pk (lower(a));
create index pk_hash on pk using hash (c);
create index pk_pat on pk (c citext_pattern_ops);
create unique index pk_uc on pk (c) where b = 1;
insert into pk values ('z', 1, 'Y');
select a, b from pk where c = 'Y' order by 1, 2;
select c from pk order by c, a, b limit 3;
\d pk
select indexrelid::regclass, opcname from pg_index i, unnest(indclass) with ordinality k(o, n) join pg_opclass c on c.oid = k.o where indrelid = 'pk'::regclass order by 1, n;
create domain email as citext check (value ~ '@');
select 'A@B'::email = 'a@b', 'x'::email;
create type pair as (a citext, b citext);
select ('A', 'b')::pair = ('a', 'B')::pair, (('A', 'b')::pair).a;
create table arr (id int primary key, tags citext[], p pair, e email);
insert into arr values (1, '{Red,green}', ('X', 'y'), 'Me@Here'), (2, '{BLUE}', null, null);
create index on arr using gin (tags);
select id from arr where tags @> '{RED}' order by 1;
select id from arr where tags && array['blue', 'GREEN']::citext[] order by 1;
select id from arr where 'rEd' = any (tags);
select id, e from arr where e = 'me@HERE';
\d arr
create view v as select a, c from pk where a = 'B' and c like 'Y%' order by a, b;
\d+ v
select * from v;
create function f(citext) returns citext language sql as 'select $1 || ''!''';
select f('A'), f('A') = 'a!', pg_typeof(f('x'));
copy (select a, b from pk order by a, b) to stdout;
alter table u alter column note type text;
alter table u alter column note type citext using upper(note);
select * from u order by id;
create temp table t as select 'A'::citext as x, array['B']::citext[] as y;
select table_name, column_name, data_type, udt_schema, udt_name, collation_name from information_schema.columns where table_schema = current_schema() and udt_name like '%citext' order by 1, 2;
select format_type('citext'::regtype, -1), format_type('citext[]'::regtype, -1), 'citext'::regtype;
set search_path = pg_catalog;
select 'citext'::regtype;
select pg_typeof(x) from pg_temp.t;
select 's_extension_citext.citext'::regtype;
set search_path = s_extension_citext;
drop type citext;
drop function citext_eq(citext, citext);
drop view v;
drop table arr;
drop type pair;
drop domain email;
drop table t;
drop extension citext;
comment on type citext is 'mine';
select obj_description('citext'::regtype, 'pg_type');
create schema other_citext;
alter extension citext set schema other_citext;
\d child
select * from pk where a = 'B' order by b;
select * from pk where a operator(other_citext.=) 'B' order by b;
select a = any (array['b']), a operator(other_citext.=) any (array['b']), a operator(pg_catalog.=) 'b' from pk where b = 3;
select max(a), count(distinct a) from pk where b = 1;
create view v as select a from pk where a operator(other_citext.=) 'b';
\d+ v
set search_path = s_extension_citext, other_citext;
\d+ v
set search_path = s_extension_citext;
select * from v order by a::text;
alter extension citext set schema s_extension_citext;
drop schema other_citext;
drop table u, child, pk cascade;
drop function f;
drop extension citext;
select 'a'::citext;

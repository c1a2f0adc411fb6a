-- which collation an expression has, and where none can be chosen
create table coll (a text collate "C", b varchar(10) collate "POSIX", c text collate "default", e text collate ucs_basic, f int, g text);
insert into coll values ('ä', 'b', 'c', 'e', 1, 'g'), ('Z', 'B', 'C', 'E', 2, 'G'), ('a', 'ä', 'Ä', 'ö', 3, 'Ü');
select f from coll where a < c order by f;
select f from coll where a < g order by f;
select f from coll where a < b;
select f from coll where a = b;
select f from coll where a collate "C" < b order by f;
select f from coll where a collate "C" < b collate "POSIX";
select f from coll where a < b collate "default" order by f;
select a || b from coll order by f;
select f from coll order by a || b;
select f from coll order by a || b collate "C", f;
select f from coll order by (a || b) collate "POSIX", f;
select distinct a || b from coll;
select distinct on (a || b) f from coll;
select count(*) from coll group by a || b;
select lower(a || b) from coll;
select max(a || b) from coll where f = 1;
select case when true then a else b end from coll order by 1;
select case a when b then 1 end from coll;
select coalesce(a, b) from coll order by f;
select coalesce(a, b) < 'x' from coll;
select a ilike b from coll;
select a ~ b from coll;
select greatest(a, b collate "C") from coll order by f;
select a from coll union select b from coll;
select a from coll union all select b from coll order by 1;
select count(*) from (select a from coll union all select b from coll) s;
select x < 'a' from (select a as x from coll union all select b from coll) s order by 1;
select x < 'a' collate "C" from (select a as x from coll union all select b from coll) s order by 1;
select a from coll except select b collate "C" from coll order by 1;
select a from coll union select c from coll order by a;
select * from (values ('a' collate "C"), ('b' collate "POSIX")) v(x) order by x;
select * from (values ('a' collate "C"), ('b')) v(x) order by x;
select x.f from coll x join coll y using (a) order by 1;
select f from coll where a in (select c from coll) order by 1;
with q as (select a || 'x' as x, b from coll) select x < b from q;
with q as (select a || b as x from coll) select x < 'a' from q order by 1;
with recursive r(x) as (select c from coll where f = 1 union all select a from coll, r where false) select * from r;
with recursive r(x) as (select a from coll where f = 1 union all select c from coll, r where false) select * from r;
with recursive r(x) as (select a from coll where f = 1 union all select b from coll, r where false) select * from r;
select (select a from coll where f = 1) < b from coll;
select array_agg(a order by b) from coll;
select array[a, b] from coll order by f;
select row(a, b) < row(b, a) from coll;
select 'a' collate "C" < 'b' collate "POSIX";
select 'a' collate "C" < 'b' collate "C", 'a' collate "C" collate "POSIX" < 'b' collate "POSIX";
select ('a' collate "C") || ('b' collate "POSIX");
select 1 collate "C";
select pg_collation_for(1);
select 'a' collate "nope";
select pg_collation_for(a), pg_collation_for(b), pg_collation_for(c), pg_collation_for(e), pg_collation_for('x'),
  pg_collation_for(a || 'x'), pg_collation_for(a || c), collation for (b collate "C"), collation for (lower(b)), collation for (e || b collate "C") from coll where f = 1;
select pg_collation_for(array[a]), pg_collation_for((select b)), pg_collation_for(coalesce(e, 'x')), pg_collation_for(relname) from coll, pg_class where f = 1 and relname = 'coll' and relnamespace = current_schema::regnamespace;
-- C, POSIX and ucs_basic know the letters of ASCII alone
select upper(a), lower(a), initcap(a), upper(b), upper(c), upper(e), upper(g), lower(g) from coll order by f;
select upper('ä' collate "C"), upper('ä'), initcap('äb cd' collate "POSIX"), lower('ÄB' collate ucs_basic), upper('ä' collate "default");
select upper(a collate "default"), lower('ÄX'::name) from coll order by f;
-- columns of views and of new tables
create view coll_view as select a collate "POSIX" as x, b, a || 'x' as y, c, a || c as z from coll order by c collate "C";
create table coll_as as select a, b, c, a collate "POSIX" as x, e || 'x' as y from coll;
create materialized view coll_mat as select * from coll_view;
select attrelid::regclass, attname, attcollation::regcollation from pg_attribute
  where attrelid in ('coll'::regclass, 'coll_view'::regclass, 'coll_as'::regclass, 'coll_mat'::regclass) and attnum > 0 order by attrelid::regclass::text, attnum;
select pg_get_viewdef('coll_view');
\d coll_view
\d coll_as
\d coll_mat
select x < b from coll_view where c = 'c';
select y < b from coll_view where c = 'c';
create view coll_none as select a || b as q from coll;
create table coll_none as select a || b from coll;
create materialized view coll_none as select a || b as q from coll;
create view coll_some as select (a || b) collate "C" as q from coll;
create or replace view coll_some as select (a || b) collate "POSIX" as q from coll;
-- domains
create domain coll_dom as text collate "POSIX";
create table coll_typed (d coll_dom, t text);
insert into coll_typed values ('ä', 'ä');
select upper(d), upper(t), pg_collation_for(d), pg_collation_for('a'::coll_dom), d < 'x' collate "C" from coll_typed;
select d < a from coll_typed, coll;
\d coll_typed
alter table coll alter column a type text collate "POSIX";
select f from coll where a < b order by f;
prepare coll_p as select upper(a) from coll where f = 1;
execute coll_p;
alter table coll alter column a type text;
execute coll_p;
-- names have the collation C, and recursive terms are compared
with recursive r(n, t) as (select 1, ''::text union all select n + 1, ('a'::name)::text from r where n < 4) select * from r;
with recursive r(n, t) as (select 1, 'a'::name union all select n + 1, t from r where n < 4) select * from r;
with recursive r(n, t) as (values (1, 'a') union all select n + 1, t || 'x' from r where n < 4) select * from r;

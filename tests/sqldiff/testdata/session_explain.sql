-- EXPLAIN's options: what they refuse, and the parts of the output that do not depend on the plan.
create table t (a int primary key, b text);
insert into t values (1, 'x');
explain (nosuch) select 1;
explain (format nosuch) select 1;
explain (format 'JSON') select 1;
explain (analyze maybe) select 1;
explain (costs 2) select 1;
explain (wal) select 1;
explain (timing) select 1;
explain (timing off) select 1 where false \g /dev/null
explain (costs off) select nosuch from t;
explain (costs off) execute nosuch;
prepare p (int) as select 1 where $1 > 0;
explain (costs off) execute p;
explain (analyze, costs off, timing off, summary off) insert into t values (1, 'dup');
explain (analyze, costs off, timing off, summary off) insert into t values (2, 'two') \g /dev/null
select * from t order by a;
explain (costs off) insert into t values (3, 'three') \g /dev/null
select * from t order by a;
explain (costs off) declare c cursor for select * from t \g /dev/null
explain (costs off) declare c scroll no scroll cursor for select * from t;
explain (costs off) create table u as select * from t \g /dev/null
select * from u;
begin read only;
explain insert into t values (4, 'x') \g /dev/null
explain analyze insert into t values (4, 'x');
rollback;

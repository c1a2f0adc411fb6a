-- Privileges are checked at each execution of a prepared statement, cursor or cached text, by the role of the moment.
create role pp_may; create role pp_not; grant usage on schema s_privileges_plans to pp_may, pp_not;
create table t (a int primary key, b int); insert into t values (1, 1), (2, 2); grant select, update on t to pp_may; create table o (a int, b int); insert into o values (1, 1); grant select on o to pp_not;
prepare one as select * from t where a = $1;
prepare upd as update t set b = b + 1 where a = $1;
prepare joined as select t.a from t join o using (a);
select * from t where a = 1; update t set b = 1 where a = 1; select count(*) from t;
execute one(1);
set session authorization pp_may;
select * from t where a = 1; update t set b = 1 where a = 1; select count(*) from t;
execute one(1); execute upd(1); execute joined;
set session authorization pp_not;
select * from t where a = 1; update t set b = 1 where a = 1; select count(*) from t;
execute one(1); execute upd(1); execute joined;
prepare two as select * from t where a = $1;
execute two(1);
reset session authorization; grant select on t to pp_not; set session authorization pp_not;
select * from t where a = 2; update t set b = 1 where a = 2; select count(*) from t;
execute two(1); execute one(1); execute upd(1); execute joined;
reset session authorization; revoke select on t from pp_not; set session authorization pp_not;
select * from t where a = 2; select count(*) from t;
execute two(1);
begin; set local role pp_not; select 1; commit;
-- a cursor keeps what it was opened with
reset session authorization;
begin; declare k cursor for select * from t order by a; set local role pp_not; fetch 1 from k; select * from t where a = 1; rollback;
begin; grant select on t to pp_not; set local session authorization pp_not; select * from t where a = 1; rollback;
set session authorization pp_not; select * from t where a = 1;
-- schema changes after planning
reset session authorization; alter table t add c int; set session authorization pp_may; execute upd(1); select * from t where a = 1;
reset session authorization;
-- what errors show of rows that one may not read
create table k (a int primary key, b int not null, c text check (c <> 'bad'), d int references t); insert into k values (1, 1, 'x', 1);
grant insert, update on k to pp_not; grant select on k to pp_may; grant insert, delete on k, t to pp_may; 
set session authorization pp_not;
insert into k values (1, 1, 'x', 1); insert into k values (2, null, 'x', 1); insert into k (a, c) values (2, 'x'); insert into k (a, b, c) values (3, 1, 'bad'); insert into k values (4, 1, 'x', 99);
update k set b = null; update k set c = 'bad'; update k set d = 99; update k set a = 5; insert into k default values;
reset session authorization; grant select (a, b) on k to pp_not; set session authorization pp_not;
insert into k values (1, 1, 'x', 1); insert into k (b) values (null); insert into k values (4, 1, 'x', 99); update k set c = 'bad' where a = 1; update k set b = null where a = 1;
copy k (c) from stdin;
x
\.
set session authorization pp_may;
insert into k values (1, 1, 'x', 1); insert into k values (2, null, 'x', 1); insert into k values (4, 1, 'x', 99); delete from t where a = 1;
reset session authorization; revoke select on t from pp_may; set session authorization pp_may; delete from t;
reset session authorization;
-- a foreign key is checked as its tables' owners
create role pp_child; grant usage, create on schema s_privileges_plans to pp_child; grant references on t to pp_child;
set session authorization pp_child;
create table child (a int references t on delete cascade); insert into child values (1); insert into child values (7); table t; delete from t;
reset session authorization;
grant insert on child to pp_not; set session authorization pp_not; insert into child values (2); insert into child values (9); select * from child;
reset session authorization; delete from k; delete from t where a = 2; table child order by a;
drop owned by pp_may, pp_not, pp_child; drop role pp_may, pp_not, pp_child;
-- row-level security is not there
create table r (a int);

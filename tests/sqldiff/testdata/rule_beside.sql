-- Rules with a condition, and DO ALSO.
create table t (id int primary key, v text, n int default 7);
create table log (seq serial, what text, id int, old text, new text);
create table other (id int, v text, n int);

-- DO INSTEAD NOTHING for some rows.
create rule once as on insert to t where exists (select from t where id = new.id) do instead nothing;
insert into t values (1, 'a'), (2, 'b');
insert into t values (2, 'again'), (3, 'c');
insert into t (id) values (1) returning *;
insert into t select g, 'g' from generate_series(2, 5) g returning id;
insert into t values (4, 'x') on conflict do nothing;
select * from t order by id;
create rule keep as on delete to t where old.id = 1 do instead nothing;
delete from t where id < 3;
delete from t where id < 3 returning id;
create rule no_shrink as on update to t where new.n < old.n do instead nothing;
update t set n = n - 5;
update t set n = n + id where id < 4 returning *;
update t set n = case when id = 1 then 1 else 100 end;
select * from t order by id;
drop rule once on t;
drop rule keep on t;
drop rule no_shrink on t;

-- DO ALSO.
create rule log_insert as on insert to t do also insert into log (what, id, new) values ('insert', new.id, new.v);
create rule log_update as on update to t do also insert into log (what, id, old, new) values ('update', old.id, old.v, new.v);
create rule log_delete as on delete to t do insert into log (what, id, old) values ('delete', old.id, old.v);
insert into t values (10, 'ten'), (11, 'eleven');
insert into t (id) values (12);
insert into t default values;
update t set v = v || '!' where id > 9;
update t set v = 'none' where id > 99;
delete from t where id in (10, 11);
insert into t values (20, 'r') returning id, v;
select what, id, old, new from log order by what, id;
delete from log;

-- Both, with conditions.
drop rule log_insert on t;
create rule a_big as on insert to t where new.id >= 1000 do instead insert into other values (new.id, new.v, new.n);
create rule b_all as on insert to t do also insert into log (what, id) values ('b', new.id);
create rule c_some as on insert to t where new.v like 'x%' do also insert into log (what, id) values ('c', new.id);
insert into t values (30, 'x1'), (1000, 'x2'), (1001, 'y'), (31, 'z');
insert into t select 40, 'from a query' union all select 2000, 'big';
select * from other order by id;
select what, id from log order by what, id;
select id, v from t where id >= 30 order by id;
delete from log;
create rule d_up as on update to t where new.id <> old.id do instead update t set v = 'kept' where id = old.id;
update t set id = id + 1 where id = 30;
select id, v from t where id in (30, 31) order by id;
drop rule d_up on t;
create rule d_up as on update to t where new.n > 50 do instead delete from other where other.id = old.id + 970;
update t set n = n + 50 where id in (30, 31);
select id, n from t where id in (30, 31) order by id;
select id from other order by id;
create rule e_del as on delete to t where old.id > 30 do also update other set v = 'gone ' || old.id;
delete from t where id in (30, 31);
select * from other order by id;

-- Prepared, in functions, with parameters.
prepare ins (int, text) as insert into t values ($1, $2);
execute ins (50, 'p');
execute ins (3000, 'p');
select count(*) from t where id = 50;
select * from other where id = 3000;
create function filled(i int) returns bigint language plpgsql as $$ begin insert into t values (i, 'f'); insert into t values (i + 5000, 'f'); delete from t where id = i; return (select count(*) from other where v like '%f%'); end $$;
select filled(60);
create function in_sql(i int) returns void language sql as 'insert into t values (i, ''s''), (i + 7000, ''s'')';
select in_sql(70);
select id from other order by id;
do $$ declare r record; begin execute 'insert into t values ($1, $2)' using 80, 'x'; get diagnostics r = row_count; exception when others then raise notice '%', sqlerrm; end $$;
select id from log where what = 'c' order by id;
begin;
insert into t values (90, 'x'), (9000, 'x');
rollback;
select count(*) from other where id = 9000;

-- Printed.
create rule z_exists as on delete to t where exists (select from log where log.id = old.id and what = 'z') do instead nothing;
select pg_get_ruledef(oid) from pg_rewrite where ev_class = 't'::regclass order by rulename;
select pg_get_ruledef(oid, true) from pg_rewrite where ev_class = 't'::regclass order by rulename;
select rulename, definition from pg_rules where tablename = 't' order by 1;
select rulename, ev_type, is_instead, ev_qual = '<>' from pg_rewrite where ev_class = 't'::regclass order by 1;
\d t
alter table t rename column v to w;
alter table other rename to another;
select pg_get_ruledef(oid) from pg_rewrite where ev_class = 't'::regclass and rulename in ('a_big', 'c_some') order by rulename;
insert into t values (100, 'x'), (10000, 'x');
select id from another where id = 10000;
select what, id from log where id = 100 order by 1;
alter table t drop column w;
drop table another;

-- With triggers, foreign keys and COPY.
create function told() returns trigger language plpgsql as $$ begin raise notice '% %', tg_table_name, tg_op; return new; end $$;
create table up (id int primary key);
create table down (id int primary key, up int references up);
create trigger told before insert on up for each row execute function told();
create trigger told before insert on down for each row execute function told();
create rule both as on insert to up do also insert into down values (new.id, new.id);
create rule before as on delete to up do also delete from down where up = old.id;
insert into up values (1), (2);
select * from down order by id;
delete from up where id = 1;
delete from up;
select * from down;
copy up from stdin;
7
\.
select * from up;
select * from down;
copy (insert into up values (8) returning id) to stdout;
insert into up values (9), (9);
select * from up order by id;

-- On a partitioned table.
create table parts (id int, v text) partition by list (id);
create table parts1 partition of parts for values in (1, 2, 3);
create table parts2 partition of parts default;
create rule seen as on insert to parts where new.id > 2 do also insert into log (what, id) values ('part', new.id);
create rule not_five as on update to parts where new.id = 5 do instead nothing;
insert into parts values (1, 'a'), (3, 'b'), (4, 'c');
update parts set id = id + 1;
select tableoid::regclass, * from parts order by id, v;
select id from log where what = 'part' order by id;

-- What is refused.
create rule bad as on insert to t where old.id > 1 do instead nothing;
create rule bad as on delete to t where new.id > 1 do instead nothing;
create rule bad as on insert to t where new.nope > 1 do instead nothing;
create rule bad as on insert to t where new.id do instead nothing;
create rule bad as on insert to t where count(*) > 1 do instead nothing;
create rule bad as on insert to t where new.id > 1 do instead insert into log (id) values (new.id) returning log.*;
create rule bad as on insert to t do also insert into log (id) values (new.id) returning log.*;
with x as (insert into t values (200, 'w') returning id) select * from x;
create table loop (a int);
create rule again as on insert to loop do also insert into loop values (new.a + 1);
insert into loop values (1);
drop rule again on loop;
create rule nothing as on insert to loop do also nothing;
insert into loop values (1);
select * from loop;

-- Who may.
create role rule_writer;
grant usage on schema s_rule_beside to rule_writer;
create table owned (a int, b int);
create table hidden (a int);
create table secret (a int);
insert into secret values (3);
create rule copy as on insert to owned do also insert into hidden values (new.a);
create rule not_secret as on insert to owned where new.a in (select a from secret) do instead nothing;
grant insert on owned to rule_writer;
set role rule_writer;
insert into owned values (2, 2), (3, 3);
select * from hidden;
reset role;
select * from owned order by a;
select * from hidden order by a;
drop owned by rule_writer;
drop role rule_writer;

-- The lines about triggers of EXPLAIN ANALYZE.
create function lines(q text) returns setof text language plpgsql as $$
declare l text;
begin
  for l in execute q loop
    if l like 'Trigger%' then return next regexp_replace(l, 'time=\d+\.\d+', 'time=N'); end if;
  end loop;
end $$;
create table up (id int primary key, v int);
create table down (id int primary key, up int references up on delete cascade on update cascade, other int constraint other_key references up);
create function quiet() returns trigger language plpgsql as $$ begin return coalesce(new, old); end $$;
create trigger each_before before insert or update or delete on up for each row execute function quiet();
create trigger each_after after insert or update on up for each row execute function quiet();
create trigger whole before insert on up execute function quiet();
create trigger seldom before update on up for each row when (new.v > 100) execute function quiet();
create constraint trigger checking after insert on up for each row execute function quiet();
select lines('explain (analyze) insert into up select g, g from generate_series(1, 5) g');
select lines('explain (analyze, timing off) insert into up values (6, 6), (7, 7)');
select lines('explain (analyze, timing off) update up set v = v + 97');
select lines('explain (analyze, timing off) insert into down values (1, 1, 2), (2, 2, null)');
select lines('explain (analyze, timing off) update down set up = 3 where id = 2');
select lines('explain (analyze, timing off) update down set id = 3 where id = 2');
select lines('explain (analyze, timing off) select * from up');
select lines('explain insert into up values (10, 10)');
create trigger below before delete on down for each row execute function quiet();
select lines('explain (analyze, timing off) delete from up where id in (1, 5)');
select lines('explain (analyze, timing off) update up set id = 30 where id = 3');
select lines('explain (analyze, verbose, timing off) insert into up values (20, 20)') order by 1;
create function parsed(q text) returns json language plpgsql as $$ declare j json; begin execute q into j; return j -> 0 -> 'Triggers'; end $$;
select t ->> 'Trigger Name', t ->> 'Constraint Name', t ->> 'Relation', t ->> 'Calls'
  from json_array_elements(parsed('explain (analyze, format json) insert into up values (21, 21)')) t;

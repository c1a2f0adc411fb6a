-- Aggregates, rules, and rows that a foreign key would not let in.
create function appended(text, text) returns text language sql as $$ select coalesce($1 || ',', '') || $2 $$;
create function bracketed(text) returns text language plpgsql as $$ begin return '[' || $1 || ']'; end $$;
create aggregate listed (text) (sfunc = appended, stype = text, finalfunc = bracketed, parallel = safe);
create aggregate gathered (anycompatible) (sfunc = array_append, stype = anycompatiblearray, initcond = '{}', sspace = 64);
create aggregate counted (*) (sfunc = int8inc, stype = int8, initcond = 0);
create aggregate lowest (int4) (sfunc = int4smaller, stype = int4, combinefunc = int4smaller, sortop = <);
create aggregate mean (int4) (sfunc = int4_avg_accum, stype = int8[], initcond = '{0,0}', finalfunc = int8_avg, finalfunc_modify = read_write);
comment on aggregate listed(text) is 'a list';
create table hen (id int primary key);
create table egg (id int primary key, hen int);
insert into hen values (1);
insert into egg values (1, 1), (2, 99);
alter table egg add foreign key (hen) references hen not valid;
create view lists as select hen, listed(id::text) as eggs, counted(*) as n from egg group by hen;
create table hatched (hen int, what text);
create rule not_twice as on insert to egg where exists (select from egg e where e.id = new.id) do instead nothing;
create rule noted as on insert to egg where new.hen > 100 do also insert into hatched values (new.hen, 'laid');
create rule eaten as on delete to egg do also insert into hatched values (old.hen, 'eaten');

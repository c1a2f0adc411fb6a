-- extensions: what they make, who may, what depends on them
create extension if not exists "uuid-ossp";
create extension if not exists "uuid-ossp";
create extension "uuid-ossp";
create extension pgcrypto with schema public version '1.3';
create extension fuzzystrmatch version '7';
create extension fuzzystrmatch schema nope;
create schema s;
create extension fuzzystrmatch schema s;
create extension plpgsql;
create extension if not exists plpgsql;
\dx
select s.soundex('abc');
select soundex('abc');
alter extension fuzzystrmatch set schema public;
select soundex('abc');
alter extension fuzzystrmatch update;
alter extension fuzzystrmatch update to '2.0';
alter extension nope update;
create table t(id uuid primary key default uuid_generate_v4(), v5 uuid generated always as (uuid_generate_v5(uuid_ns_dns(), name)) stored, name text, k text default gen_salt('bf'));
insert into t(name) values ('a'), ('b');
select length(id::text), substr(id::text, 15, 1), v5, length(k) from t order by name;
select id = (select id from t where name = 'a') from t where id = (select id from t where name = 'a');
create index on t (digest(name, 'sha256'));
select name from t where digest(name, 'sha256') = digest('a', 'sha256');
\d t
drop function uuid_generate_v4();
drop extension "uuid-ossp";
drop extension nope;
drop extension if exists nope, nope2;
drop schema s;
select extname, extversion, nspname from pg_extension e join pg_namespace n on n.oid = extnamespace order by 1;
select proname, prosrc, probin, lanname from pg_proc p join pg_language l on l.oid = prolang where proname like 'uuid_gen%' order by 1;
\df uuid_generate_*

select pg_get_functiondef('uuid_nil()'::regprocedure);
\dx+ uuid-ossp
comment on extension pgcrypto is 'x';
select obj_description(oid, 'pg_extension') from pg_extension where extname = 'pgcrypto';
select name, default_version, installed_version, comment from pg_available_extensions where name in ('uuid-ossp','pgcrypto','fuzzystrmatch','plpgsql') order by 1;
select uuid_generate_v1() <> uuid_generate_v1(), substr(uuid_generate_v1()::text, 15, 1), substr(uuid_generate_v1mc()::text, 15, 1);
select count(distinct u) from (select uuid_generate_v4() u from generate_series(1, 100)) x;
select count(distinct u) from (select uuid_generate_v1() u from generate_series(1, 1000)) x;
select crypt('secret', k) = k, crypt('secret', crypt('secret', k)) = crypt('secret', k), crypt('other', crypt('secret', k)) = crypt('secret', k) from (select gen_salt('bf', 4) k) x;
select crypt('secret', k) = crypt('secret', crypt('secret', k)) from (select gen_salt('md5') k) x;
create view v as select uuid_nil() n, digest('a'::text, 'md5') d;
\d+ v
drop extension "uuid-ossp" cascade;
\d t
drop extension pgcrypto, fuzzystrmatch cascade;
create function gen_salt(text) returns text language sql as 'select 1::text';
create extension pgcrypto;
begin; drop function gen_salt; create extension pgcrypto; select length(gen_salt('bf')); rollback;
select gen_salt('bf');
create role rx; set role rx;
create extension pgcrypto;
reset role;
create extension fuzzystrmatch;
set role rx;
drop extension fuzzystrmatch;
comment on extension fuzzystrmatch is 'y';
reset role; drop role rx;
create table d(a int primary key check (a > 0), b uuid references t);
create sequence dq; create schema ds; create view dv as select 1; create index di on d(b); create type de as enum ('x');
select pg_describe_object('pg_class'::regclass, 'd'::regclass, 0), pg_describe_object('pg_class'::regclass, 'd'::regclass, 1), pg_describe_object('pg_class'::regclass, 'dq'::regclass, 0), pg_describe_object('pg_class'::regclass, 'dv'::regclass, 0), pg_describe_object('pg_class'::regclass, 'di'::regclass, 0), pg_describe_object('pg_type'::regclass, 'de'::regtype, 0), pg_describe_object('pg_type'::regclass, 'int4'::regtype, 0), pg_describe_object('pg_namespace'::regclass, 'ds'::regnamespace, 0), pg_describe_object('pg_class'::regclass, 999999, 0), pg_describe_object('pg_proc'::regclass, 999999, 0);
select pg_describe_object('pg_constraint'::regclass, oid, 0) from pg_constraint where conrelid = 'd'::regclass order by conname;

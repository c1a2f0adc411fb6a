-- has_…_privilege, acldefault, and the information schema as an unprivileged role sees it.
create role pf_owner; create role pf_user; create role pf_none;
grant usage, create on schema s_privileges_functions to pf_owner; grant usage on schema s_privileges_functions to pf_user, pf_none;
set session authorization pf_owner;
create table t (a int primary key, b text not null, c int check (c > 0)); create table hidden (a int references t); create view v as select a from t; create sequence s;
grant select, insert on t to pf_user; grant select on t to public; grant delete on t to pf_user with grant option; revoke select on t from public;
create table cols (a int unique, b int, c int references t); grant select (a), update (b) on cols to pf_user; grant references (c) on cols to pf_user with grant option; grant select on v to pf_user; grant usage on s to pf_user with grant option;
reset session authorization;
select has_table_privilege('pf_user', 't', 'select'), has_table_privilege('pf_user', 't', 'update'), has_table_privilege('pf_user', 't', 'update, select'),
  has_table_privilege('pf_user', 't', 'delete with grant option'), has_table_privilege('pf_user', 't', 'select with grant option'),
  has_table_privilege('pf_owner', 't', 'truncate with grant option'), has_table_privilege('public', 't', 'select'), has_table_privilege('pf_none', 't', 'rule'),
  has_table_privilege('pf_user'::regrole, 't'::regclass, 'insert'), has_table_privilege('t', 'trigger');
select has_table_privilege('pf_user', 'cols', 'select'), has_any_column_privilege('pf_user', 'cols', 'select'), has_any_column_privilege('pf_user', 'cols', 'insert'),
  has_column_privilege('pf_user', 'cols', 'a', 'select'), has_column_privilege('pf_user', 'cols', 'b', 'select'), has_column_privilege('pf_user', 'cols', 2::int2, 'update'),
  has_column_privilege('pf_user', 't', 'c', 'select'), has_column_privilege('pf_user', 'cols', 9::int2, 'select'), has_column_privilege('pf_user', 'cols', 'c', 'references with grant option'),
  has_column_privilege('pf_user', 'cols', 'a', 'references');
select has_table_privilege('nobody_there', 't', 'select'); select has_table_privilege('pf_user', 'nothing', 'select'); select has_table_privilege('pf_user', 't', 'usage');
select has_column_privilege('pf_user', 'cols', 'nope', 'select'); select has_column_privilege('pf_user', 'cols', 'a', 'delete'); select has_table_privilege('pf_user', 1::oid, 'select');
select has_table_privilege(1::oid, 't', 'select'), has_table_privilege('pf_user', 'pg_class', 'select'), has_table_privilege('pf_user', 'pg_authid', 'select'), has_table_privilege('pf_user', 'pg_class', 'insert');
select has_function_privilege('pf_user', 'lower(text)', 'execute'), has_language_privilege('pf_user', 'sql', 'usage'), has_type_privilege('pf_user', 'int4', 'usage'), has_tablespace_privilege('pf_user', 'pg_default', 'create');
select acldefault('r', 'pf_owner'::regrole), acldefault('s', 'pf_owner'::regrole), acldefault('d', 'pf_owner'::regrole), acldefault('n', 'pf_owner'::regrole), acldefault('c', 'pf_owner'::regrole);
select acldefault('f', 'pf_owner'::regrole), acldefault('T', 'pf_owner'::regrole), acldefault('l', 'pf_owner'::regrole), acldefault('F', 'pf_owner'::regrole), acldefault('x', 'pf_owner'::regrole);
-- the information schema
set session authorization pf_user;
select table_name, table_type from information_schema.tables where table_schema = 's_privileges_functions' order by 1;
select table_name, column_name from information_schema.columns where table_schema = 's_privileges_functions' order by 1, 2;
select table_name, constraint_type, constraint_name from information_schema.table_constraints where table_schema = 's_privileges_functions' and constraint_name not like '%not_null' order by 1, 2, 3;
select table_name, column_name from information_schema.key_column_usage where table_schema = 's_privileges_functions' order by 1, 2;
select constraint_name from information_schema.referential_constraints where constraint_schema = 's_privileges_functions' order by 1;
select constraint_name from information_schema.check_constraints where constraint_schema = 's_privileges_functions' order by 1;
select table_name, column_name from information_schema.constraint_column_usage where table_schema = 's_privileges_functions' order by 1, 2;
select sequence_name from information_schema.sequences where sequence_schema = 's_privileges_functions' order by 1;
select table_name, view_definition from information_schema.views where table_schema = 's_privileges_functions' order by 1;
select schema_name from information_schema.schemata order by 1;
select * from information_schema.table_privileges where table_schema = 's_privileges_functions' order by 1, 2, 5, 6;
select * from information_schema.role_table_grants where table_schema = 's_privileges_functions' order by 1, 2, 5, 6;
select * from information_schema.column_privileges where table_schema = 's_privileges_functions' order by 1, 2, 5, 6, 7, 8;
select * from information_schema.role_column_grants where table_schema = 's_privileges_functions' order by 1, 2, 5, 6, 7, 8;
select * from information_schema.usage_privileges where object_schema = 's_privileges_functions' order by 1, 2, 5;
select * from information_schema.role_usage_grants where object_schema = 's_privileges_functions' order by 1, 2, 5;
select grantor, grantee, table_name, privilege_type from information_schema.table_privileges where table_name in ('pg_class', 'pg_authid', 'pg_settings') order by 1, 2, 3, 4;
select table_name from information_schema.tables where table_name in ('pg_class', 'pg_authid', 'pg_settings') order by 1;
set session authorization pf_none;
select table_name from information_schema.tables where table_schema = 's_privileges_functions';
select table_name, column_name from information_schema.columns where table_schema = 's_privileges_functions';
select * from information_schema.table_privileges where table_schema = 's_privileges_functions';
select relname from pg_class where relnamespace = 's_privileges_functions'::regnamespace and relnamespace = 's_privileges_functions'::regnamespace order by 1;
set session authorization pf_owner;
select * from information_schema.table_privileges where table_schema = 's_privileges_functions' order by 1, 2, 5, 6;
select * from information_schema.column_privileges where table_schema = 's_privileges_functions' and table_name = 'cols' order by 1, 2, 5, 6, 7, 8;
select * from information_schema.usage_privileges where object_schema = 's_privileges_functions' order by 1, 2, 5;
select schema_name, schema_owner from information_schema.schemata order by 1;
-- psql
reset session authorization;
\dp
\z t
\dp cols
\du pf_*
alter role pf_user createdb createrole login connection limit 2 valid until '2031-01-01 00:00:00+00'; grant pf_owner to pf_user;
\du pf_*
\du+ pf_none
\dg pf_user
\dn+ public
\dn+ s_privileges_functions
drop owned by pf_owner, pf_user, pf_none cascade; drop role pf_owner, pf_user, pf_none;

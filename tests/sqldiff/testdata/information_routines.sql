-- The views of information_schema about functions, what they use, and types.
create type pair as (a int, b numeric(6,2)[], c varchar(5), d timestamp(3));
create domain positive as int check (value > 0);
create domain words as text[] constraint few check (cardinality(value) < 9);
create table items (id int primary key, name text, tags text[], size positive, at pair);
create sequence counter;
create view small_items as select id, name from items where size < 10;

create function plain(a int, b text default 'x') returns int language sql as 'select $1';
create function outs(in a int, out b text, inout c numeric) language sql immutable as $$ select 'b'::text, $2 $$;
create function rows(n int) returns table (k int, v text[]) language sql stable strict as $$ select $1, null::text[] $$;
create function spread(variadic list int[]) returns bigint language sql as 'select 1::bigint';
create function paired(p pair) returns pair language sql as 'select $1';
create function domained(p positive, w words) returns positive language sql as 'select $1';
create function several() returns setof items language sql as 'select * from items';
create function bodied(k int) returns text begin atomic; select name from items where id = k and nextval('counter') > 0 and plain(k) = k; end;
create function returned(k int) returns int return plain(k) + 1;
create procedure proc(a int, inout b text) language plpgsql as $$ begin b := a::text; end $$;
create function defined() returns int language plpgsql security definer as $$ begin return 1; end $$;
create function even(int) returns bool language sql immutable as 'select $1 % 2 = 0';
create table checked (id int, constraint id_even check (even(id)));
create domain evens as int constraint all_even check (even(value));
create view with_function as select plain(id) as p, name from items;

create function short(name) returns text language sql as $$ select regexp_replace($1, '_\d+$', '') $$;

select routine_schema, routine_name, short(specific_name), routine_type, data_type, type_udt_schema, type_udt_name, dtd_identifier, routine_body,
    routine_definition, external_language, parameter_style, is_deterministic, sql_data_access, is_null_call, schema_level_routine,
    max_dynamic_result_sets, security_type, as_locator, is_udt_dependent, created
  from information_schema.routines where routine_schema = current_schema order by routine_name;
select short(specific_name), ordinal_position, parameter_mode, is_result, as_locator, parameter_name, data_type, udt_schema, udt_name, dtd_identifier,
    parameter_default
  from information_schema.parameters where specific_schema = current_schema order by specific_name, ordinal_position;
select count(*) > 2000 from information_schema.routines;
select routine_name, routine_type, data_type from information_schema.routines where routine_schema = 'pg_catalog' and routine_name = 'sum' order by 3;

select grantor, grantee, short(specific_name), routine_name, privilege_type, is_grantable from information_schema.routine_privileges
  where routine_schema = current_schema order by routine_name, grantee;
select grantor, grantee, short(specific_name), routine_name, privilege_type, is_grantable from information_schema.role_routine_grants
  where routine_schema = current_schema order by routine_name, grantee;

select short(specific_name), routine_name, table_name from information_schema.routine_table_usage where routine_schema = current_schema order by 1, 3;
select short(specific_name), routine_name, table_name, column_name from information_schema.routine_column_usage
  where routine_schema = current_schema order by 1, 3, 4;
select short(specific_name), routine_name, sequence_name from information_schema.routine_sequence_usage where routine_schema = current_schema order by 1;
select short(specific_name), short(routine_name) from information_schema.routine_routine_usage where routine_schema = current_schema order by 1, 2;
select constraint_name, short(specific_name) from information_schema.check_constraint_routine_usage
  where constraint_schema = current_schema order by 1, 2;
select view_name, table_name from information_schema.view_table_usage where view_schema = current_schema order by 1, 2;
select view_name, table_name, column_name from information_schema.view_column_usage where view_schema = current_schema order by 1, 2, 3;
select table_name, short(specific_name) from information_schema.view_routine_usage where table_schema = current_schema order by 1, 2;

select udt_name, attribute_name, ordinal_position, attribute_default, is_nullable, data_type, character_maximum_length, character_octet_length,
    collation_name, numeric_precision, numeric_precision_radix, numeric_scale, datetime_precision, interval_type, attribute_udt_schema,
    attribute_udt_name, dtd_identifier, is_derived_reference_attribute
  from information_schema.attributes where udt_schema = current_schema order by 1, 3;
select user_defined_type_name, user_defined_type_category, is_instantiable, is_final from information_schema.user_defined_types
  where user_defined_type_schema = current_schema order by 1;
select grantor, grantee, udt_name, privilege_type, is_grantable from information_schema.udt_privileges where udt_schema = current_schema order by 3, 2;
select grantee, udt_name from information_schema.role_udt_grants where udt_schema = current_schema order by 2, 1;
select domain_name, table_name, column_name from information_schema.column_domain_usage where domain_schema = current_schema order by 1, 2;
select udt_schema, udt_name, table_name, column_name from information_schema.column_udt_usage where table_schema = current_schema order by 3, 4;
select udt_schema, udt_name, domain_name from information_schema.domain_udt_usage where domain_schema = current_schema order by 3;
select grantor, grantee, object_name, object_type, privilege_type, is_grantable from information_schema.usage_privileges
  where object_schema = current_schema order by 4, 3, 2;
select constraint_name, check_clause from information_schema.check_constraints where constraint_schema = current_schema and constraint_name not like '%not_null'
  order by 1;
select object_name, object_type, dtd_identifier from information_schema.data_type_privileges
  where object_schema = current_schema and object_type <> 'ROUTINE' order by 2, 1, 3;
select short(object_name), dtd_identifier from information_schema.data_type_privileges
  where object_schema = current_schema and object_type = 'ROUTINE' order by 1, 2;
select short(object_name), object_type, collection_type_identifier, data_type, udt_schema, udt_name, collation_name, dtd_identifier
  from information_schema.element_types where object_schema = current_schema order by 2, 1, 3;
select collation_schema, collation_name, pad_attribute from information_schema.collations where collation_name in ('default', 'C', 'POSIX', 'ucs_basic')
  order by 2;
select collation_name, character_set_name from information_schema.collation_character_set_applicability where collation_name in ('C', 'POSIX') order by 1;
select * from information_schema.sql_parts order by feature_id;
select * from information_schema.sql_sizing order by sizing_id;
select * from information_schema.sql_features order by feature_id, sub_feature_id;
select implementation_info_name, integer_value, comments from information_schema.sql_implementation_info order by 1;
select count(*) from information_schema.transforms;

-- What others see.
create role inforoutines_reader;
grant usage on schema s_information_routines to inforoutines_reader;
revoke execute on function plain(int, text), outs(int, numeric) from public;
grant execute on function outs(int, numeric) to inforoutines_reader with grant option;
select has_type_privilege('inforoutines_reader', 'pair', 'usage'), has_type_privilege('inforoutines_reader', 'positive', 'usage'),
    has_type_privilege('inforoutines_reader', 'words', 'usage'), has_type_privilege('inforoutines_reader', 'int', 'usage'),
    has_type_privilege('inforoutines_reader', 'evens', 'usage with grant option');
set role inforoutines_reader;
select routine_name, routine_definition from information_schema.routines where routine_schema = 's_information_routines' order by 1;
select short(specific_name), parameter_name, parameter_default from information_schema.parameters where specific_schema = 's_information_routines'
  order by specific_name, ordinal_position;
select grantor, grantee, routine_name, is_grantable from information_schema.routine_privileges
  where routine_schema = 's_information_routines' and routine_name in ('plain', 'outs') order by 3, 2;
select grantee, routine_name from information_schema.role_routine_grants where routine_schema = 's_information_routines' order by 2, 1;
select udt_name from information_schema.attributes where udt_schema = 's_information_routines' order by 1;
select domain_name from information_schema.domains where domain_schema = 's_information_routines' order by 1;
select constraint_name, domain_name from information_schema.domain_constraints where domain_schema = 's_information_routines' order by 1;
select table_name from information_schema.view_table_usage where view_schema = 's_information_routines' order by 1;
select grantee, object_name, object_type, is_grantable from information_schema.usage_privileges where object_schema = 's_information_routines' order by 2, 1;
reset role;
drop owned by inforoutines_reader;
drop role inforoutines_reader;

-- Records compared by their stored images.
create type ri1 as (a int, b int);
create type ri2 as (a int, b text);
select row(1, 2)::ri1 *= row(1, 2)::ri1, row(1, -2)::ri1 *< row(1, 3)::ri1, row(-1, 0)::ri1 *> row(1, 0)::ri1, row(1, 2)::ri1 *<> row(1, 3)::ri1,
	row(1, 2)::ri1 *<= row(1, 2)::ri1, row(1, 2)::ri1 *>= row(1, 3)::ri1;
select row(1, null)::ri1 *= row(1, null)::ri1, row(1, null)::ri1 *< row(1, 2)::ri1, row(1, 2)::ri1 *< row(1, null)::ri1;
select row(1, 'abc')::ri2 *< row(1, 'abd')::ri2, row(1, 'abcd')::ri2 *< row(1, 'abc')::ri2, row(1, 'b')::ri2 *> row(1, 'abc')::ri2;
select row(a::numeric) *= row(b::numeric) as eq, row(a::numeric) *< row(b::numeric) as lt from (values
	('1', '1.0'), ('1.0', '1.0'), ('1', '2'), ('-1', '1'), ('0', '0.00'), ('NaN', '1'), ('Infinity', '-Infinity'), ('10000', '9999'),
	('1e300', '1'), ('0.00001', '1'), ('1e-70', '1e-60'), ('123456789.123456789', '123456789.123456788'), ('256', '1'), ('1', '256')) v(a, b);
select row(a::float8) *= row(b::float8), row(a::float8) *< row(b::float8) from (values ('0', '-0'), ('1', '2'), ('-1', '1'), ('NaN', 'NaN')) v(a, b);
select row(a::float4) *= row(b::float4), row(a::float4) *< row(b::float4) from (values ('0', '-0'), ('1', '2'), ('-1', '1')) v(a, b);
select row(a::bool, a::bool::int::int2) *< row(b::bool, 0::int2) from (values ('f', 't'), ('t', 'f'), ('t', 't')) v(a, b);
select row(a::bpchar(5)) *= row(b::bpchar(5)), row(a::bpchar) *= row(b::bpchar) from (values ('a', 'a  '), ('a', 'b')) v(a, b);
select row(a::interval) *= row(b::interval), row(a::interval) *< row(b::interval) from (values ('1 day', '24 hours'), ('1 mon', '1 mon'), ('1 mon', '2 mon')) v(a, b);
select row(date '2020-01-01', timestamp '1999-01-01') *< row(date '2020-01-02', timestamp '2001-01-01');
select row(uuid '00000000-0000-0000-0000-000000000001', 'x'::"char", oid '4000000000') *<= row(uuid '00000000-0000-0000-0000-000000000001', 'y'::"char", oid '1');
select row(array[1,2]) *= row(array[1,2]), row(array[1,2]) *= row('[0:1]={1,2}'::int[]), row('{"a":1}'::jsonb) *= row('{"a":1.0}'::jsonb);
select row(1, 2)::ri1 *< row(1, 'abc')::ri2;
select row(1, 2)::ri1 *= row(1);
select row(1, 2) *<> row(1, 2, 3);
select row(1, 1) *< row(1, 1.0);
select record_image_eq(row(1), row(1)), record_image_lt(row(1), row(2)), btrecordimagecmp(row(2), row(1)), btrecordcmp(row(-2), row(1)), btrecordimagecmp(row(-2), row(1));
select null::ri1 *= row(1, 2)::ri1;
drop type ri1, ri2;

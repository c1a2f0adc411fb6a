1
1 + 2
2147483647 + 1
2147483648
9223372036854775807 + 1
9223372036854775808
1.5 + 1
1 / 0
7 / 2
-7 / 2
7 % 3
-7 % 3
1.0 / 3
10 / 4.0
2 ^ 3
2.0 ^ 3
'1' + 2
'1' + '2'
1 + 'x'
'a' || 'b'
'a' || 1
1 || 'a'
1 || 2
'a' = 'a'
'a' = 1
1 = 1.0
1::text || 'x'
'abc'::varchar(2)
'abc'::char(5) || 'x'
12345.678::numeric(7,2)
123456.78::numeric(5,2)
'x'::int
true and null
false and null
true or null
not null::bool
null is null
1 is not null
null = null
1 is distinct from null
null is not distinct from null
1 in (1, 2, 3)
4 in (1, 2, null)
4 not in (1, 2, 3)
'a' in ('a', 'b')
1 between 0 and 2
5 not between 1 and 2
1 = any(array[1,2])
1 <> all(array[1,2])
1 = any('{1,2}')
case when true then 1 else 1/0 end
case 1 when 1 then 'a' when 2 then 'b' end
case when 1 = 2 then 'x' end
coalesce(null, 1, 2)
coalesce(null, 'a')
nullif(1, 1)
nullif(1, 2)
greatest(1, 2.5, null)
least('b', 'a')
array[1,2,3]
array[1, 2.5]
array['a', null]
array[[1,2],[3,4]]
(array[1,2,3])[2]
(array[1,2,3])[2:3]
array[1,2] || 3
array[1,2] || array[3]
0 || array[1]
array[1,2] @> array[1]
array[1,2] && array[2,3]
array[1,2] = array[1,2]
array[1,2] < array[1,3]
array[]::int[]
array_length(array[1,2,3], 1)
array_length(array[]::int[], 1)
array_upper(array[1,2], 1)
cardinality(array[[1,2],[3,4]])
array_to_string(array[1,null,3], ',', '*')
string_to_array('a,b,,c', ',')
string_to_array('abc', null)
array_position(array['a','b'], 'b')
array_append(array[1], 2)
array_prepend(1, array[2])
array_remove(array[1,2,1], 1)
array_replace(array[1,2,1], 1, 9)
array_dims(array[[1,2],[3,4]])
length('héllo')
octet_length('héllo')
upper('abc') || lower('DEF')
initcap('hello wORLD foo_bar')
substr('hello', 2, 3)
substring('hello' from 2 for 3)
substring('hello' from 2)
substring('foobar' from 'o(.)b')
substring('hello', 0, 3)
substr('hello', 2, -1)
trim('  x  ')
trim(both 'x' from 'xxaxx')
ltrim('xxa', 'x')
rtrim('axx', 'x')
position('lo' in 'hello')
strpos('hello', 'z')
replace('aXbX', 'X', '--')
split_part('a,b,c', ',', 2)
split_part('a,b,c', ',', -1)
left('hello', 2) || right('hello', 2)
left('hello', -2)
lpad('5', 3, '0')
rpad('hello', 3)
repeat('ab', 3)
reverse('abc')
concat('a', null, 1, true)
concat_ws(',', 'a', null, 'b')
format('%s-%I-%L', 'a', 'b c', 'd''e')
format('%2$s %1$s', 'a', 'b')
format('%5s|%-5s|', 'a', 'b')
md5('a')
encode('abc', 'base64')
encode('abc'::bytea, 'hex')
decode('YWJj', 'base64')
chr(65) || ascii('B')
translate('12345', '143', 'ax')
starts_with('abc', 'ab')
quote_ident('Foo') || quote_literal('a''b')
quote_ident('select')
regexp_replace('foobarbaz', 'b..', 'X', 'g')
regexp_replace('foobar', '(o+)', '<\1>')
regexp_match('foobar', '(o)(b)')
regexp_split_to_array('a1b2c', '\d')
to_hex(255)
overlay('Txxxxas' placing 'hom' from 2 for 4)
'abc' like 'a%'
'abc' like 'a_c'
'abc' not like '%z'
'ABC' ilike 'a%'
'a%c' like 'a\%c'
'axc' like 'a\%c'
'a%c' like 'a#%c' escape '#'
'abc' ~ '^a.c$'
'abc' ~* 'B'
'abc' !~ 'x'
'abc' similar to '(a|b)%'
abs(-5)
abs(-5.5)
ceil(1.2)
floor(-1.2)
round(2.5)
round(2.567, 2)
round(2.5::float8)
trunc(2.567, 1)
mod(7, 3)
power(2, 10)
power(2::numeric, 0.5)
sqrt(2)
sqrt(2::numeric)
sqrt(-1)
exp(1.0)
ln(2.0)
ln(0)
log(100)
log(2, 8)
sign(-3)
pi()
div(7, 2)
gcd(12, 18)
lcm(4, 6)
width_bucket(5.35, 0.024, 10.06, 5)
factorial(5)
1e10::int
1.5::int
2.5::int
-1.5::int
'NaN'::float8
'1e400'::float8
1::int2 + 40000
32767::int2 + 1::int2
5 & 3
5 | 3
5 # 3
~5
1 << 4
-16 >> 2
@ -5
|/ 16.0
-(-5)
+ 5
1::bool
0::bool
true::int
'yes'::bool
date '2024-01-31' + 1
date '2024-03-01' - date '2024-02-01'
date '2024-01-31' + interval '1 month'
timestamp '2024-01-31 10:00' + interval '1 month 2 days'
timestamp '2024-01-02' - timestamp '2024-01-01 12:00'
interval '1 day' * 2.5
interval '1 day' / 2
interval '1 hour' + interval '30 min'
timestamptz '2024-01-01 00:00+00' at time zone 'America/New_York'
timestamp '2024-01-01 00:00' at time zone 'UTC'
date_trunc('month', timestamp '2024-05-17 13:14:15')
date_trunc('week', timestamp '2024-05-17 13:14:15')
date_trunc('quarter', date '2024-05-17')
date_part('year', timestamp '2024-05-17 13:14:15')
extract(epoch from timestamp '2024-05-17 13:14:15.5')
extract(dow from date '2024-05-17')
extract(isodow from date '2024-05-19')
extract(week from date '2024-12-30')
extract(second from timestamp '2024-05-17 13:14:15.25')
extract(day from interval '3 days 4 hours')
extract(epoch from interval '1 day 1 second')
extract(century from date '2000-01-01')
extract(foo from date '2000-01-01')
age(timestamp '2024-03-15', timestamp '2023-01-31')
make_date(2024, 2, 29)
make_date(2023, 2, 29)
make_interval(days => 10)
make_timestamp(2024, 1, 2, 3, 4, 5.5)
justify_interval('35 days 25 hours')
timestamp '2024-01-01' < timestamptz '2024-01-02'
date '2024-01-01' = timestamp '2024-01-01'
to_timestamp(0)
isfinite(date 'infinity')
(date '2024-01-01', date '2024-02-01') overlaps (date '2024-01-15', date '2024-03-01')
'{"a": 1, "b": [1, 2]}'::jsonb -> 'b'
'{"a": 1, "b": [1, 2]}'::jsonb -> 'b' -> 0
'{"a": "x"}'::jsonb ->> 'a'
'{"a": {"b": 1}}'::jsonb #> '{a,b}'
'{"a": {"b": "t"}}'::jsonb #>> '{a,b}'
'{"a": 1}'::jsonb @> '{"a": 1}'
'{"a": 1}'::jsonb ? 'a'
'{"a": 1}'::jsonb ?| array['b', 'a']
'{"a": 1}'::jsonb || '{"b": 2}'
'{"a": 1, "b": 2}'::jsonb - 'a'
'[1,2,3]'::jsonb - 1
'{"a":1}'::json -> 'a'
'{"a": "x\ny"}'::json ->> 'a'
'{"a" : [1, 2 ]}'::json -> 'a'
'{bad'::json
jsonb_build_object('a', 1, 'b', array[1,2])
json_build_object('a', 1, 'b', null)
jsonb_build_array(1, 'a', null, true)
to_jsonb('x'::text)
to_json(array[1,2])
to_jsonb(1.50)
row_to_json(row(1,'a'))
jsonb_typeof('[]')
jsonb_array_length('[1,2]')
jsonb_set('{"a":1}', '{b}', '2')
jsonb_set('{"a":{"c":1}}', '{a,c}', '5')
jsonb_strip_nulls('{"a":null,"b":1}')
jsonb_pretty('{"a":[1,2]}')
('{"a":5}'::jsonb->'a')::int
jsonb_extract_path_text('{"a":{"b":3}}', 'a', 'b')
pg_typeof(1)
pg_typeof('x')
pg_typeof(1.5)
pg_typeof(null)
pg_typeof(array[1])
pg_typeof(now())
(1, 2) = (1, 2)
(1, 2) < (1, 3)
(1, null) = (2, null)
row(1, 'a')
(1,2) in ((1,2),(3,4))
exists (select 1 where false)
(select 5)
array(select 1)
1 in (select 1)
'5'::int + '6'::int
'2024-01-01'::date::text
'a'::"char"
'{1,2}'::int[]
'{a,"b c",NULL}'::text[]
'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
'\x4142'::bytea || '\x43'
cast(5 as text)
cast('12.5' as numeric) * 2
text '5'
int '5'
float8 '1.5'
interval '1' day
true::text
1 = true
foo(1)
abs('x')
length(1)
nosuch.abs(1)
1 +
upper(1)
round('2.5')
'a' < 'b' and 'b' < 'c'
1::numeric = 1::float8
1::int8 * 2::int2
2::float4 * 1.5
0.1::float4
0.1::float4 + 0.2::float4
1e308::float8 * 10
num_nulls(1, null, null)
to_char(1234.5, '9,999.99')
to_char(-5, '999')
to_char(5, '000')
to_char(12, 'FM999')
to_char(0.5, '0.99')
to_char(1234567, 'FM9,999,999')
to_char(12.345, 'FM990.00')
to_char(485, 'RN')
to_char(1, '9th')
to_char(timestamp '2024-05-07 13:04:05.678', 'YYYY-MM-DD HH24:MI:SS.MS')
to_char(timestamp '2024-05-07 13:04:05', 'Day, DD Mon YYYY HH12:MI AM')
to_char(timestamp '2024-05-07 13:04:05', 'FMDay, FMDD FMMonth YY')
to_char(timestamp '2024-05-07 13:04:05', 'IYYY-IW-ID Q DDD WW J')
to_char(date '2024-05-07', '"year" YYYY')
to_char(interval '25 hours 3 min', 'HH24:MI:SS')
to_date('2024-05-07', 'YYYY-MM-DD')
to_date('07 May 2024', 'DD Mon YYYY')
to_timestamp('2024-05-07 13:04:05', 'YYYY-MM-DD HH24:MI:SS')
to_number('1,234.5', '9,999.9')
'1 2'::int2vector::int2[]
array_upper('1 2'::int2vector, 1)
('1 2'::int2vector)[0]
5 = any('4 5'::int2vector)
array[1,2]::bigint[]
array['1','2']::int[]
'5' = 5::bigint
'{"a":1}'::json::jsonb
'{"a":[1,2,{"b":null}]}'::jsonb @> '{"a":[1]}'
'[1,2]'::jsonb @> '1'
'{"a":1,"b":2}'::jsonb #- '{a}'
'{"a":1}'::jsonb - array['a']
jsonb_insert('{"a":[1,2]}', '{a,1}', '9')
json_array_length('[1,2,3]')
to_jsonb(timestamp '2024-01-01 10:00')
to_json(date '2024-01-01')
json_build_object('t', timestamptz '2024-01-01 10:00+00')
array_to_json(array[[1,2],[3,4]])
jsonb_object('{a,1,b,2}')
'abc' || null
null || 'abc'
'a' > null
concat_ws(null, 'a')
1::smallint + 1::bigint
1.10 + 2.205
1.10 * 2.20
2.50 / 0.25
5 % 0
5.5 % 2
-5.5 % 2
round(-2.5)
round(1234.567, -2)
1e3
1.0e-2
0.1 + 0.2
1/3.0::float8
'infinity'::timestamp
'2024-02-30'::date
'25:00'::time
interval '1 year 2 months 3 days 04:05:06'
interval '1.5 hours'
timestamptz '2024-06-01 12:00:00+02'
timestamp '2024-06-01 12:00:00'::date
date '2024-06-01'::timestamp
time '10:00' + interval '2 hours'
timestamp '2024-01-01' + time '10:00'
date '2024-01-01' + time '10:00'
extract(julian from timestamp '2024-01-01 12:00')
extract(timezone from timestamptz '2024-01-01 00:00+00')
extract(milliseconds from time '10:00:01.5')
date_part('hour', interval '26 hours')
date_bin('15 minutes', timestamp '2024-01-01 10:07', timestamp '2024-01-01')
greatest(date '2024-01-01', '2023-01-01')
case when null then 1 else 2 end
case null when null then 1 else 2 end
coalesce(null::int, null)
nullif('a', 'b')
(select 1 where false)
array(select 1 where false)
1 = any(select 1)
2 > all(select 1)
not exists (select 1)
string_to_array('', ',')
array_to_string(string_to_array('1,2,3', ','), '-')
array_cat(array[1,2], array[[3,4],[5,6]])
array[1,2,3] <@ array[1,2,3,4]
array_positions(array[1,2,1], 1)
array_fill(7, array[3])
trim_array(array[1,2,3,4], 2)
array_ndims(array[[1],[2]])
array[1,null] = array[1,null]
regexp_replace('abc', '(b)', '[\1]')
regexp_replace('aaa', 'a', 'b', 2)
regexp_count('abcabc', 'b')
regexp_like('ABC', 'b', 'i')
regexp_substr('abc123', '\d+')
'abc' like '%b%'
'ab\c' like 'ab\\c'
'héé' like 'h_é'
'' like '%'
'abc' like 'abc%%'
'a' like 'a\'
'é' < 'f'
'B' < 'a'
'abc'::bpchar = 'abc   '::bpchar
'abc '::char(5) = 'abc'
length('abc  '::char(5))
'x'::name
'abc'::text::varchar(2)
'abc'::varchar(2)::text
repeat('x', -1)
lpad('abc', 6, 'xy')
lpad('abcdef', 3)
ascii('')
chr(0)
split_part('abc', '', 1)
split_part('a,b', ',', 0)
encode('\x00ff'::bytea, 'escape')
decode('zz', 'hex')
sha256('abc')
md5('')
to_hex(-1)
bit_length('abc')
power(0, -1)
power(-8, 0.5)
sqrt(2::numeric)
ln(-1.0)
exp(0)
exp(1000.0::float8)
log(2.0, 64.0)
degrees(pi())
atan2(1, 1)
trunc(-2.5)
ceil(-0.5)
sign(-2.5)
width_bucket(3, 1, 5, 4)
9223372036854775807 * 2
(-2147483648) / -1
-2147483648::int
abs(-2147483648)
32768::smallint
'1.5'::int
' 12 '::int
'0x1F'::int
true > false
bool 'maybe'
1::int::bool::text
3.7::float8::int
'inf'::float8::int
'a'::bytea
'\xDEADBEEF'::bytea
get_byte('\x41'::bytea, 0)
'12:30:45.123456'::time(3)
'2024-01-01 00:00:00.123456'::timestamp(2)
now() = now()
pg_typeof(current_timestamp(2))
pg_typeof('a' || 'b'::varchar)
pg_typeof(1 + 1::smallint)
pg_typeof(1.0::real + 1)
pg_typeof(date '2024-01-01' + 1)
pg_typeof(date '2024-01-01' - date '2024-01-01')
pg_typeof(extract(year from now()))
pg_typeof(round(1.5))
pg_typeof(round(1.5::float8))
pg_typeof(coalesce(1, 2.5))
pg_typeof(case when true then 1 else 2::bigint end)
quote_nullable(null)
quote_literal(5)
format('%L', null::text)
format('%I', null)
format('%', 1)
format('%s')
num_nonnulls(1, null)
gcd(0, 0)
make_time(10, 20, 30.5)
make_interval(1, 2, 3, 4, 5, 6, 7.5)
age(timestamp '2024-01-01', timestamp '2024-02-29 10:00')
interval '1 month' > interval '29 days'
interval '1 day' = interval '24 hours'
-interval '1 day 2 hours'
justify_days(interval '35 days')
date_trunc('day', interval '1 day 5 hours')
timezone('UTC', timestamptz '2024-01-01 00:00+00')
timestamptz '2024-03-10 12:00+00' + interval '1 day'
to_char(1234.5678, 'FM999999.99')
to_char(-1234.5, '9999.99S')
to_char(1234, 'S9999')
to_char(-12, '99PR')
to_char(12, '99PR')
to_char(0, '9')
to_char(0.1, '9.9')
to_char(0, '9.99')
to_char(-0.5, '9.9')
to_char(123456, '999')
to_char(1e5::float8, '9.99EEEE')
to_char(12, 'MI99')
to_char(-12, '99MI')
to_char(5, 'FM0000')
to_char(1.5, 'L9.9')
to_char(148, '999th')
to_char(12.5, '99V99')
to_char(1000000, '9G999G999')
to_char(now() - now(), 'HH24')
to_char(timestamp '2024-12-31 23:59:59.999', 'HH:MI:SS a.m. DY dd/mm/yyyy')
to_char(timestamp '2024-01-05', 'DDth MONTH')
to_char(timestamp '2024-01-05', 'fmDDth fmMonth "of" YYYY')
to_char(timestamp '2024-01-05', 'CC SSSS RM US')
to_date('20240507', 'YYYYMMDD')
to_date('5/7/24', 'MM/DD/YY')
to_date('2024-13-01', 'YYYY-MM-DD')
to_date('2024 127', 'YYYY DDD')
to_timestamp('10:30 PM', 'HH12:MI AM')
to_timestamp('2024-05-07T13:04:05.678', 'YYYY-MM-DD"T"HH24:MI:SS.MS')
to_number('-12,345.67', 'S99G999D99')

-- hash functions, bit for bit: applications store their results and lock by them.
select hashtext(''), hashtext('a'), hashtext('hello world'), hashtext('exactly12byt'), hashtext('more than twelve bytes, and some'), hashtext('é');
select hashtextextended('', 0), hashtextextended('a', 0), hashtextextended('hello world', 1), hashtextextended('exactly12byt', -1), hashtextextended('more than twelve bytes', 9223372036854775807);
select hashtext(x) from (select repeat('abcdefghijkl', 3) || substr('0123456789a', 1, n) from generate_series(0, 11) n) t(x) order by length(x);
select n, hashint2(n::int2), hashint4(n), hashint8(n), hashoid(abs(n)::oid), hashint2extended(n::int2, 7), hashint4extended(n, 7), hashint8extended(n, -7) from (values (0), (1), (-1), (17), (-32768), (32767)) v(n);
select hashint8(9223372036854775807), hashint8(-9223372036854775808), hashint8(1099511627776), hashint8extended(1099511627776, 0);
select hashfloat4(0), hashfloat4(-0.0), hashfloat4(1.5), hashfloat4('NaN'), hashfloat4('inf'), hashfloat8(0), hashfloat8(-1e300), hashfloat8('NaN'), hashfloat4extended(0, 5), hashfloat8extended(2.5, 5);
select hash_numeric(x), hash_numeric_extended(x, 0), hash_numeric_extended(x, 3) from (values (0::numeric), (0.00), (1), (1.0), (10000), (-10000.5), (12345678901234567890.123456789), (0.0001), (1e-30), ('NaN'), ('inf')) v(x);
select hashchar('a'), hashchar('x'::"char"), hashname('pg_class'), hashbpchar('ab  '), hashbpchar('ab'), hashcharextended('a', 1), hashnameextended('pg_class', 1), hashbpcharextended('ab ', 1);
select hashinet('192.168.1.1'), hashinet('10.0.0.0/8'), hashinet('::1/64'), hashmacaddr('08:00:2b:01:02:03'), hashmacaddr8('08:00:2b:01:02:03:04:05'), hashinetextended('192.168.1.1', 2);
select hashoidvector('1 2 3'), hashoidvectorextended('1 2 3', 4);
select time_hash('10:00:00.5'), timetz_hash('10:00-03:30'), timestamp_hash('2020-01-01 10:00'), interval_hash('1 mon 2 days 03:04:05'), interval_hash('-1 year'), uuid_hash('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), pg_lsn_hash('16/B374D848');
select time_hash_extended('10:00:00.5', 1), timetz_hash_extended('10:00-03:30', 1), timestamp_hash_extended('2020-01-01 10:00', 1), interval_hash_extended('1 mon 2 days', 1), uuid_hash_extended('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1), pg_lsn_hash_extended('16/B374D848', 1);
select hash_array('{1,2,null}'::int[]), hash_array('{{1,2},{3,4}}'::int[]), hash_array('{}'::text[]), hash_array('{a,b}'::text[]), hash_array_extended('{1,2,null}'::int[], 9);
select hash_record(row(1, 'a'::text, null::int)), hash_record_extended(row(1, 'a'::text), 3);
select hash_range(int4range(1, 10)), hash_range('empty'::numrange), hash_range('(,5]'::numrange), hash_range_extended(int4range(1, 10), 1), hash_multirange('{[1,3),[5,9)}'::int4multirange), hash_multirange('{}'::nummultirange), hash_multirange_extended('{[1,3),[5,9)}'::int4multirange, 2);
select hash_array('{101}'::varbit[]);
select hash_array('{$1}'::money[]);
select hash_array_extended('{$1}'::money[], 0);

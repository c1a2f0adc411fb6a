-- to_char of numbers and to_number, in the corners of their templates
SELECT t, to_char(v, t) FROM (VALUES (100::numeric), (-2.5), (0), (12345.678), ('NaN'), ('Infinity'), ('-Infinity'), (0.00001234), (9.99999)) n(v),
  (VALUES ('999.'), ('FM999.'), ('9.99EEEE'), ('9EEEE'), ('999999.99'), ('S999999.99'), ('999999.99S'), ('999999.99MI'), ('FM9999.99PR'), ('9999.99PR'),
  ('SG99999'), ('PL99999'), ('0009.990'), ('FM0009.990'), ('99th'), ('99TH'), ('99V99'), ('9,999,999.9'), ('9G999D99'), ('L999'), ('B999')) f(t) ORDER BY 1, v;
SELECT t, to_char(v, t) FROM (VALUES (100::float8), (-2.5), (-0), (12345.678), ('NaN'), ('Infinity'), ('-Infinity'), (1e300), (-1e-300), (123456789012345678), (2.5), (3.5)) n(v),
  (VALUES ('999.'), ('FM999.99'), ('9.99EEEE'), ('999'), ('SG9'), ('S999'), ('9999999999999999999.999'), ('999V99'), ('a'), ('FM9999.99PR')) f(t) ORDER BY 1, v;
SELECT t, to_char(v, t) FROM (VALUES (100::float4), (-2.5), (1234567), ('NaN'), ('Infinity'), (0.1)) n(v), (VALUES ('9999999.999'), ('9.99EEEE'), ('L9'), ('999PR')) f(t) ORDER BY 1, v;
SELECT to_char(-5, '999S'), to_char(5::bigint, '9.9EEEE'), to_char(-123456789, '9.99EEEE'), to_char(12, '"a\"b"99\"x\\'), to_char(1, '"open'), to_char(7, 'ä9ö');
SELECT to_char(1, 'EEEE9'), to_char(1, '9EEEE.');
SELECT to_char(1, '9EEEEEEEE');
SELECT to_char(1, 'FM9EEEE');
SELECT to_char(1, 'S9EEEE');
SELECT to_char(1, 'S9S');
SELECT to_char(1, '9.9.9');
SELECT to_char(1, '9V9.9');
SELECT to_char(1, 'SMI9');
SELECT to_char(1, 'PR9');
SELECT to_number('-34,338,492', '99G999G999');
SELECT to_number('<564646.654564>', '999999.999999PR'), to_number('0.00001-', '9.999999S'), to_number('5.01-', 'FM9.999999S'), to_number('5.01-', 'FM9.999999MI'),
  to_number('5 4 4 4 4 8 . 7 8', '9 9 9 9 9 9 . 9 9'), to_number('.01', 'FM9.99'), to_number('.0', '99999999.99999999'), to_number('0', '99.99'),
  to_number('.-01', 'S99.99'), to_number('.01-', '99.99S'), to_number(' . 0 1-', ' 9 9 . 9 9 S'), to_number('34,50', '999,99'), to_number('123,000', '999G'),
  to_number('123456', '999G999'), to_number('$1234.56', 'L9,999.99'), to_number('$12.34', 'L99D99'), to_number('1234.56', 'L9,999.99'), to_number('42nd', '99th'),
  to_number('123.456', '99999V99'), to_number('1st', '9TH'), to_number('x12y', '"x"99"y"'), to_number('12', ''), to_number('+5', 'SG9'), to_number('-5', 'PL9'), to_number('123.456', '999.9');
SELECT to_number('', '99');
SELECT to_number('abc', '999');
SELECT to_number('12345', '999');
SELECT to_number('1e5', '9EEEE');
SELECT to_number('IV', 'RN');
SELECT to_number('äö12', '"ab"99'), to_number('12ä', '99'), to_number('--5', '99');
SELECT to_char(485, 'RN'), to_char(485.4, 'FMrn'), to_char(4000, 'RN'), to_char(0, 'RN'), to_char(-1::float8, 'RN');
SELECT to_char('NaN'::numeric, 'RN');
SELECT to_char(99999999999, 'RN');
SELECT to_char(-2.5::float8, '999th'), to_char(2::float8, '999TH'), to_char(3.5::float8, '99.9th'), to_char('NaN'::numeric, '9.9 text'), to_char('Infinity'::float8, 'FM999999999.9 x'), to_char(5, '9.');
SELECT to_char('NaN'::float8, '999th');
SELECT to_char((-2147483648)::int4, 'V99'), to_char(-5, 'V99'), to_char(5, '9V9'), to_char(21474837, '999999999V999'), to_char(5::int8, '9V99'), to_char(12::int2, '99V9');
SELECT to_char(9223372036854775807, '9V9');

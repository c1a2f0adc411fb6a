-- every form of an interval's text
SELECT t, t::interval FROM (VALUES ('1 2:03'), ('1 day 2:03:04'), ('1-2'), ('-1-2 +3 -4:05:06'), ('1.5 weeks'), ('1.5 months'), ('1.5 years'), ('1 mon ago'), ('@ 1 minute'), ('-1 days +02:03'), ('5 m 6 s'),
  ('P1Y2M3DT4H5M6.7S'), ('P00021015T103020'), ('P0002-10-15T10:30:20'), ('P0002'), ('P0002-10'), ('P0002T1S'), ('PT10'), ('PT10:30'), ('PT103020'), ('P10.5e4Y'), ('P.1Y0M3DT4H5M6S'), ('P-1Y-2M'), ('P1W'), ('PT-0.5S'),
  ('-9223372036854775808 microseconds'), ('[]2'), ('1 millennium 1 century 1 decade'), ('2 millenniums'), ('1.'), ('+1.5'), ('1:20:05.5'), ('20:05.5'), ('- 5 days'), ('1.5 microseconds'), ('0.5 milliseconds'), ('2562047788:00:54.775807'),
  ('-2147483648 months -2147483648 days -9223372036854775808 us'), ('1,2:03'), ('1 2 days'), ('1 second 2 minutes')) v(t) WHERE t NOT IN ('1 2 days');
SET intervalstyle = sql_standard;
SELECT t, t::interval FROM (VALUES ('-1 2:03'), ('-1-2 3 4:05:06'), ('-1 +2:03'), ('-1 day 2:03'), ('-1.5')) v(t);
RESET intervalstyle;
SELECT interval '1 2' day to hour, interval '123 11' day to hour, interval '1 2' day to minute, interval '1 2:03' day to second, interval '1:2' minute to second, interval '1:2' hour to minute, interval '5' year, interval '5' month, interval '5' minute, interval '5.6' day;
SELECT '2147483647 years'::text::interval;
SELECT '2147483648 days'::text::interval;
SELECT '5.5 seconds 3 milliseconds'::text::interval;
SELECT '1:20:05 5 microseconds'::text::interval;
SELECT '1 day 1 day'::text::interval;
SELECT '1 2 3'::text::interval;
SELECT 'P2147483648'::text::interval;
SELECT 'P1-2147483647-2147483647'::text::interval;
SELECT 'PT2562047789'::text::interval;
SELECT 'PT2562047788.1:00:54.775807'::text::interval;
SELECT '2562047788.1:0:54.775807'::text::interval;
SELECT '-2147483648 days ago'::text::interval;
SELECT '1 foo'::text::interval;
SELECT 'foo'::text::interval;
SELECT '1-13'::text::interval;
SELECT '12:60'::text::interval;
SELECT 'p1y'::text::interval;
SELECT 'P1YT'::text::interval, 'P'::text::interval;
SELECT ''::text::interval;
SELECT 'infinity'::text::interval;
SELECT '1 month 2146410 days'::interval * 1000.5002;
SELECT make_interval(secs := 'inf');
SELECT make_interval(years := 178956971);
SELECT make_interval(secs := 1e308);
SELECT date_bin('15 minutes', timestamp '294276-12-30', timestamp '4000-12-20 BC');
SELECT date_bin('200000000 days', '2024-02-01'::timestamp, '2024-01-01'::timestamp);
SELECT date_bin('365000 days', '4400-01-01 BC'::timestamptz, '4000-01-01 BC'::timestamptz);
SELECT date_bin('15 minutes', timestamp '2020-01-01 00:14', timestamp '2021-01-01');

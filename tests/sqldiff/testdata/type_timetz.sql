-- time with time zone: input, output, operators, zones, fields, keys.
set timezone = 'America/New_York';
create table tz (f1 time with time zone primary key, f2 timetz(2));
insert into tz values ('00:01 PDT', '00:01:02.345 PDT'), ('01:00 PDT', null), ('02:03 PDT', '1:1:1.999+02'), ('07:07 PST', '23:59:59.999 EDT'), ('08:08 EDT', '24:00+00'),
  ('11:59 PDT', '00:00'), ('12:00 PDT', null), ('12:01 PDT', null), ('23:59 PDT', null), ('11:59:59.99 PM PDT', null);
insert into tz values ('2003-03-07 15:36:39 America/New_York'), ('2003-07-07 15:36:39 America/New_York');
insert into tz values ('15:36:39 America/New_York');
insert into tz values ('15:36:39 m2');
insert into tz values ('15:36:39 MSK m2');
insert into tz values ('01:00 PDT');
select * from tz order by f1;
select * from tz order by f2 nulls first, f1;
\d tz
select f1 from tz where f1 < '05:06:07-07' order by f1;
select f1 from tz where f1 >= '05:06:07-07' order by f1 desc;
select '23:59:59.999999 PDT'::timetz, '23:59:59.9999999 PDT'::timetz, '23:59:60 PDT'::timetz, '24:00:00 PDT'::timetz;
select '24:00:00.01 PDT'::timetz;
select '23:59:60.01 PDT'::timetz;
select '24:01:00 PDT'::timetz;
select '25:00:00 PDT'::timetz;
select f1 + time '00:01' as x from tz order by f1;
select f1 + interval '1 day 1 hour' as a, f1 - interval '3 hours' as b, interval '90 min' + f1 as c from tz order by f1;
select f1 - f1 from tz;
select date '2020-07-01' + f1, f1 + date '2020-07-01' from tz order by f1 limit 3;
select timestamptz '2020-01-01 00:00+00' at time zone '+05:30', timestamptz '2020-01-01 00:00+00' at time zone '-3', timestamp '2020-01-01 00:00' at time zone '5';
select make_timestamptz(2020,1,1,0,0,0,'+3'), make_timestamptz(2020,1,1,0,0,0,'-3:30');
select make_timestamptz(2020,1,1,0,0,0,'5');
select make_timestamptz(2020,1,1,0,0,0,'+29');
select date 'infinity' + '1:00 PDT'::timetz, '1:00 PDT'::timetz + date '-infinity';
select f1 at time zone 'UTC', f1 at time zone interval '-07:30', f1 at time zone 'PST', f1 at time zone '+05:30' from tz order by f1 limit 4;
select f1 at time zone interval '1 mon' from tz limit 1;
select f1 at time zone 'nowhere' from tz limit 1;
select extract(microsecond from t), extract(millisecond from t), extract(second from t), extract(minute from t), extract(hour from t), extract(timezone from t),
  extract(timezone_hour from t), extract(timezone_minute from t), extract(epoch from t), date_part('second', t), date_part('epoch', t), date_part('timezone', t)
  from (select '13:30:25.575401-04:30'::timetz) x(t);
select extract(day from '4:00 PDT'::timetz);
select extract(fortnight from '4:00 PDT'::timetz);
select date_part('year', '4:00 PDT'::timetz);
select '4:00 UTC'::timetz, '4:00 GMT'::timetz, '4:00 zulu'::timetz, 'allballs'::timetz, '4:00 Etc/UTC'::timetz, '040506.789-08'::timetz, '04:05 -8'::timetz, '4:05:06 PM +05:30'::timetz;
select 'today'::timetz;
select 'infinity'::timetz;
select ''::timetz;
select '4:00 America/New_York'::timetz;
select '4:00 EST5EDT'::timetz;
select '1:00+16:00'::timetz;
select '1:00+15:59:59'::timetz, '1:00-15:59'::timetz;
select '1:00+01'::timetz = '0:00+00'::timetz, '1:00+01'::timetz > '0:00+00'::timetz, '1:00+01'::timetz < '0:00+00'::timetz, '2:00+01'::timetz > '0:00+00'::timetz;
select t from (values ('1:00+01'::timetz), ('0:00+00'), ('23:00-01'), ('2:00+02'), ('00:00+14'), ('24:00-12')) v(t) order by t;
select min(f1), max(f1), count(distinct f1) from tz;
select '2020-07-01 12:00:00-04'::timestamptz::timetz, '2020-01-01 12:00:00.5-04'::timestamptz::timetz(0), '12:00 PDT'::timetz::time, 'infinity'::timestamptz::timetz;
select '10:00'::time::timetz = '10:00'::timetz, '12:00:00.567 PDT'::timetz(1), '12:00 PDT'::timetz::text, '12:00 PDT'::text::timetz;
select '12:00 PDT'::timetz::timestamptz;
select ('1:00 PDT'::timetz, '3:00 PDT'::timetz) overlaps ('2:00 PDT'::timetz, '4:00 PDT'::timetz), ('1:00 PDT'::timetz, '3:00 PDT'::timetz) overlaps ('3:00 PDT'::timetz, '4:00 PDT'::timetz);
select current_time = now()::timetz, pg_typeof(current_time), pg_typeof(current_time(2)), current_time(0) = now()::timetz(0), localtime = current_time::time;
select array['1:00 PDT'::timetz, '2:00+02'], '{1:00 PDT,"2:00:00.123456 EST"}'::timetz(3)[];
select f1, count(*) over (order by f1 range between '1 hour' preceding and '30 min' following) from tz order by f1;
select f1, count(*) over (order by f1 range between '-1 hour' preceding and current row) from tz;
select '1:00 PDT'::time with time zone(3), cast('1:00:00.5' as timetz) is not null, pg_typeof(timetz '1:00');
select timetz(3) '1:00:00.123456-03', time with time zone '1:00-03';
create table tzz (a timetz(-1));
create table tza (a timestamp(-1));
create table tza (a timestamptz(-2));
create table tza (a time(-1));
create table tzz (a timetz(4), b time(3) with time zone[]);
\d tzz
copy (select * from tz order by f1) to stdout;
set datestyle = 'SQL';
select '1:02:03.5-03:30'::timetz;
select to_json('1:00-03'::timetz), row_to_json(r) from (select '1:00-03'::timetz as t) r;

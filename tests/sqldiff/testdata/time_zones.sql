-- zones by POSIX rules, by offsets, and by abbreviations whose meaning changed
SET timezone = 'UTC';
SELECT t, (t || ' MSK')::timestamptz, t::timestamp AT TIME ZONE 'MSK', (t || ' UTC')::timestamptz AT TIME ZONE 'MSK', (t || ' MSD')::timestamptz
  FROM (VALUES ('2011-03-27 01:59:59'), ('2011-03-27 02:00:00'), ('2011-03-27 03:00:00'), ('2014-10-26 00:59:59'), ('2014-10-26 01:00:01'), ('2014-10-26 02:00:01'), ('1900-01-01 00:00'), ('2030-06-01 00:00'), ('2012-06-01 00:00')) v(t);
SELECT make_timestamptz(2014, 10, 26, 0, 0, 0, 'MSK'), make_timestamptz(2014, 12, 10, 10, 10, 10, 'FOO8BAR'), make_timestamptz(2014, 7, 10, 10, 10, 10, 'PST8PDT,M3.2.0,M11.1.0');
SELECT z, timestamp '2020-07-01 12:00' AT TIME ZONE z, timestamptz '2020-01-01 12:00+00' AT TIME ZONE z FROM (VALUES ('+02'), ('-02:30'), ('utc+3'), ('<-01:30>+01:30'), ('CST7CDT,M4.1.0,M10.5.0'), ('EST5EDT4,M3.2.0/3,M11.1.0/1'), ('europe/berlin'), ('vet'), ('kost'), ('A1B'), ('america/new_york'), ('Etc/GMT-5')) v(z);
SELECT z, make_timestamptz(2020, 1, 1, 0, 0, 0, z) FROM (VALUES ('+1'), ('+1:'), ('+1:0'), ('+100'), ('+10:00:'), ('+10:00:1'), ('-0800')) v(z);
SELECT make_timestamptz(2020, 1, 1, 0, 0, 0, '+24');
SELECT timestamp '2020-07-01 12:00' AT TIME ZONE 'nowhere';
SELECT timestamp '2020-07-01 12:00' AT TIME ZONE 'XXX5YYY,M3';
SET timezone = 'CST7CDT,M4.1.0,M10.5.0';
SHOW timezone;
SELECT timestamp with time zone '2005-04-02 12:00-07' + interval '1 day', timestamp with time zone '2005-04-02 12:00-07' + interval '24 hours', timestamptz '2005-10-30 08:30+00', timestamptz '2005-07-01 00:00';
SET TIME ZONE -1.5;
SHOW timezone;
SELECT '2012-12-12 12:00'::timestamptz, '2012-12-12 12:00 America/New_York'::timestamptz, to_char('2012-12-12 12:00'::timestamptz, 'YYYY-MM-DD HH:MI:SS TZ TZH:TZM OF');
SET TIME ZONE 10.5;
SELECT to_json(timestamptz '2014-05-28 12:22:35.614298-04');
SHOW timezone;
SET TIME ZONE 0;
SHOW timezone;
SET datestyle = 'Postgres, MDY';
SET timezone = 'foo5';
SELECT timestamptz '2020-01-01 00:00+00';
SHOW timezone;
SET timezone = 'nonsense';
SET TIME ZONE 200;

-- COPY with files of the server, and the binary format.
\! rm -f /tmp/sqldiff_copy_file
create table t (a int primary key, b text, c numeric, d timestamptz, e bytea, f int[], g jsonb, h bool, i float8, j uuid, k date);
insert into t values (1, 'one', 1.50, '2020-01-02 03:04:05+00', '\x00ff', '{1,2,null}', '{"a": 1}', true, 1.5, '00000000-0000-0000-0000-000000000001', '2020-02-29'),
  (2, null, null, null, null, null, null, null, null, null, null), (3, E'tab\tnl\nbs\\', -0.001, 'infinity', '', '{}', '[]', false, 'NaN', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '-infinity');
copy (select * from t order by a) to '/tmp/sqldiff_copy_file';
\! cat /tmp/sqldiff_copy_file
create table u (like t);
copy u from '/tmp/sqldiff_copy_file';
select * from u order by a;
truncate u;
copy (select * from t order by a) to '/tmp/sqldiff_copy_file' with (format csv, header, force_quote (b));
\! cat /tmp/sqldiff_copy_file
copy u from '/tmp/sqldiff_copy_file' with (format csv, header match);
select count(*) from u;
truncate u;
copy (select * from t order by a) to '/tmp/sqldiff_copy_file' with (format binary);
\! od -c /tmp/sqldiff_copy_file
copy u from '/tmp/sqldiff_copy_file' (format 'binary');
select * from u order by a;
truncate u;
copy binary u from '/tmp/sqldiff_copy_file' where a <> 2;
copy u (a, b) from '/tmp/sqldiff_copy_file' (format binary);
copy u from '/tmp/sqldiff_copy_file';
create table v (a text, b int, c numeric, d timestamptz, e bytea, f int[], g jsonb, h bool, i float8, j uuid, k date);
copy v from '/tmp/sqldiff_copy_file' (format binary);
create table w (a int8, b text, c numeric, d timestamptz, e bytea, f int[], g jsonb, h bool, i float8, j uuid, k date);
copy w from '/tmp/sqldiff_copy_file' (format binary);
copy t from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0' > /tmp/sqldiff_copy_file
copy u from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\1\0\0\0\0\0\0' > /tmp/sqldiff_copy_file
copy u from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\2\0\0\0\0\0\0' > /tmp/sqldiff_copy_file
copy u from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0' > /tmp/sqldiff_copy_file
copy u from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\7' > /tmp/sqldiff_copy_file
copy u from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\377\377x' > /tmp/sqldiff_copy_file
copy u from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1' > /tmp/sqldiff_copy_file
copy u (a) from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\5' > /tmp/sqldiff_copy_file
copy u (a) from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\5abcde' > /tmp/sqldiff_copy_file
copy u (a) from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4\0\0\0\7' > /tmp/sqldiff_copy_file
copy u (a) from '/tmp/sqldiff_copy_file' (format binary);
\! printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\377\377\377\376' > /tmp/sqldiff_copy_file
copy u (a) from '/tmp/sqldiff_copy_file' (format binary);
select a, b from u order by a;
copy t to stdout (format binary, delimiter ',');
copy t to stdout (format binary, null 'x');
copy t to stdout (format binary, header);
copy t to stdout (format binary, quote '"');
\! printf '1\tx\n2\n' > /tmp/sqldiff_copy_file
copy u (a, b) from '/tmp/sqldiff_copy_file';
\! printf '1\tx\nz\ty\n' > /tmp/sqldiff_copy_file
copy u (a, b) from '/tmp/sqldiff_copy_file';
copy t to 'relative/path';
copy t to '/nonexistent/dir/file';
copy t from '/nonexistent/dir/file';
copy t from '/tmp';
copy t to '/tmp';
copy (select 1 into temp x) to stdout;
create role copy_nobody;
select format('grant usage on schema %I to copy_nobody', current_schema) \gexec
grant all on t to copy_nobody;
set role copy_nobody;
copy t to '/tmp/sqldiff_copy_file';
copy t from '/tmp/sqldiff_copy_file';
reset role;
grant pg_write_server_files to copy_nobody;
set role copy_nobody;
copy (select 5) to '/tmp/sqldiff_copy_file';
copy t (a) from '/tmp/sqldiff_copy_file';
reset role;
grant pg_read_server_files to copy_nobody;
set role copy_nobody;
copy t (a) from '/tmp/sqldiff_copy_file';
reset role;
select a from t order by a;
drop owned by copy_nobody;
drop role copy_nobody;
\! rm -f /tmp/sqldiff_copy_file

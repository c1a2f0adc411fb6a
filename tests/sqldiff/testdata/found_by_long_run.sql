-- What a long run of the query generator found.
\set VERBOSITY verbose

-- The same subquery is the same sort key, whatever its WITH says of MATERIALIZED.
CREATE TABLE f (a int, b int);
INSERT INTO f VALUES (1, 2), (1, 3), (2, 2);
SELECT DISTINCT ON ((a IN (WITH w AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM w))) a, b FROM f
  ORDER BY (a IN (WITH w AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM w)), a, b;
SELECT DISTINCT ON ((a IN (WITH w AS NOT MATERIALIZED (SELECT 1 AS x) SELECT x FROM w))) a, b FROM f
  ORDER BY (a IN (WITH w AS NOT MATERIALIZED (SELECT 1 AS x) SELECT x FROM w)), a, b;
SELECT DISTINCT ON ((a IN (WITH w AS NOT MATERIALIZED (SELECT 1 AS x) SELECT x FROM w))) a, b FROM f
  ORDER BY (a IN (WITH w AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM w)), a, b;

-- Seconds that round to zero are in range.
SELECT make_time(2, 3, '-1e-300'::float8), make_time(24, 0, 1e-9), make_time(23, 59, 59.9999999);
SELECT make_timestamp(2024, 1, 1, 2, 3, '-1e-300'::float8);
SELECT make_time(2, 3, -0.000001);
SELECT make_time(24, 0, 0.000001);
SELECT make_time(2, 3, 'NaN'::float8);

-- The arguments of a strict function are computed though another is null, and the text of a bytea is among them.
SELECT NULL::macaddr > ((''::bytea)::text)::macaddr;
-- What an array's text is PostgreSQL does not know before it runs, so that it is left out.
SELECT (('{NaN}'::float8[])::text)::int2 / NULL::int4;

-- base64 and hex: white space, symbols and ends.
SELECT decode('äöü€', 'base64');
SELECT decode('aaä', 'base64');
SELECT decode('a', 'base64');
SELECT decode('aaa', 'base64');
SELECT decode('=', 'base64');
SELECT decode('aaaa=', 'base64');
SELECT decode('aa=a', 'base64'), decode('aa==aa==', 'base64'), decode(E'a\na =\t=\r', 'base64'), decode('aaa=aaaa', 'base64'), decode('aa=aaaaa', 'base64'), decode('', 'base64');
SELECT decode('aa==a', 'base64');
SELECT decode('abg', 'hex');
SELECT decode('abc', 'hex');
SELECT decode('abcä', 'hex');
SELECT decode('ab c d', 'hex');
SELECT decode(E' ab\n cd ', 'hex');
SELECT decode('a', 'no"where');
SELECT encode('a', 'no"where');

-- A comparison of rows is made when the query runs, a null row is nothing else than null.
CREATE TYPE p AS (x int, y text);
SELECT CASE WHEN (NULL::p, 3) < (NULL::p, 1) THEN (''::text)::json END;
SELECT CASE WHEN (NULL::p, 3) = (NULL::p, 1) THEN (''::text)::json END;
SELECT CASE WHEN (1, 3) > (2, (''::text)::int) THEN 1 END;
SELECT (1, 3) > (2, 5), (1, NULL) >= (1, 5), (2, NULL, 3) <= (3, 4, 5), NOT (1, 3) < (1, 4);
SELECT (greatest(NULL::p)).x || format('%s'::text);
SELECT greatest(NULL::p, NULL) IS NULL, (greatest(NULL::p, (1, 'a')::p)).y;
DROP TYPE p;
DROP TABLE f;
-- Where an item of DISTINCT ON begins.
CREATE TABLE f (a int, b int);
SELECT DISTINCT ON (a + b) a FROM f ORDER BY a, a + b;
SELECT DISTINCT ON ((a) + b, a) a + b, a, b FROM f ORDER BY b, a + b;
SELECT DISTINCT ON (c) a + b AS c FROM f ORDER BY a, a + b;
SELECT DISTINCT ON ((SELECT a)) a FROM f ORDER BY a;
DROP TABLE f;
-- Rows are compared up to the first column that is null.
CREATE TYPE mood AS ENUM ('sad');
SELECT (1, NULL::mood) <= (NULL::int, (''::text)::mood);
SELECT (NULL, 2) <= (1, (current_date::text)::int), (1, 2) <= (2, (current_date::text)::int);
SELECT (1, 2) <= (1, (current_date::text)::int);
SELECT a, b, (a, b) < (2, 1 / (a - 2)), (a, b) >= (1, 3) FROM (VALUES (NULL, 1), (1, 2), (1, 4), (3, NULL), (1, NULL)) v(a, b);
SELECT a, b FROM (VALUES (NULL, 1), (1, 2), (1, 4), (3, NULL), (1, NULL)) v(a, b) WHERE NOT (a, b, 3) <= (1, 3, 2);
DROP TYPE mood;

-- An escape character at the end of a pattern escapes nothing.
SELECT similar_to_escape('a', 'a'), similar_to_escape('', 'a'), similar_to_escape('aa', 'a'), similar_to_escape('aaa', 'a'), similar_to_escape('ä', 'ä'), similar_to_escape('a\'),
  similar_to_escape('[\]a\', '\');
SELECT substring('ab' SIMILAR 'ab\' ESCAPE '\'), substring('a' SIMILAR 'a' ESCAPE 'a'), 'a' SIMILAR TO 'a' ESCAPE 'a', '' SIMILAR TO 'a' ESCAPE 'a', 'a\' SIMILAR TO 'a\';
SELECT x, substring(x, x, 'a'::text) FROM (VALUES ('a'), ('b'), ('c')) v(x);

-- Rows of MERGE that cannot be written are not written again.
CREATE TABLE p (id int PRIMARY KEY, u text UNIQUE);
INSERT INTO p VALUES (2, 'b'), (4, 'd');
MERGE INTO p USING (VALUES (4), (8)) AS s(x) ON id = x WHEN MATCHED THEN UPDATE SET id = 7, u = 'b' WHEN NOT MATCHED THEN INSERT VALUES (11, 'x');
MERGE INTO p USING (VALUES (4), (8)) AS s(x) ON id = x WHEN MATCHED THEN UPDATE SET id = 7, u = 'e' WHEN NOT MATCHED THEN INSERT VALUES (11, 'b');
SELECT * FROM p ORDER BY id;
DROP TABLE p;

-- Regular expressions in expanded syntax, and with comments.
SELECT regexp_match('ab c', 'a b', 'x'), regexp_match('ab c', 'a b\ c', 'x'), regexp_match('ab c', E'a b # comment\n [ ]c', 'x'), regexp_match('a b', '(?x) a [ ] b');
SELECT regexp_replace('aaa b', ' a {2} ', '<\&>', 'xg'), regexp_replace('ab', 'a (?#comment) b', 'z', 'x'), regexp_replace('ab', 'a(?#comment)b', 'z'), regexp_replace('a (', 'a [ (?#] [(]', 'z', 'x');
SELECT regexp_match('a#b', 'a\#b', 'x'), regexp_match('ab', '(?: a ) b', 'x'), regexp_match('aa1', '(a)\1 1', 'x'), regexp_match('a]b', 'a [] ] b', 'x'), regexp_match('a b', 'a [[:space:] ] b', 'x');
SELECT regexp_match('ab', '( ?: a ) b', 'x');
SELECT regexp_match('aaab', 'a + b', 'x'), regexp_match('aab', E'a* # x\nb', 'x'), regexp_match('aa b', '(?x)a b'), regexp_match('aab', '***:(?x)a b'), regexp_match('a b', 'a b', 'xt'), regexp_match('a b', '(?t)a b', 'x');
SELECT regexp_match('aaab', 'a + ? b', 'x');
SELECT regexp_match('aaab', 'a+(?#x)? b', 'x');
SELECT regexp_match('a', 'a(?#b');
SELECT regexp_match('foo' || chr(10) || 'bar', 'o . b', 'x'), regexp_match('foo' || chr(10) || 'bar', '^ b', 'xn'), regexp_match('a', 'a#', 'x'), regexp_match('a', 'a # [', 'x'), regexp_like('A B', 'a \s b', 'xi'), regexp_count('a a', ' a ', 1, 'x'), regexp_split_to_array('a, b', ' , \s ', 'x');

-- The greatest of constant rows is a constant.
CREATE TYPE p AS (x int, y text);
SELECT (greatest('(,)'::p)).x || format('%s'::text);
SELECT (greatest('(1,b)'::p, '(1,a)', NULL)).y, least('(1,b)'::p, '(1,a)', NULL), greatest(NULL::p) IS NULL;
DROP TYPE p;

-- A strict function of a NULL computes what is constant of the other arguments, and no more.
select translate(null::text, ((''::text)::int4range)::text, ('0'::float8)::text);
select translate(null::text, (('x'::bytea)::text)::int::text, 'a');
select translate(null::text, (('0'::float8)::text)::int4range::text, 'a');
select ((('0'::float4)::text)::pg_lsn = (''::text)::pg_lsn);
select (('x'::text)::int = (('0'::float4)::text)::pg_lsn::text::int);
select ((('1'::float8)::text)::jsonb[] > array_prepend(jsonb_object('{}'::text[], '{a,b}'::text[]), '{}'::jsonb[]));

package querygen

// schema makes the objects that queries read, on both servers. Numerics have a scale and intervals are normalised, so
// that values of a column that are equal look the same.
const schema = `
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN posint AS int4 CHECK (VALUE > 0);
CREATE DOMAIN word AS text NOT NULL CHECK (VALUE <> '');
CREATE TYPE pair AS (x int4, y text);
CREATE TABLE t1 (id int4 PRIMARY KEY, a int2, b int4, c int8, n numeric(12,3), f float8, g float4, t text, v varchar(10), k char(4), o bool);
CREATE TABLE t2 (id int8 PRIMARY KEY, d date, tm time, ts timestamp, tz timestamptz, iv interval, u uuid, by bytea, j json, jb jsonb,
  n numeric(6,2), t text, b int4 REFERENCES t1);
CREATE TABLE t3 (id int4 PRIMARY KEY, ia int4[], ta text[], na numeric[], ne inet, e mood, dm posint, cp pair, t varchar(10), b int4, o bool);
CREATE TABLE t4 (id int4, b int4, t text);
CREATE INDEX ON t1 (b, t);
CREATE INDEX ON t2 (ts);
CREATE UNIQUE INDEX ON t3 (e, id);
INSERT INTO t1 VALUES
 (1, 1, 10, 100, 1.5, 1.5, 0.5, 'a', 'abc', 'ab', true), (2, 2, 20, 200, 2.25, -2.5, 1.25, 'b', 'b', 'b', false),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (4, 0, 0, 0, 0, 0, 0, '', '', '', true),
 (5, -1, -10, -100, -1.5, -1e10, -3, 'Hello World', 'hello', 'HE', false), (6, 32767, 2147483647, 9223372036854775807, 999999999.999, 1e300, 1e30, 'äöü€', 'äö', 'ä', true),
 (7, -32768, -2147483648, -9223372036854775808, -999999999.999, 'NaN', 'NaN', 'a', 'A', 'a  b', NULL),
 (8, 1, 10, 5, 1.5, 'Infinity', '-Infinity', 'a%b_c', 'abc', 'ab', true), (9, 3, 20, 7, 0.001, 0.25, 0.25, E'tab\there\nline', NULL, 'abcd', false),
 (10, NULL, 3, 100, 10, 1024, 64, '42', '42', '42', true), (11, 7, 3, 3, 100, 3.75, 2.5, 'b', 'z', 'z', false);
INSERT INTO t2 VALUES
 (1, '2024-02-29', '12:34:56', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56+02', '1 day', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x00ff', '{"a": 1, "b": [1,2]}', '{"a": 1, "b": [1, 2]}', 1.25, 'a', 1),
 (2, '1999-12-31', '00:00', '1999-12-31 23:59:59.999999', '1999-12-31 23:59:59Z', '1 mon 2 days 03:04:05', '00000000-0000-0000-0000-000000000000', '', '[]', '[]', -3, 'b', 2),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (4, 'infinity', '24:00', 'infinity', '-infinity', '-1 days', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'abc', 'null', 'null', 0, '', 1),
 (5, '0044-03-15 BC', '23:59:59.999999', '0044-03-15 12:00 BC', '2000-01-01', '178 years', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', '\xdeadbeef', '"x"', '"x"', 9999.99, 'Hello', 5),
 (6, '2000-01-01', '01:02:03.4', '2000-01-01', '2000-01-01 00:00:00+00', '00:00:00.000001', NULL, 'abc', '{"a": {"b": null}, "c": "d"}', '{"a": {"b": null}, "c": "d"}', 0.5, 'a', 10),
 (7, '2024-02-29', '12:34:56', '2024-02-29 00:00', '2024-03-31 01:30Z', '0', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x61', '1.5', '[1, "2", null, true, {"k": [3]}]', 1.25, NULL, NULL);
INSERT INTO t3 VALUES
 (1, '{1,2,3}', '{a,b}', '{1.5,2}', '192.168.1.1', 'sad', 1, '(1,a)', 'a', 10, true), (2, '{}', '{}', '{}', '10.0.0.0/8', 'ok', 2, '(2,)', 'b', 20, false),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (4, '{{1,2},{3,4}}', '{{a,b},{c,NULL}}', '{NULL}', '::1', 'happy', 2147483647, '(,)', '', 0, true),
 (5, '[0:2]={7,8,9}', '{"x y","","NULL",NULL}', '{1e10}', '2001:db8::/32', 'happy', 7, '(-1,"q ""r")', 'Hello', 10, NULL),
 (6, '{1,NULL,3}', '{a}', '{NaN,1}', '192.168.1.0/24', 'sad', 1, '(1,b)', 'a', 3, false);
`

// A Column is a column of a table or of a FROM item.
type Column struct {
	name string
	typ  Type
}

// tables are the tables of schema.
var tables = map[string][]Column{
	"t1": {{"id", "int4"}, {"a", "int2"}, {"b", "int4"}, {"c", "int8"}, {"n", "numeric"}, {"f", "float8"}, {"g", "float4"}, {"t", "text"}, {"v", "varchar"}, {"k", "bpchar"}, {"o", "bool"}},
	"t2": {{"id", "int8"}, {"d", "date"}, {"tm", "time"}, {"ts", "timestamp"}, {"tz", "timestamptz"}, {"iv", "interval"}, {"u", "uuid"}, {"by", "bytea"}, {"j", "json"}, {"jb", "jsonb"}, {"n", "numeric"}, {"t", "text"}, {"b", "int4"}},
	"t3": {{"id", "int4"}, {"ia", "int4[]"}, {"ta", "text[]"}, {"na", "numeric[]"}, {"ne", "inet"}, {"e", "mood"}, {"dm", "posint"}, {"cp", "pair"}, {"t", "varchar"}, {"b", "int4"}, {"o", "bool"}},
	"t4": {{"id", "int4"}, {"b", "int4"}, {"t", "text"}},
}

var tableNames = []string{"t1", "t2", "t3", "t1", "t2", "t3", "t4"}

// canonical are the types whose equal values look the same.
var canonical = map[Type]bool{"bool": true, "int2": true, "int4": true, "int8": true, "text": true, "varchar": true, "bytea": true, "date": true,
	"time": true, "timestamp": true, "timestamptz": true, "uuid": true, "mood": true, "posint": true, "int4[]": true, "text[]": true, "oid": true, "inet": true,
	"cidr": true, "macaddr": true, "int8[]": true}

// literals are the values that constants of a type take: ordinary ones first, then the edges.
var literals = map[Type][]string{
	"bool":           {"true", "false"},
	"int2":           {"1", "0", "2", "-1", "7", "32767", "-32768"},
	"int4":           {"1", "0", "2", "3", "-1", "5", "10", "100", "2147483647", "-2147483648"},
	"int8":           {"1", "0", "2", "-1", "10", "1000", "9223372036854775807", "-9223372036854775808"},
	"numeric":        {"1", "0", "1.5", "-2.50", "0.001", "100", "12345.678", "1e20", "-1e-10", "NaN", "Infinity", "-Infinity"},
	"float8":         {"1", "0", "1.5", "-2.5", "0.25", "1024", "1e300", "-1e-300", "NaN", "Infinity", "-Infinity", "-0"},
	"float4":         {"1", "0", "1.5", "-2.5", "0.25", "1e30", "NaN", "Infinity", "-Infinity"},
	"text":           {"a", "", "abc", "Hello World", "42", "%b%", "a_c", " x ", "äöü€", "1.5", "2024-02-29", "{1,2}", `\x41`, "NULL", "zzz,yyy", "12:30", "true"},
	"varchar":        {"a", "", "abc", "hello  ", "42"},
	"bpchar":         {"a", "", "ab  ", "xyz"},
	`"char"`:         {"a", "", "Z"},
	"name":           {"a", "t1", ""},
	"bytea":          {`\x61`, "", `\x00ff`, "abc", `\xdeadbeef00`},
	"date":           {"2024-02-29", "2000-01-01", "1970-01-01", "1999-12-31", "infinity", "-infinity", "0044-03-15 BC", "5874897-12-31"},
	"time":           {"12:34:56", "00:00", "23:59:59.999999", "24:00", "01:02:03.4"},
	"timetz":         {"12:34:56+02", "00:00Z", "23:59:59.999999-08", "24:00+14"},
	"timestamp":      {"2024-02-29 12:34:56", "2000-01-01", "1999-12-31 23:59:59.999999", "infinity", "-infinity", "0044-03-15 01:00 BC", "294276-12-31 23:59:59"},
	"timestamptz":    {"2024-02-29 12:34:56+02", "2000-01-01 00:00Z", "1999-12-31 23:59:59.999999-08", "infinity", "-infinity", "2024-03-31 01:30Z"},
	"interval":       {"1 day", "0", "1 mon 2 days 03:04:05.678", "-1 year", "100 years", "36:00", "-00:00:00.000001", "1 year -1 day", "178000000 years"},
	"uuid":           {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000", "{ffffffff-ffff-ffff-ffff-ffffffffffff}"},
	"json":           {`{"a": 1, "b": [1, 2]}`, "[]", "null", "1.50", `"x"`, `{"a":1,"a":{"b":2}}`, `[1,"2",null,true,{"k":[3]}]`},
	"jsonb":          {`{"a": 1, "b": [1, 2]}`, "[]", "null", "1.50", `"x"`, `{"b":1,"a":{"b":2}}`, `[1,"2",null,true,{"k":[3]}]`, "{}", "true"},
	"jsonpath":       {"$.a", "$", "$.b[*]", "strict $.a.b", "$[*] ? (@ > 1)", "$.a + 1", "$.*", "$[0 to 1]", "exists($.a)", "$.**", "$.a == 1", "$.size()"},
	"inet":           {"192.168.1.1", "10.0.0.0/8", "::1", "2001:db8::/32", "192.168.1.5/24", "0.0.0.0/0"},
	"cidr":           {"10.0.0.0/8", "192.168.1.0/24", "2001:db8::/32", "::1"},
	"macaddr":        {"08:00:2b:01:02:03", "00:00:00:00:00:00"},
	"macaddr8":       {"08:00:2b:01:02:03:04:05", "ff:ff:ff:ff:ff:ff:ff:ff"},
	"bit":            {"1", "0"},
	"varbit":         {"101", "", "1111000011110000"},
	"money":          {"1.50", "0", "-12345.67"},
	"oid":            {"1", "0", "23", "4294967295"},
	"pg_lsn":         {"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"},
	"int4[]":         {"{1,2,3}", "{}", "{{1,2},{3,4}}", "{NULL,1}", "[0:1]={5,6}", "{3,1,2}"},
	"int8[]":         {"{1,2,3}", "{}", "{9223372036854775807}", "{NULL}"},
	"text[]":         {"{a,b}", "{}", `{"x y",NULL,""}`, "{{a,b},{c,d}}", "{b}"},
	"numeric[]":      {"{1.5,2}", "{}", "{NULL,NaN}"},
	"float8[]":       {"{1.5,2}", "{0,0.5,1}", "{NaN}"},
	"jsonb[]":        {`{"1","[2]"}`, "{}"},
	"mood":           {"sad", "ok", "happy"},
	"posint":         {"1", "7", "2147483647"},
	"pair":           {"(1,a)", "(,)", `(-5,"q ""r")`, "(2,)"},
	"int4range":      {"[1,10)", "empty", "(,5]", "[3,3]"},
	"numrange":       {"[1.5,2.5]", "empty", "(,)"},
	"tsrange":        {"[2000-01-01,2024-01-01)", "empty"},
	"daterange":      {"[2000-01-01,2024-01-01)", "empty", "[2024-02-29,]"},
	"int8range":      {"[1,10)", "empty"},
	"int4multirange": {"{[1,3),[5,9)}", "{}"},
}

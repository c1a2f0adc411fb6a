package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// cancelWithin is how soon a statement has to end once its time is up. On a machine that does other work too, a goroutine
// waits longer than that for its turn: PGMQDB_CANCEL_MS allows for it.
const cancelWithin = 100 * time.Millisecond

// cancelAfter is when the time is up: long enough for each statement to be in the middle of what it is about.
const cancelAfter = 300 * time.Millisecond

// cancelCases run for many seconds each if nobody stops them. prepare is run first, undisturbed.
var cancelCases = []struct{ what, prepare, sql string }{
	{"sort", "", `select * from (select md5(i::text) as m from generate_series(1, 5000000) i) t order by m desc, m || 'x' limit 1 offset 4000000`},
	{"hash build", "", `select count(*) from generate_series(1, 3) a join (select i from generate_series(1, 20000000) i) b on a = b.i`},
	{"hash probe", "", `select count(*) from generate_series(1, 3000) a join generate_series(1, 3000) b on a % 2 = b % 2
		join generate_series(1, 3000) c on a % 2 = c % 2`},
	{"nested loop", "", `select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a + b < 0`},
	{"nested loop, lateral", "", `select count(*) from generate_series(1, 100000) a, lateral (select count(*) from generate_series(1, 1000) b where b > a) c`},
	{"full join by pairs", "", `select count(*) from generate_series(1, 30000) a left join generate_series(1, 300000) b on a < b - 1000000`},
	{"join of a table's keys", "", `select count(*) from busy a join busy b on a.n = b.n join busy c on b.n = c.n`},
	{"merge over groups", "", `select count(*) from (select id, n, lag(n) over (order by id) as l from busy a, generate_series(1, 300)) t where l > n`},
	{"recursive CTE", "", `with recursive t as (select 1 as n union all select n + 1 from t) select count(*) from t`},
	{"recursive CTE, distinct rows", "", `with recursive t as (select 1::bigint as n union select n + 1 from t) select count(*) from t`},
	{"recursive CTE, a long round", "", `with recursive t as (select i as n from generate_series(1, 3000) i union all
		select a.n from t a, t2 b, t2 c), t2 as (select i from generate_series(1, 3000) i) select count(*) from t`},
	{"window", "", `select sum(c) from (select count(*) over (order by i rows between 100000 preceding and 100000 following exclude current row) as c
		from generate_series(1, 400000) i) t`},
	{"window, min of a moving frame", "", `select sum(c) from (select min(-i) over (order by i rows between 50000 preceding and current row) as c
		from generate_series(1, 300000) i) t`},
	{"window, range frame", "", `select sum(c) from (select count(*) filter (where i > 5) over (order by i % 3 range between 1 preceding and 1 following
		exclude ties) as c from generate_series(1, 300000) i) t`},
	{"aggregate", "", `select i % 1000000, count(*), sum(i::numeric) from generate_series(1, 100000000) i group by 1`},
	{"aggregate, array_agg", "", `select length(array_agg(i)::text) from generate_series(1, 3000000) i`},
	{"aggregate, ordered", "", `select string_agg(md5(i::text), ',' order by md5(i::text) desc) from generate_series(1, 5000000) i`},
	{"aggregate, distinct", "", `select count(distinct md5(i::text)) from generate_series(1, 50000000) i`},
	{"percentile", "", `select percentile_cont(0.5) within group (order by i % 999983) from generate_series(1, 20000000) i`},
	{"DISTINCT", "", `select count(*) from (select distinct md5(i::text) from generate_series(1, 50000000) i) t`},
	{"UNION", "", `select count(*) from (select i from generate_series(1, 30000000) i union select -i from generate_series(1, 30000000) i) t`},
	{"EXCEPT", "", `select count(*) from (select i from generate_series(1, 30000000) i except select -i from generate_series(1, 30000000) i) t`},
	{"generate_series", "", `select count(*) from generate_series(1, 1000000000000)`},
	{"generate_series, numeric", "", `select count(*) from generate_series(1::numeric, 1000000000)`},
	{"generate_series, timestamps", "", `select count(*) from generate_series(timestamp '0001-01-01', '290000-01-01', '1 second')`},
	{"generate_series in the select list", "", `select count(*) from (select generate_series(1, 1000000000000)) t`},
	{"a filter that nothing passes", "", `select i from generate_series(1, 1000000000) i where i < 0`},
	{"OFFSET", "", `select i from generate_series(1, 1000000000) i offset 999999999`},
	{"correlated subquery", "", `select count(*) from generate_series(1, 1000000) a where a > (select count(*) from generate_series(1, 3000) b where b % 7 <> a)`},
	{"subquery ALL", "", `select count(*) from generate_series(1, 1000000) a where a <> all (select b * 2 + 2000000 from generate_series(1, 1000) b where b > a - 1000000)`},
	{"regexp", "", `select repeat('a', 2000) || 'b' ~ '^(a*)*(a*)*(a*)*\1c$'`},
	{"regexp with many steps", "", `select count(*) from generate_series(1, 1000000) i where repeat('ab', 5000) ~ ('(a|b)*c' || i)`},
	{"regexp_replace", "", `select length(regexp_replace(repeat('ab', 5000000), '(a)(b)', '\2\1', 'g'))`},
	{"regexp_split_to_table", "", `select count(*) from regexp_split_to_table(repeat('a,', 10000000), ',')`},
	{"regexp_matches", "", `select count(*) from regexp_matches(repeat('ab', 10000000), 'b', 'g')`},
	{"LIKE", "", `select count(*) from generate_series(1, 10000000) i where repeat('a', 20000 + i) like '%a%a%a%a%a%b'`},
	{"repeat", "", `select sum(length(md5(repeat('x', 1000000 + i)))) from generate_series(1, 100000) i`},
	{"replace", "", `select sum(length(replace(repeat('ab', 200000), 'a', i::text) || i)) from generate_series(1, 100000) i`},
	{"translate", "", `select sum(length(translate(repeat('ab', 200000), 'ab', 'b' || i) || i)) from generate_series(1, 100000) i`},
	{"upper", "", `select sum(length(upper(repeat('ab', 200000) || i))) from generate_series(1, 100000) i`},
	{"string_to_array", "", `select count(cardinality(string_to_array(repeat('a,', 200000) || i, ','))) from generate_series(1, 10000) i`},
	{"split_part", "", `select count(split_part(repeat('a,', 200000) || i, ',', 150000)) from generate_series(1, 100000) i`},
	{"lpad", "", `select sum(length(lpad('x', 500000, 'abc') || i)) from generate_series(1, 100000) i`},
	{"sha512", "", `select count(sha512(convert_to(repeat('x', 1000000) || i, 'UTF8'))) from generate_series(1, 10000) i`},
	{"encode", "", `select sum(length(encode(decode(repeat('ab', 200000 + i), 'hex'), 'base64'))) from generate_series(1, 100000) i`},
	{"factorial", "", `select factorial(30000) > 0, factorial(31000) > 0, factorial(32000) > 0`},
	{"numeric power", "", `select length((1.000000000000000000000000000001::numeric(1000, 900) ^ 123456.789)::text)`},
	{"numeric product", "", `select length((a.x * a.x * a.x * a.x)::text) from (select (repeat('123456789', 14000))::numeric as x) a`},
	{"numeric division", "", `select length(((repeat('9', 120000))::numeric % (repeat('7', 60000) || '3')::numeric)::text)`},
	{"numeric exponential", "", `select count(*) from generate_series(1, 100000) i where exp(5000 + i / 1000000.0) < 0`},
	{"numeric logarithm", "", `select count(*) from generate_series(1, 1000000) i where ln((i::numeric) ^ 50) < 0`},
	{"numeric square root", "", `select sqrt((repeat('7', 100000))::numeric) > 0`},
	{"gcd", "", `select count(*) from generate_series(1, 10000) i where gcd((repeat('7', 20000) || i)::numeric, (repeat('3', 19999) || i)::numeric) < 0`},
	{"jsonpath", `create table doc as select jsonb_agg(i) as j from generate_series(1, 100000) i`,
		`select count(*) from doc, generate_series(1, 100), jsonb_path_query(j, '$[*] ? (@ > 5 && exists (@ ? (@ < 100000000))).double()')`},
	{"jsonpath, nested loops", "", `select jsonb_path_exists(j, '$[*] ? (@ == $x[*] && @ < 0)', jsonb_build_object('x', j)) from doc`},
	{"json text", "", `select count(*) from doc, generate_series(1, 10000) i where length((j::text || ' ')::jsonb::text) = i`},
	{"jsonb_agg", "", `select length(jsonb_agg(jsonb_build_object('a', i, 'b', md5(i::text)))::text) from generate_series(1, 5000000) i`},
	{"jsonb elements", "", `select count(*) from doc, generate_series(1, 10000) i, jsonb_array_elements(j) e where e::int = -i`},
	{"array overlap", "", `select count(*) from (select array_agg(i) as a, array_agg(-i) as b from generate_series(1, 30000) i) t, generate_series(1, 100) where a && b`},
	{"array position", "", `select count(*) from (select array_agg(i) as a from generate_series(1, 1000000) i) t, generate_series(1, 100000) k where array_position(a, -k) > 0`},
	{"unnest", "", `select count(*) from (select array_agg(i) as a from generate_series(1, 1000000) i) t, generate_series(1, 10000), unnest(a)`},
	{"IN list", "", `select count(*) from generate_series(1, 100000000) i where i = any (array[-1, -2, -3])`},
	{"scan of a table", "", `select count(*) from busy a, generate_series(1, 100000) where a.n < 0`},
	{"scans of a table by key", "", `select count(*) from generate_series(1, 10000000) i where exists (select from busy where id = i + 10000000)`},
	{"lookups", "", `select count(*) from (select i, i % 200000 as k from generate_series(1, 100000000) i limit 100000000) t left join lateral
		(select n from busy where id = k) b on true`},
	{"COPY TO", "", `copy (select md5(i::text) from generate_series(1, 1000000000) i) to '/dev/null'`},
	{"INSERT", "", `insert into busy select -i, i from generate_series(1, 100000000) i`},
	{"UPDATE", "", `update busy set n = n + 1 where exists (select from generate_series(1, 100) i where i + busy.id > 0)`},
	{"DELETE with CASCADE", `create table sire (id int primary key); create table son (id int primary key, sire int references sire on delete cascade);
		create table grandson (id int primary key, son int references son on delete cascade);
		create index on son (sire); create index on grandson (son);
		insert into sire select 1; insert into son select i, 1 from generate_series(1, 60000) i;
		insert into grandson select i, i % 60000 + 1 from generate_series(1, 120000) i`, `delete from sire`},
	{"CREATE INDEX", "", `create index busy_lazy on busy ((md5(repeat(n::text, 3000))))`},
	{"ADD FOREIGN KEY", `create table far (id int primary key); insert into far select i from generate_series(1, 400000) i;
		create table near as select i as id, i as far from generate_series(1, 400000) i`,
		`alter table near add constraint near_far foreign key (far) references far`},
	{"ADD CHECK", "", `alter table busy add constraint busy_check check (length(md5(repeat(n::text, 3000))) > 0)`},
	{"ALTER TYPE", "", `alter table busy alter n type bigint using n + length(md5(repeat(n::text, 3000)))`},
	{"ANALYZE", `create table wide as select i, repeat(md5(i::text), 20) as t from generate_series(1, 100000) i`, `analyze wide; analyze wide; analyze wide; analyze wide; analyze wide`},
	{"CREATE TABLE AS", "", `create table no as select i, md5(i::text) from generate_series(1, 100000000) i`},
	{"plain function", "", `select pg_sleep(60)`},
	{"DO", "", `select count(*) from generate_series(1, 1000000000) i, lateral (select i + 1) x where i < 0`},
}

// TestStatementsEndWhenTheirTimeIsUp: whatever a statement is in the middle of, statement_timeout and a cancel request end it
// within cancelWithin.
func TestStatementsEndWhenTheirTimeIsUp(t *testing.T) {
	s, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	ctx, done := context.WithTimeout(context.Background(), 10*time.Minute)
	defer done()
	within := cancelWithin
	if ms := os.Getenv("PGMQDB_CANCEL_MS"); ms != "" {
		var n int
		if _, err := fmt.Sscan(ms, &n); err != nil {
			t.Fatal(err)
		}
		within = time.Duration(n) * time.Millisecond
	}
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	setup := func(sql string) {
		t.Helper()
		if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	setup(`create table busy (id int primary key, n int); insert into busy select i, i % 1000 from generate_series(1, 200000) i; analyze busy`)
	for _, k := range cancelCases {
		t.Run(k.what, func(t *testing.T) {
			setup("set statement_timeout = 0")
			setup("set work_mem = '64MB'; " + k.prepare)
			setup(fmt.Sprintf("set statement_timeout = %d", cancelAfter.Milliseconds()))
			start := time.Now()
			_, err := c.PgConn().Exec(ctx, k.sql).ReadAll()
			took := time.Since(start)
			var pe *pgconn.PgError
			switch {
			case err == nil:
				t.Skipf("it took %v only", took)
			case !errors.As(err, &pe) || pe.Code != "57014":
				t.Fatalf("%v", err)
			case took > cancelAfter+within:
				t.Errorf("it ended %v after its time was up", took-cancelAfter)
			}
			if !strings.Contains(pe.Message, "statement timeout") {
				t.Errorf("it says %q", pe.Message)
			}
		})
	}
}

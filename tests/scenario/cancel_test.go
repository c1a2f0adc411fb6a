package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
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

// cancelCase is a statement that runs for many seconds if nobody stops it. prepare is run first, undisturbed.
type cancelCase struct{ what, prepare, sql string }

// cancelCases are statements that are busy in loops of different kinds.
var cancelCases = []cancelCase{
	{"sort", "", `select * from (select md5(i::text) as m from generate_series(1, 5000000) i) t order by m desc, m || 'x' limit 1 offset 4000000`},
	{"hash build", "", `select count(*) from (select md5(i::text) as m from generate_series(1, 20000000) i) a
		join (select md5(i::text) as m from generate_series(1, 20000000) i) b using (m)`},
	{"nested loop", "", `select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a + b < 0`},
	{"join of a table's keys", "", `select count(*) from busy a join busy b on a.n = b.n join busy c on b.n = c.n`},
	{"recursive CTE", "", `with recursive t as (select 1 as n union all select n + 1 from t) select count(*) from t`},
	{"window", "", `select sum(c) from (select count(*) over (order by i rows between 100000 preceding and 100000 following exclude current row) as c
		from generate_series(1, 400000) i) t`},
	{"window, min of a moving frame", "", `select sum(c) from (select min(-i) over (order by i rows between 50000 preceding and current row) as c
		from generate_series(1, 20000000) i) t`},
	{"aggregate", "", `select i % 1000000, count(*), sum(i::numeric) from generate_series(1, 100000000) i group by 1`},
	{"aggregate, array_agg", "", `select length(array_agg(i)::text) from generate_series(1, 100000000) i`},
	{"aggregate, ordered", "", `select string_agg(md5(i::text), ',' order by md5(i::text) desc) from generate_series(1, 5000000) i`},
	{"percentile", "", `select percentile_cont(0.5) within group (order by i % 999983) from generate_series(1, 20000000) i`},
	{"DISTINCT", "", `select count(*) from (select distinct md5(i::text) from generate_series(1, 50000000) i) t`},
	{"generate_series", "", `select count(*) from generate_series(1, 1000000000000)`},
	{"a filter that nothing passes", "", `select i from generate_series(1, 1000000000) i where i < 0`},
	{"correlated subquery", "", `select count(*) from generate_series(1, 1000000) a where a > (select count(*) from generate_series(1, 3000) b where b % 7 <> a)`},
	{"regexp", "", `select repeat('a', 2000) || 'b' ~ '^(a*)*(a*)*(a*)*\1c$'`},
	{"regexp with many steps", "", `select count(*) from generate_series(1, 1000000) i where repeat('ab', 5000) ~ ('(a|b)*c' || i)`},
	{"regexp_split_to_table", "", `select count(*) from regexp_split_to_table(repeat('a,', 10000000), ',')`},
	{"LIKE", "", `select count(*) from generate_series(1, 10000000) i where repeat('a', 20000 + i) like '%a%a%a%a%a%b'`},
	{"repeat", "", `select sum(length(md5(repeat('x', 1000000 + i)))) from generate_series(1, 100000) i`},
	{"string_to_array", "", `select count(cardinality(string_to_array(repeat('a,', 200000) || i, ','))) from generate_series(1, 10000) i`},
	{"split_part", "", `select count(split_part(repeat('a,', 200000) || i, ',', 150000)) from generate_series(1, 100000) i`},
	{"sha512", "", `select count(sha512(convert_to(repeat('x', 1000000) || i, 'UTF8'))) from generate_series(1, 10000) i`},
	{"factorial", "", `select count(*) from generate_series(1, 1000) i where factorial(30000 + i) < 0`},
	{"numeric product", "", `select count(*) from generate_series(1, 1000000) i where (repeat('123456789', 7000) || i)::numeric * (repeat('987654321', 7000) || i)::numeric < 0`},
	{"numeric division", "", `select count(*) from generate_series(1, 1000000) i where (repeat('9', 120000) || i)::numeric % (repeat('7', 60000) || i)::numeric < 0`},
	{"gcd", "", `select count(*) from generate_series(1, 10000) i where gcd((repeat('7', 20000) || i)::numeric, (repeat('3', 19999) || i)::numeric) < 0`},
	{"jsonpath", "", `select count(*) from doc, generate_series(1, 100), jsonb_path_query(j, '$[*] ? (@ > 5 && exists (@ ? (@ < 100000000))).double()')`},
	{"json text", "", `select count(*) from (select jsonb_agg(i) as j from generate_series(1, 20000) i) t, generate_series(1, 100000) i
		where length((j::text || repeat(' ', i % 9))::jsonb::text) = i`},
	{"jsonb elements", "", `select count(*) from doc, generate_series(1, 10000) i, jsonb_array_elements(j) e where e::int = -i`},
	{"array overlap", "", `select count(*) from (select array_agg(i) as a, array_agg(-i) as b from generate_series(1, 30000) i) t, generate_series(1, 100000) k where (a || k) && b`},
	{"scan of a table", "", `select sum(c) from generate_series(1, 100000) k, lateral (select count(*) as c from busy where n + k < 0) b`},
	{"scans of a table by key", "", `select sum(c) from generate_series(1, 100000000) i, lateral (select count(*) as c from busy where id between i % 1000 and i % 1000 + 20) b`},
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
	{"ADD CHECK", "", `alter table busy add constraint busy_check check (length(md5(repeat(n::text, 3000))) > 0)`},
	{"CREATE TABLE AS", "", `create table no as select i, md5(i::text) from generate_series(1, 100000000) i`},
	{"plain function", "", `select pg_sleep(60)`},
}

// cancelVariations vary the themes of cancelCases: they run with PGMQDB_LONG only.
var cancelVariations = []cancelCase{
	{"hash probe", "", `select count(*) from generate_series(1, 3000) a join generate_series(1, 3000) b on a % 2 = b % 2
		join generate_series(1, 3000) c on a % 2 = c % 2`},
	{"nested loop, lateral", "", `select count(*) from generate_series(1, 100000) a, lateral (select count(*) from generate_series(1, 1000) b where b > a) c`},
	{"full join by pairs", "", `select count(*) from generate_series(1, 30000) a left join generate_series(1, 300000) b on a < b - 1000000`},
	{"recursive CTE, distinct rows", "", `with recursive t as (select 1::bigint as n union select n + 1 from t) select count(*) from t`},
	{"recursive CTE, a long round", "", `with recursive t as (select i as n from generate_series(1, 3000) i union all
		select a.n from t a, t2 b, t2 c), t2 as (select i from generate_series(1, 3000) i) select count(*) from t`},
	{"window, range frame", "", `select sum(c) from (select count(*) filter (where i > 5) over (order by i % 3 range between 1 preceding and 1 following
		exclude ties) as c from generate_series(1, 300000) i) t`},
	{"aggregate, distinct", "", `select count(distinct md5(i::text)) from generate_series(1, 50000000) i`},
	{"EXCEPT", "", `select count(*) from (select i from generate_series(1, 30000000) i except select -i from generate_series(1, 30000000) i) t`},
	{"generate_series, numeric", "", `select count(*) from generate_series(1::numeric, 1000000000)`},
	{"generate_series, timestamps", "", `select count(*) from generate_series(timestamp '0001-01-01', '290000-01-01', '1 second')`},
	{"generate_series in the select list", "", `select count(*) from (select generate_series(1, 1000000000000)) t`},
	{"OFFSET", "", `select i from generate_series(1, 1000000000) i offset 999999999`},
	{"subquery ALL", "", `select count(*) from generate_series(1, 1000000) a where a <> all (select b * 2 + 2000000 from generate_series(1, 1000) b where b > a - 1000000)`},
	{"regexp_replace", "", `select length(regexp_replace(repeat('ab', 5000000), '(a)(b)', '\2\1', 'g'))`},
	{"regexp_matches", "", `select count(*) from regexp_matches(repeat('ab', 10000000), 'b', 'g')`},
	{"replace", "", `select sum(length(replace(repeat('ab', 200000), 'a', i::text) || i)) from generate_series(1, 100000) i`},
	{"translate", "", `select sum(length(translate(repeat('ab', 200000), 'ab', 'b' || i) || i)) from generate_series(1, 100000) i`},
	{"upper", "", `select sum(length(upper(repeat('ab', 200000) || i))) from generate_series(1, 100000) i`},
	{"lpad", "", `select sum(length(lpad('x', 500000, 'abc') || i)) from generate_series(1, 100000) i`},
	{"encode", "", `select sum(length(encode(decode(repeat('ab', 200000 + i), 'hex'), 'base64'))) from generate_series(1, 100000) i`},
	{"numeric exponential", "", `select count(*) from generate_series(1, 100000) i where exp(5000 + i / 1000000.0) < 0`},
	{"numeric logarithm", "", `select count(*) from generate_series(1, 1000000) i where ln((i::numeric) ^ 50) < 0`},
	{"numeric square root", "", `select count(*) from generate_series(1, 1000000) i where sqrt((repeat('7', 100000) || i)::numeric) < 0`},
	{"numeric power", "", `select count(*) from generate_series(1, 1000000) i where (i + 1.000000001::numeric(1000, 900)) ^ 400.6789 < 0`},
	{"jsonb_agg", "", `select length(jsonb_agg(jsonb_build_object('a', i, 'b', md5(i::text)))::text) from generate_series(1, 5000000) i`},
	{"jsonpath, nested loops", "", `select jsonb_path_exists(j, '$[*] ? (@ == $x[*] && @ < 0)', jsonb_build_object('x', j)) from doc`},
	{"array position", "", `select count(*) from (select array_agg(i) as a from generate_series(1, 1000000) i) t, generate_series(1, 100000) k where array_position(a, -k) > 0`},
	{"unnest", "", `select count(*) from (select array_agg(i) as a from generate_series(1, 1000000) i) t, generate_series(1, 10000), unnest(a)`},
	{"IN list", "", `select count(*) from generate_series(1, 100000000) i where i = any (array[-1, -2, -3])`},
	{"ADD FOREIGN KEY", `create table far (id int primary key); insert into far select i from generate_series(1, 400000) i;
		create table near as select i as id, i as far from generate_series(1, 400000) i`,
		`alter table near add constraint near_far foreign key (far) references far`},
	{"ALTER TYPE", "", `alter table busy alter n type bigint using n + length(md5(repeat(n::text, 3000)))`},
	{"ANALYZE", `create table wide as select i, repeat(md5(i::text), 20) as t from generate_series(1, 100000) i`, `analyze wide; analyze wide; analyze wide; analyze wide; analyze wide`},
	{"merge over groups", "", `select count(*) from (select id, n, lag(n) over (order by id) as l from busy a, generate_series(1, 300)) t where l > n`},
	{"a filter over LATERAL", "", `select count(*) from generate_series(1, 1000000000) i, lateral (select i + 1) x where i < 0`},
	{"UNION", "", `select count(*) from (select i from generate_series(1, 30000000) i union select -i from generate_series(1, 30000000) i) t`},
}

// cancelRequests are the cases that a cancel request ends too.
var cancelRequests = []string{"sort", "nested loop", "aggregate, ordered", "regexp", "split_part", "scan of a table", "CREATE INDEX", "INSERT",
	"plain function"}

// cancelTries is how often a statement may try to end in time: a machine that is busy with other work makes a goroutine wait
// for its turn now and then, while a loop that does not look whether it is to end is late each time.
const cancelTries = 3

// canceller runs statements whose time is up in their middle.
type canceller struct {
	c      *pgx.Conn
	within time.Duration
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
	x := canceller{within: cancelWithin}
	if ms := os.Getenv("PGMQDB_CANCEL_MS"); ms != "" {
		n, err := strconv.Atoi(ms)
		if err != nil {
			t.Fatal(err)
		}
		x.within = time.Duration(n) * time.Millisecond
	}
	if x.c, err = pgx.Connect(ctx, s.URL()); err != nil {
		t.Fatal(err)
	}
	defer x.c.Close(context.Background())
	x.setup(ctx, t, `set work_mem = '64MB'`)
	x.setup(ctx, t, `create table busy (id int primary key, n int); insert into busy select i, i % 1000 from generate_series(1, 200000) i; analyze busy`)
	x.setup(ctx, t, `create table doc as select jsonb_agg(i) as j from generate_series(1, 100000) i`)
	cases := cancelCases
	if os.Getenv("PGMQDB_LONG") != "" {
		cases = slices.Concat(cases, cancelVariations)
	}
	for _, k := range cases {
		t.Run(k.what, func(t *testing.T) {
			x.setup(ctx, t, k.prepare)
			x.endsInTime(ctx, t, k.sql, "canceling statement due to statement timeout", x.timeOut)
			if slices.Contains(cancelRequests, k.what) {
				x.endsInTime(ctx, t, k.sql, "canceling statement due to user request", x.request)
			}
		})
	}
}

func (x *canceller) setup(ctx context.Context, t *testing.T, sql string) {
	t.Helper()
	if _, err := x.c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// endsInTime runs a statement by run, which returns how long it went on after its time was up, until it ends in time once.
func (x *canceller) endsInTime(ctx context.Context, t *testing.T, sql, message string, run func(context.Context, *testing.T, string) (time.Duration, error)) {
	t.Helper()
	var late []time.Duration
	for len(late) < cancelTries {
		took, err := run(ctx, t, sql)
		var pe *pgconn.PgError
		switch {
		case err == nil:
			t.Fatalf("it came to its own end, %v after its time was up", took)
		case !errors.As(err, &pe) || pe.Code != "57014" || pe.Message != message:
			t.Fatalf("it ended with %v, not with %q", err, message)
		case took <= x.within:
			return
		}
		late = append(late, took)
	}
	t.Errorf("%s: it ended %v after its time was up", message, late)
}

// timeOut has statement_timeout end a statement.
func (x *canceller) timeOut(ctx context.Context, t *testing.T, sql string) (time.Duration, error) {
	x.setup(ctx, t, fmt.Sprintf("set statement_timeout = %d", cancelAfter.Milliseconds()))
	start := time.Now()
	_, err := x.c.PgConn().Exec(ctx, sql).ReadAll()
	took := time.Since(start) - cancelAfter
	x.setup(ctx, t, "set statement_timeout = 0")
	return took, err
}

// request has a cancel request, by a connection of its own, end a statement.
func (x *canceller) request(ctx context.Context, t *testing.T, sql string) (time.Duration, error) {
	var sent time.Time
	failed := make(chan error, 1)
	go func() {
		time.Sleep(cancelAfter)
		sent = time.Now()
		failed <- x.c.PgConn().CancelRequest(ctx)
	}()
	_, err := x.c.PgConn().Exec(ctx, sql).ReadAll()
	ended := time.Now()
	if err := <-failed; err != nil {
		t.Fatalf("cancel request: %v", err)
	}
	return ended.Sub(sent), err
}

package querygen

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

var (
	seed       = flag.Uint64("seed", 1, "seed of the statements")
	first      = flag.Uint64("first", 0, "number of the first statement")
	count      = flag.Uint64("count", 0, "how many statements; 0: what the suite runs")
	onlyKind   = flag.String("kind", "", "only statements of this kind")
	oracleURL  = flag.String("oracle", "", "a running PostgreSQL 15 to use")
	subjectURL = flag.String("subject", "", "a running pgmqdb to use")
	verbose    = flag.Bool("details", false, "print what is unsupported, the errors, and each difference that a rule explains")
	printAll   = flag.Bool("print", false, "print every statement")
	most       = flag.Int("most", 10, "how many differences to shrink and report")
	span       = flag.Duration("for", 0, "stop after this time")
)

// session is what both servers are told: floats print the digits that both libraries of mathematics agree on.
const session = `SET extra_float_digits = 0; SET statement_timeout = '10s'; SET TimeZone = 'Europe/Berlin'; SET client_min_messages = 'error'; SET search_path = %s`

// connect opens a session whose tables are in a schema of this run's own.
func connect(t *testing.T, url, name string) *server {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), fmt.Sprintf(session, name)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return &server{PgConn: c, schema: name}
}

func prepare(t *testing.T) (oracle, subject *server) {
	t.Helper()
	dir, err := os.MkdirTemp("", "querygen")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if *oracleURL == "" {
		s, err := testenv.StartPostgres(dir, "fsync=off", "autovacuum=off")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Stop() })
		*oracleURL = s.URL()
	}
	if *subjectURL == "" {
		s, err := testenv.StartPgmqdb(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Kill)
		*subjectURL = s.URL()
	}
	name := fmt.Sprintf("q%d", time.Now().UnixNano())
	oracle, subject = connect(t, *oracleURL, name), connect(t, *subjectURL, name)
	for _, c := range []*server{oracle, subject} {
		if _, err := c.Exec(t.Context(), "CREATE SCHEMA "+name+";"+schema+modified).ReadAll(); err != nil {
			t.Fatal(err)
		}
		if err := c.learnTypes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return oracle, subject
}

func TestStatementsAnswerAsPostgreSQLDoes(t *testing.T) {
	n := *count
	if n == 0 {
		n = 1500
		if os.Getenv("PGMQDB_LONG") != "" {
			n = 100_000
		}
	}
	oracle, subject := prepare(t)
	start := time.Now()
	c, err := loadCatalog(t.Context(), oracle, subject)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d producers, %d unsupported, read in %v", len(c.all), len(c.unsupported), time.Since(start).Round(time.Millisecond))
	if *verbose {
		t.Log(strings.Join(c.unsupported, "\n"))
	}
	r := &report{T: t, statements: map[string]int{}, errors: map[string]int{}, failures: map[string]int{}, explained: map[string]int{}, unsupported: map[string]int{}}
	for i := *first; i < *first+n && (*span == 0 || time.Since(start) < *span); i++ {
		s := statement(c, *seed, i)
		if *onlyKind != "" && s.kind != *onlyKind {
			continue
		}
		if *printAll {
			t.Logf("%d %s: %s", i, s.kind, s.root)
		}
		if subject.IsClosed() {
			t.Fatalf("pgmqdb closed the connection after statement %d", i-1)
		}
		began, sql := time.Now(), s.root.String()
		r.compare(oracle, subject, i, s)
		if took := time.Since(began); *verbose && took > 500*time.Millisecond {
			t.Logf("%d took %v: %s", i, took, sql)
		}
		if r.found >= *most {
			break
		}
	}
	r.summary()
}

// A report counts what the statements came to.
type report struct {
	*testing.T
	found                                                int
	statements, errors, failures, explained, unsupported map[string]int
}

func (r *report) compare(oracle, subject *server, number uint64, s *Statement) {
	kind, detail, want, got, err := both(r.Context(), oracle, subject, s, s.root.String())
	if errors.Is(err, errTimeout) {
		r.explained[timeout]++
		r.Logf("PostgreSQL does not come to an end with statement %d: %s", number, s.root)
		again := connect(r.T, *oracleURL, oracle.schema)
		again.types, *oracle = oracle.types, *again
		return
	}
	if err != nil {
		r.found++
		r.Errorf("-seed %d -first %d -count 1 (%s): %v\n%s", *seed, number, s.kind, err, s.root)
		return
	}
	r.statements[s.kind]++
	if slices.ContainsFunc(want.steps, func(o *Outcome) bool { return o.failed != nil }) {
		r.errors[s.kind]++
	}
	if want.failed != nil {
		r.errors[s.kind]++
		r.failures[want.failed.Code+" "+want.failed.Message]++
	}
	if kind == "" {
		return
	}
	if why := explanation(s, kind, want, got); why != "" {
		r.explained[why]++
		if *verbose {
			r.Logf("%d explained by %s\n%s\n%s", number, why, s.root, detail)
		}
		if why == "unsupported" {
			r.unsupported[got.failed.Message]++
		}
		return
	}
	r.found++
	// What is left differs in the same way, with the same error.
	same := func(sql string) bool {
		k, _, w, g, err := both(r.Context(), oracle, subject, s, sql)
		return err == nil && k == kind && code(w) == code(want) && code(g) == code(got) && explanation(s, k, w, g) == ""
	}
	tried := shrink(s.root, same, 400)
	_, small, _, _, err := both(r.Context(), oracle, subject, s, s.root.String())
	if err == nil && small != "" {
		detail = small
	}
	r.Errorf("-seed %d -first %d -count 1 (%s, %s; shrunk in %d steps)\n%s\n%s", *seed, number, s.kind, kind, tried, s.root, detail)
}

// errTimeout: PostgreSQL is in a loop that does not heed its timeout.
var errTimeout = errors.New("PostgreSQL does not come to an end")

// both runs the text on both servers and compares.
func both(ctx context.Context, oracle, subject *server, s *Statement, sql string) (kind, detail string, want, got *Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	run, inOrder := run, s.inOrder
	if s.steps {
		run, inOrder = runSteps, true
	}
	want, err = run(ctx, oracle, sql)
	if err != nil && ctx.Err() != nil {
		return "", "", nil, nil, errTimeout
	}
	if err != nil {
		return "", "", nil, nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	if got, err = run(ctx, subject, sql); err != nil {
		return "", "", nil, nil, errors.Join(errors.New("pgmqdb"), err)
	}
	kind, detail = difference(want, got, inOrder)
	return kind, detail, want, got, nil
}

func (r *report) summary() {
	total := 0
	for _, k := range slices.Sorted(maps.Keys(r.statements)) {
		total += r.statements[k]
		r.Logf("%-12s %6d statements, %4.1f %% of them errors", k, r.statements[k], 100*float64(r.errors[k])/float64(r.statements[k]))
	}
	r.Logf("%d statements, %d differences; explained: %v", total, r.found, r.explained)
	for _, u := range rules {
		if n := r.explained[u.name]; float64(n) > 5+u.share*float64(total) {
			r.Errorf("%q explains %d differences, which is too many", u.name, n)
		}
	}
	if *verbose {
		for m, n := range r.failures {
			r.Logf("error %4d: %s", n, m)
		}
	}
	for m, n := range r.unsupported {
		r.Logf("unsupported %4d: %s", n, m)
	}
}

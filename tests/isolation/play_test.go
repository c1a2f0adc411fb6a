package isolation

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

const (
	caseLimit = time.Minute
	// stillWaits is how long PostgreSQL must be seen waiting, longer than its deadlock_timeout, and how long pgmqdb must
	// be without an answer where PostgreSQL waited.
	stillWaits = 120 * time.Millisecond
	// answerLimit bounds a step that should not wait.
	answerLimit = 20 * time.Second
)

// session is one connection and what it is doing.
type session struct {
	name string
	conn *pgconn.PgConn
	done chan string // the answer of the step under way; nil: idle
}

// waits decides whether the session's step under way has finished or waits for another session.
type waits interface {
	settle(ctx context.Context, control *pgconn.PgConn, s *session) (answer string, waiting bool)
}

// oracleWaits asks PostgreSQL's lock tables, and keeps what it found in order of asking.
type oracleWaits struct{ answers []bool }

func (o *oracleWaits) settle(ctx context.Context, control *pgconn.PgConn, s *session) (string, bool) {
	answer, waiting := o.poll(ctx, control, s)
	o.answers = append(o.answers, waiting)
	return answer, waiting
}

func (o *oracleWaits) poll(ctx context.Context, control *pgconn.PgConn, s *session) (string, bool) {
	ask := fmt.Sprintf("select 1 where cardinality(pg_blocking_pids(%d)) > 0", s.conn.PID())
	var since time.Time
	for {
		select {
		case a := <-s.done:
			return a, false
		case <-ctx.Done():
			return "", true
		case <-time.After(5 * time.Millisecond):
		}
		results, err := control.Exec(ctx, ask).ReadAll()
		switch {
		case err != nil || len(results) != 1 || len(results[0].Rows) == 0:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > stillWaits:
			return "", true
		}
	}
}

// subjectWaits holds pgmqdb to the answers that PostgreSQL gave.
type subjectWaits struct {
	answers []bool
	next    int
}

func (w *subjectWaits) settle(_ context.Context, _ *pgconn.PgConn, s *session) (string, bool) {
	limit := answerLimit
	if w.next < len(w.answers) && w.answers[w.next] {
		limit = stillWaits
	}
	w.next++
	select {
	case a := <-s.done:
		return a, false
	case <-time.After(limit):
		return "", true
	}
}

var schemas atomic.Int64

// play runs a case on a server and returns its transcript.
func play(ctx context.Context, t *testing.T, server *testenv.Server, c script, w waits) string {
	t.Helper()
	schema := fmt.Sprintf("i%d", schemas.Add(1))
	connect := func() *pgconn.PgConn {
		conn, err := pgconn.Connect(ctx, server.URL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		if _, err := conn.Exec(ctx, "set search_path = "+schema).ReadAll(); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	control := connect()
	for _, sql := range append([]string{"create schema " + schema}, c.setup...) {
		if _, err := control.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatalf("%s: %s: %v", server.Name, sql, err)
		}
	}
	p := &player{control: control, waits: w, sessions: map[string]*session{}}
	for _, st := range c.steps {
		s := p.sessions[st.session]
		if s == nil {
			s = &session{name: st.session, conn: connect()}
			p.sessions[st.session] = s
		}
		p.step(ctx, s, st.sql)
	}
	return strings.ReplaceAll(p.out.String(), `"`+schema+`"`, `"schema"`)
}

type player struct {
	control  *pgconn.PgConn
	waits    waits
	sessions map[string]*session
	out      strings.Builder
}

// step sends the step (an empty one waits for the one under way), then sees how every session that waits fares.
func (p *player) step(ctx context.Context, s *session, sql string) {
	switch {
	case sql == "" && s.done == nil:
		return // it has finished already; the transcripts agree on that or differ before
	case sql == "":
		fmt.Fprintf(&p.out, "await %s\n", s.name)
		select {
		case a := <-s.done:
			s.done = nil
			p.print(s, a)
		case <-time.After(answerLimit):
			fmt.Fprintf(&p.out, "  %s is still waiting\n", s.name)
		}
	case s.done != nil:
		fmt.Fprintf(&p.out, "%s: %s\n  cannot be sent: %s waits\n", s.name, sql, s.name)
		return
	default:
		fmt.Fprintf(&p.out, "%s: %s\n", s.name, sql)
		s.done = make(chan string, 1)
		go func(conn *pgconn.PgConn, done chan string) { done <- answer(ctx, conn, sql) }(s.conn, s.done)
		p.settle(ctx, s)
	}
	var names []string
	for name, o := range p.sessions {
		if o.done != nil && o != s {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		p.settle(ctx, p.sessions[name])
	}
	if s.done != nil && len(names) > 0 {
		p.settle(ctx, s) // what the others did may have let it go on
	}
}

func (p *player) settle(ctx context.Context, s *session) {
	a, waiting := p.waits.settle(ctx, p.control, s)
	if waiting {
		fmt.Fprintf(&p.out, "  %s waits\n", s.name)
		return
	}
	s.done = nil
	p.print(s, a)
}

func (p *player) print(s *session, answer string) {
	for _, line := range strings.Split(strings.TrimSuffix(answer, "\n"), "\n") {
		fmt.Fprintf(&p.out, "  %s| %s\n", s.name, line)
	}
}

// tupleContext is the CONTEXT that names a row by its place in PostgreSQL's heap, which pgmqdb has no counterpart of.
var tupleContext = regexp.MustCompile(`^while \w+( index)? tuple \(\d+,\d+\) in relation`)

// answer runs one step and prints all of what came back.
func answer(ctx context.Context, conn *pgconn.PgConn, sql string) string {
	results, err := conn.Exec(ctx, sql).ReadAll()
	var out strings.Builder
	for _, r := range results {
		for _, row := range r.Rows {
			for i, v := range row {
				if i > 0 {
					out.WriteString(" | ")
				}
				if v == nil {
					out.WriteString("null")
				}
				out.Write(v)
			}
			out.WriteByte('\n')
		}
		if r.Err == nil {
			fmt.Fprintf(&out, "%s\n", r.CommandTag)
		}
	}
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &pe):
		fmt.Fprintf(&out, "%s: %s: %s\n", pe.Severity, pe.Code, pe.Message)
		if pe.Detail != "" && pe.Code != "40P01" { // a deadlock's detail is process and transaction numbers
			fmt.Fprintf(&out, "DETAIL: %s\n", pe.Detail)
		}
		if pe.Hint != "" {
			fmt.Fprintf(&out, "HINT: %s\n", pe.Hint)
		}
		if pe.Where != "" && !tupleContext.MatchString(pe.Where) {
			fmt.Fprintf(&out, "CONTEXT: %s\n", pe.Where)
		}
	case err != nil:
		fmt.Fprintf(&out, "%v\n", err)
	}
	return out.String()
}

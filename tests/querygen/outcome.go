package querygen

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// An Outcome is what a client sees of a statement.
type Outcome struct {
	columns []string // name, type and modifier
	rows    []string
	tag     string
	failed  *pgconn.PgError
	// steps are the outcomes of a sequence's statements; each goes on from what those before it left.
	steps []*Outcome
}

// firstDifference returns the outcomes of the first statement of a sequence that differ; nil: none do.
func firstDifference(want, got *Outcome) (w, g *Outcome) {
	for i := range min(len(want.steps), len(got.steps)) {
		if !slices.Equal(want.steps[i].rows, got.steps[i].rows) {
			return want.steps[i], got.steps[i]
		}
	}
	return nil, nil
}

// failure is the server's error within err; nil: there is none.
func failure(err error) *pgconn.PgError {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// A server is a session of one of the servers.
type server struct {
	*pgconn.PgConn
	schema string            // where its tables are
	types  map[uint32]string // names of users' types, whose OIDs are the server's own
}

// typeName is a type's OID, or its name if it is a user's.
func (s *server) typeName(oid uint32) string {
	if name := s.types[oid]; name != "" {
		return name
	}
	return fmt.Sprintf("oid %d", oid)
}

// learnTypes reads the names of users' types.
func (s *server) learnTypes(ctx context.Context) error {
	res, err := s.Exec(ctx, "SELECT oid, format_type(oid, NULL) FROM pg_type WHERE oid >= 16384").ReadAll()
	if err != nil {
		return err
	}
	s.types = map[uint32]string{}
	for _, row := range res[0].Rows {
		oid, err := strconv.ParseUint(string(row[0]), 10, 32)
		if err != nil {
			return err
		}
		s.types[uint32(oid)] = string(row[1])
	}
	return nil
}

// run runs the statement. The error is the connection's own.
func run(ctx context.Context, c *server, sql string) (*Outcome, error) {
	out := &Outcome{}
	results := c.Exec(ctx, sql)
	for results.NextResult() {
		// The fields are there before the first row: ReadAll knows none of a result without rows.
		fields := slices.Clone(results.ResultReader().FieldDescriptions())
		r := results.ResultReader().Read()
		out.tag += r.CommandTag.String() + ";"
		out.columns = out.columns[:0]
		for _, f := range fields {
			out.columns = append(out.columns, fmt.Sprintf("%s %s mod %d", f.Name, c.typeName(f.DataTypeOID), f.TypeModifier))
		}
		for _, row := range r.Rows {
			var b strings.Builder
			for _, v := range row {
				if v == nil {
					b.WriteString("NULL")
				} else {
					b.WriteString(quote(string(v)))
				}
				b.WriteString(" | ")
			}
			out.rows = append(out.rows, b.String())
		}
	}
	err := results.Close()
	if out.failed = failure(err); err != nil && out.failed == nil {
		return nil, err
	}
	return out, nil
}

// modifier is that of a column: other statements compare them.
var modifier = regexp.MustCompile(` mod -?\d+`)

// runSteps runs statements one after the other, each in a transaction of its own, from the state of refill, and returns
// the outcome of each as rows, with the tables' contents in the end.
func runSteps(ctx context.Context, c *server, sql string) (*Outcome, error) {
	if _, err := c.Exec(ctx, refill).ReadAll(); err != nil {
		return nil, err
	}
	all := &Outcome{}
	for _, s := range append(strings.Split(sql, ";\n"), contents) {
		o, err := run(ctx, c, s)
		if err != nil {
			return nil, err
		}
		slices.Sort(o.rows)
		step := &Outcome{failed: o.failed, rows: []string{s}}
		if e := o.failed; e != nil { // rows that came before an error are as good as none
			step.rows = append(step.rows, fmt.Sprintf("%s: %s; detail %q hint %q constraint %q position %d", e.Code, e.Message, e.Detail, e.Hint, e.ConstraintName, e.Position))
		} else {
			step.rows = append(append(step.rows, o.tag, modifier.ReplaceAllString(strings.Join(o.columns, ", "), "")), o.rows...)
		}
		all.steps, all.rows = append(all.steps, step), append(all.rows, step.rows...)
	}
	return all, nil
}

// The kinds of differences, which the shrinker keeps.
const (
	differentRows    = "rows"
	differentColumns = "columns"
	differentTag     = "tag"
	differentError   = "error"
	differentField   = "error field"
	onlyWeFail       = "only pgmqdb fails"
	onlyTheyFail     = "only PostgreSQL fails"
)

// difference compares the outcomes and returns how they differ, and the kind; empty: they don't. inOrder: the order of
// the rows counts.
func difference(want, got *Outcome, inOrder bool) (kind, text string) {
	switch {
	case want.failed != nil && got.failed != nil:
		w, g := want.failed, got.failed
		if w.Code != g.Code || w.Message != g.Message {
			return differentError, fmt.Sprintf("- %s: %s\n+ %s: %s", w.Code, w.Message, g.Code, g.Message)
		}
		if w.Detail != g.Detail || w.Hint != g.Hint || w.Position != g.Position || w.ConstraintName != g.ConstraintName || w.Where != g.Where {
			return differentField, fmt.Sprintf("%s: %s\n- detail %q hint %q position %d constraint %q where %q\n+ detail %q hint %q position %d constraint %q where %q", w.Code, w.Message,
				w.Detail, w.Hint, w.Position, w.ConstraintName, w.Where, g.Detail, g.Hint, g.Position, g.ConstraintName, g.Where)
		}
		return "", ""
	case got.failed != nil:
		return onlyWeFail, fmt.Sprintf("+ %s: %s (position %d, detail %s)", got.failed.Code, got.failed.Message, got.failed.Position, got.failed.Detail)
	case want.failed != nil:
		return onlyTheyFail, fmt.Sprintf("- %s: %s\n+ %s", want.failed.Code, want.failed.Message, strings.Join(got.rows, "\n+ "))
	case !slices.Equal(want.columns, got.columns):
		return differentColumns, fmt.Sprintf("- %s\n+ %s", strings.Join(want.columns, ", "), strings.Join(got.columns, ", "))
	}
	w, g := want.rows, got.rows
	if !inOrder {
		w, g = slices.Sorted(slices.Values(w)), slices.Sorted(slices.Values(g))
	}
	if !slices.Equal(w, g) {
		var b strings.Builder
		count := map[string]int{}
		for _, r := range g {
			count[r]++
		}
		shown := 0
		for _, r := range w {
			if count[r]--; count[r] < 0 && shown < 5 {
				fmt.Fprintf(&b, "- %s\n", r)
				shown++
			}
		}
		for _, r := range g {
			if count[r] > 0 && shown < 10 {
				fmt.Fprintf(&b, "+ %s\n", r)
				shown++
			}
		}
		if shown == 0 {
			b.WriteString("the order differs\n")
		}
		return differentRows, b.String()
	}
	if want.tag != got.tag {
		return differentTag, "- " + want.tag + "\n+ " + got.tag
	}
	return "", ""
}

package session

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// explainOptions are the options of EXPLAIN.
type explainOptions struct {
	analyze, verbose, costs, buffers, wal, settings, timing, summary bool
	timingGiven, summaryGiven                                        bool
	format                                                           string
}

// parseExplain reads the options as ExplainQuery does.
func parseExplain(u *parse.ExplainStmt, text string) (*explainOptions, error) {
	o := &explainOptions{costs: true, format: "text"}
	flags := map[string]*bool{"analyze": &o.analyze, "verbose": &o.verbose, "costs": &o.costs, "buffers": &o.buffers, "wal": &o.wal,
		"settings": &o.settings, "timing": &o.timing, "summary": &o.summary}
	for _, e := range u.Options {
		at := func(err *pgerr.Error) error {
			if loc := e.Loc(); loc >= 0 {
				return err.WithPosition(parse.Position(text, loc))
			}
			return err
		}
		value := argText(e)
		if e.Name == "format" {
			if o.format = value; !slices.Contains([]string{"text", "xml", "json", "yaml"}, value) {
				return nil, at(pgerr.New(pgerr.InvalidParameterValue, "unrecognized value for EXPLAIN option \"%s\": \"%s\"", e.Name, value))
			}
			continue
		}
		flag := flags[e.Name]
		if flag == nil {
			return nil, at(pgerr.New(pgerr.SyntaxError, "unrecognized EXPLAIN option \"%s\"", e.Name))
		}
		on := true
		if e.Arg != nil {
			// defGetBoolean takes 0, 1 and whole words.
			if !slices.Contains([]string{"0", "1", "true", "false", "on", "off"}, lower(value)) {
				return nil, pgerr.New(pgerr.SyntaxError, "%s requires a Boolean value", e.Name)
			}
			on, _ = parseBool(value)
		}
		*flag = on
		o.timingGiven = o.timingGiven || e.Name == "timing"
		o.summaryGiven = o.summaryGiven || e.Name == "summary"
	}
	if o.wal && !o.analyze {
		return nil, pgerr.New(pgerr.InvalidParameterValue, "EXPLAIN option WAL requires ANALYZE")
	}
	if !o.timingGiven {
		o.timing = o.analyze
	}
	if o.timing && !o.analyze {
		return nil, pgerr.New(pgerr.InvalidParameterValue, "EXPLAIN option TIMING requires ANALYZE")
	}
	if !o.summaryGiven {
		o.summary = o.analyze
	}
	return o, nil
}

// rows is the empty result: a column of the format's type.
func (o *explainOptions) rows() *rowSource {
	r := textRows("QUERY PLAN")
	if o.format == "json" {
		t := types.T(types.JsonOid)
		r.fields[0].Type = t
		r.batch = types.NewBatch([]types.Type{t}, 1)
	}
	return r
}

// explain runs EXPLAIN.
func (s *Session) explain(ctx context.Context, st *statement, u *parse.ExplainStmt) (*rowSource, error) {
	o, err := parseExplain(u, st.text)
	if err != nil {
		return nil, err
	}
	s.open()
	p, err := s.explained(ctx, st, u.Query, o.analyze)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.prepare(p.st); err != nil {
		return nil, err
	}
	if err := p.st.noProducts("EXPLAIN"); err != nil {
		return nil, err
	}
	plan, err := s.explainedPlan(p, o.analyze)
	if err != nil {
		return nil, err
	}
	planning := time.Since(began)
	show := planner.ExplainOptions{Costs: o.costs, Verbose: o.verbose, Timing: o.timing}
	var execution time.Duration
	if o.analyze {
		began = time.Now()
		if err := s.runAnalyzed(ctx, p); err != nil {
			return nil, err
		}
		execution, show.Stats, plan = time.Since(began), p.ectx.Analyze.Stats, p.plan
	} else if err := s.checkPermissions(p.st.permissions); err != nil {
		return nil, err
	}
	if err := plan.Failed; err != nil {
		return nil, err
	}
	if plan.Nothing {
		out := o.rows()
		if o.format == "text" {
			out.add("Query rewrites to nothing")
		}
		return out, nil
	}
	tree := planner.ExplainTree(plan, show)
	e := &explanation{o: o, show: show, tree: tree, target: p.st.target}
	if o.analyze {
		e.triggers = p.ectx.Analyze.Triggers(e.target)
	}
	if o.settings {
		e.settings = s.plannerSettings()
	}
	if o.summary {
		e.planning, e.execution = &planning, &execution
		if !o.analyze {
			e.execution = nil
		}
	}
	out := o.rows()
	for _, line := range e.lines() {
		out.add(s.withTypeNames(line))
	}
	return out, nil
}

// explainedPlan is the plan that EXPLAIN without ANALYZE shows: the one that an execution would take, which counts as one, as
// in PostgreSQL.
func (s *Session) explainedPlan(p *portal, analyze bool) (*planner.Plan, error) {
	if analyze || p.st.plan == nil {
		return p.st.plan, nil
	}
	return s.planFor(p.st, p.params)
}

// explained is the statement that EXPLAIN is of, with its parameters: those of DECLARE, EXECUTE and CREATE TABLE AS are the
// queries that these run.
func (s *Session) explained(ctx context.Context, st *statement, q parse.Statement, analyze bool) (*portal, error) {
	switch u := q.(type) {
	case *parse.DeclareCursorStmt:
		if err := checkCursorOptions(u); err != nil {
			return nil, err
		}
		q = u.Query
	case *parse.ExecuteStmt:
		inner, vals, err := s.executed(ctx, st, u)
		if err != nil {
			return nil, err
		}
		return &portal{st: inner, params: vals}, nil
	case *parse.CreateTableAsStmt:
		if analyze {
			return nil, pgerr.NotSupported("EXPLAIN ANALYZE of CREATE TABLE AS")
		}
		return s.explained(ctx, st, u.Query, analyze)
	}
	if !plannable(q) {
		return nil, pgerr.NotSupported("EXPLAIN of this statement")
	}
	inner := newStatement("", parse.RawStmt{Stmt: q, Text: st.raw.Text}, st.text, nil)
	inner.variables = st.variables
	return &portal{st: inner, params: st.values}, nil
}

// runAnalyzed runs a portal to its end and collects what its nodes do.
func (s *Session) runAnalyzed(ctx context.Context, p *portal) error {
	if err := s.startAnalyzed(ctx, p); err != nil {
		return err
	}
	defer p.cursor.Close()
	for {
		b, err := p.cursor.Next(0)
		if err != nil || b == nil {
			return err
		}
	}
}

// plannerSettings are the settings that EXPLAIN (SETTINGS) shows where they are not what they are by default.
func (s *Session) plannerSettings() (out [][2]string) {
	for _, row := range s.settings.All() {
		if strings.Contains(row.flags, "EXPLAIN") && row.Value != row.def {
			value, _ := s.showSetting(row.name)
			out = append(out, [2]string{row.name, value})
		}
	}
	return out
}

// explanation is all that EXPLAIN prints.
type explanation struct {
	o                   *explainOptions
	show                planner.ExplainOptions
	tree                *planner.ExplainNode
	settings            [][2]string
	planning, execution *time.Duration
	triggers            []*exec.TriggerStats // what was called
	target              catalog.Oid          // what the statement writes
}

// manyRelations reports whether what was called was so for more than the statement's target: then each line says for which.
func (e *explanation) manyRelations() bool {
	return slices.ContainsFunc(e.triggers, func(t *exec.TriggerStats) bool { return t.Table != e.target })
}

// triggerLines are those of ExplainPrintTriggers.
func (e *explanation) triggerLines() (out []string) {
	many := e.manyRelations()
	for _, t := range e.triggers {
		line := "Trigger"
		if t.Trigger != "" && (e.o.verbose || t.Constraint == "") {
			line += " " + t.Trigger
		}
		if t.Constraint != "" {
			line += " for constraint " + t.Constraint
		}
		if many && e.o.verbose {
			line += " on " + t.Schema + "." + t.Relation
		} else if many {
			line += " on " + t.Relation
		}
		line += ":"
		if e.o.timing {
			line += " time=" + millis(t.Time)
		}
		out = append(out, line+" calls="+strconv.FormatInt(t.Calls, 10))
	}
	return out
}

// notCounted is said of shared buffers and of PostgreSQL's log: there are none of the kind.
const notCounted = "not counted"

func millis(d time.Duration) string { return fmt.Sprintf("%.3f", float64(d.Nanoseconds())/1e6) }

func (e *explanation) lines() []string {
	switch e.o.format {
	case "json":
		return []string{e.json()}
	case "yaml":
		return []string{e.yaml()}
	case "xml":
		return []string{e.xml()}
	}
	out := e.tree.Lines(e.show)
	if e.o.buffers {
		out = append(out, "Buffers: "+notCounted)
	}
	if e.o.wal {
		out = append(out, "WAL: "+notCounted)
	}
	var set []string
	for _, p := range e.settings {
		set = append(set, p[0]+" = '"+p[1]+"'")
	}
	if set != nil {
		out = append(out, "Settings: "+strings.Join(set, ", "))
	}
	if e.planning != nil {
		out = append(out, "Planning Time: "+millis(*e.planning)+" ms")
	}
	out = append(out, e.triggerLines()...)
	if e.execution != nil {
		out = append(out, "Execution Time: "+millis(*e.execution)+" ms")
	}
	return out
}

package planner

import (
	"fmt"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// explainer prints a plan as a tree, one node a line with its properties below it, in PostgreSQL's manner.
type explainer struct {
	p     *Plan
	opts  ExplainOptions
	stats func(Node) *NodeStats
	costs map[Node]cost
	out   []string
}

// ExplainOptions are those of EXPLAIN.
type ExplainOptions struct {
	// Stats tells what each node did; nil without ANALYZE.
	Stats func(Node) *NodeStats
	// NoCosts is COSTS OFF, NoTiming TIMING OFF.
	NoCosts, NoTiming bool
}

// Explain returns EXPLAIN's lines for a plan.
func Explain(p *Plan) []string { return ExplainAnalyze(p, nil) }

// ExplainAnalyze returns EXPLAIN's lines with what each node did, if stats is not nil.
func ExplainAnalyze(p *Plan, stats func(Node) *NodeStats) []string {
	return ExplainWith(p, ExplainOptions{Stats: stats})
}

// ExplainWith returns the lines of EXPLAIN with options.
func ExplainWith(p *Plan, o ExplainOptions) []string {
	e := &explainer{p: p, opts: o, stats: o.Stats}
	e.node(p.Root, 0, "")
	return e.out
}

func (e *explainer) line(depth int, arrow bool, format string, args ...any) {
	indent := ""
	if depth > 0 {
		indent = strings.Repeat("      ", depth-1) + "  "
	}
	if arrow && depth > 0 {
		indent += "->  "
	} else if !arrow {
		indent = strings.Repeat("      ", depth) + "  "
	}
	e.out = append(e.out, indent+fmt.Sprintf(format, args...))
}

func (e *explainer) node(n Node, depth int, prefix string) {
	title := e.title(n)
	suffix := ""
	if !e.opts.NoCosts {
		c := e.costOf(n)
		suffix = fmt.Sprintf("  (cost=%.2f..%.2f rows=%.0f width=%d)", c.startup, c.total, n.Base().Rows, rowWidth(n.Base().Types))
	}
	if e.stats != nil {
		if s := e.stats(n); s != nil {
			loops := max(1, s.Loops)
			ms := func(d time.Duration) float64 { return float64(d) / 1e6 / float64(loops) }
			rows := float64(s.Rows) / float64(loops)
			if e.opts.NoTiming {
				suffix += fmt.Sprintf(" (actual rows=%.0f loops=%d)", rows, loops)
			} else {
				suffix += fmt.Sprintf(" (actual time=%.3f..%.3f rows=%.0f loops=%d)", ms(s.First), ms(s.Time), rows, loops)
			}
		} else {
			suffix += " (never executed)"
		}
	}
	e.line(depth, true, "%s%s%s", prefix, title, suffix)
	e.details(n, depth)
	e.usage(n, depth)
	for i, in := range n.Inputs() {
		prefix := ""
		if w, ok := n.(*With); ok && i < len(w.CTEs) {
			prefix = "CTE " + w.CTEs[i].Name + ": "
		}
		e.node(in, depth+1, prefix)
	}
}

// usage prints how a sort or a hash table was made.
func (e *explainer) usage(n Node, depth int) {
	if e.stats == nil {
		return
	}
	s := e.stats(n)
	if s == nil {
		return
	}
	if s.SortMethod != "" {
		where := map[bool]string{true: "Disk", false: "Memory"}[s.SortDisk]
		e.line(depth, false, "Sort Method: %s  %s: %dkB", s.SortMethod, where, s.SortKB)
	}
	switch {
	case s.Batches > 0 && s.Buckets > 0:
		e.line(depth, false, "Buckets: %d  Batches: %d  Memory Usage: %dkB", s.Buckets, s.Batches, s.MemoryKB)
	case s.Batches > 1:
		e.line(depth, false, "Batches: %d  Memory Usage: %dkB  Disk Usage: %dkB", s.Batches, s.MemoryKB, s.DiskUsedKB)
	case s.Batches > 0:
		e.line(depth, false, "Batches: %d  Memory Usage: %dkB", s.Batches, s.MemoryKB)
	}
}

func tableTitle(t *catalog.Table, alias string) string {
	if alias != "" && alias != t.Name {
		return t.Name + " " + alias
	}
	return t.Name
}

var joinNames = map[JoinType]string{Inner: "", LeftOuter: "Left ", FullOuter: "Full ", Semi: "Semi ", Anti: "Anti ", NullAnti: "Null-Aware Anti "}

func (e *explainer) title(n Node) string {
	switch n := n.(type) {
	case *Scan:
		return scanTitle(n)
	case *VirtualScan:
		return "Catalog Scan on " + n.Table.Schema + "." + n.Table.Name
	case *Values:
		if len(n.Types) == 0 {
			return "Result"
		}
		return "Values Scan"
	case *LiteralRows:
		return "Values Scan"
	case *Filter:
		if n.OneTime {
			return "Result"
		}
		return "Filter"
	case *Sample:
		return "Sample"
	case *Project:
		return "Project"
	case *ProjectSet:
		return "ProjectSet"
	case *FunctionScan:
		if n.Set != nil {
			return "Function Scan on " + n.Set.Fn.Name
		}
		return "Function Scan"
	case *HashJoin:
		if n.Lookup != nil {
			return fmt.Sprintf("Hash %sJoin (or Index Lookup on %s up to %d rows)", joinNames[n.Type], n.Lookup.Inner.Table.Name, n.LookupRows)
		}
		return "Hash " + joinNames[n.Type] + "Join"
	case *LookupJoin:
		return "Index Lookup " + joinNames[n.Type] + "Join"
	case *NestLoop:
		return "Nested Loop " + joinNames[n.Type] + map[bool]string{true: "(lateral)"}[n.Lateral]
	}
	return e.upperTitle(n)
}

func scanTitle(n *Scan) string {
	on := tableTitle(n.Table, n.Alias)
	switch a := &n.Access; {
	case a.Index != nil && a.Index.Global() && a.Point:
		return "Unique Lookup using " + a.Index.Name + " on " + on
	case a.Index != nil:
		return "Index Scan using " + a.Index.Name + " on " + on
	case a.Point:
		return "Key Lookup on " + on
	case !a.FullScan():
		return "Key Range Scan on " + on
	}
	return "Seq Scan on " + on
}

func (e *explainer) upperTitle(n Node) string {
	switch n := n.(type) {
	case *Aggregate:
		kind := "HashAggregate"
		if len(n.Keys) == 0 || len(n.Sets) == 1 && len(n.Sets[0]) == 0 {
			kind = "Aggregate"
		}
		if n.Parallel {
			return "Parallel " + kind
		}
		return kind
	case *Sort:
		if n.Limit != nil {
			return "Top-N Sort"
		}
		return "Sort"
	case *WindowAgg:
		return "WindowAgg"
	case *Limit:
		return "Limit"
	case *Distinct:
		return "Distinct"
	case *Append:
		return "Append"
	case *SetOp:
		name := map[sema.SetOpKind]string{sema.Intersect: "Intersect", sema.Except: "Except"}[n.Kind]
		if n.All {
			name += " All"
		}
		return "Hash" + name
	case *With:
		return "With"
	case *CTEScan:
		return "CTE Scan on " + n.CTE.Name
	case *RecursiveUnion:
		return "Recursive Union"
	case *WorkTableScan:
		return "WorkTable Scan"
	case *LockRows:
		return "LockRows"
	case *ModifyTable:
		return map[Kind]string{Insert: "Insert", Update: "Update", Delete: "Delete", Merge: "Merge"}[n.Kind] + " on " + n.Table.Name
	}
	return fmt.Sprintf("%T", n)
}

func (e *explainer) details(n Node, depth int) {
	cond := func(label string, ss ...*Scalar) {
		var parts []string
		for _, s := range ss {
			if s != nil {
				parts = append(parts, e.text(s))
			}
		}
		if len(parts) > 0 {
			e.line(depth, false, "%s: %s", label, strings.Join(parts, ", "))
		}
	}
	switch n := n.(type) {
	case *Scan:
		e.access(n, depth)
		cond("Filter", n.Filter)
	case *Filter:
		cond(map[bool]string{true: "One-Time Filter", false: "Filter"}[n.OneTime], n.Cond)
	case *Sample:
		method := map[bool]string{true: "system", false: "bernoulli"}[n.System]
		e.line(depth, false, "Sampling: %s (%s)", method, e.text(n.Percent))
		cond("Repeatable", n.Seed)
	case *HashJoin:
		var parts []string
		for i := range n.LeftKeys {
			parts = append(parts, fmt.Sprintf("(%s = %s)", e.text(n.LeftKeys[i]), e.text(n.RightKeys[i])))
		}
		e.line(depth, false, "Hash Cond: %s", strings.Join(parts, " AND "))
		cond("Join Filter", n.Cond)
	case *LookupJoin:
		cond("Join Filter", n.Cond)
	case *NestLoop:
		cond("Join Filter", n.Cond)
	case *Aggregate:
		if n.Sets == nil {
			cond("Group Key", n.Keys...)
		}
		for _, set := range n.Sets {
			if len(set) == 0 {
				e.line(depth, false, "Group Key: ()")
			}
			var keys []*Scalar
			for _, k := range set {
				keys = append(keys, n.Keys[k])
			}
			cond("Hash Key", keys...)
		}
	case *Sort:
		e.line(depth, false, "Sort Key: %s", e.sortText(n.Keys))
	case *ModifyTable:
		e.modify(n, depth)
	case *LockRows:
		for _, t := range n.Targets {
			e.line(depth, false, "Lock: %s", t.Table.Name)
		}
	}
}

func (e *explainer) sortText(keys []SortKey) string {
	var parts []string
	for _, k := range keys {
		s := fmt.Sprintf("column %d", k.Col+1)
		if k.Expr != nil {
			s = e.text(k.Expr)
		}
		if k.Desc {
			s += " DESC"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

// access prints the key condition and the groups visited.
func (e *explainer) access(n *Scan, depth int) {
	a := &n.Access
	var parts []string
	name := func(i int) string {
		if c := &a.Columns[i]; c.Num == 0 {
			return "(" + c.Expr + ")"
		}
		return n.Table.Columns[a.Columns[i].Num-1].Name
	}
	for i, s := range a.Eq {
		parts = append(parts, fmt.Sprintf("(%s = %s)", name(i), e.text(s)))
	}
	at := len(a.Eq)
	if a.In != nil {
		parts = append(parts, fmt.Sprintf("(%s = ANY (%s))", name(at), e.text(a.In)))
	}
	for _, b := range []struct {
		bound   *Bound
		op, opi string
	}{{a.Lo, ">", ">="}, {a.Hi, "<", "<="}} {
		if b.bound == nil {
			continue
		}
		op := b.op
		if b.bound.Inclusive {
			op = b.opi
		}
		parts = append(parts, fmt.Sprintf("(%s %s %s)", name(at), op, e.text(b.bound.Value)))
	}
	if len(parts) > 0 {
		e.line(depth, false, "Key Cond: %s", strings.Join(parts, " AND "))
	}
	total := e.p.env.Groups
	if total == 0 {
		return
	}
	switch {
	case a.Index != nil && a.Index.Global() && a.Point:
		e.line(depth, false, "Groups: 1 of %d for the entry, 1 for the row", total)
	case a.Dist != nil && a.In == nil:
		e.line(depth, false, "Groups: 1 of %d", total)
	case a.Dist != nil:
		e.line(depth, false, "Groups: those of the keys, of %d", total)
	default:
		e.line(depth, false, "Groups: %d of %d", total, total)
	}
}

func (e *explainer) modify(n *ModifyTable, depth int) {
	if n.Conflict != nil {
		what := "UPDATE"
		if n.Conflict.DoNothing {
			what = "NOTHING"
		}
		e.line(depth, false, "Conflict Resolution: %s", what)
		for _, ix := range n.Conflict.Arbiters {
			e.line(depth, false, "Conflict Arbiter Index: %s", ix.Name)
		}
	}
	for _, c := range n.Checks {
		e.line(depth, false, "Check: %s", c.Name)
	}
	if e.p.env.ConstraintWork == nil {
		return
	}
	kinds := map[Kind]sema.DMLKind{Insert: sema.Insert, Update: sema.Update, Delete: sema.Delete}
	if n.Kind != Merge {
		for _, l := range e.p.env.ConstraintWork(n.Table, kinds[n.Kind], n.Columns) {
			e.line(depth, false, "%s", l)
		}
	}
	for _, a := range n.Actions {
		what := "Do Nothing"
		if !a.Nothing {
			what = [...]string{Insert: "Insert", Update: "Update", Delete: "Delete"}[a.Kind]
		}
		when := "When Matched"
		if !a.Matched {
			when = "When Not Matched"
		}
		if a.Cond != nil {
			when += " And " + e.text(a.Cond)
		}
		e.line(depth, false, "%s: %s", when, what)
		if a.Nothing {
			continue
		}
		for _, l := range e.p.env.ConstraintWork(n.Table, kinds[a.Kind], a.Columns) {
			e.line(depth, false, "  %s", l)
		}
	}
}

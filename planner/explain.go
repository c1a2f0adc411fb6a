package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// ExplainOptions are those of EXPLAIN that say what is shown of a plan.
type ExplainOptions struct {
	Costs, Verbose, Timing bool
	// Stats returns what a node did; nil without ANALYZE.
	Stats func(Node) *NodeStats
}

// ExplainNode is a node of a plan as EXPLAIN shows it.
type ExplainNode struct {
	Prefix, Title     string
	StartupCost, Cost float64 // only with Costs
	Rows              float64
	Width             int
	Stats             *NodeStats // nil for one that was never executed, and without ANALYZE
	Details           []string   // label: value
	Children          []*ExplainNode
}

// explainer makes the tree that EXPLAIN shows, in PostgreSQL's manner.
type explainer struct {
	p     *Plan
	o     ExplainOptions
	costs coster
	cur   *ExplainNode
}

// Explain returns EXPLAIN's lines for a plan.
func Explain(p *Plan) []string {
	o := ExplainOptions{Costs: true}
	return ExplainTree(p, o).Lines(o)
}

// ExplainTree returns what EXPLAIN shows of a plan.
func ExplainTree(p *Plan, o ExplainOptions) *ExplainNode {
	e := &explainer{p: p, o: o, costs: coster{env: p.env}}
	return e.node(p.Root, "")
}

// Lines are those of the text format: one node a line with its details below it.
func (n *ExplainNode) Lines(o ExplainOptions) []string { return n.lines(nil, 0, o) }

func (n *ExplainNode) lines(out []string, depth int, o ExplainOptions) []string {
	line := n.Prefix + n.Title
	if depth > 0 {
		line = strings.Repeat("      ", depth-1) + "  ->  " + line
	}
	if o.Costs {
		line += fmt.Sprintf("  (cost=%.2f..%.2f rows=%.0f width=%d)", n.StartupCost, n.Cost, n.Rows, n.Width)
	}
	if o.Stats != nil {
		line += n.Stats.text(o.Timing)
	}
	out = append(out, line)
	for _, d := range slices.Concat(n.Details, n.Stats.usage()) {
		out = append(out, strings.Repeat("      ", depth)+"  "+d)
	}
	for _, c := range n.Children {
		out = c.lines(out, depth+1, o)
	}
	return out
}

// text is what EXPLAIN ANALYZE says of a node behind its estimates: figures of one loop.
func (s *NodeStats) text(timing bool) string {
	if s == nil {
		return " (never executed)"
	}
	if !timing {
		return fmt.Sprintf(" (actual rows=%.0f loops=%d)", s.LoopRows(), max(1, s.Loops))
	}
	first, total := s.Millis()
	return fmt.Sprintf(" (actual time=%.3f..%.3f rows=%.0f loops=%d)", first, total, s.LoopRows(), max(1, s.Loops))
}

// usage says how a sort or a hash table was made.
func (s *NodeStats) usage() []string {
	if s == nil {
		return nil
	}
	var out []string
	if s.SortMethod != "" {
		out = append(out, fmt.Sprintf("Sort Method: %s  %s: %dkB", s.SortMethod, s.SortSpace(), s.SortKB))
	}
	switch {
	case s.Batches > 0 && s.Buckets > 0:
		out = append(out, fmt.Sprintf("Buckets: %d  Batches: %d  Memory Usage: %dkB", s.Buckets, s.Batches, s.MemoryKB))
	case s.Batches > 1:
		out = append(out, fmt.Sprintf("Batches: %d  Memory Usage: %dkB  Disk Usage: %dkB", s.Batches, s.MemoryKB, s.DiskUsedKB))
	case s.Batches > 0:
		out = append(out, fmt.Sprintf("Batches: %d  Memory Usage: %dkB", s.Batches, s.MemoryKB))
	}
	return out
}

// detail adds a line below the node at hand.
func (e *explainer) detail(format string, args ...any) {
	e.cur.Details = append(e.cur.Details, fmt.Sprintf(format, args...))
}

func (e *explainer) node(n Node, prefix string) *ExplainNode {
	out := &ExplainNode{Prefix: prefix, Title: e.title(n), Rows: n.Base().Rows, Width: int(rowWidth(n.Base().Types))}
	if e.o.Costs {
		c := e.costs.of(n)
		out.StartupCost, out.Cost = float64(c.startup), float64(c.total)
	}
	if e.o.Stats != nil {
		out.Stats = e.o.Stats(n)
	}
	e.cur = out
	if e.o.Verbose {
		e.output(n)
	}
	e.details(n)
	for i, in := range n.Inputs() {
		prefix := ""
		if w, ok := n.(*With); ok && i < len(w.CTEs) {
			prefix = "CTE " + w.CTEs[i].Name + ": "
		}
		out.Children = append(out.Children, e.node(in, prefix))
	}
	for _, sub := range subplansOf(n) {
		of := ""
		if sub.Batch {
			of = " (a batch's keys)"
		}
		out.Children = append(out.Children, e.node(sub.Root, fmt.Sprintf("SubPlan %d%s: ", sub.ID+1, of)))
	}
	return out
}

// subplansOf lists the subplans that a node's expressions run, but for a LATERAL side's, which that shows.
func subplansOf(n Node) []*Subplan {
	var out []*Subplan
	add := func(ss ...*Scalar) {
		for _, s := range ss {
			if s == nil {
				continue
			}
			visit(s.Node, func(m expr.Node) bool {
				if k, ok := m.(*expr.Subquery); ok {
					if p, ok := k.Query.(*Subplan); ok {
						out = append(out, p)
					}
					if b, ok := k.Batched.(*expr.Subquery); ok {
						out = append(out, b.Query.(*Subplan))
					}
				}
				return true
			})
		}
	}
	switch n := n.(type) {
	case *Scan:
		add(n.Filter)
		add(n.Access.Eq...)
		add(n.Access.In)
		for _, b := range []*Bound{n.Access.Lo, n.Access.Hi} {
			if b != nil {
				add(b.Value)
			}
		}
		for i := range n.Access.Gin {
			add(n.Access.Gin[i].Query)
		}
	case *Values:
		for _, r := range n.Rows {
			add(r...)
		}
	case *Filter:
		add(n.Cond)
	case *Project:
		add(n.Exprs...)
	case *HashJoin:
		add(n.LeftKeys...)
		add(n.RightKeys...)
		add(n.Cond)
	case *MergeJoin:
		add(n.LeftKeys...)
		add(n.RightKeys...)
		add(n.Cond)
	case *LookupJoin:
		add(n.Cond)
	case *NestLoop:
		add(n.Cond)
		add(n.Args...)
	case *Aggregate:
		add(n.Keys...)
		for _, a := range n.Aggs {
			add(a.Args...)
			add(a.Filter)
		}
	case *Limit:
		add(n.Limit, n.Offset)
	case *ModifyTable:
		add(n.Values...)
		add(n.Set...)
		add(n.Returning...)
	}
	return out
}

// output lists the columns that a node computes or reads, for VERBOSE.
func (e *explainer) output(n Node) {
	var parts []string
	switch n := n.(type) {
	case *Scan:
		for _, c := range n.Cols {
			parts = append(parts, n.Table.Columns[c-1].Name)
		}
		if n.Xmin {
			parts = append(parts, "xmin")
		}
	case *Project:
		for _, s := range n.Exprs {
			parts = append(parts, e.text(s))
		}
	}
	if len(parts) > 0 {
		e.detail("Output: %s", strings.Join(parts, ", "))
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
	case *MergeJoin:
		return "Merge " + joinNames[n.Type] + "Join"
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
	case a.IndexOnly:
		return "Index Only Scan using " + a.Index.Name + " on " + on
	case a.Index != nil && a.Index.Global() && a.Point:
		return "Unique Lookup using " + a.Index.Name + " on " + on
	case a.Gin != nil:
		return "Bitmap Index Scan using " + a.Index.Name + " on " + on
	case a.Index != nil:
		return "Index Scan using " + a.Index.Name + " on " + on
	case a.Point:
		return "Key Lookup on " + on
	case !a.FullScan():
		return "Key Range Scan on " + on
	case a.Ordered:
		return "Key Scan on " + on
	}
	return "Seq Scan on " + on
}

func (e *explainer) upperTitle(n Node) string {
	switch n := n.(type) {
	case *Aggregate:
		kind := "HashAggregate"
		if n.Sorted {
			kind = "GroupAggregate"
		}
		if len(n.Keys) == 0 || len(n.Sets) == 1 && len(n.Sets[0]) == 0 {
			kind = "Aggregate"
		}
		if n.Parallel {
			return "Parallel " + kind
		}
		return kind
	case *Sort:
		switch {
		case n.Presorted > 0:
			return "Incremental Sort"
		case n.Limit != nil:
			return "Top-N Sort"
		}
		return "Sort"
	case *WindowAgg:
		return "WindowAgg"
	case *Limit:
		return "Limit"
	case *Distinct:
		if n.Sorted {
			return "Unique"
		}
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

func (e *explainer) details(n Node) {
	cond := func(label string, ss ...*Scalar) {
		var parts []string
		for _, s := range ss {
			if s != nil {
				parts = append(parts, e.text(s))
			}
		}
		if len(parts) > 0 {
			e.detail("%s: %s", label, strings.Join(parts, ", "))
		}
	}
	switch n := n.(type) {
	case *Scan:
		e.access(n)
		cond("Filter", n.Filter)
	case *Filter:
		cond(map[bool]string{true: "One-Time Filter", false: "Filter"}[n.OneTime], n.Cond)
	case *Sample:
		method := map[bool]string{true: "system", false: "bernoulli"}[n.System]
		e.detail("Sampling: %s (%s)", method, e.text(n.Percent))
		cond("Repeatable", n.Seed)
	case *HashJoin:
		e.detail("Hash Cond: %s", e.equalities(n.LeftKeys, n.RightKeys))
		cond("Join Filter", n.Cond)
	case *MergeJoin:
		e.detail("Merge Cond: %s", e.equalities(n.LeftKeys, n.RightKeys))
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
				e.detail("Group Key: ()")
			}
			var keys []*Scalar
			for _, k := range set {
				keys = append(keys, n.Keys[k])
			}
			cond("Hash Key", keys...)
		}
	case *Sort:
		e.detail("Sort Key: %s", e.sortText(n.Keys))
		if n.Presorted > 0 {
			e.detail("Presorted Key: %s", e.sortText(n.Keys[:n.Presorted]))
		}
	case *ModifyTable:
		e.modify(n)
	case *LockRows:
		for _, t := range n.Targets {
			e.detail("Lock: %s", t.Table.Name)
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
func (e *explainer) access(n *Scan) {
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
	if a.NotNull && a.Lo == nil && a.Hi == nil {
		parts = append(parts, fmt.Sprintf("(%s IS NOT NULL)", name(at)))
	}
	for _, g := range a.Gin {
		parts = append(parts, fmt.Sprintf("(%s %s %s)", name(g.Column), g.Op, e.text(g.Query)))
	}
	if len(parts) > 0 {
		e.detail("Key Cond: %s", strings.Join(parts, " AND "))
	}
	if a.Ordered {
		e.detail("Order: %s", map[bool]string{false: "forward", true: "backward"}[a.Reverse])
	}
	total := e.p.env.Groups
	if total == 0 {
		return
	}
	switch {
	case a.IndexOnly && a.Index.Global() && a.Point && a.In == nil:
		e.detail("Groups: 1 of %d", total)
	case a.Index != nil && a.Index.Global() && a.Point:
		e.detail("Groups: 1 of %d for the entry, 1 for the row", total)
	case a.Dist != nil && a.In == nil:
		e.detail("Groups: 1 of %d", total)
	case a.Dist != nil:
		e.detail("Groups: those of the keys, of %d", total)
	default:
		e.detail("Groups: %d of %d", total, total)
	}
}

func (e *explainer) modify(n *ModifyTable) {
	if n.Conflict != nil {
		what := "UPDATE"
		if n.Conflict.DoNothing {
			what = "NOTHING"
		}
		e.detail("Conflict Resolution: %s", what)
		for _, ix := range n.Conflict.Arbiters {
			e.detail("Conflict Arbiter Index: %s", ix.Name)
		}
	}
	for _, c := range n.Checks {
		e.detail("Check: %s", c.Name)
	}
	if e.p.env.ConstraintWork == nil {
		return
	}
	kinds := map[Kind]sema.DMLKind{Insert: sema.Insert, Update: sema.Update, Delete: sema.Delete}
	if n.Kind != Merge {
		for _, l := range e.p.env.ConstraintWork(n.Table, kinds[n.Kind], n.Columns) {
			e.detail("%s", l)
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
		e.detail("%s: %s", when, what)
		if a.Nothing {
			continue
		}
		for _, l := range e.p.env.ConstraintWork(n.Table, kinds[a.Kind], a.Columns) {
			e.detail("  %s", l)
		}
	}
}

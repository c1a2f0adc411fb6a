package planner

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Prepare turns an analysed statement, a *sema.Analyzed (or the *sema.Query or *sema.DML in it), into a plan.
func Prepare(analyzed any, env *Env) (*Plan, error) {
	if env == nil {
		env = &Env{}
	}
	b := &builder{env: env, plan: &Plan{env: env}, tables: map[catalog.Oid]int{}, ctes: map[*sema.CTE]*cteState{}}
	main := &unit{}
	var err error
	if a, ok := analyzed.(*sema.Analyzed); ok {
		if analyzed = a.Query; a.DML != nil {
			analyzed = a.DML
		}
	}
	switch s := analyzed.(type) {
	case *sema.Query:
		err = b.prepareQuery(s, main)
	case *sema.DML:
		b.plan.Kind = map[sema.DMLKind]Kind{sema.Insert: Insert, sema.Update: Update, sema.Delete: Delete, sema.Merge: Merge}[s.Stands()]
		b.plan.Uncounted = s.Stands() != s.Kind
		if b.plan.Nothing = s.Nothing; s.Nothing {
			b.plan.Root, err = b.planQuery(&sema.Query{Where: &expr.Const{Type: types.T(types.BoolOid), Value: types.NewBool(false), Loc: -1}}, nil, main, 0)
			break
		}
		b.plan.Root, err = b.planDML(s, nil, main, true)
		if len(s.Returning) > 0 {
			b.plan.Columns = outputs(s.Returning)
		}
	default:
		err = pgerr.Internal("planner: unknown statement %T", analyzed)
	}
	if err != nil {
		return nil, err
	}
	b.plan.Nodes, b.plan.CTEs = b.nodes, b.cteCount
	b.plan.Subplans = b.subplans
	if env.Statistics != nil {
		for _, t := range b.plan.Tables {
			b.plan.stats = append(b.plan.stats, env.Statistics(t))
		}
	}
	c := coster{env: env}
	b.plan.cost = c.of(b.plan.Root).total
	return b.plan, nil
}

func (b *builder) prepareQuery(s *sema.Query, main *unit) error {
	root, err := b.planQuery(s, nil, main, 0)
	if err != nil {
		return err
	}
	b.plan.Root = root
	b.plan.Columns = outputs(visibleTargets(s))
	b.plan.Point = pointRead(root)
	return nil
}

// pointRead recognises a plan that reads one row by its key.
func pointRead(n Node) *PointRead {
	var passing []int
	if p, ok := n.(*Project); ok && p.Passing != nil {
		passing, n = p.Passing, p.Input
	}
	s, ok := n.(*Scan)
	if !ok || s.RowRef || s.Xmin || s.Filter != nil || !s.Access.Point || s.Access.Index != nil || s.Access.In != nil || s.Access.Dist == nil {
		return nil
	}
	for _, v := range s.Access.Eq {
		if hasSubquery(v.From) {
			return nil
		}
	}
	p := &PointRead{Scan: s, Cols: s.Cols}
	if passing != nil {
		p.Cols = nil
		for _, c := range passing {
			p.Cols = append(p.Cols, s.Cols[c])
		}
	}
	p.KeyIsDist = len(s.Table.DistColumns) == len(s.Table.KeyColumns)
	for i := range s.Table.DistColumns {
		p.KeyIsDist = p.KeyIsDist && s.Table.DistColumns[i] == s.Table.KeyColumns[i]
	}
	return p
}

func outputs(ts []sema.Target) []Output {
	out := make([]Output, 0, len(ts))
	for _, t := range ts {
		out = append(out, Output{Name: t.Name, Type: t.Expr.ResultType(), Table: t.Table, Col: t.Col})
	}
	return out
}

func visibleTargets(q *sema.Query) []sema.Target {
	out := make([]sema.Target, 0, len(q.Targets))
	for _, t := range q.Targets {
		if !t.Junk {
			out = append(out, t)
		}
	}
	return out
}

// builder makes one plan.
type builder struct {
	env      *Env
	plan     *Plan
	nodes    int
	cteCount int
	subplans int
	variants int                 // queries planned a second time
	tables   map[catalog.Oid]int // places in the plan
	ctes     map[*sema.CTE]*cteState
	stored   map[storedKey]expr.Node // what storedNode made
	matched  map[*expr.Func]float64  // what matchSelectivity found out
}

// cteState is a CTE whose defining query is being planned.
type cteState struct {
	owner *query
	plan  *CTEPlan // nil while it is (to be) inlined
	work  int      // slot of the work table of a recursive one, plus 1
	// outer are what its rows depend on, as owner sees it: columns of queries further out.
	outer []expr.Node
}

// unit is a piece of plan that runs on its own, once for each row of an enclosing one: the main plan, a subquery in an
// expression, or a LATERAL item. Its references outward become OuterColumns, which Args bind for each run.
type unit struct {
	parent *query      // the query in which the unit is used; nil for the main plan
	args   []expr.Node // over parent's range table
	index  map[string]int
	// direct is set for an item whose expressions stand at the parent's own level: a function in FROM, an outer join.
	direct bool
}

// arg returns the position in args of a reference that is seen from the parent as v.
func (u *unit) arg(v expr.Node) int {
	key := fingerprint(v)
	if i, ok := u.index[key]; ok {
		return i
	}
	if u.index == nil {
		u.index = map[string]int{}
	}
	u.args = append(u.args, v)
	u.index[key] = len(u.args) - 1
	return len(u.args) - 1
}

// query is the planning state of one sema.Query.
type query struct {
	b     *builder
	q     *sema.Query
	up    *query // the enclosing query
	unit  *unit
	depth int // query levels below the unit's own top query
	// outside are the entries that a direct unit is given: they are not to the left in it.
	outside relSet
	// needed[rel] are the columns of each range-table entry that anything in the query reads.
	needed []map[int]bool
	// where are the conjuncts of WHERE that were not pulled up into semis; original are all of them.
	where, original []expr.Node
	semis           []*semiJoin
	// extra are expressions outside the query that read its columns (RETURNING).
	extra []expr.Node
	// driver is the entry, plus 1, that is read in a wanted order which all joins keep; 0: none.
	driver int
	// sorted computes the targets that wait for the rows to be sorted; nil: none do.
	sorted func(Node) (Node, error)
	// rowRefs are the entries whose scans put out the SystemColumns.
	rowRefs map[int]bool
	refUse  TableUse // of these entries' tables
}

// drives reports whether an entry is to be read in the wanted order.
func (q *query) drives(rel int) bool { return q.driver == rel+1 }

// sys numbers the system columns in a layout: varID{rel, sysKey-i}.
const sysKey = -1

// varID names a column of the query's range table.
type varID struct{ rel, col int }

// layout says which columns an operator's rows have.
type layout struct {
	ids []varID
	ts  []types.Type
	pos map[varID]int
}

func newLayout() *layout { return &layout{pos: map[varID]int{}} }

func (l *layout) add(id varID, t types.Type) {
	l.pos[id] = len(l.ids)
	l.ids = append(l.ids, id)
	l.ts = append(l.ts, t)
}

// concat returns the layout of rows of l followed by rows of r.
func (l *layout) concat(r *layout) *layout {
	out := newLayout()
	for i, id := range l.ids {
		out.add(id, l.ts[i])
	}
	for i, id := range r.ids {
		out.add(id, r.ts[i])
	}
	return out
}

func (b *builder) props(ts []types.Type, rows float64) Props {
	b.nodes++
	if rows < 1 {
		rows = 1
	}
	return Props{ID: b.nodes - 1, Types: ts, Rows: rows}
}

// useTable lists a table in the plan, with the strongest of its uses.
func (b *builder) useTable(t *catalog.Table, use TableUse) {
	at, ok := b.tables[t.OID]
	if !ok {
		at = len(b.plan.Tables)
		b.tables[t.OID] = at
		b.plan.Tables = append(b.plan.Tables, t)
		b.plan.Versions = append(b.plan.Versions, t.VersionTag())
		b.plan.Uses = append(b.plan.Uses, use)
	}
	b.plan.Uses[at] = max(b.plan.Uses[at], use)
}

// useOf returns what a query does with the table of a range table entry.
func (q *query) useOf(rel int) TableUse {
	if q.rowRefs[rel] {
		return q.refUse
	}
	return TableRead
}

// replacer answers for nodes before Vars are resolved (group keys, aggregates).
type replacer func(expr.Node) (expr.Node, bool)

// scalar compiles an expression over rows of the given layout.
func (q *query) scalar(n expr.Node, in *layout, rep replacer) (*Scalar, error) {
	var failed error
	var ts []types.Type
	if in != nil {
		ts = in.ts
	}
	var resolve func(m expr.Node) (expr.Node, bool)
	resolve = func(m expr.Node) (expr.Node, bool) {
		if rep != nil {
			if r, ok := rep(m); ok {
				return r, true
			}
		}
		switch m := m.(type) {
		case *expr.Var:
			r, err := q.resolveVar(m, in, resolve)
			if err != nil && failed == nil {
				failed = err
			}
			return r, true
		case *expr.Aggregate, *expr.Grouping:
			if level, _ := levelOf(m); level > 0 {
				r, err := q.outerValue(m, level)
				if err != nil && failed == nil {
					failed = err
				}
				return r, true
			}
		case *expr.Subquery:
			if sq, ok := m.Query.(*sema.Query); ok {
				sub, args, err := q.subplan(m, sq)
				if err != nil && failed == nil {
					failed = err
				}
				c := *m
				c.Left = mapList(m.Left, resolve)
				c.Query = sub
				// The outer values may be group keys of this query, so they pass through the same replacer.
				c.Outer = mapList(args, resolve)
				if c.Memo = len(args) > 0 && m.Kind != expr.AnySubquery && m.Kind != expr.AllSubquery && !changes(sq); c.Memo && failed == nil {
					if err := q.groupedAlternative(&c, sq, resolve); err != nil {
						failed = err
						return &c, true
					}
				}
				if alt := hashedExists(m, sq); alt != nil && failed == nil {
					set, outer, err := q.subplan(alt, alt.Query.(*sema.Query))
					if err != nil {
						failed = err
						return &c, true
					}
					if len(outer) == 0 {
						alt.Left, alt.Query = mapList(alt.Left, resolve), set
						c.Hashed, c.HashRows = alt, set.Root.Base().Rows
					}
				}
				return &c, true
			}
		}
		return nil, false
	}
	node := mapNode(n, resolve)
	if failed != nil {
		return nil, failed
	}
	return q.b.compile(node, n, ts)
}

func (b *builder) compile(node, from expr.Node, ts []types.Type) (*Scalar, error) {
	c, err := expr.Compile(node, ts)
	if err != nil {
		return nil, err
	}
	if err := c.Failed(); err != nil && b.plan.Failed == nil {
		b.plan.Failed = err
	}
	return &Scalar{Compiled: c, Node: node, From: from, Type: node.ResultType()}, nil
}

func (q *query) scalars(ns []expr.Node, in *layout, rep replacer) ([]*Scalar, error) {
	out := make([]*Scalar, len(ns))
	for i, n := range ns {
		if n == nil {
			continue
		}
		s, err := q.scalar(n, in, rep)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

// resolveVar turns a Var into a column of the input or an outer value.
func (q *query) resolveVar(v *expr.Var, in *layout, resolve replacer) (expr.Node, error) {
	if v.Level == 0 {
		if q.q != nil && v.Rel < len(q.q.Rels) && q.q.Rels[v.Rel].Kind == sema.RTEJoin && v.Col < len(q.q.Rels[v.Rel].JoinCols) {
			return mapNode(q.q.Rels[v.Rel].JoinCols[v.Col], resolve), nil
		}
		if in != nil {
			if i, ok := in.pos[varID{v.Rel, v.Col}]; ok {
				return &expr.Column{Index: i, Type: v.Type}, nil
			}
		}
		if q.unit.direct && q.unit.parent != nil {
			return &expr.OuterColumn{Index: q.unit.arg(v), Type: v.Type}, nil
		}
		return v, pgerr.Internal("planner: column %d of relation %d (%s) is not available", v.Col, v.Rel, v.Name)
	}
	return q.outerValue(v, v.Level)
}

// outerValue turns a column or an aggregate of an enclosing query into a value that the unit is given.
func (q *query) outerValue(n expr.Node, level int) (expr.Node, error) {
	if q.unit.parent == nil {
		return n, pgerr.Internal("planner: outer reference outside a subquery")
	}
	by := -(q.depth + 1)
	if q.unit.direct {
		by = -q.depth
	}
	if level+by < 0 {
		return n, pgerr.Internal("planner: an outer reference crosses no boundary")
	}
	return &expr.OuterColumn{Index: q.unit.arg(relevel(n, by)), Type: n.ResultType()}, nil
}

// subplan plans a subquery of an expression and returns its outer values, over this query's range table.
func (q *query) subplan(s *expr.Subquery, sq *sema.Query) (*Subplan, []expr.Node, error) {
	u := &unit{parent: q}
	if s.Kind == expr.ExistsSubquery && canTrimExists(sq) {
		c := *sq
		c.Targets = nil
		c.OrderBy = nil
		sq = &c
	}
	root, err := q.b.planQuery(sq, q, u, 0)
	if err != nil {
		return nil, nil, err
	}
	sub := &Subplan{ID: q.b.subplans, Root: root, Kind: s.Kind}
	q.b.subplans++
	return sub, u.args, nil
}

// canTrimExists says that only the number of rows of the query matters and nothing in its targets affects it.
func canTrimExists(q *sema.Query) bool {
	return q.SetOp == nil && !q.HasAggs && !q.HasSRFs && len(q.GroupBy) == 0 && q.GroupingSets == nil && !q.Distinct &&
		q.DistinctOn == nil && q.Values == nil && q.LiteralRows == nil && len(q.Locking) == 0 && q.Limit == nil && q.Offset == nil
}

package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// virtual finds a system relation by a possibly empty schema: unqualified names find pg_catalog's.
func (a *analyzer) virtual(schema, name string) *VirtualTable {
	if a.env.Virtual == nil {
		return nil
	}
	if schema != "" {
		return a.env.Virtual.Lookup(schema, name)
	}
	if v := a.env.Virtual.Lookup("", name); v != nil { // a transition table
		return v
	}
	if !slices.Contains(a.env.SearchPath, catalog.PgCatalogName) {
		return a.env.Virtual.Lookup(catalog.PgCatalogName, name)
	}
	return nil
}

// relation is what a RangeVar names: a catalog relation, or a virtual table.
func (a *analyzer) relation(r *parse.RangeVar) (rel catalog.Relation, v *VirtualTable, err error) {
	if r.Catalog != "" && r.Schema == "" {
		return rel, nil, a.errorf(r.Loc(), pgerr.SyntaxError, "improper qualified name")
	}
	if rel, ok := a.bound(r); ok {
		return rel, nil, nil
	}
	if r.Schema != "" {
		if v = a.virtual(r.Schema, r.Name); v != nil {
			return rel, v, nil
		}
		if a.env.Catalog != nil {
			if err := a.env.Catalog.CheckSchemaUsage(r.Schema, a.env.Role); err != nil {
				return rel, nil, a.at(r.Loc(), err)
			}
			if rel, ok := a.env.Catalog.LookupRelation(a.env.SearchPath, r.Schema, r.Name); ok {
				return rel, nil, nil
			}
		}
		return rel, nil, a.at(r.Loc(), undefinedRelation(r.Schema+"."+r.Name))
	}
	if v = a.virtual("", r.Name); v != nil {
		return rel, v, nil
	}
	for _, sp := range a.env.SearchPath {
		if a.env.Virtual != nil {
			if v = a.env.Virtual.Lookup(sp, r.Name); v != nil {
				return rel, v, nil
			}
		}
		if a.env.Catalog != nil {
			if rel, ok := a.env.Catalog.LookupRelation(nil, sp, r.Name); ok {
				return rel, nil, nil
			}
		}
	}
	return rel, nil, a.at(r.Loc(), undefinedRelation(r.Name))
}

func (s *scope) addRel(r *RTE) int {
	s.noteCollations(r)
	s.q.Rels = append(s.q.Rels, r)
	return len(s.q.Rels) - 1
}

func (s *scope) from(items []parse.FromItem) error {
	for _, it := range items {
		node, ns, err := s.fromItem(it)
		if err != nil {
			return err
		}
		if err := s.checkConflict(s.ns, ns); err != nil {
			return err
		}
		for _, n := range ns {
			n.lateralOnly, n.lateralOK = true, true
		}
		s.ns = append(s.ns, ns...)
		if s.q.From == nil {
			s.q.From = node
		} else {
			s.q.From = &Join{Kind: CrossJoin, Left: s.q.From, Right: node, Comma: true}
		}
	}
	for _, n := range s.ns {
		n.lateralOnly = false
	}
	return nil
}

// checkConflict refuses two items of one name.
func (s *scope) checkConflict(have, add []*nsItem) error {
	for _, n := range add {
		if !n.relVisible {
			continue
		}
		for _, h := range have {
			if h.relVisible && h.name == n.name && !(h.schema != "" && n.schema != "" && h.schema != n.schema) {
				return s.errorf(-1, pgerr.DuplicateAlias, "table name %q specified more than once", n.name)
			}
		}
	}
	return nil
}

func (s *scope) fromItem(it parse.FromItem) (JoinNode, []*nsItem, error) {
	switch f := it.(type) {
	case *parse.RangeVar:
		return s.written(f.Alias)(s.rangeVar(f))
	case *parse.RangeSubselect:
		return s.written(f.Alias)(s.rangeSubselect(f))
	case *parse.RangeFunction:
		return s.written(f.Alias)(s.rangeFunction(f))
	case *parse.JoinExpr:
		return s.joinExpr(f)
	case *parse.RangeTableSample:
		return s.tableSample(f)
	}
	return nil, nil, pgerr.Internal("FROM item %T", it)
}

// written makes the join tree's leaf of an item and notes its alias.
func (s *scope) written(al *parse.Alias) func(*nsItem, error) (JoinNode, []*nsItem, error) {
	return func(n *nsItem, err error) (JoinNode, []*nsItem, error) {
		if err != nil {
			return nil, nil, err
		}
		s.q.Rels[n.rel].Written = al
		return RelRef{n.rel}, []*nsItem{n}, nil
	}
}

// item makes the namespace item of a range-table entry, with its column aliases. skip leaves columns out.
func (s *scope) item(rel int, name string, aliases []string, loc int, skip func(i int) bool) (*nsItem, error) {
	n := &nsItem{rel: rel, name: name, relVisible: true, colsVisible: true}
	for i, c := range s.q.Rels[rel].Columns {
		if skip != nil && skip(i) {
			continue
		}
		n.cols = append(n.cols, nsCol{name: c.Name, rel: rel, col: i, typ: c.Type})
	}
	if len(aliases) > len(n.cols) {
		return nil, s.errorf(-1, pgerr.InvalidColumnReference, "table %q has %d columns available but %d columns specified", name, len(n.cols), len(aliases))
	}
	for i, al := range aliases {
		n.cols[i].name = al
	}
	return n, nil
}

func aliasOf(al *parse.Alias, name string) (string, []string) {
	if al == nil {
		return name, nil
	}
	return al.Name, al.Columns
}

func (s *scope) rangeVar(r *parse.RangeVar) (*nsItem, error) {
	if r.Schema == "" {
		if c, level := s.findCTE(r.Name); c != nil {
			return s.cteRef(c, level, r)
		}
	}
	rel, v, err := s.relation(r)
	if err != nil {
		if future := s.futureCTE(r); future != nil {
			return nil, s.at(r.Loc(), future)
		}
		return nil, err
	}
	name, cols := aliasOf(r.Alias, r.Name)
	var n *nsItem
	switch {
	case v != nil:
		s.usesVirtual = true
		n, err = s.item(s.addRel(&RTE{Kind: RTECatalog, Alias: name, Columns: v.Columns, Virtual: v}), name, cols, r.Loc(), nil)
		if n != nil {
			n.virtual, n.schema = v, v.Schema
		}
	case rel.Kind == catalog.KindMatView && rel.Table.OID == s.env.Populate: // what it is filled from
		n, err = s.viewItem(rel.Table.AsView(), name, cols, r)
	case rel.Kind == catalog.KindTable || rel.Kind == catalog.KindMatView:
		if n, err = s.tableItem(rel.Table, name, cols, r.Schema); err == nil {
			s.q.Rels[n.rel].Only = !r.Inh
			if r.Inh && !s.env.Print {
				s.expand(n)
			}
		}
	case rel.Kind == catalog.KindView:
		n, err = s.viewItem(rel.View, name, cols, r)
	case rel.Kind == catalog.KindSequence:
		v := s.sequenceTable(rel.Sequence)
		s.usesVirtual = true
		n, err = s.item(s.addRel(&RTE{Kind: RTECatalog, Alias: name, Columns: v.Columns, Virtual: v}), name, cols, r.Loc(), nil)
		if n != nil {
			n.virtual, n.schema = v, v.Schema
		}
	default:
		return nil, s.errorf(r.Loc(), pgerr.WrongObjectType, "cannot open relation %q", r.Name)
	}
	if n != nil && r.Alias != nil {
		n.schema = ""
	}
	return n, err
}

// sequenceTable is a sequence as SELECT reads it: one row with its state.
func (s *scope) sequenceTable(q *catalog.Sequence) *VirtualTable {
	return &VirtualTable{OID: q.OID, Schema: s.env.Catalog.SchemaName(q.SchemaID), Name: q.Name, Columns: []Column{
		{Name: "last_value", Type: types.T(types.Int8Oid)},
		{Name: "log_cnt", Type: types.T(types.Int8Oid)},
		{Name: "is_called", Type: types.T(types.BoolOid)},
	}}
}

// tableColumns are a table's columns by attribute number.
func tableColumns(t *catalog.Table) []Column {
	out := make([]Column, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = Column{Name: c.Name, Type: c.Type}
	}
	return out
}

func (s *scope) tableItem(t *catalog.Table, name string, aliases []string, schema string) (*nsItem, error) {
	s.addTable(t)
	rel := s.addRel(&RTE{Kind: RTETable, Alias: name, Columns: tableColumns(t), Table: t})
	names := s.boundNames(t.OID)
	n, err := s.boundItem(rel, name, aliases, names, func(i int) bool { return t.Columns[i].Dropped || t.Columns[i].Hidden })
	if err != nil {
		return nil, err
	}
	n.table = t
	switch {
	case names != nil:
		n.schema = schema
	case s.env.Catalog != nil:
		n.schema = s.env.Catalog.SchemaName(t.SchemaID)
	}
	return n, nil
}

const maxViewDepth = 64

func (s *scope) viewItem(v *catalog.View, name string, aliases []string, r *parse.RangeVar) (*nsItem, error) {
	q, err := s.viewQuery(v, r.Loc())
	if err != nil {
		return nil, err
	}
	cols := queryColumns(q)
	for i := range min(len(cols), len(v.Columns)) {
		cols[i].Name = v.Columns[i].Name
	}
	rel := s.addRel(&RTE{Kind: RTESubquery, Alias: name, Columns: cols, Query: q, View: v})
	return s.boundItem(rel, name, aliases, s.boundNames(v.OID), nil)
}

// viewQuery analyses a view's query.
func (a *analyzer) viewQuery(v *catalog.View, loc int) (*Query, error) {
	if a.env.NoViews {
		return nil, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "access to non-system view \"%s\" is restricted", v.Name)
	}
	if a.viewDepth >= maxViewDepth {
		return nil, a.errorf(loc, pgerr.InvalidObjectDefinition, "infinite recursion detected in rules for relation %q", v.Name)
	}
	sub, q, err := analyzeView(v, a.env, a.viewDepth+1)
	if err != nil {
		return nil, err
	}
	for _, t := range sub.tables {
		a.addTable(t)
	}
	a.usesVirtual = a.usesVirtual || sub.usesVirtual
	return q, nil
}

// queryColumns are the visible output columns of a query.
func queryColumns(q *Query) []Column {
	var out []Column
	for _, t := range q.Targets {
		if !t.Junk {
			out = append(out, Column{Name: t.Name, Type: t.Expr.ResultType(), Collation: t.Collation})
		}
	}
	return out
}

func (s *scope) rangeSubselect(r *parse.RangeSubselect) (*nsItem, error) {
	sel, ok := r.Subquery.(*parse.SelectStmt)
	if !ok {
		return nil, pgerr.Internal("subquery in FROM is no SELECT")
	}
	done := s.in(inFromSubselect)
	q, err := s.subquery(sel, r.Lateral, false)
	done()
	if err != nil {
		return nil, err
	}
	kind := RTESubquery
	if q.Values != nil || q.LiteralRows != nil {
		kind = RTEValues
	}
	name, cols := aliasOf(r.Alias, "unnamed_subquery")
	n, err := s.item(s.addRel(&RTE{Kind: kind, Alias: name, Columns: queryColumns(q), Query: q, Lateral: r.Lateral}), name, cols, r.Loc(), nil)
	if n != nil {
		n.relVisible = r.Alias != nil
	}
	return n, err
}

// subquery analyses a SELECT one level down. lateral opens the FROM items to the left to it.
func (s *scope) subquery(sel *parse.SelectStmt, lateral, keepUnknown bool) (*Query, error) {
	old := s.lateral
	s.lateral = lateral
	defer func() { s.lateral = old }()
	sub := s.newScope(s)
	sub.keepUnknown = keepUnknown
	if err := sub.selectStmt(sel); err != nil {
		return nil, err
	}
	return sub.q, nil
}

func (s *scope) rangeFunction(r *parse.RangeFunction) (*nsItem, error) {
	calls := functionCalls(r)
	if len(calls) > 1 {
		if s.env.Print {
			return s.printedRowsFrom(r, calls)
		}
		return s.rowsFrom(r, calls)
	}
	f := calls[0]
	n, err := s.fromFunction(f.Func)
	if err != nil {
		return nil, err
	}
	if n, err = s.recordCall(n, append(append([]*parse.ColumnDef(nil), r.Coldefs...), f.Coldefs...)); err != nil {
		return nil, err
	}
	fname := s.calledName(f.Func)
	name, aliases := aliasOf(r.Alias, fname)
	rte := &RTE{Kind: RTEFunction, Alias: name, Func: n, Lateral: true, Ordinality: r.Ordinality}
	scalar := false
	if sr, ok := n.(*expr.SetReturning); ok && (len(sr.Fn.Columns) > 1 || sr.Columns != nil) {
		rte.Columns = append(rte.Columns, s.outColumns(sr)...)
	} else {
		scalar = true
		col := fname
		if ok && len(sr.Fn.Columns) == 1 && sr.Fn.Columns[0].Name != "" {
			col = sr.Fn.Columns[0].Name
		}
		if r.Alias != nil && !(ok && len(sr.Fn.Columns) == 1) {
			col = r.Alias.Name
		}
		if k, plain := n.(*expr.Func); plain && k.Fn.User != nil && k.Fn.User.OutName != "" {
			col = k.Fn.User.OutName
		}
		rte.Columns = []Column{{Name: col, Type: n.ResultType()}}
	}
	if r.Ordinality {
		rte.Columns = append(rte.Columns, Column{Name: "ordinality", Type: types.T(types.Int8Oid)})
	}
	if s.env.Print {
		rte.Lateral = r.Lateral || usesOwn(n)
		rte.Funcs = []FromFunc{fromFunc(n, len(r.Coldefs)+len(f.Coldefs) > 0)}
	}
	it, err := s.item(s.addRel(rte), name, aliases, r.Loc(), nil)
	if it != nil {
		it.funcScalar = scalar && !r.Ordinality
	}
	return it, err
}

// calledName is the name that a call in FROM gives to its item. (A stored one names a user's function by reference.)
func (s *scope) calledName(f parse.Expr) string {
	name := figureName(f)
	if oid, ok := types.ParseNameRef(name); ok && s.env.Catalog != nil {
		if fn := s.env.Catalog.Function(oid.Serial()); fn != nil {
			return fn.Name
		}
	}
	return name
}

// fromFunction analyses a call in FROM, which sees the items to its left.
func (s *scope) fromFunction(f parse.Expr) (expr.Node, error) {
	old := s.lateral
	s.lateral = true
	done := s.in(inFromFunction)
	n, err := s.expr(f)
	done()
	s.lateral = old
	if err != nil {
		return nil, err
	}
	return s.resolveUnknown(n)
}

// outColumns are the columns of a function with OUT parameters.
func (s *scope) outColumns(sr *expr.SetReturning) []Column {
	if sr.Columns != nil {
		out := make([]Column, len(sr.Columns))
		for i, c := range sr.Columns {
			out[i] = Column{Name: c.Name, Type: c.Type}
		}
		return out
	}
	out := make([]Column, len(sr.Fn.Columns))
	declared := make([]types.Oid, len(sr.Args))
	copy(declared, sr.Fn.Args)
	for i, c := range sr.Fn.Columns {
		t := c.Type
		if _, ret, err := expr.ResolvePolymorphic(oidsOf(sr.Args), declared, t); err == nil {
			t = ret
		}
		out[i] = Column{Name: c.Name, Type: types.T(t)}
	}
	return out
}

func (s *scope) joinExpr(j *parse.JoinExpr) (JoinNode, []*nsItem, error) {
	left, lns, err := s.fromItem(j.Larg)
	if err != nil {
		return nil, nil, err
	}
	old := s.ns
	for _, n := range lns {
		n.lateralOnly = true
		n.lateralOK = j.Type == parse.JoinInner || j.Type == parse.JoinLeft
	}
	s.ns = append(append([]*nsItem(nil), old...), lns...)
	right, rns, err := s.fromItem(j.Rarg)
	s.ns = old
	if err != nil {
		return nil, nil, err
	}
	for _, n := range lns {
		n.lateralOnly, n.lateralOK = false, true
	}
	if err := s.checkConflict(lns, rns); err != nil {
		return nil, nil, err
	}
	join := &Join{Left: left, Right: right}
	ns := append(append([]*nsItem(nil), lns...), rns...)
	using := j.Using
	if j.Natural {
		if using, err = s.naturalColumns(lns, rns); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case len(using) > 0:
		merged, err := s.usingJoin(j, join, using, lns, rns)
		if err != nil {
			return nil, nil, err
		}
		if s.env.Print {
			s.printedJoin(j, join, using, visibleCols(lns), visibleCols(rns), merged)
		}
		for _, n := range ns {
			n.colsVisible = false
		}
		ns = append(ns, merged)
		if j.UsingAlias != nil {
			alias := []*nsItem{{rel: -1, name: j.UsingAlias.Name, relVisible: true, cols: merged.cols[:len(using)]}}
			if err := s.checkConflict(ns, alias); err != nil {
				return nil, nil, err
			}
			ns = append(ns, alias...)
		}
	case j.Quals != nil:
		s.ns = ns
		done := s.in(inJoinOn)
		join.On, err = s.boolExpr(j.Quals, "JOIN/ON")
		done()
		s.ns = old
		if err != nil {
			return nil, nil, err
		}
	}
	if s.env.Print && len(using) == 0 {
		s.printedJoin(j, join, nil, visibleCols(lns), visibleCols(rns), nil)
	}
	join.setKind(j.Type)
	for _, n := range rns {
		n.nullable = n.nullable || j.Type == parse.JoinLeft || j.Type == parse.JoinFull
	}
	for _, n := range lns {
		n.nullable = n.nullable || j.Type == parse.JoinRight || j.Type == parse.JoinFull
	}
	if join.Kind != CrossJoin && join.On == nil {
		join.On = &expr.Const{Type: types.T(types.BoolOid), Value: types.NewBool(true), Loc: -1}
	}
	if j.Alias != nil {
		return s.aliasedJoin(j, join, ns)
	}
	return join, ns, nil
}

// setKind sets the kind of a join; a right join becomes a left one.
func (j *Join) setKind(t parse.JoinType) {
	switch t {
	case parse.JoinLeft:
		j.Kind = LeftJoin
	case parse.JoinRight:
		j.Kind, j.Left, j.Right, j.Swapped = LeftJoin, j.Right, j.Left, true
	case parse.JoinFull:
		j.Kind = FullJoin
	default:
		if j.On == nil {
			j.Kind = CrossJoin
		}
	}
}

// visibleCols are the columns that * expands to.
func visibleCols(ns []*nsItem) []nsCol {
	var out []nsCol
	for _, n := range ns {
		if n.colsVisible {
			out = append(out, n.cols...)
		}
	}
	return out
}

func (s *scope) aliasedJoin(j *parse.JoinExpr, join *Join, ns []*nsItem) (JoinNode, []*nsItem, error) {
	n := &nsItem{rel: -1, name: j.Alias.Name, relVisible: true, colsVisible: true, cols: append([]nsCol(nil), visibleCols(ns)...)}
	if len(j.Alias.Columns) > len(n.cols) {
		return nil, nil, s.errorf(j.Loc(), pgerr.InvalidColumnReference, "column alias list for %q has too many entries", n.name)
	}
	for i, al := range j.Alias.Columns {
		n.cols[i].name = al
	}
	if s.env.Print {
		for i := range n.cols {
			n.cols[i].rel, n.cols[i].col, n.cols[i].node = join.Entry, i, nil
		}
	}
	return join, []*nsItem{n}, nil
}

func (s *scope) naturalColumns(l, r []*nsItem) ([]string, error) {
	var out []string
	rc := visibleCols(r)
	for _, c := range visibleCols(l) {
		if slices.ContainsFunc(rc, func(d nsCol) bool { return d.name == c.name }) {
			out = append(out, c.name)
		}
	}
	return out, nil
}

func (s *scope) usingColumn(cols []nsCol, name, side string) (int, error) {
	at := -1
	for i, c := range cols {
		if c.name == name {
			if at >= 0 {
				return 0, s.errorf(-1, pgerr.AmbiguousColumn, "common column name %q appears more than once in %s table", name, side)
			}
			at = i
		}
	}
	if at < 0 {
		return 0, s.errorf(-1, pgerr.UndefinedColumn, "column %q specified in USING clause does not exist in %s table", name, side)
	}
	return at, nil
}

// usingJoin sets the join's condition and returns the item with the merged columns first, then the others.
func (s *scope) usingJoin(j *parse.JoinExpr, join *Join, using []string, lns, rns []*nsItem) (*nsItem, error) {
	lc, rc := visibleCols(lns), visibleCols(rns)
	merged := &nsItem{rel: -1, colsVisible: true}
	var conds []expr.Node
	usedL, usedR := map[int]bool{}, map[int]bool{}
	for i, name := range using {
		if slices.Contains(using[:i], name) {
			return nil, s.errorf(-1, pgerr.DuplicateColumn, "column name %q appears more than once in USING clause", name)
		}
		li, err := s.usingColumn(lc, name, "left")
		if err != nil {
			return nil, err
		}
		ri, err := s.usingColumn(rc, name, "right")
		if err != nil {
			return nil, err
		}
		usedL[li], usedR[ri] = true, true
		l, r := lc[li].ref(0, -1), rc[ri].ref(0, -1)
		eq, err := s.operator("=", l, r, -1)
		if err != nil {
			return nil, err
		}
		conds = append(conds, eq)
		both, t, err := s.unify([]expr.Node{l, r}, "JOIN/USING")
		if err != nil {
			return nil, err
		}
		merged.cols = append(merged.cols, nsCol{name: name, typ: t, node: mergedColumn(j.Type, both, t)})
	}
	for i, c := range lc {
		if !usedL[i] {
			merged.cols = append(merged.cols, c)
		}
	}
	for i, c := range rc {
		if !usedR[i] {
			merged.cols = append(merged.cols, c)
		}
	}
	if join.On = conds[0]; len(conds) > 1 {
		join.On = &expr.BoolOp{Op: expr.And, Args: conds, Loc: -1}
	}
	return merged, nil
}

// mergedColumn is the value of a column that USING merges, of both sides converted to one type (buildMergedJoinVar).
func mergedColumn(t parse.JoinType, both []expr.Node, typ types.Type) expr.Node {
	_, left := both[0].(*expr.Var)
	_, right := both[1].(*expr.Var)
	switch {
	case t == parse.JoinFull:
		return &expr.Coalesce{Args: both, Type: typ, Loc: -1}
	case t == parse.JoinRight, t == parse.JoinInner && right && !left:
		return both[1]
	}
	return both[0]
}

// ref makes a reference to a column from level query levels further in.
func (c *nsCol) ref(level, loc int) expr.Node {
	if c.used != nil {
		*c.used = true
	}
	if c.node == nil {
		return &expr.Var{Rel: c.rel, Col: c.col, Level: level, Type: c.typ, Name: c.name, Loc: loc}
	}
	n, _ := expr.Rewrite(c.node, func(k expr.Node) (expr.Node, error) {
		if v, ok := k.(*expr.Var); ok {
			v2 := *v
			v2.Level += level
			v2.Loc = loc
			return &v2, nil
		}
		return k, nil
	})
	return n
}

package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// onConflict analyses ON CONFLICT of INSERT.
func (s *scope) onConflict(d *DML, stmt *parse.InsertStmt) error {
	oc := stmt.OnConflict
	out := &OnConflict{DoNothing: !oc.Update}
	d.Conflict = out
	if oc.Infer == nil && oc.Update {
		return s.at(oc.Loc(), pgerr.New(pgerr.SyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name").
			WithHint("For example, ON CONFLICT (column_name)."))
	}
	cs := s.newScope(s.parent)
	cs.ctes, cs.rowOnly = s.ctes, true
	it, err := cs.targetItem(d.target, stmt.Relation)
	if err != nil {
		return err
	}
	if d.Table.Partitioning != nil {
		cs.expand(it)
	}
	cs.ns = []*nsItem{it}
	var excluded *nsItem
	if oc.Update {
		if excluded, err = cs.excludedItem(d); err != nil {
			return err
		}
		cs.hidden = []*nsItem{excluded}
		s.hidden = append(s.hidden, excluded)
	}
	if oc.Infer != nil {
		if out.Arbiters, err = cs.arbiters(d.target, oc.Infer, oc.Update); err != nil {
			return err
		}
	} else if err := cs.checkArbiters(d.Table, d.Table.Indexes); err != nil {
		return err
	}
	if !oc.Update {
		return nil
	}
	cs.ns, cs.hidden = append(cs.ns, excluded), nil
	return cs.conflictUpdate(d, oc)
}

// excludedItem is the row that could not be inserted, for DO UPDATE.
func (s *scope) excludedItem(d *DML) (*nsItem, error) {
	const name = "excluded"
	if d.target.views != nil {
		return s.viewTargetItem(d.target, name), nil
	}
	rel := s.addRel(&RTE{Kind: RTETable, Alias: name, Columns: tableColumns(d.Table), Table: d.Table})
	it, err := s.item(rel, name, nil, -1, func(i int) bool { return d.Table.Columns[i].Dropped || d.Table.Columns[i].Hidden })
	if err != nil {
		return nil, err
	}
	// A bare name means the existing row.
	it.table, it.colsVisible = d.Table, true
	return it, nil
}

// conflictUpdate analyses DO UPDATE in a scope of the existing row and the excluded one.
func (s *scope) conflictUpdate(d *DML, oc *parse.OnConflictClause) error {
	out := d.Conflict
	cols, exprs, err := s.assignments(d.target, oc.TargetList)
	if err != nil {
		return err
	}
	for i, c := range cols {
		out.Columns = append(out.Columns, c.Num)
		out.Set = append(out.Set, exprs[i])
	}
	if oc.WhereClause != nil {
		defer s.in(inWhere)()
		out.Where, err = s.boolExpr(oc.WhereClause, "WHERE")
	}
	return err
}

// arbiters finds the unique indexes that a conflict target means.
func (s *scope) arbiters(target *dmlTarget, inf *parse.InferClause, update bool) ([]*catalog.Index, error) {
	t := target.table
	if inf.Conname != "" {
		for _, c := range t.Constraints {
			if c.Name != inf.Conname {
				continue
			}
			if ix := t.IndexByOID(c.Index); ix != nil && (c.Type == catalog.PrimaryKey || c.Type == catalog.Unique) {
				return []*catalog.Index{ix}, s.checkArbiters(t, []*catalog.Index{ix})
			}
			if ix := t.IndexByOID(c.Index); ix != nil && ix.Excludes() {
				if update {
					return nil, s.errorf(-1, pgerr.WrongObjectType, "ON CONFLICT DO UPDATE not supported with exclusion constraints")
				}
				return []*catalog.Index{ix}, s.checkArbiters(t, []*catalog.Index{ix})
			}
			return nil, s.errorf(-1, pgerr.WrongObjectType, "constraint in ON CONFLICT clause has no associated index")
		}
		return nil, s.errorf(-1, pgerr.UndefinedObject, "constraint %q for table %q does not exist", inf.Conname, t.Name)
	}
	var want inference
	for _, el := range inf.IndexElems {
		if err := s.inferColumn(&want, target, el, inf); err != nil {
			return nil, err
		}
	}
	if inf.WhereClause != nil {
		done := s.in(inIndex)
		n, err := s.boolExpr(inf.WhereClause, "WHERE")
		done()
		if err != nil {
			return nil, err
		}
		want.where = append(want.where, expr.Fold(n))
	}
	var out []*catalog.Index
	for _, ix := range t.Indexes {
		if !ix.Unique {
			continue
		}
		ok, err := s.infers(&want, t, ix)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, ix)
		}
	}
	if err := s.checkArbiters(t, out); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, s.errorf(-1, pgerr.InvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
	}
	return out, nil
}

// checkArbiters refuses deferrable constraints among the unique indexes that an ON CONFLICT looks at.
func (s *scope) checkArbiters(t *catalog.Table, list []*catalog.Index) error {
	for _, ix := range list {
		c := t.ConstraintByOID(ix.Constraint)
		if c == nil || !c.Deferrable {
			continue
		}
		schema := ""
		if sc := s.env.Catalog.Schema(t.SchemaID); sc != nil {
			schema = sc.Name
		}
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters").
			WithTable(schema, t.Name).WithConstraint(c.Name)
	}
	return nil
}

// inference is what a conflict target asks of an index.
type inference struct {
	columns []catalog.AttNum
	exprs   []expr.Node
	where   []expr.Node
}

// inferColumn adds one column or expression of a conflict target.
func (s *scope) inferColumn(want *inference, t *dmlTarget, el *parse.IndexElem, inf *parse.InferClause) error {
	if el.Ordering != parse.SortByDefault || el.Nulls != parse.SortByNullsDefault {
		return s.errorf(inf.Loc(), pgerr.InvalidColumnReference, "ASC/DESC is not allowed in ON CONFLICT clause")
	}
	num := catalog.AttNum(0)
	if el.Expr != nil {
		n, err := s.exprIn(el.Expr, inIndex)
		if err != nil {
			return err
		}
		v, ok := n.(*expr.Var)
		if !ok || v.Level != 0 {
			want.exprs = append(want.exprs, expr.Fold(n))
			return nil
		}
		num = attNum(v.Col + 1)
	} else {
		c := t.column(el.Name)
		if c == nil {
			return s.missingColumn("", el.Name, inf.Loc())
		}
		if v := s.env.Variables; v != nil && v.Conflict() == ConflictIsError { // PostgreSQL looks it up as an expression
			ref := &parse.ColumnRef{Fields: parse.Name{el.Name}, Location: inf.Location}
			if n, err := s.variable(ref, false); err != nil {
				return err
			} else if n != nil {
				return s.at(ref.Loc(), errAmbiguousVariable(ref).
					WithDetail("It could refer to either a PL/pgSQL variable or a table column."))
			}
		}
		t.read(c)
		if c.Num == 0 { // an expression of a view
			want.exprs = append(want.exprs, expr.Fold(t.meaning(c)))
			return nil
		}
		num = c.Num
	}
	if !slices.Contains(want.columns, num) {
		want.columns = append(want.columns, num)
	}
	return nil
}

// infers reports whether a conflict target means a unique index: its columns and expressions are those of the target, and
// the target's WHERE implies its predicate (infer_arbiter_indexes).
func (s *scope) infers(want *inference, t *catalog.Table, ix *catalog.Index) (bool, error) {
	columns := 0
	var exprs []expr.Node
	for i := range ix.Columns {
		c := &ix.Columns[i]
		if c.Num != 0 {
			if columns++; !slices.Contains(want.columns, c.Num) {
				return false, nil
			}
			continue
		}
		n, err := s.storedOf(t, c.Expr, IndexExpr)
		if err != nil {
			return false, err
		}
		exprs = append(exprs, n)
	}
	if columns != len(want.columns) || !allAmong(exprs, want.exprs) || !allAmong(want.exprs, exprs) {
		return false, nil
	}
	if ix.Predicate == "" {
		return true, nil
	}
	p, err := s.storedOf(t, ix.Predicate, PredicateExpr)
	if err != nil {
		return false, err
	}
	return expr.Implied(p, want.where), nil
}

// storedOf analyses an expression of the catalog over a table's columns.
func (a *analyzer) storedOf(t *catalog.Table, text string, kind ExprKind) (expr.Node, error) {
	e, err := parse.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	n, err := AnalyzeExpr(e, ExprScope{Kind: kind, Table: t}, a.stored())
	if err != nil {
		return nil, err
	}
	return expr.Fold(n), nil
}

// allAmong reports whether each of some expressions is among others.
func allAmong(list, others []expr.Node) bool {
	for _, n := range list {
		if !slices.ContainsFunc(others, func(o expr.Node) bool { return expr.Equal(n, o) }) {
			return false
		}
	}
	return true
}

// standalone analyses an expression outside of a query.
func (a *analyzer) standalone(e parse.Expr, sc ExprScope) (expr.Node, error) {
	s := a.newScope(nil)
	s.rowOnly = true
	s.clause = [...]clause{inDefault, inCheck, inIndex, inTransform, inStandalone, inCopyWhere, inExecute, inCheck, inGenerated, inPredicate, inPartitionKey, inDefault, inPartitionBound}[sc.Kind]
	if sc.Kind == DomainCheckExpr {
		s.domainValue = &sc.Type
	}
	if sc.Table != nil {
		it, err := s.tableItem(sc.Table, sc.Table.Name, nil, "")
		if err != nil {
			return nil, err
		}
		s.ns = []*nsItem{it}
	}
	n, err := s.expr(e)
	if err != nil {
		return nil, err
	}
	if sc.Kind == GeneratedExpr {
		if err := s.noGenerated(n, sc.Table); err != nil {
			return nil, err
		}
	}
	switch {
	case sc.Kind == CheckExpr, sc.Kind == DomainCheckExpr:
		return s.coerceBool(n, "CHECK")
	case sc.Kind == PredicateExpr:
		return s.coerceBool(n, "WHERE")
	case sc.Kind == CopyWhereExpr:
		return s.coerceBool(n, "WHERE")
	case sc.Type.Oid == 0:
		return s.resolveUnknown(n)
	}
	if sc.Kind == FunctionDefaultExpr {
		return s.coerceDefault(n, sc.Type)
	}
	out, err := s.coerceTo(n, sc.Type, types.Assignment, -1)
	if err != nil || out != nil {
		return out, err
	}
	if sc.Kind == DefaultExpr || sc.Kind == GeneratedExpr {
		return nil, pgerr.New(pgerr.DatatypeMismatch, "column %q is of type %s but default expression is of type %s",
			sc.Column, typeString(sc.Type.Oid), typeString(oidOf(n))).WithHint("You will need to rewrite or cast the expression.")
	}
	if sc.Kind == TransformExpr {
		return nil, pgerr.New(pgerr.DatatypeMismatch, "result of USING clause for column %q cannot be cast automatically to type %s",
			sc.Column, typeString(sc.Type.Oid)).WithHint("You might need to add an explicit cast.")
	}
	if sc.Kind == ExecuteExpr && !expr.CanCoerce([]types.Oid{oidOf(n)}, []types.Oid{sc.Type.Oid}, types.Assignment) {
		return nil, s.at(locOf(n), pgerr.New(pgerr.DatatypeMismatch, "parameter $%d of type %s cannot be coerced to the expected type %s",
			sc.Param, typeString(oidOf(n)), typeString(sc.Type.Oid)).WithHint("You will need to rewrite or cast the expression."))
	}
	return s.assign(n, sc.Type, sc.Column, -1)
}

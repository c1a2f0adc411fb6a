package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// MergeAction is a WHEN clause of MERGE. Its expressions are over the range table of the DML's Source.
type MergeAction struct {
	Matched bool
	Kind    DMLKind
	Nothing bool      // DO NOTHING; Kind means nothing then
	Cond    expr.Node // AND …; nil for none
	// Columns and Set are what UPDATE assigns. INSERT names Columns; its Set are the values by attnum-1, defaults included,
	// nil for NULL.
	Columns []catalog.AttNum
	Set     []expr.Node
}

// merge analyses MERGE: the source, joined to the target so that its rows without a match come too where any action is for
// them, and the actions.
func (a *analyzer) merge(stmt *parse.MergeStmt) (*DML, error) {
	s := a.newScope(nil)
	if stmt.With != nil {
		if stmt.With.Recursive {
			return nil, s.errorf(-1, pgerr.SyntaxError, "WITH RECURSIVE is not supported for MERGE statement")
		}
		if err := s.with(stmt.With); err != nil {
			return nil, err
		}
	}
	if err := s.checkReachable(stmt.Whens); err != nil {
		return nil, err
	}
	t, err := a.mergeTarget(stmt.Relation)
	if err != nil {
		return nil, err
	}
	d := &DML{Kind: Merge, Table: t.table, Source: s.q}
	d.Alias, _ = aliasOf(stmt.Relation.Alias, t.name)
	target, err := s.writtenItem(t, stmt.Relation)
	if err != nil {
		return nil, err
	}
	d.Target = target.rel
	s.hidden = []*nsItem{target}
	if err := s.from([]parse.FromItem{stmt.Source}); err != nil {
		return nil, err
	}
	source := s.ns
	if slices.ContainsFunc(source, func(it *nsItem) bool { return it.name == target.name && it.relVisible }) {
		return nil, pgerr.New(pgerr.DuplicateAlias, "name %q specified more than once", target.name).
			WithDetail("The name is used both as MERGE target table and data source.")
	}
	both := append([]*nsItem{target}, source...)
	s.ns, s.hidden = both, nil
	done := s.in(inJoinOn)
	on, err := s.boolExpr(stmt.Condition, "JOIN/ON")
	done()
	if err != nil {
		return nil, err
	}
	join := &Join{Kind: InnerJoin, Left: s.q.From, Right: RelRef{target.rel}, On: on}
	s.q.From = join
	for _, w := range stmt.Whens {
		s.ns, s.hidden = both, nil
		if !w.Matched {
			s.ns, s.hidden = source, []*nsItem{target}
		}
		if w.Action == parse.MergeInsert {
			join.Kind = LeftJoin
		}
		act, err := s.mergeAction(t, w)
		if err != nil {
			return nil, err
		}
		d.Actions = append(d.Actions, act)
	}
	d.CTEs = s.q.CTEs
	s.q.CTEs = nil
	return d, a.checks(d)
}

// checkReachable refuses a clause behind one of its kind that takes all rows.
func (s *scope) checkReachable(whens []*parse.MergeWhenClause) error {
	taken := map[bool]bool{}
	for _, w := range whens {
		if taken[w.Matched] {
			return s.errorf(-1, pgerr.SyntaxError, "unreachable WHEN clause specified after unconditional WHEN clause")
		}
		taken[w.Matched] = w.Condition == nil
	}
	return nil
}

// mergeTarget resolves the target of MERGE, which is a table.
func (a *analyzer) mergeTarget(r *parse.RangeVar) (*dmlTarget, error) {
	rel, v, err := a.relation(r)
	if err != nil {
		return nil, err
	}
	kind := ""
	switch {
	case v != nil:
		return nil, notWritable(v)
	case rel.Kind == catalog.KindTable && len(rel.Table.Rules) > 0:
		return nil, pgerr.New(pgerr.FeatureNotSupported, "cannot execute MERGE on relation %q", rel.Table.Name).
			WithDetail("MERGE is not supported for relations with rules.")
	case rel.Kind == catalog.KindTable:
		return a.target(r, Merge)
	case rel.Kind == catalog.KindView:
		kind = "views"
	case rel.Kind == catalog.KindSequence:
		kind = "sequences"
	default:
		return a.target(r, Merge)
	}
	return nil, pgerr.New(pgerr.FeatureNotSupported, "cannot execute MERGE on relation %q", r.Name).
		WithDetail("This operation is not supported for %s.", kind)
}

// mergeAction analyses a WHEN clause; the scope sees what its rows have.
func (s *scope) mergeAction(t *dmlTarget, w *parse.MergeWhenClause) (MergeAction, error) {
	act := MergeAction{Matched: w.Matched}
	var err error
	if w.Condition != nil {
		done := s.in(inMergeWhen)
		act.Cond, err = s.boolExpr(w.Condition, "WHEN")
		done()
		if err != nil {
			return act, err
		}
	}
	switch w.Action {
	case parse.MergeDoNothing:
		act.Nothing = true
	case parse.MergeDelete:
		act.Kind = Delete
	case parse.MergeInsert:
		act.Kind = Insert
		act.Columns, act.Set, err = s.mergeInsert(t, w)
	case parse.MergeUpdate:
		act.Kind = Update
		var cols []*catalog.Column
		if cols, act.Set, err = s.assignments(t, w.TargetList); err != nil {
			return act, err
		}
		for _, c := range cols {
			act.Columns = append(act.Columns, c.Num)
		}
	}
	return act, err
}

// mergeInsert analyses INSERT of a WHEN clause and returns the columns given and the row's values by attnum-1.
func (s *scope) mergeInsert(t *dmlTarget, w *parse.MergeWhenClause) ([]catalog.AttNum, []expr.Node, error) {
	cols, err := s.insertColumns(t, w.TargetList)
	if err != nil {
		return nil, nil, err
	}
	in := &insertion{scope: s, dml: &DML{Kind: Insert, Table: t.table, Overriding: overriding(w.Override)}, cols: cols,
		parts:    partialTargets(w.TargetList),
		stmt:     &parse.InsertStmt{Cols: w.TargetList},
		defaults: make([]expr.Node, len(t.table.Columns)), known: make([]bool, len(t.table.Columns))}
	if w.Values == nil {
		in.cols, in.parts = nil, nil
	} else {
		extra := -1
		if len(w.Values) > len(cols) {
			extra = w.Values[len(cols)].Loc()
		}
		if err := in.checkCount(len(w.Values), extra); err != nil {
			return nil, nil, err
		}
	}
	values := make([]expr.Node, len(in.cols))
	for i := range in.cols {
		if values[i], err = in.mergeValue(i, w.Values[i]); err != nil {
			return nil, nil, err
		}
	}
	if values, err = in.mergeParts(values); err != nil {
		return nil, nil, err
	}
	in.cols = in.distinctColumns()
	in.setColumns()
	if err := in.fillDefaults(); err != nil {
		return nil, nil, err
	}
	row := slices.Clone(in.dml.Defaults)
	for i, c := range in.cols {
		row[c.Num-1] = values[i]
	}
	return in.dml.Columns, row, nil
}

// mergeValue analyses the value that MERGE inserts into column k of the list; one for a part of it is not coerced yet.
func (in *insertion) mergeValue(k int, e parse.Expr) (expr.Node, error) {
	c := in.cols[k]
	if _, ok := e.(*parse.SetToDefault); ok {
		if in.parts.at(k) {
			return nil, in.partDefault(in.parts[k])
		}
		return in.defaultOf(c)
	}
	if err := in.checkGenerated(c); err != nil {
		return nil, err
	}
	n, err := in.exprIn(e, inValues)
	if err != nil {
		return nil, err
	}
	if in.ignores(c) {
		return in.defaultOf(c)
	}
	if in.parts.at(k) {
		return n, nil
	}
	return in.assign(n, c.Type, c.Name, e.Loc())
}

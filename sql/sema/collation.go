package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The derivation of collations, PostgreSQL's parse_collate.c. All collations order alike here, by bytes, so that it decides
// three things: which expressions mix collations that nothing chooses between, which is an error; how letters change case, which
// the collations C, POSIX and ucs_basic do for ASCII alone; and what collation the columns of a view or a new table have.
//
// A query is looked at once it is analysed, and only when a collation that is not its type's own was met before.

// NoCollation is the collation of what mixes several, where nothing chooses between them.
const NoCollation = ^catalog.Oid(0)

// strength is what makes a collation an expression's: the stronger wins.
type strength uint8

const (
	collateNone strength = iota // the type has none
	collateImplicit
	collateConflict
	collateExplicit // a COLLATE clause
)

// derived is the collation of an expression.
type derived struct {
	oid      catalog.Oid
	strength strength
	loc      int
	// Of a conflict, the collation that differs from oid.
	other    catalog.Oid
	otherLoc int
}

// mark remembers that COLLATE stands at an expression.
func (a *analyzer) mark(n expr.Node, oid catalog.Oid, loc int) {
	if a.explicit == nil {
		a.explicit = map[expr.Node]derived{}
	}
	a.explicit[n] = derived{oid: oid, strength: collateExplicit, loc: loc}
	a.collates = true
}

// noteCollations looks for columns of an entry whose collation is not their type's.
func (a *analyzer) noteCollations(r *RTE) {
	if a.collates {
		return
	}
	if r.Table != nil {
		for i := range r.Table.Columns {
			if c := &r.Table.Columns[i]; c.Collation != 0 && c.Collation != a.typeCollation(c.Type) {
				a.collates = true
			}
		}
	}
	for i := range r.Columns {
		a.collates = a.collates || r.Columns[i].Collation != 0
	}
}

// typeCollation is the collation of a type's values, 0 for none.
func (a *analyzer) typeCollation(t types.Type) catalog.Oid {
	if t.Domain != 0 && types.ElemOf(t.Domain) == 0 && a.env.Catalog != nil {
		if d := a.env.Catalog.Type(t.Domain); d != nil && d.Domain != nil && d.Domain.Collation != 0 {
			return d.Domain.Collation
		}
	}
	in := types.Lookup(t.Oid)
	switch {
	case in == nil:
		return 0
	case in.Collation == 0 && in.Category == 'S':
		return catalog.DefaultCollation
	}
	return in.Collation
}

// collationOf is the collation of a query's column.
func (s *scope) collationOf(c Column) catalog.Oid {
	if c.Collation != 0 {
		return c.Collation
	}
	return s.typeCollation(c.Type)
}

// deriveCollations judges and settles the collations of the query of the scope.
func (s *scope) deriveCollations() error {
	if !s.collates || s.env.Print {
		return nil
	}
	q := s.q
	sorted := map[int]bool{}
	for _, k := range q.OrderBy {
		sorted[k.Target] = true
	}
	for _, t := range q.DistinctOn {
		sorted[t] = true
	}
	switch {
	case q.Values != nil:
		return s.deriveValues()
	case q.SetOp != nil:
		return s.deriveSetOp(sorted)
	}
	for i := range q.Targets {
		t := &q.Targets[i]
		d, err := s.derive(t.Expr)
		if err != nil {
			return err
		}
		if d.strength == collateConflict && (sorted[i] || t.Group > 0 || q.Distinct && !t.Junk) {
			return s.conflict(d)
		}
		t.Collation = s.stored(d, t.Expr)
	}
	for _, g := range q.GroupBy {
		if d, err := s.derive(g); err != nil {
			return err
		} else if d.strength == collateConflict {
			return s.conflict(d)
		}
	}
	if err := s.deriveJoins(q.From); err != nil {
		return err
	}
	for _, n := range []expr.Node{q.Where, q.Having} {
		if _, err := s.derive(n); err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) deriveJoins(j JoinNode) error {
	t, ok := j.(*Join)
	if !ok {
		return nil
	}
	if err := s.deriveJoins(t.Left); err != nil {
		return err
	}
	if err := s.deriveJoins(t.Right); err != nil {
		return err
	}
	_, err := s.derive(t.On)
	return err
}

// stored is the collation as a Target has it: 0 for that of the type.
func (s *scope) stored(d derived, n expr.Node) catalog.Oid {
	switch {
	case d.strength == collateNone && s.typeCollation(n.ResultType()) == 0:
		return 0
	case d.strength == collateNone, d.strength == collateConflict:
		return NoCollation
	case d.oid == s.typeCollation(n.ResultType()):
		return 0
	}
	return d.oid
}

func (s *scope) deriveValues() error {
	q := s.q
	for i := range q.Targets {
		var all derived
		for _, row := range q.Values {
			d, err := s.derive(row[i])
			if err != nil {
				return err
			}
			if err := s.merge(&all, d); err != nil {
				return err
			}
		}
		q.Targets[i].Collation = s.stored(all, q.Targets[i].Expr)
	}
	return nil
}

// deriveSetOp settles the columns of a set operation by those of its arms, which are implicit.
func (s *scope) deriveSetOp(sorted map[int]bool) error {
	q := s.q
	for i := range q.Targets {
		t := &q.Targets[i]
		var all derived
		for _, arm := range []*Query{q.SetOp.Left, q.SetOp.Right} {
			from := visibleTarget(arm, i)
			d := derived{oid: from.Collation, strength: collateImplicit, loc: locOf(from.Expr)}
			own := s.typeCollation(from.Expr.ResultType())
			switch {
			case own == 0:
				d.strength = collateNone
			case d.oid == 0:
				d.oid = own
			}
			d = d.settled()
			if err := s.merge(&all, d); err != nil {
				return err
			}
		}
		if all.strength == collateConflict && !(q.SetOp.Kind == Union && q.SetOp.All) {
			return s.conflict(all)
		}
		t.Collation = s.stored(all, t.Expr)
		if t.Collation == NoCollation && sorted[i] {
			return pgerr.New(pgerr.IndeterminateCollation, "could not determine which collation to use for string comparison").
				WithHint("Use the COLLATE clause to set the collation explicitly.")
		}
	}
	return nil
}

func (s *scope) conflict(d derived) error {
	return s.at(d.otherLoc, pgerr.New(pgerr.CollationMismatch, "collation mismatch between implicit collations %q and %q",
		catalog.CollationName(d.oid), catalog.CollationName(d.other)).
		WithHint("You can choose the collation by applying the COLLATE clause to one or both expressions."))
}

// merge is merge_collation_state: d is another part of the expression that into is of.
func (s *scope) merge(into *derived, d derived) error {
	switch {
	case d.strength > into.strength:
		*into = d
	case d.strength < into.strength || d.oid == into.oid:
	case d.strength == collateImplicit:
		switch catalog.DefaultCollation {
		case into.oid:
			*into = d
		case d.oid:
		default:
			into.strength, into.other, into.otherLoc = collateConflict, d.oid, d.loc
		}
	case d.strength == collateExplicit:
		return s.errorf(d.loc, pgerr.CollationMismatch, "collation mismatch between explicit collations %q and %q",
			catalog.CollationName(into.oid), catalog.CollationName(d.oid))
	}
	return nil
}

// derive returns the collation of an expression, and settles what its functions do with theirs.
func (s *scope) derive(n expr.Node) (derived, error) {
	if n == nil {
		return derived{}, nil
	}
	d, err := s.deriveBelow(n)
	if err != nil {
		return d, err
	}
	if m, ok := s.explicit[n]; ok {
		return m, nil
	}
	return d, nil
}

func (s *scope) deriveBelow(n expr.Node) (derived, error) {
	own := derived{oid: s.typeCollation(n.ResultType()), strength: collateImplicit, loc: locOf(n)}
	if own.oid == 0 {
		own = derived{}
	}
	switch k := n.(type) {
	case *expr.Var:
		if c := s.varCollation(k); own.strength != collateNone && c != 0 {
			own.oid = c
		}
		return own.settled(), nil
	case *expr.Const, *expr.Param:
		return own, nil
	case *expr.Subquery:
		for _, l := range k.Left {
			if _, err := s.derive(l); err != nil {
				return own, err
			}
		}
		if q, ok := k.Query.(*Query); ok && own.strength != collateNone {
			if t := visibleTarget(q, 0); t != nil && t.Collation != 0 {
				own.oid = t.Collation
			}
		}
		return own.settled(), nil
	case *expr.Case: // the conditions choose, and have no part in the value
		var in derived
		for i := range k.Whens {
			if _, err := s.derive(k.Whens[i].Cond); err != nil {
				return own, err
			}
			if err := s.part(&in, k.Whens[i].Result); err != nil {
				return own, err
			}
		}
		if k.Else != nil {
			if err := s.part(&in, k.Else); err != nil {
				return own, err
			}
		}
		return in.orElse(own), nil
	case *expr.Row:
		for _, f := range k.Fields {
			if _, err := s.derive(f); err != nil {
				return own, err
			}
		}
		return derived{}, nil
	case *expr.Aggregate: // neither have its order and its filter
		var in derived
		for _, a := range k.Args {
			if err := s.part(&in, a); err != nil {
				return own, err
			}
		}
		return in.orElse(own), nil
	}
	if c, ok := n.(*expr.Cast); ok && c.Domain != nil && own.strength != collateNone && own.oid != catalog.DefaultCollation {
		_, err := s.derive(c.Arg)
		return own, err // that of the domain, which its declaration names
	}
	var in derived
	for _, c := range expr.Children(n) {
		if err := s.part(&in, c); err != nil {
			return own, err
		}
	}
	if f, ok := n.(*expr.Func); ok {
		s.applyCollation(f, in)
	}
	if _, ok := n.(*expr.Field); ok {
		return own, nil
	}
	return in.orElse(own), nil
}

// settled is a collation that was derived elsewhere: a conflict there leaves the choice to what else there is.
func (d derived) settled() derived {
	if d.oid == NoCollation {
		return derived{}
	}
	return d
}

// orElse is the collation of an expression whose parts have d and whose type has own.
func (d derived) orElse(own derived) derived {
	if own.strength == collateNone || d.strength == collateNone {
		return own
	}
	return d
}

func (s *scope) part(into *derived, n expr.Node) error {
	d, err := s.derive(n)
	if err != nil {
		return err
	}
	return s.merge(into, d)
}

// varCollation is the collation of a column, 0 for its type's.
func (s *scope) varCollation(v *expr.Var) catalog.Oid {
	sc := s
	for range v.Level {
		if sc.parent == nil {
			return 0
		}
		sc = sc.parent
	}
	if sc.q == nil || v.Rel < 0 || v.Rel >= len(sc.q.Rels) || v.Col < 0 {
		return 0
	}
	r := sc.q.Rels[v.Rel]
	switch {
	case r.Table != nil && v.Col < len(r.Table.Columns):
		return r.Table.Columns[v.Col].Collation
	case r.Kind == RTEJoin && v.Col < len(r.JoinCols):
		d, err := sc.derive(r.JoinCols[v.Col])
		if err != nil || d.strength == collateNone {
			return 0
		}
		return s.stored(d, r.JoinCols[v.Col])
	case r.Table == nil && v.Col < len(r.Columns):
		return r.Columns[v.Col].Collation
	}
	return 0
}

// takesCollated reports whether a function has an argument of a type with collations.
func (s *scope) takesCollated(f *expr.Func) bool {
	return slices.ContainsFunc(f.Args, func(n expr.Node) bool { return s.typeCollation(n.ResultType()) != 0 })
}

// applyCollation makes a function do as the collation of its arguments has it.
func (s *scope) applyCollation(f *expr.Func, in derived) {
	switch {
	case f.Fn.Name == "pg_collation_for" && len(f.Args) == 1 && in.strength != collateNone && in.strength != collateConflict:
		f.Fn = expr.CollationFor(catalog.QuoteIdent(catalog.CollationName(in.oid)))
	case in.strength == collateConflict || in.strength == collateNone && s.takesCollated(f):
		if fn := f.Fn.WithoutCollation(); fn != nil {
			f.Fn = fn
		}
	case in.strength != collateNone && catalog.OnlyASCII(in.oid):
		if fn := f.Fn.InASCII(); fn != nil {
			f.Fn = fn
		}
	}
}

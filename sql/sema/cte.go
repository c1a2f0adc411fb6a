package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// cteEntry is a WITH query in the scope of its statement.
type cteEntry struct {
	cte *CTE
	// building is set while its own query is analysed; its columns are those of the non-recursive term.
	building bool
	selfRefs int
	// pending: a later entry of a WITH without RECURSIVE, or one not reached yet.
	pending bool
}

// findCTE finds a WITH query by name, from the inner level outward; level is how far out.
func (s *scope) findCTE(name string) (e *cteEntry, level int) {
	for sc := s; sc != nil; sc = sc.parent {
		for _, c := range sc.ctes {
			if c.cte.Name == name && !c.pending {
				return c, level
			}
		}
		level++
	}
	return nil, 0
}

// futureCTE is the error for a name that a later WITH query has.
func (s *scope) futureCTE(r *parse.RangeVar) error {
	if r.Schema != "" {
		return nil
	}
	for sc := s; sc != nil; sc = sc.parent {
		for _, c := range sc.ctes {
			if c.cte.Name == r.Name && c.pending {
				return undefinedRelation(r.Name).
					WithDetail("There is a WITH item named %q, but it cannot be referenced from this part of the query.", r.Name).
					WithHint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.")
			}
		}
	}
	return nil
}

func (s *scope) with(w *parse.WithClause) error {
	first := len(s.ctes)
	s.q.RecursiveWith = w.Recursive
	for i, c := range w.CTEs {
		for _, d := range w.CTEs[:i] {
			if d.Name == c.Name {
				return s.errorf(c.Loc(), pgerr.DuplicateAlias, "WITH query name %q specified more than once", c.Name)
			}
		}
		s.ctes = append(s.ctes, &cteEntry{cte: &CTE{Name: c.Name}, pending: true})
	}
	order, recursive := make([]int, len(w.CTEs)), make([]bool, len(w.CTEs))
	for i := range order {
		order[i] = i
	}
	if w.Recursive {
		var err error
		if order, recursive, err = s.orderCTEs(w.CTEs); err != nil {
			return err
		}
	}
	for _, i := range order {
		c, e := w.CTEs[i], s.ctes[first+i]
		if err := s.searchAndCycle(c, e.cte); err != nil {
			return err
		}
		switch c.Materialized {
		case parse.CTEMaterializeAlways, parse.CTEMaterializeNever:
			m := c.Materialized == parse.CTEMaterializeAlways
			e.cte.Materialized = &m
		}
		e.pending = !recursive[i]
		e.building = recursive[i]
		if err := s.cteQuery(c, e); err != nil {
			return err
		}
		if err := s.checkSearchAndCycle(c, e, recursive[i]); err != nil {
			return err
		}
		e.pending, e.building = false, false
		s.q.CTEs = append(s.q.CTEs, e.cte)
	}
	return nil
}

func (s *scope) cteQuery(c *parse.CommonTableExpr, e *cteEntry) error {
	var err error
	switch q := c.Query.(type) {
	case *parse.SelectStmt:
		if e.building && q.Op == parse.SetOpUnion {
			err = s.recursiveUnion(c, q, e)
			break
		}
		e.cte.Query, err = s.subquery(q, false, false)
	case *parse.InsertStmt, *parse.UpdateStmt, *parse.DeleteStmt:
		if s.parent != nil {
			return s.errorf(c.Loc(), pgerr.FeatureNotSupported, "WITH clause containing a data-modifying statement must be at the top level")
		}
		e.cte.DML, err = s.dmlIn(c.Query)
	case *parse.MergeStmt:
		return s.errorf(c.Loc(), pgerr.FeatureNotSupported, "MERGE not supported in WITH query")
	default:
		return s.unsupported(c.Loc(), "this statement in WITH")
	}
	if err != nil {
		return err
	}
	return s.nameCTE(c, e)
}

func (s *scope) dmlIn(stmt parse.Statement) (*DML, error) {
	switch q := stmt.(type) {
	case *parse.InsertStmt:
		return s.insert(q, s)
	case *parse.UpdateStmt:
		return s.update(q, s)
	case *parse.DeleteStmt:
		return s.delete(q, s)
	}
	return nil, pgerr.Internal("no DML")
}

// nameCTE settles the columns of a WITH query.
func (s *scope) nameCTE(c *parse.CommonTableExpr, e *cteEntry) error {
	var cols []Column
	if e.cte.DML != nil {
		for _, t := range e.cte.DML.Returning {
			cols = append(cols, Column{Name: t.Name, Type: t.Expr.ResultType()})
		}
	} else {
		cols = queryColumns(e.cte.Query)
	}
	if len(c.Columns) > len(cols) {
		return s.errorf(c.Loc(), pgerr.InvalidColumnReference, "WITH query %q has %d columns available but %d columns specified", c.Name, len(cols), len(c.Columns))
	}
	for i, n := range c.Columns {
		cols[i].Name = n
	}
	e.cte.Aliases = c.Columns
	e.cte.Columns = cols
	return nil
}

// recursiveUnion analyses the non-recursive term, which settles the columns, and then the other, which may refer to them.
func (s *scope) recursiveUnion(c *parse.CommonTableExpr, q *parse.SelectStmt, e *cteEntry) error {
	s.collates = true // the terms' collations are compared, those of type name's too
	sub := s.newScope(s)
	if q.With != nil {
		if err := sub.with(q.With); err != nil {
			return err
		}
	}
	left, err := sub.subquery(q.Larg, false, false)
	if err != nil {
		return err
	}
	e.cte.Query = left
	if err := s.nameCTE(c, e); err != nil {
		return err
	}
	right, err := sub.subquery(q.Rarg, false, true)
	if err != nil {
		return err
	}
	before := queryColumns(left)
	locs := make([]int, len(before))
	for i := range before {
		locs[i] = locOf(visibleTarget(left, i).Expr)
	}
	if err := sub.combine(q, left, right); err != nil {
		return err
	}
	e.cte.Query = sub.q
	if e.selfRefs == 0 {
		return nil
	}
	e.cte.Recursive = true
	for i, col := range queryColumns(sub.q) {
		if col.Type.Oid != before[i].Type.Oid || col.Type.Mod != before[i].Type.Mod {
			return s.at(locs[i], pgerr.New(pgerr.DatatypeMismatch, "recursive query %q column %d has type %s in non-recursive term but type %s overall",
				c.Name, i+1, types.FormatType(before[i].Type), types.FormatType(col.Type)).
				WithHint("Cast the output of the non-recursive term to the correct type."))
		}
		if was, now := s.collationOf(before[i]), s.collationOf(col); was != now {
			return s.at(locs[i], pgerr.New(pgerr.CollationMismatch, "recursive query %q column %d has collation %q in non-recursive term but collation %q overall",
				c.Name, i+1, catalog.CollationName(was), catalog.CollationName(now)).
				WithHint("Use the COLLATE clause to set the collation of the non-recursive term."))
		}
	}
	return nil
}

// cteRef is a reference in FROM to a WITH query of this query or of one that is level levels out. There, * stands for
// the columns without those that SEARCH and CYCLE add, as in PostgreSQL.
func (s *scope) cteRef(c *cteEntry, level int, r *parse.RangeVar) (*nsItem, error) {
	name, aliases := aliasOf(r.Alias, r.Name)
	rte := &RTE{Kind: RTECTE, Alias: name, CTE: c.cte}
	if c.building {
		c.selfRefs++
		rte.Kind = RTEWorkTable
	}
	c.cte.Refs++
	if c.cte.DML != nil && len(c.cte.DML.Returning) == 0 {
		return nil, s.errorf(r.Loc(), pgerr.FeatureNotSupported, "WITH query %q does not have a RETURNING clause", r.Name)
	}
	rte.Columns = append([]Column(nil), c.cte.Columns...)
	n, err := s.item(s.addRel(rte), name, aliases, r.Loc(), nil)
	if err != nil {
		return nil, err
	}
	for i, col := range c.cte.Added() {
		rte.Columns = append(rte.Columns, col)
		n.cols = append(n.cols, nsCol{name: col.Name, rel: n.rel, col: len(c.cte.Columns) + i, typ: col.Type, noStar: level > 0})
	}
	return n, nil
}

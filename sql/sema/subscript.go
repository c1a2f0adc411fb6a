package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// subscriptRun is how many steps, from the first, are subscripts.
func subscriptRun(steps []parse.Subscript) int {
	for i, st := range steps {
		if st.Star || st.Field != "" {
			return i
		}
	}
	return len(steps)
}

// subscript reads a part of n: an element or slice of an array, a byte of a name, a value within a jsonb.
func (s *scope) subscript(n expr.Node, steps []parse.Subscript, loc int) (expr.Node, error) {
	out, err := s.subscripts(n, steps, loc)
	if err != nil {
		return nil, err
	}
	if out.Lower == nil && oidOf(n) != types.JsonbOid {
		out.Type = elementType(n.ResultType())
	}
	return out, nil
}

// elementType is the type of an array's elements, or of a name's bytes.
func elementType(t types.Type) types.Type {
	if t.Oid == types.NameOid { // a fixed array of "char"
		return types.T(types.CharOid)
	}
	return elemType(t)
}

// subscripts analyses the subscripts of a container; the type is the container's own.
func (s *scope) subscripts(n expr.Node, steps []parse.Subscript, loc int) (*expr.Subscript, error) {
	out := &expr.Subscript{Container: n, Type: n.ResultType(), Loc: loc}
	t := oidOf(n)
	slice := false
	for _, st := range steps {
		slice = slice || st.Slice
	}
	switch {
	case t == types.JsonbOid:
		return out, s.jsonbSubscripts(out, steps)
	case t == types.NameOid && !slice && len(steps) == 1:
	case types.ElemOf(t) == 0 || t.Kind() != types.KArray:
		return nil, s.errorf(loc, pgerr.DatatypeMismatch, "cannot subscript type %s because it does not support subscripting", typeString(t))
	}
	for _, st := range steps {
		upper, err := s.arrayIndex(st.Uidx)
		if err != nil {
			return nil, err
		}
		out.Upper = append(out.Upper, upper)
		if !slice {
			continue
		}
		// Among slices, [n] means [1:n].
		lower := expr.Node(&expr.Const{Type: types.T(types.Int4Oid), Value: types.NewInt(1), Loc: -1})
		if st.Slice {
			if lower, err = s.arrayIndex(st.Lidx); err != nil {
				return nil, err
			}
		}
		out.Lower = append(out.Lower, lower)
	}
	if len(steps) > types.MaxArrayDims {
		return nil, pgerr.New(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", len(steps), types.MaxArrayDims)
	}
	return out, nil
}

// arrayIndex analyses one bound, nil where it is left out.
func (s *scope) arrayIndex(e parse.Expr) (expr.Node, error) {
	if e == nil {
		return nil, nil
	}
	i, err := s.expr(e)
	if err != nil {
		return nil, err
	}
	c, err := s.coerceTo(i, types.T(types.Int4Oid), types.Assignment, -1)
	if err == nil && c == nil {
		return nil, s.errorf(locOf(i), pgerr.DatatypeMismatch, "array subscript must have type integer")
	}
	return c, err
}

// jsonbSubscripts analyses a jsonb's subscripts, which are text or integer.
func (s *scope) jsonbSubscripts(out *expr.Subscript, steps []parse.Subscript) error {
	for _, st := range steps {
		if st.Slice {
			bound := st.Uidx
			if bound == nil {
				bound = st.Lidx
			}
			loc := -1
			if bound != nil {
				loc = bound.Loc()
			}
			return s.errorf(loc, pgerr.DatatypeMismatch, "jsonb subscript does not support slices")
		}
	}
	for _, st := range steps {
		k, err := s.expr(st.Uidx)
		if err != nil {
			return err
		}
		to := types.TextOid
		if t := oidOf(k); t != types.UnknownOid {
			isInt, isText := canCoerce1(t, types.Int4Oid), canCoerce1(t, types.TextOid)
			bad := pgerr.New(pgerr.DatatypeMismatch, "subscript type %s is not supported", typeString(t))
			switch {
			case isInt && isText:
				return s.at(locOf(k), bad.WithHint("jsonb subscript must be coercible to only one type, integer or text."))
			case !isInt && !isText:
				return s.at(locOf(k), bad.WithHint("jsonb subscript must be coercible to either integer or text."))
			case isInt:
				to = types.Int4Oid
			}
		}
		if k, err = s.coerceType(k, to, types.Implicit, -1); err != nil {
			return err
		}
		out.Upper = append(out.Upper, k)
	}
	return nil
}

// partial is INSERT's list of columns with the subscripts of those that it names in part; nil if it names none so.
type partial []*parse.ResTarget

// partialTargets returns the list if any column in it is named in part.
func partialTargets(list []*parse.ResTarget) partial {
	for _, rt := range list {
		if len(rt.Indirection) > 0 {
			return list
		}
	}
	return nil
}

func (p partial) at(i int) bool { return p != nil && len(p[i].Indirection) > 0 }

// mergeParts makes one value a column out of values for its parts, which are set one after the other from NULL.
func (in *insertion) mergeParts(values []expr.Node) ([]expr.Node, error) {
	if in.parts == nil {
		return values, nil
	}
	var out []expr.Node
	place := map[*catalog.Column]int{}
	for i, c := range in.cols {
		at, seen := place[c]
		if !seen {
			at = len(out)
			place[c] = at
			out = append(out, values[i])
		}
		if !in.parts.at(i) {
			continue
		}
		container := expr.Node(&expr.Const{Type: c.Type, Loc: -1})
		if seen {
			container = out[at]
		}
		n, err := in.assignPart(container, in.parts[i], values[i])
		if err != nil {
			return nil, err
		}
		out[at] = n
	}
	return out, nil
}

// distinctColumns are the columns that INSERT assigns to, each once.
func (in *insertion) distinctColumns() []*catalog.Column {
	if in.parts == nil {
		return in.cols
	}
	var out []*catalog.Column
	seen := map[*catalog.Column]bool{}
	for _, c := range in.cols {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// targetColumn is a column of the row that an UPDATE replaces.
func (s *scope) targetColumn(c *catalog.Column) expr.Node {
	return &expr.Var{Rel: s.ns[0].rel, Col: int(c.Num) - 1, Type: c.Type, Name: c.Name, Loc: -1}
}

// partAssigned reports whether an assigned value is an assignment to parts of the column.
func partAssigned(n expr.Node) bool {
	return isPartAssignment(unverified(n))
}

func (s *scope) partDefault(rt *parse.ResTarget) error {
	if rt.Indirection[0].Field != "" {
		return s.errorf(rt.Loc(), pgerr.FeatureNotSupported, "cannot set a subfield to DEFAULT")
	}
	return s.errorf(rt.Loc(), pgerr.FeatureNotSupported, "cannot set an array element to DEFAULT")
}

// mergeTargets is mergeParts for the targets of INSERT's query.
func (in *insertion) mergeTargets(q *Query) error {
	if in.parts == nil {
		return nil
	}
	values := make([]expr.Node, len(in.cols))
	for i := range in.cols {
		values[i] = visibleTarget(q, i).Expr
	}
	merged, err := in.mergeParts(values)
	if err != nil {
		return err
	}
	in.cols = in.distinctColumns()
	q.Targets = nil // nothing but the values: the query was wrapped if it sorts
	for i, c := range in.cols {
		q.Targets = append(q.Targets, Target{Expr: merged[i], Name: c.Name})
	}
	return nil
}

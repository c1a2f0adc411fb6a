package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// assignPart is container with the part that rt's subscripts name replaced by value, which is not yet coerced.
func (s *scope) assignPart(container expr.Node, rt *parse.ResTarget, value expr.Node) (expr.Node, error) {
	if subscriptRun(rt.Indirection) < len(rt.Indirection) {
		return s.storePart(container, rt, value)
	}
	column := container.ResultType()
	out, err := s.subscripts(unverified(container), rt.Indirection, rt.Loc())
	if err != nil {
		return nil, err
	}
	want := column
	switch {
	case want.Oid == types.NameOid:
		return nil, s.unsupported(rt.Loc(), "assignment to part of a name")
	case out.Lower == nil && want.Oid != types.JsonbOid:
		want = elementType(want)
	}
	if want.Domain == column.Domain {
		want.Domain = 0 // the domain over the whole is judged at the end
	}
	if out.Assign, err = s.assignedValue(value, want); err != nil {
		return nil, err
	}
	if out.Assign == nil {
		return nil, s.at(rt.Loc(), pgerr.New(pgerr.DatatypeMismatch, "subscripted assignment to %q requires type %s but expression is of type %s",
			rt.Name, typeString(want.Oid), typeString(oidOf(value))).WithHint("You will need to rewrite or cast the expression."))
	}
	if column.Domain == 0 {
		return out, nil
	}
	out.Type.Domain = 0
	return s.toDomain(out, column, types.Assignment, rt.Loc())
}

// unverified is an assignment to part of a domain's value before the domain's constraints are judged, which is done once
// all parts are assigned.
func unverified(n expr.Node) expr.Node {
	if c, ok := n.(*expr.Cast); ok && c.Domain != nil {
		if isPartAssignment(c.Arg) {
			return c.Arg
		}
	}
	return n
}

func isPartAssignment(n expr.Node) bool {
	switch n := n.(type) {
	case *expr.Subscript:
		return n.Assign != nil
	case *expr.Store:
		return true
	}
	return false
}

// storePart is assignPart where fields are among the steps.
func (s *scope) storePart(container expr.Node, rt *parse.ResTarget, value expr.Node) (expr.Node, error) {
	column := container.ResultType()
	out := &expr.Store{Container: unverified(container), Type: column, Loc: rt.Loc()}
	out.Type.Domain = 0
	at, field := column, ""
	name := rt.Name
	for i := 0; i < len(rt.Indirection); {
		var err error
		if st := rt.Indirection[i]; st.Star {
			return nil, s.errorf(rt.Loc(), pgerr.FeatureNotSupported, "row expansion via \"*\" is not supported here")
		} else if field = st.Field; field != "" {
			at, err = s.storeField(out, at, name, field)
			name = field
			i++
		} else {
			n := subscriptRun(rt.Indirection[i:])
			at, err = s.storeElement(out, at, rt.Indirection[i:i+n])
			i += n
		}
		if err != nil {
			return nil, err
		}
	}
	var err error
	if out.Value, err = s.assignedValue(value, at); err != nil {
		return nil, err
	}
	if out.Value == nil {
		format := "subscripted assignment to %q requires type %s but expression is of type %s"
		if field != "" {
			format = "subfield %q is of type %s but expression is of type %s"
		}
		return nil, s.at(rt.Loc(), pgerr.New(pgerr.DatatypeMismatch, format, name, typeString(at.Oid), typeString(oidOf(value))).
			WithHint("You will need to rewrite or cast the expression."))
	}
	if column.Domain == 0 {
		return out, nil
	}
	return s.toDomain(out, column, types.Assignment, rt.Loc())
}

// storeField adds a step to a field of what the steps so far lead to, whose type is of, and returns the field's type. name
// is what an error calls the composite.
func (s *scope) storeField(out *expr.Store, of types.Type, name, field string) (types.Type, error) {
	u := s.composite(of.Oid)
	if u == nil {
		return of, s.errorf(out.Loc, pgerr.DatatypeMismatch, "cannot assign to field %q of column %q because its type %s is not a composite type",
			field, name, types.FormatType(of))
	}
	for i, a := range u.Fields {
		if a.Name == field && !a.Dropped {
			out.Steps = append(out.Steps, expr.StoreStep{Of: of, Fields: u.Fields, Field: i})
			return a.Type, nil
		}
	}
	return of, s.errorf(out.Loc, pgerr.UndefinedColumn, "cannot assign to field %q of column %q because there is no such column in data type %s",
		field, name, types.FormatType(of))
}

// storeElement adds a step by subscripts and returns the type of what they lead to.
func (s *scope) storeElement(out *expr.Store, of types.Type, steps []parse.Subscript) (types.Type, error) {
	sub, err := s.subscripts(&expr.Const{Type: of, Loc: -1}, steps, out.Loc)
	if err != nil {
		return of, err
	}
	to := of
	switch {
	case of.Oid == types.NameOid:
		return of, s.unsupported(out.Loc, "assignment to part of a name")
	case sub.Lower == nil && of.Oid != types.JsonbOid:
		to = elementType(of)
	}
	if to.Domain == of.Domain {
		to.Domain = 0
	}
	out.Steps = append(out.Steps, expr.StoreStep{Of: of, Lower: sub.Lower, Upper: sub.Upper})
	return to, nil
}

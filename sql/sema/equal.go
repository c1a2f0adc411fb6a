package sema

import (
	"reflect"

	"github.com/pgmqdb/pgmqdb/sql/expr"
)

var nodeType = reflect.TypeFor[expr.Node]()

// SameQuery reports whether the other query is the same but for places in the text: what expr.Equal asks of subqueries.
// Objects of the catalog, functions and what encloses both are the same where the pointers are.
func (q *Query) SameQuery(other any) bool {
	o, ok := other.(*Query)
	return ok && (&queryEqual{seen: map[[2]uintptr]bool{}}).values(reflect.ValueOf(q), reflect.ValueOf(o))
}

// queryEqual holds the pairs of pointers that are being compared: a recursive CTE refers to itself.
type queryEqual struct{ seen map[[2]uintptr]bool }

func (e *queryEqual) values(a, b reflect.Value) bool {
	if a.Type().Implements(nodeType) {
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		return expr.Equal(a.Interface().(expr.Node), b.Interface().(expr.Node))
	}
	switch a.Kind() {
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && e.values(a.Elem(), b.Elem())
	case reflect.Pointer:
		pair := [2]uintptr{a.Pointer(), b.Pointer()}
		if pair[0] == pair[1] || e.seen[pair] {
			return true
		}
		if a.IsNil() || b.IsNil() {
			return false
		}
		// A word like MATERIALIZED is a *bool, whose package is none.
		if pkg := a.Type().Elem().PkgPath(); pkg != nodePackage && pkg != "" {
			return false
		}
		e.seen[pair] = true
		return e.values(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !e.values(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			// Written is how an entry is printed again.
			if f := a.Type().Field(i); f.IsExported() && f.Name != "Loc" && f.Name != "Written" && !e.values(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// nodePackage is this package's path: pointers to its types are followed.
var nodePackage = reflect.TypeFor[Query]().PkgPath()

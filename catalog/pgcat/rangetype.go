package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// constructorsOf are the constructor functions of a user's range or multirange type.
func constructorsOf(t *catalog.Type) []*expr.UserFunction {
	rng := t.OID
	if rng.Class() == types.MultirangeClass {
		rng = types.RangeOf(rng)
	}
	out := make([]*expr.UserFunction, len(t.Constructors))
	for i := range t.Constructors {
		c := &t.Constructors[i]
		out[i] = expr.Constructor(c.OID, c.Name, c.Source(), rng)
	}
	return out
}

// constructorRows are the rows of pg_proc of users' range types.
func constructorRows(b *builder) {
	b.snap.Types(func(t *catalog.Type) bool {
		for i, f := range constructorsOf(t) {
			c := &t.Constructors[i]
			b.proc(f.Info(), c.SchemaID, t.Owner, byte(expr.Immutable), c.Source())
		}
		return true
	})
}

// userRangeRows are the rows of pg_range of users' range types.
func userRangeRows(b *builder) {
	b.snap.Types(func(t *catalog.Type) bool {
		if r := t.Range; r != nil {
			b.add(num(t.OID), num(r.Subtype.Declared()), num(types.MultirangeOf(t.OID)), num(r.Collation), num(r.Opclass), num(0), num(r.Subdiff))
		}
		return true
	})
}

// functionName prints the name that a call is made by: a constructor of a user's type is qualified unless the search path
// finds it.
func (d *deparser) functionName(f *expr.Function) string {
	if f.User != nil {
		if u := d.snap.Function(f.User.Oid); u != nil {
			return d.snap.FunctionName(d.path, u)
		}
	}
	if f.Constructs == 0 {
		return catalog.QuoteIdent(f.Name)
	}
	visible := false
	d.snap.Constructors(d.path, "", f.Name, func(t *catalog.Type, _ *catalog.Constructor) { visible = visible || t.OID == f.Constructs })
	t := d.snap.Type(f.Constructs)
	if visible || t == nil || len(t.Constructors) == 0 {
		return catalog.QuoteIdent(f.Name)
	}
	return catalog.QualifiedName(d.snap.SchemaName(t.Constructors[0].SchemaID), f.Name)
}

// aggregateName is functionName for an aggregate.
func (d *deparser) aggregateName(f *expr.AggFunction) string {
	if f.User != nil {
		if u := d.snap.Function(f.User.Oid); u != nil {
			return d.snap.FunctionName(d.path, u)
		}
	}
	return catalog.QuoteIdent(f.Name)
}

// setName is functionName for a function that returns a set.
func (d *deparser) setName(f *expr.SetFunction) string {
	if f.User != nil {
		if u := d.snap.Function(f.User.Oid); u != nil {
			return d.snap.FunctionName(d.path, u)
		}
	}
	return catalog.QuoteIdent(f.Name)
}

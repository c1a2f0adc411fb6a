package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// userNames is what the catalog has under a function's name. Stored expressions call the constructors of a type by a
// reference to it (types.ParseNameRef).
func (a *analyzer) userNames(n parse.Name) expr.UserNames {
	var out expr.UserNames
	snap := a.env.Catalog
	if snap == nil {
		return out
	}
	if oid, ok := types.ParseNameRef(n.Last()); ok {
		if f := snap.Function(oid.Serial()); f != nil && oid.Class() == types.RoutineClass {
			out.Functions = append(out.Functions, a.userFunction(f))
			return out
		}
		if t := snap.Type(oid); t != nil {
			out.Type = oid
			for i := range t.Constructors {
				out.Functions = append(out.Functions, constructor(t, &t.Constructors[i]))
			}
		}
		return out
	}
	schema, path := functionSchema(n, a.env)
	snap.Constructors(path, schema, n.Last(), func(t *catalog.Type, c *catalog.Constructor) {
		out.Functions = append(out.Functions, constructor(t, c))
	})
	out.Functions = append(out.Functions, a.functionsNamed(path, schema, n.Last())...)
	if oid, ok := snap.LookupType(path, schema, n.Last()); ok && types.ElemOf(oid) == 0 && oid.Class() != types.CompositeClass {
		out.Type = oid
	}
	return out
}

// functionSchema is where a function's name is looked for: in its schema, or else along a path, which never has the
// temporary schema.
func functionSchema(n parse.Name, env *Env) (schema string, path []string) {
	if len(n) > 1 {
		return n.Schema(), env.SearchPath
	}
	return "", slices.DeleteFunc(slices.Clone(env.SearchPath), func(name string) bool {
		s := env.Catalog.SchemaByName(name)
		return s != nil && s.Temporary()
	})
}

func constructor(t *catalog.Type, c *catalog.Constructor) *expr.UserFunction {
	rng := t.OID
	if rng.Class() == types.MultirangeClass {
		rng = types.RangeOf(rng)
	}
	return expr.Constructor(c.OID, c.Name, c.Source(), rng)
}

// ConstructedType is the type that a function's name is a constructor of; 0 for other functions.
func ConstructedType(n parse.Name, env *Env) catalog.Oid {
	var oid catalog.Oid
	schema, path := functionSchema(n, env)
	env.Catalog.Constructors(path, schema, n.Last(), func(t *catalog.Type, _ *catalog.Constructor) { oid = t.OID })
	return oid
}

// valueType is the type of values of what an OID names, a domain perhaps.
func (a *analyzer) valueType(oid types.Oid) types.Type {
	if a.env.Catalog == nil {
		return types.T(oid)
	}
	return a.env.Catalog.ValueType(oid)
}

// boundsOf makes the bounds in a call of a range's constructor values of the subtype where that is a domain.
func (s *scope) boundsOf(f *expr.Function, args []expr.Node) ([]expr.Node, error) {
	sub, ok := types.RangeSubtype(f.Constructs)
	if !ok || sub.Domain == 0 {
		return args, nil
	}
	out := slices.Clone(args)
	for i := range min(2, len(args)) {
		n, err := s.coerceTo(args[i], sub, types.Implicit, -1)
		if err != nil || n == nil {
			return args, err
		}
		out[i] = n
	}
	return out, nil
}

// coerceDefault gives the default of a function's parameter its type; of a polymorphic one it keeps its own.
func (s *scope) coerceDefault(n expr.Node, t types.Type) (expr.Node, error) {
	if expr.IsPolymorphic(t.Oid) {
		return s.resolveUnknown(n)
	}
	out, err := s.coerceTo(n, t, types.Assignment, -1)
	if err != nil || out != nil {
		return out, err
	}
	return nil, s.errorf(locOf(n), pgerr.DatatypeMismatch, "argument of %s must be type %s, not type %s", "DEFAULT", typeString(t.Declared()),
		typeString(oidOf(n)))
}

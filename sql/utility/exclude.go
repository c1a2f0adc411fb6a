package utility

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Exclusion constraints. Their index is kept as any other is, whatever its access method; which types and operators a method has
// are PostgreSQL's: those of its operator classes, for gist with those of the extension btree_gist where that was created.

// excludingMethods are the access methods that have exclusion constraints.
var excludingMethods = map[string]bool{"btree": true, "hash": true, "gist": true, "spgist": true}

// exclusion reserves the place of an EXCLUDE; it is analysed when all columns are known.
func (b *tableBuilder) exclusion(k *parse.Constraint) error {
	method := k.AccessMethod
	if method == "" {
		method = "btree"
	}
	_, known := indexMethods[method]
	switch {
	case !known:
		return pgerr.New(pgerr.UndefinedObject, "access method %q does not exist", method)
	case !excludingMethods[method]:
		return pgerr.New(pgerr.FeatureNotSupported, "access method %q does not support exclusion constraints", method)
	case k.IndexSpace != "" && k.IndexSpace != "pg_default":
		return pgerr.New(pgerr.UndefinedObject, "tablespace %q does not exist", k.IndexSpace)
	case len(k.Including) > 0:
		return pgerr.NotSupported("INCLUDE of an exclusion constraint")
	}
	spec := &ddl.ExcludeSpec{Index: ddl.IndexSpec{Method: method}}
	if b.exclusions = append(b.exclusions, pendingCheck{len(b.spec.Constraints), k}); len(k.Options) > 0 {
		var err error
		if spec.Index.Options, err = indexOptions(k.Options, method); err != nil {
			return err
		}
	}
	b.spec.Constraints = append(b.spec.Constraints, ddl.ConstraintSpec{
		Name: k.Name, Type: catalog.Exclusion, Deferrable: k.Deferrable, Deferred: k.InitDeferred, Exclude: spec, Pos: b.pos(k.Loc()),
	})
	return nil
}

// excludes analyses an EXCLUDE over the table's columns.
func (b *tableBuilder) excludes(t *catalog.Table, s *ddl.ConstraintSpec, k *parse.Constraint) error {
	spec := s.Exclude
	for _, x := range k.Exclusions {
		c, err := b.stored().indexColumn(x.Elem, t, spec.Index.Method)
		if err != nil {
			return err
		}
		typ := c.Type
		if c.Expr == nil {
			col := tableColumn(t, c.Name)
			if col == nil {
				return pgerr.New(pgerr.UndefinedColumn, "column %q named in key does not exist", c.Name)
			}
			typ = col.Type
		}
		if c.Desc {
			return pgerr.NotSupported("DESC in an exclusion constraint")
		}
		op, err := b.excludingOperator(x.Operator.Last(), typ.Oid, spec.Index.Method, c.OpClass)
		if err != nil {
			return err
		}
		spec.Index.Columns, spec.Operators = append(spec.Index.Columns, c), append(spec.Operators, op)
	}
	if k.WhereClause == nil {
		return nil
	}
	var err error
	spec.Index.Predicate, _, err = b.stored().indexExpression(k.WhereClause, parse.Deparse(k.WhereClause), t, sema.PredicateExpr)
	return err
}

// excludingOperator judges the operator of an element of a type.
func (b *tableBuilder) excludingOperator(name string, typ types.Oid, method, class string) (string, error) {
	family, ops := b.excludingClass(typ, method, class)
	if family == "" {
		return "", pgerr.New(pgerr.UndefinedObject, "data type %s has no default operator class for access method %q", types.FormatType(types.T(typ)), method).
			WithHint("You must specify an operator class for the index or define a default operator class for the data type.")
	}
	fn, err := expr.ResolveOperator(name, []types.Oid{typ, typ})
	if err != nil {
		return "", err
	}
	printed := name + "(" + types.FormatType(types.T(fn.Operator.Left)) + "," + types.FormatType(types.T(fn.Operator.Right)) + ")"
	switch {
	case fn.Commutator() == nil || fn.Commutator().Operator.Oid != fn.Operator.Oid:
		return "", pgerr.New(pgerr.WrongObjectType, "operator %s is not commutative", printed).
			WithDetail("Only commutative operators can be used in exclusion constraints.")
	case !slices.Contains(ops, name):
		return "", pgerr.New(pgerr.WrongObjectType, "operator %s is not a member of operator family \"%s\"", printed, family).
			WithDetail("The exclusion operator must be related to the index operator class for the constraint.")
	}
	return name, nil
}

// excludingClass returns the operator family of a type under an access method, empty for none, and its commutative operators.
// class is an operator class that was named and is not the type's default.
func (b *tableBuilder) excludingClass(typ types.Oid, method, class string) (family string, ops []string) {
	overlap, network := []string{"&&", "-|-", "="}, []string{"&&", "=", "<>"}
	tree := method == "gist" || method == "spgist"
	switch kind := typ.Kind(); {
	case tree && kind == types.KRange:
		return "range_ops", overlap
	case method == "gist" && kind == types.KMultirange:
		return "multirange_ops", overlap
	case tree && class == "inet_ops", method == "spgist" && (typ == types.InetOid || typ == types.CidrOid):
		return "network_ops", network
	case method == "spgist":
		if pgcat.DefaultOpclass(method, typ) != 0 && (typ == types.TextOid || typ == types.VarcharOid) {
			return "text_ops", []string{"="}
		}
		return "", nil
	case method == "gist":
		if name := btreeGist(typ); name != "" && b.DDL.Overlay().ExtensionNamed(catalog.BtreeGist) != nil {
			return name, []string{"=", "<>"}
		}
		return "", nil
	}
	if pgcat.DefaultOpclass(method, typ) == 0 {
		return "", nil
	}
	return pgcat.OperatorFamily(method, typ), []string{"="}
}

// btreeGist is the operator family that the extension btree_gist has for a type; empty for none.
func btreeGist(typ types.Oid) string {
	switch typ {
	case types.VarcharOid:
		return "gist_text_ops"
	case types.MoneyOid:
		return "gist_cash_ops"
	case types.VarbitOid:
		return "gist_vbit_ops"
	case types.Int2Oid, types.Int4Oid, types.Int8Oid, types.Float4Oid, types.Float8Oid, types.NumericOid, types.TimestampOid, types.TimestamptzOid,
		types.TimeOid, types.TimetzOid, types.DateOid, types.IntervalOid, types.OidOid, types.TextOid, types.BpcharOid, types.ByteaOid, types.BitOid,
		types.MacaddrOid, types.Macaddr8Oid, types.InetOid, types.CidrOid, types.UuidOid, types.BoolOid:
		return "gist_" + strings.TrimPrefix(types.Lookup(typ).Name, "_") + "_ops"
	}
	if typ.Class() == types.EnumClass {
		return "gist_enum_ops"
	}
	return ""
}

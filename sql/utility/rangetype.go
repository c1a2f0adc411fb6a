package utility

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// rangeOptions are the parameters of CREATE TYPE … AS RANGE as they are written; nil for one that is not.
type rangeOptions struct {
	subtype                                           *parse.TypeName
	opclass, collation, canonical, subdiff, multiname parse.Name
}

// createRange is CREATE TYPE … AS RANGE: PostgreSQL's DefineRange, its checks in the same order.
func (e *Env) createRange(ctx context.Context, s *parse.CreateRangeStmt) error {
	name := objectName(s.TypeName)
	if err := e.DDL.CheckNewType(ctx, name); err != nil {
		return err
	}
	o, err := e.rangeOptions(s.Params)
	if err != nil {
		return err
	}
	if o.subtype == nil {
		return pgerr.New(pgerr.SyntaxError, "type attribute \"subtype\" is required")
	}
	spec := &ddl.RangeSpec{Name: name}
	if spec.Subtype, err = sema.ResolveType(o.subtype, e.withoutPositions().sema()); err != nil {
		return err
	}
	// A range takes no modifier of its subtype.
	spec.Subtype.Mod = -1
	in := types.Lookup(spec.Subtype.Oid)
	switch {
	case in == nil || in.Type == 'p':
		return pgerr.New(pgerr.DatatypeMismatch, "range subtype cannot be %s", types.FormatType(spec.Subtype))
	case !types.Supported(spec.Subtype.Oid):
		return pgerr.NotSupported("a range over " + types.FormatType(spec.Subtype))
	}
	if spec.Opclass, err = rangeOpclass(o.opclass, spec.Subtype); err != nil {
		return err
	}
	if spec.Collation, err = rangeCollation(o.collation, in); err != nil {
		return err
	}
	if o.canonical != nil {
		return pgerr.New(pgerr.InvalidObjectDefinition, "cannot specify a canonical function without a pre-created shell type").
			WithHint("Create the type as a shell type, then create its canonicalization function, then do a full CREATE TYPE.")
	}
	if o.subdiff != nil {
		if spec.Subdiff, err = subtypeDiff(o.subdiff, spec.Subtype.Oid); err != nil {
			return err
		}
	}
	if o.multiname != nil {
		n := objectName(o.multiname)
		spec.Multirange = &n
	}
	return e.DDL.CreateRange(ctx, spec)
}

func (e *Env) rangeOptions(params []*parse.DefElem) (*rangeOptions, error) {
	o := &rangeOptions{}
	names := map[string]*parse.Name{"subtype_opclass": &o.opclass, "collation": &o.collation, "canonical": &o.canonical,
		"subtype_diff": &o.subdiff, "multirange_type_name": &o.multiname}
	for _, d := range params {
		to := names[d.Name]
		switch {
		case to == nil && d.Name != "subtype":
			return nil, pgerr.New(pgerr.SyntaxError, "type attribute %q not recognized", d.Name)
		case to != nil && *to != nil || to == nil && o.subtype != nil:
			return nil, pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(e.pos(d.Loc()))
		case d.Arg == nil:
			return nil, pgerr.New(pgerr.SyntaxError, "%s requires a parameter", d.Name)
		}
		switch a := d.Arg.(type) {
		case *parse.TypeName:
			if to == nil {
				o.subtype = a
				continue
			}
			*to = a.Names
		case parse.NameArg:
			if to == nil {
				o.subtype = &parse.TypeName{Names: parse.Name{string(a)}, Location: -1}
				continue
			}
			*to = parse.Name{string(a)}
		default:
			what := "a name"
			if to == nil {
				what = "a type name"
			}
			return nil, pgerr.New(pgerr.SyntaxError, "argument of %s must be %s", d.Name, what)
		}
	}
	return o, nil
}

// rangeOpclass is findRangeSubOpclass.
func rangeOpclass(name parse.Name, subtype types.Type) (catalog.Oid, error) {
	if name != nil {
		oid, _, err := pgcat.NamedOpclass("btree", name.Last(), subtype.Oid)
		return oid, err
	}
	oid := pgcat.DefaultOpclass("btree", subtype.Oid)
	if oid == 0 {
		return 0, pgerr.New(pgerr.UndefinedObject, "data type %s has no default operator class for access method \"btree\"",
			types.FormatType(subtype)).
			WithHint("You must specify an operator class for the range type or define a default operator class for the subtype.")
	}
	return oid, nil
}

func rangeCollation(name parse.Name, subtype *types.Info) (catalog.Oid, error) {
	switch {
	case name == nil:
		return subtype.Collation, nil
	case subtype.Collation == 0:
		return 0, pgerr.New(pgerr.WrongObjectType, "range collation specified but subtype does not support collation")
	}
	oid, ok := collations[name.Last()]
	if !ok {
		return 0, pgerr.New(pgerr.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", name.String())
	}
	return oid, nil
}

// subtypeDiff is findRangeSubtypeDiffFunction.
func subtypeDiff(name parse.Name, subtype types.Oid) (catalog.Oid, error) {
	args := []types.Oid{subtype, subtype}
	var found *expr.ProcInfo
	expr.Procs(func(p expr.ProcInfo) bool {
		if p.Name == name.Last() && len(p.Args) == 2 && p.Args[0] == subtype && p.Args[1] == subtype {
			found = &p
		}
		return found == nil
	})
	signature := expr.Signature(name.String(), args)
	switch {
	case found == nil || len(name) > 1 && name.Schema() != catalog.PgCatalogName:
		return 0, pgerr.New(pgerr.UndefinedFunction, "function %s does not exist", signature)
	case found.Result != types.Float8Oid:
		return 0, pgerr.New(pgerr.InvalidObjectDefinition, "range subtype diff function %s must return type %s", signature, "double precision")
	case found.Volatile != expr.Immutable:
		return 0, pgerr.New(pgerr.InvalidObjectDefinition, "range subtype diff function %s must be immutable", signature)
	}
	return found.Oid, nil
}

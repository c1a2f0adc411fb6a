package sema

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// typeName resolves a type name with its modifier.
func (a *analyzer) typeName(t *parse.TypeName) (types.Type, error) {
	none := types.Type{}
	if t.PctType {
		return a.columnType(t)
	}
	if t.Setof {
		return none, a.unsupported(t.Loc(), "SETOF")
	}
	var in *types.Info
	if n := len(t.Names); n == 1 || n == 2 && t.Names[0] == "pg_catalog" {
		in = types.ByName(t.Names.Last())
		if in != nil && in.Name != t.Names.Last() {
			in = nil // only pg_type's own names here: the parser has mapped SQL's spellings
		}
	}
	if in == nil {
		return a.userType(t)
	}
	mod, err := a.typeMod(t, in)
	if err != nil {
		return none, err
	}
	oid := in.Oid
	if len(t.ArrayBounds) > 0 {
		if in.ArrayOid == 0 {
			return none, a.errorf(t.Loc(), pgerr.UndefinedObject, "could not find array type for data type %s", in.SQLName)
		}
		oid = in.ArrayOid
	}
	return types.Type{Oid: oid, Mod: mod}, nil
}

// columnType is table.column%TYPE.
func (a *analyzer) columnType(t *parse.TypeName) (types.Type, error) {
	n := len(t.Names)
	if n < 2 || a.env.Catalog == nil {
		return types.Type{}, a.errorf(t.Loc(), pgerr.SyntaxError, "improper %%TYPE reference (too few dotted names): %s", t.Names.String())
	}
	schema := ""
	if n > 2 {
		schema = t.Names[n-3]
	}
	r, ok := a.env.Catalog.LookupRelation(a.env.SearchPath, schema, t.Names[n-2])
	if !ok || r.Table == nil {
		return types.Type{}, a.at(t.Loc(), undefinedRelation(t.Names[n-2]))
	}
	c := r.Table.ColumnByName(t.Names[n-1])
	if c == nil {
		return types.Type{}, a.errorf(t.Loc(), pgerr.UndefinedColumn, "column %q of relation %q does not exist", t.Names[n-1], r.Table.Name)
	}
	return c.Type, nil
}

// modInts are the type modifiers as integers; intervals carry a field mask first.
func (a *analyzer) modInts(t *parse.TypeName) ([]int32, error) {
	out := make([]int32, len(t.Typmods))
	for i, m := range t.Typmods {
		k, ok := m.(*parse.Const)
		name, isName := m.(*parse.ColumnRef)
		switch {
		case ok && k.Kind == parse.ConstString:
			return nil, a.errorf(t.Loc(), pgerr.InvalidTextRepresentation, "invalid input syntax for type integer: %q", k.Sval)
		case isName && len(name.Fields) == 1 && !name.Star:
			return nil, a.errorf(t.Loc(), pgerr.InvalidTextRepresentation, "invalid input syntax for type integer: %q", name.Fields[0])
		}
		if !ok || k.Kind != parse.ConstInteger {
			return nil, a.errorf(t.Loc(), pgerr.SyntaxError, "type modifiers must be simple constants or identifiers")
		}
		out[i] = k.Ival
	}
	return out, nil
}

func (a *analyzer) typeMod(t *parse.TypeName, in *types.Info) (int32, error) {
	if len(t.Typmods) == 0 {
		return -1, nil
	}
	mods, err := a.modInts(t)
	if err != nil {
		return 0, err
	}
	bad := func(code, format string, args ...any) (int32, error) {
		return 0, a.errorf(t.Loc(), code, format, args...)
	}
	switch in.Oid {
	case types.VarcharOid, types.BpcharOid:
		name := "varchar"
		if in.Oid == types.BpcharOid {
			name = "char"
		}
		switch {
		case len(mods) != 1:
			return bad(pgerr.InvalidParameterValue, "invalid type modifier")
		case mods[0] < 1:
			return bad(pgerr.InvalidParameterValue, "length for type %s must be at least 1", name)
		case mods[0] > 10485760:
			return bad(pgerr.InvalidParameterValue, "length for type %s cannot exceed 10485760", name)
		}
		return mods[0] + 4, nil
	case types.NumericOid:
		return a.numericMod(t, mods)
	case types.TimestampOid, types.TimestamptzOid, types.TimeOid, types.TimetzOid:
		if len(mods) != 1 || mods[0] < 0 {
			word, rest, _ := strings.Cut(strings.ToUpper(in.SQLName), " ")
			if in.Oid == types.TimestampOid || in.Oid == types.TimeOid {
				rest = ""
			} else {
				rest = " " + rest
			}
			return bad(pgerr.InvalidParameterValue, "%s(%d)%s precision must not be negative", word, mods[0], rest)
		}
		return min(mods[0], 6), nil
	case types.BitOid, types.VarbitOid:
		switch {
		case len(mods) != 1:
			return bad(pgerr.InvalidParameterValue, "invalid type modifier")
		case mods[0] < 1:
			return bad(pgerr.InvalidParameterValue, "length for type %s must be at least 1", in.Name)
		case mods[0] > 83886080:
			return bad(pgerr.InvalidParameterValue, "length for type %s cannot exceed 83886080", in.Name)
		}
		return mods[0], nil
	case types.IntervalOid:
		return a.intervalMod(t, mods)
	}
	if !types.Supported(in.Oid) {
		return 0, a.unsupported(t.Loc(), "type "+in.SQLName)
	}
	return bad(pgerr.SyntaxError, "type modifier is not allowed for type %q", in.Name)
}

func (a *analyzer) numericMod(t *parse.TypeName, mods []int32) (int32, error) {
	if len(mods) > 2 {
		return 0, a.errorf(t.Loc(), pgerr.InvalidParameterValue, "invalid NUMERIC type modifier")
	}
	if mods[0] < 1 || mods[0] > 1000 {
		return 0, a.errorf(t.Loc(), pgerr.InvalidParameterValue, "NUMERIC precision %d must be between 1 and 1000", mods[0])
	}
	var scale int32
	if len(mods) == 2 {
		if scale = mods[1]; scale < -1000 || scale > 1000 {
			return 0, a.errorf(t.Loc(), pgerr.InvalidParameterValue, "NUMERIC scale %d must be between -1000 and 1000", scale)
		}
	}
	return types.MakeNumericMod(mods[0], scale), nil
}

// intervalMod takes the parser's field mask, and a precision.
func (a *analyzer) intervalMod(t *parse.TypeName, mods []int32) (int32, error) {
	precision := int32(0xffff)
	if len(mods) > 1 {
		if precision = mods[1]; precision < 0 {
			return 0, a.errorf(t.Loc(), pgerr.InvalidParameterValue, "INTERVAL(%d) precision must not be negative", precision)
		}
		precision = min(precision, 6)
	}
	return mods[0]<<16 | precision&0xffff, nil
}

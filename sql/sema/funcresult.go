package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// FunctionResult says how the rows of the last statement of a function in SQL become its result: check_sql_fn_retval.
type FunctionResult struct {
	// Casts make the fields of the result of the columns of a row, which are their Columns; nil: as they are.
	Casts []expr.Node
	// Row says that the one column is the whole row already.
	Row bool
}

// ResultOf judges the columns of the last statement of a function with a result type and, where that is a row, its fields
// (nil: any). rows says that the statement returns rows.
func ResultOf(result types.Type, fields []expr.RecordColumn, columns []types.Type, rows bool, env *Env) (*FunctionResult, error) {
	mismatch := func(detail string, args ...any) error {
		return pgerr.New(pgerr.InvalidFunctionDefinition, "return type mismatch in function declared to return %s", types.FormatType(result)).
			WithDetail(detail, args...)
	}
	out := &FunctionResult{}
	if result.Oid == types.VoidOid {
		return out, nil
	}
	if !rows {
		return nil, mismatch("Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.")
	}
	s := newAnalyzer(env).newScope(nil)
	cast := func(i int, to types.Type) (expr.Node, error) {
		return s.coerceTo(&expr.Column{Index: i, Type: columns[i]}, to, types.Assignment, -1)
	}
	if result.Kind() != types.KRecord {
		if len(columns) != 1 {
			return nil, mismatch("Final statement must return exactly one column.")
		}
		n, err := cast(0, result)
		if err != nil {
			return nil, err
		}
		if n == nil {
			return nil, mismatch("Actual return type is %s.", types.FormatType(types.Type{Oid: columns[0].Oid, Mod: -1, Domain: columns[0].Domain}))
		}
		out.Casts = []expr.Node{n}
		return out, nil
	}
	if len(columns) == 1 && columns[0].Kind() == types.KRecord && (result.Oid == types.RecordOid && fields == nil || result.Declared() == columns[0].Declared()) {
		out.Row = true
		return out, nil
	}
	if fields == nil {
		return out, nil
	}
	for i, f := range fields {
		if i >= len(columns) {
			return nil, mismatch("Final statement returns too few columns.")
		}
		n, err := cast(i, f.Type)
		if err != nil {
			return nil, err
		}
		if n == nil {
			return nil, mismatch("Final statement returns %s instead of %s at column %d.", types.FormatType(columns[i]), types.FormatType(f.Type), i+1)
		}
		out.Casts = append(out.Casts, n)
	}
	if len(columns) > len(fields) {
		return nil, mismatch("Final statement returns too many columns.")
	}
	return out, nil
}

// ResultFields are the fields of a function's result where that is a row: its output arguments, or the attributes of a
// composite type; nil for any.
func ResultFields(f *catalog.Function, snap *catalog.Snapshot, io *types.IOEnv) []expr.RecordColumn {
	if cols := definition(f, snap, false).Columns; cols != nil {
		return cols
	}
	env := *io
	env.UserType = snap.UserType
	return expr.CompositeColumns(f.Result.Oid, &env)
}

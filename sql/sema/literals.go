package sema

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// literals reads a long VALUES list of literals straight into columns of the table's types.
func (in *insertion) literals(l *parse.LiteralRows) error {
	extra := -1
	if l.NumCols > len(in.cols) {
		extra = int(l.Locs[len(in.cols)])
	}
	if err := in.checkCount(l.NumCols, extra); err != nil {
		return err
	}
	for _, c := range in.cols {
		if err := in.checkGenerated(c); err != nil {
			return err
		}
		if in.ignores(c) {
			return in.values(expandLiterals(l))
		}
	}
	n := l.NumRows()
	b := &types.Batch{Cols: make([]types.Vec, l.NumCols), N: n}
	for k, c := range in.cols {
		b.Cols[k] = types.NewVec(c.Type, n)
		for r := range n {
			if err := in.literal(&b.Cols[k], c, l, r*l.NumCols+k); err != nil {
				return err
			}
		}
	}
	in.setColumns()
	in.dml.Source = &Query{LiteralRows: b}
	in.describe()
	return nil
}

// literal appends literal i to a column.
func (in *insertion) literal(v *types.Vec, c *catalog.Column, l *parse.LiteralRows, i int) error {
	var d types.Datum
	var err error
	t := c.Type
	from := types.T(types.UnknownOid)
	switch kind := l.Kinds[i]; {
	case kind == parse.LitNull:
	case kind == parse.LitString:
		if d, err = types.ParseText(t, l.Texts[i], in.ioAt(int(l.Locs[i]), t.Oid)); err != nil {
			return in.at(int(l.Locs[i]), err)
		}
	case kind == parse.LitInt4 && (t.Oid == types.Int4Oid || t.Oid == types.Int8Oid), kind == parse.LitInt8 && t.Oid == types.Int8Oid:
		n, err := strconv.ParseInt(l.Texts[i], 10, 64)
		if err != nil {
			return pgerr.Internal("literal %q is no integer", l.Texts[i])
		}
		d = types.NewInt(n)
	default:
		if d, from, err = literalValue(kind, l.Texts[i]); err != nil {
			return in.at(int(l.Locs[i]), err)
		}
		if !expr.CanCoerce([]types.Oid{from.Oid}, []types.Oid{t.Oid}, types.Assignment) {
			_, err := in.assign(&expr.Const{Type: from, Value: d, Loc: int(l.Locs[i])}, t, c.Name, int(l.Locs[i]))
			return err
		}
		if from != t {
			if d, err = types.Cast(d, from, t, types.Assignment, in.io); err != nil {
				return err
			}
		}
	}
	v.Append(d)
	return nil
}

// literalValue is a literal as a value of its own type.
func literalValue(kind parse.LiteralKind, text string) (types.Datum, types.Type, error) {
	switch kind {
	case parse.LitTrue, parse.LitFalse:
		return types.NewBool(kind == parse.LitTrue), types.T(types.BoolOid), nil
	case parse.LitInt4, parse.LitInt8:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return types.Null, types.Type{}, pgerr.Internal("literal %q is no integer", text)
		}
		if kind == parse.LitInt4 {
			return types.NewInt(n), types.T(types.Int4Oid), nil
		}
		return types.NewInt(n), types.T(types.Int8Oid), nil
	}
	d, err := types.ParseNumeric(text)
	return d, types.T(types.NumericOid), err
}

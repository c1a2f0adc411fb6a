package exec

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/tsearch"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The built-in trigger functions of text search keep a tsvector of columns of text: tsvector_update_trigger, whose second
// argument is a configuration, and tsvector_update_trigger_column, where it is a column that has one.
const (
	tsvectorUpdate       catalog.Oid = 3752
	tsvectorUpdateColumn catalog.Oid = 3753
)

// updateTSVector is both functions.
func updateTSVector(c *Context, d *TriggerData) ([]types.Datum, error) {
	if err := mayUpdateTSVector(d); err != nil {
		return nil, err
	}
	u := tsvectorUpdater{c: c, d: d, needed: d.Event == catalog.TriggerInsert}
	args := d.Trigger.Args
	target, err := u.column(args[0], types.TsvectorOid, "tsvector column \"%s\" does not exist", "column \"%s\" is not of tsvector type")
	if err != nil {
		return nil, err
	}
	config, err := u.config(args[1])
	if err != nil {
		return nil, err
	}
	doc := config.NewDocument(c.Eval.IO().Notice)
	for _, name := range args[2:] {
		at, err := u.column(name, types.TextOid, "column \"%s\" does not exist", "column \"%s\" is not of a character type")
		if err != nil {
			return nil, err
		}
		u.needed = u.needed || slices.Contains(d.Updated, catalog.AttNum(at+1))
		if v := d.New[at]; !v.IsNull() {
			if err := doc.Add(v.Str()); err != nil {
				return nil, err
			}
		}
	}
	if !u.needed {
		return d.New, nil
	}
	v, err := doc.Vector()
	if err != nil {
		return nil, err
	}
	out := slices.Clone(d.New)
	out[target] = types.NewTSVector(v)
	return out, nil
}

func mayUpdateTSVector(d *TriggerData) error {
	switch g := d.Trigger; {
	case g.Type&catalog.TriggerRow == 0:
		return pgerr.Internal("tsvector_update_trigger: must be fired for row")
	case g.Type&catalog.TriggerBefore == 0:
		return pgerr.Internal("tsvector_update_trigger: must be fired BEFORE event")
	case d.Event != catalog.TriggerInsert && d.Event != catalog.TriggerUpdate:
		return pgerr.Internal("tsvector_update_trigger: must be fired for INSERT or UPDATE")
	case len(g.Args) < 3:
		return pgerr.Internal("tsvector_update_trigger: arguments must be tsvector_field, ts_config, text_field1, ...)")
	}
	return nil
}

type tsvectorUpdater struct {
	c      *Context
	d      *TriggerData
	needed bool // a text has changed; another configuration alone changes nothing
}

// column returns the place of a column in rows.
func (u *tsvectorUpdater) column(name string, want types.Oid, missing, wrong string) (int, error) {
	for i := range u.d.Table.Columns {
		col := &u.d.Table.Columns[i]
		if col.Name != name || col.Dropped {
			continue
		}
		if !types.BinaryCoercible(col.Type.Oid, want) {
			return 0, pgerr.New(pgerr.DatatypeMismatch, wrong, name)
		}
		return int(col.Num) - 1, nil
	}
	return 0, pgerr.New(pgerr.UndefinedColumn, missing, name)
}

func (u *tsvectorUpdater) config(name string) (*tsearch.Config, error) {
	if u.d.Trigger.Function == tsvectorUpdate {
		if !strings.Contains(name, ".") { // it must not depend on a search path
			return nil, pgerr.New(pgerr.InvalidParameterValue, "text search configuration name \"%s\" must be schema-qualified", name)
		}
		oid, err := types.ParseText(types.T(types.RegconfigOid), name, u.c.Eval.IO())
		if err != nil {
			return nil, err
		}
		return tsearch.FindConfig(types.Oid(oid.Int()))
	}
	at, err := u.column(name, types.RegconfigOid, "configuration column \"%s\" does not exist", "column \"%s\" is not of regconfig type")
	if err != nil {
		return nil, err
	}
	v := u.d.New[at]
	if v.IsNull() {
		return nil, pgerr.New(pgerr.NullValueNotAllowed, "configuration column \"%s\" must not be null", name)
	}
	return tsearch.FindConfig(types.Oid(v.Int()))
}

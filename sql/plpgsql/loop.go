package plpgsql

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// after is LOOP_RC_PROCESSING: what the signal of a loop's body means for the loop. stop ends it, with the signal out.
func (x *execution) after(sig signal, label string) (stop bool, out signal) {
	switch sig {
	case returns:
		return true, returns
	case exits:
		if x.exitLabel == "" {
			return true, goesOn
		}
		if label != "" && label == x.exitLabel {
			x.exitLabel = ""
			return true, goesOn
		}
		return true, exits
	case continues:
		if x.exitLabel == "" {
			return false, goesOn
		}
		if label != "" && label == x.exitLabel {
			x.exitLabel = ""
			return false, goesOn
		}
		return true, continues
	}
	return false, goesOn
}

// turn runs a loop's body once.
func (x *execution) turn(body []stmt, label string) (stop bool, out signal, err error) {
	sig, err := x.statements(body)
	if err != nil {
		return true, goesOn, err
	}
	if sig == goesOn {
		return false, goesOn, nil
	}
	stop, out = x.after(sig, label)
	return stop, out, nil
}

func (x *execution) plainLoop(s *loopStmt) (signal, error) {
	for {
		if stop, out, err := x.turn(s.body, s.label); stop {
			return out, err
		}
	}
}

func (x *execution) whileLoop(s *whileStmt) (signal, error) {
	for {
		ok, err := x.holds(s.cond)
		if err != nil || !ok {
			return goesOn, err
		}
		if stop, out, err := x.turn(s.body, s.label); stop {
			return out, err
		}
	}
}

// bound evaluates a bound of a loop over integers.
func (x *execution) bound(e *expression, what string) (int64, error) {
	d, err := x.evaluateTo(e, intType)
	if err != nil {
		return 0, err
	}
	if d.IsNull() {
		return 0, pgerr.New(pgerr.NullValueNotAllowed, "%s of FOR loop cannot be null", what)
	}
	return d.Int(), nil
}

func (x *execution) rangeLoop(s *rangeStmt) (signal, error) {
	at, err := x.bound(s.lower, "lower bound")
	if err != nil {
		return goesOn, err
	}
	end, err := x.bound(s.upper, "upper bound")
	if err != nil {
		return goesOn, err
	}
	step := int64(1)
	if s.step != nil {
		if step, err = x.bound(s.step, "BY value"); err != nil {
			return goesOn, err
		}
		if step <= 0 {
			return goesOn, pgerr.New(pgerr.InvalidParameterValue, "BY value of FOR loop must be greater than zero")
		}
	}
	if s.reverse {
		step = -step
	}
	found := false
	for (step > 0 && at <= end) || (step < 0 && at >= end) {
		found = true
		x.vals[s.variable.no] = types.NewInt(at)
		stop, out, err := x.turn(s.body, s.label)
		if err != nil {
			return goesOn, err
		}
		if stop {
			x.setFound(found)
			return out, nil
		}
		if at += step; at > math.MaxInt32 || at < math.MinInt32 {
			break
		}
	}
	x.setFound(found)
	return goesOn, nil
}

// rowsLoop is FOR over rows.
func (x *execution) rowsLoop(s *rowsStmt) (signal, error) {
	if s.cursor != nil {
		return x.cursorLoop(s)
	}
	rows, err := x.openRows(s)
	if err != nil {
		return goesOn, err
	}
	defer rows.Close()
	typ := &rowType{columns: rows.Columns()}
	found := false
	want := 10
	var batch [][]types.Datum
	for {
		b, err := rows.Next(want)
		x.renew()
		if err != nil {
			return goesOn, err
		}
		want = 50
		if b == nil {
			break
		}
		batch = batch[:0]
		for i := range b.N { // the body may end the transaction, for which the rest of the rows is read
			batch = append(batch, b.Row(i))
		}
		for _, row := range batch {
			found = true
			if err := x.moveRow(s.target, typ, row); err != nil {
				return goesOn, err
			}
			stop, out, err := x.turn(s.body, s.label)
			if err != nil {
				return goesOn, err
			}
			if stop {
				x.setFound(found)
				return out, nil
			}
		}
	}
	if !found {
		if err := x.moveRow(s.target, typ, nil); err != nil {
			return goesOn, err
		}
	}
	x.setFound(found)
	return goesOn, nil
}

// openRows opens the query of a loop. (CONTEXT shows the query of its errors alone, not of those that fetching a row makes.)
func (x *execution) openRows(s *rowsStmt) (Rows, error) {
	var rows Rows
	if s.query != nil {
		params, err := x.ready(s.query)
		if err != nil {
			return nil, err
		}
		if !opensCursor(s.query.statement) {
			return nil, errNoCursor(s.query.statement)
		}
		err = x.within(s.query, func() (err error) {
			rows, err = x.host.Rows(s.query.statement, params)
			return err
		})
		x.renew()
		return rows, err
	}
	e, st, params, err := x.dynamicCursor(s.dynamic, s.using)
	if err != nil {
		return nil, err
	}
	err = x.within(e, func() (err error) {
		rows, err = x.host.Rows(st, params)
		return err
	})
	x.renew()
	return rows, err
}

// opensCursor is SPI_is_cursor_plan.
func opensCursor(st Statement) bool {
	switch st.Class() {
	case ClassSelect, ClassShow:
		return true
	case ClassModify:
		return st.Columns() != nil
	}
	return false
}

func errNoCursor(st Statement) error {
	what := "non-SELECT"
	switch n := st.(type) {
	case interface{ Tag() string }:
		what = n.Tag()
	}
	return pgerr.New(pgerr.InvalidCursorDefinition, "cannot open %s query as cursor", what)
}

// cursorLoop is FOR over a bound cursor.
func (x *execution) cursorLoop(s *rowsStmt) (signal, error) {
	name, opened, err := x.openBound(s.cursor, s.args, s.cursor.cursorQuery, s.cursor.cursorOptions)
	if err != nil {
		return goesOn, err
	}
	unpin := x.host.PinCursor(name)
	defer func() {
		unpin()
		_ = x.host.CloseCursor(name) // it is not pinned any more
	}()
	typ := &rowType{columns: x.host.CursorColumns(name)}
	found := false
	for {
		var row []types.Datum
		_, err := x.host.FetchCursor(name, parse.FetchForward, 1, func(_ []expr.RecordColumn, b *types.Batch) error {
			if b.N > 0 {
				row = b.Row(0)
			}
			return nil
		})
		x.renew()
		if err != nil {
			return goesOn, err
		}
		if row == nil {
			break
		}
		found = true
		if err := x.moveRow(s.target, typ, row); err != nil {
			return goesOn, err
		}
		stop, out, err := x.turn(s.body, s.label)
		if err != nil {
			return goesOn, err
		}
		if stop {
			if opened {
				x.vals[s.cursor.no] = types.Null
			}
			x.setFound(found)
			return out, nil
		}
	}
	if !found {
		if err := x.moveRow(s.target, typ, nil); err != nil {
			return goesOn, err
		}
	}
	if opened {
		x.vals[s.cursor.no] = types.Null
	}
	x.setFound(found)
	return goesOn, nil
}

// eachLoop is FOREACH.
func (x *execution) eachLoop(s *eachStmt) (signal, error) {
	d, t, err := x.evaluate(s.array)
	if err != nil {
		return goesOn, err
	}
	if d.IsNull() {
		return goesOn, pgerr.New(pgerr.NullValueNotAllowed, "FOREACH expression must not be null")
	}
	elem := types.ElemOf(t.Oid)
	if elem == 0 || t.Kind() != types.KArray {
		return goesOn, pgerr.New(pgerr.DatatypeMismatch, "FOREACH expression must yield an array, not type %s",
			types.FormatType(types.Type{Oid: t.Oid, Mod: -1, Domain: t.Domain}))
	}
	a := d.Array()
	if s.slice > len(a.Dims) {
		return goesOn, pgerr.New(pgerr.ArraySubscriptError, "slice dimension (%d) is out of the valid range 0..%d", s.slice, len(a.Dims))
	}
	isArray := false
	if !s.target.composite() {
		tt, err := x.typeOf(s.target)
		if err != nil {
			return goesOn, err
		}
		isArray = types.ElemOf(tt.Oid) != 0
	}
	switch {
	case s.slice > 0 && !isArray:
		return goesOn, pgerr.New(pgerr.DatatypeMismatch, "FOREACH ... SLICE loop variable must be of an array type")
	case s.slice == 0 && isArray:
		return goesOn, pgerr.New(pgerr.DatatypeMismatch, "FOREACH loop variable must not be of an array type")
	}
	typ, size := types.Type{Oid: elem, Mod: t.Mod}, 1
	if s.slice > 0 {
		typ = t
		for _, n := range a.Dims[len(a.Dims)-s.slice:] {
			size *= int(n)
		}
	}
	found := false
	for at := 0; size > 0 && at+size <= len(a.Elems); at += size {
		found = true
		v := a.Elems[at]
		if s.slice > 0 {
			part := &types.Array{Elem: elem, Dims: a.Dims[len(a.Dims)-s.slice:], Elems: a.Elems[at : at+size]}
			if a.Lbs != nil {
				part.Lbs = a.Lbs[len(a.Dims)-s.slice:]
			}
			v = types.NewArray(part)
		}
		if err := x.assign(s.target, v, typ); err != nil {
			return goesOn, err
		}
		stop, out, err := x.turn(s.body, s.label)
		if err != nil {
			return goesOn, err
		}
		if stop {
			x.setFound(found)
			return out, nil
		}
	}
	x.setFound(found)
	return goesOn, nil
}

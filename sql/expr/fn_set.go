package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Open starts a call of a set-returning function; args are the values of call's arguments.
func (f *SetFunction) Open(ctx *EvalContext, call *SetReturning, args []types.Datum) (SetIterator, error) {
	if f.open == nil {
		return nil, pgerr.NotSupported("function " + funcSignature(f.Name, f.Args, nil))
	}
	if f.Strict {
		for _, a := range args {
			if a.IsNull() {
				return &listIter{}, nil
			}
		}
	}
	c := &Call{EvalContext: ctx, Result: call.Type, Columns: call.Columns, user: f.User}
	for _, a := range call.Args {
		c.Types = append(c.Types, a.ResultType())
	}
	return f.open(c, args)
}

// listIter yields rows that are all known at once.
type listIter struct {
	rows [][]types.Datum
	next int
}

func (l *listIter) Next(_ *EvalContext, row []types.Datum) (bool, error) {
	if l.next >= len(l.rows) {
		return false, nil
	}
	copy(row, l.rows[l.next])
	l.next++
	return true, nil
}

// column makes an iterator over single values.
func column(values []types.Datum) SetIterator { return &columnIter{values: values} }

type columnIter struct {
	values []types.Datum
	next   int
}

func (l *columnIter) Next(_ *EvalContext, row []types.Datum) (bool, error) {
	if l.next >= len(l.values) {
		return false, nil
	}
	row[0] = l.values[l.next]
	l.next++
	return true, nil
}

// series is generate_series over integers.
type series struct {
	cur, stop, step int64
	done            bool
}

var errStepZero = pgerr.New(pgerr.InvalidParameterValue, "step size cannot equal zero")

func (s *series) Next(_ *EvalContext, row []types.Datum) (bool, error) {
	if s.done || s.step > 0 && s.cur > s.stop || s.step < 0 && s.cur < s.stop {
		return false, nil
	}
	row[0] = types.NewInt(s.cur)
	next, ok := addInt(s.cur, s.step)
	s.cur, s.done = next, !ok
	return true, nil
}

func intSeries(_ *Call, a []types.Datum) (SetIterator, error) {
	s := &series{cur: a[0].Int(), stop: a[1].Int(), step: 1}
	if len(a) > 2 {
		if s.step = a[2].Int(); s.step == 0 {
			return nil, errStepZero
		}
	}
	return s, nil
}

type numericSeries struct {
	cur, stop, step types.Datum
	down            bool
}

func (s *numericSeries) Next(_ *EvalContext, row []types.Datum) (bool, error) {
	c := types.NumericCompare(s.cur, s.stop)
	if c > 0 && !s.down || c < 0 && s.down {
		return false, nil
	}
	row[0] = s.cur
	next, err := types.NumericAdd(s.cur, s.step)
	if err != nil { // beyond all numerics, and so beyond the end
		s.cur, s.step = types.NumericInf(1), types.NumericInf(1)
		if s.down {
			s.cur, s.step = types.NumericInf(-1), types.NumericInf(-1)
		}
		return true, nil
	}
	s.cur = next
	return true, nil
}

func openNumericSeries(_ *Call, a []types.Datum) (SetIterator, error) {
	s := &numericSeries{cur: a[0], stop: a[1], step: types.NumericFromInt(1)}
	if len(a) > 2 {
		s.step = a[2]
	}
	for i, what := range [...]string{"start value", "stop value", "step size"} {
		x := [...]types.Datum{s.cur, s.stop, s.step}[i]
		if types.NumericIsNaN(x) {
			return nil, pgerr.New(pgerr.InvalidParameterValue, "%s cannot be NaN", what)
		}
		if types.NumericIsInf(x, 1) || types.NumericIsInf(x, -1) {
			return nil, pgerr.New(pgerr.InvalidParameterValue, "%s cannot be infinity", what)
		}
	}
	switch types.NumericCompare(s.step, types.NumericFromInt(0)) {
	case 0:
		return nil, errStepZero
	case -1:
		s.down = true
	}
	return s, nil
}

type timeSeries struct {
	cur, stop int64
	step      types.Interval
	down      bool
	zoned     bool
}

func (s *timeSeries) Next(ctx *EvalContext, row []types.Datum) (bool, error) {
	if !s.down && s.cur > s.stop || s.down && s.cur < s.stop {
		return false, nil
	}
	row[0] = types.NewInt(s.cur)
	var err error
	if s.zoned {
		s.cur, err = types.TimestamptzAddInterval(s.cur, s.step, ctx.IO())
	} else {
		s.cur, err = types.TimestampAddInterval(s.cur, s.step)
	}
	return true, err
}

func openTimeSeries(zoned bool) func(*Call, []types.Datum) (SetIterator, error) {
	return func(_ *Call, a []types.Datum) (SetIterator, error) {
		s := &timeSeries{cur: a[0].Int(), stop: a[1].Int(), step: a[2].Interval(), zoned: zoned}
		switch types.IntervalCompare(s.step, types.Interval{}) {
		case 0:
			return nil, errStepZero
		case -1:
			s.down = true
		}
		return s, nil
	}
}

func subscripts(_ *Call, a []types.Datum) (SetIterator, error) {
	arr, d := a[0].Array(), a[1].Int()
	if d < 1 || d > int64(len(arr.Dims)) {
		return column(nil), nil
	}
	lo := int64(arr.LowerBound(int(d - 1)))
	hi := lo + int64(arr.Dims[d-1]) - 1
	if len(a) > 2 && a[2].Bool() {
		return &series{cur: hi, stop: lo, step: -1}, nil
	}
	return &series{cur: lo, stop: hi, step: 1}, nil
}

func wantArray(n *types.JSONNode, name string) error {
	switch n.Kind {
	case types.JSONArray:
		return nil
	case types.JSONObject:
		return pgerr.New(pgerr.InvalidParameterValue, "cannot extract elements from an object")
	}
	return pgerr.New(pgerr.InvalidParameterValue, "cannot extract elements from a scalar")
}

// jsonElements is jsonb_array_elements[_text].
func jsonElements(name string, isText bool) func(*Call, []types.Datum) (SetIterator, error) {
	return func(_ *Call, a []types.Datum) (SetIterator, error) {
		n := node(a[0].Str())
		if err := wantArray(n, name); err != nil {
			return nil, err
		}
		var out []types.Datum
		for i := range n.Elems {
			if isText {
				out = append(out, asText(&n.Elems[i]))
			} else {
				out = append(out, nodeText(&n.Elems[i]))
			}
		}
		return column(out), nil
	}
}

func rawElements(name string, isText bool) func(*Call, []types.Datum) (SetIterator, error) {
	return func(_ *Call, a []types.Datum) (SetIterator, error) {
		if isText {
			if err := checkEscapes(a[0].Str()); err != nil {
				return nil, err
			}
		}
		r := readRaw(a[0].Str())
		switch {
		case r.src[0] == '{':
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on a non-array", name)
		case r.src[0] != '[':
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on a scalar", name)
		}
		var out []types.Datum
		for _, e := range r.elems {
			if isText {
				out = append(out, (&rawJSON{src: e}).text())
			} else {
				out = append(out, types.NewString(e))
			}
		}
		return column(out), nil
	}
}

func jsonEach(name string, isText bool) func(*Call, []types.Datum) (SetIterator, error) {
	return func(_ *Call, a []types.Datum) (SetIterator, error) {
		n := node(a[0].Str())
		if n.Kind != types.JSONObject {
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on a non-object", name)
		}
		l := &listIter{}
		for i, k := range n.Keys {
			v := nodeText(&n.Elems[i])
			if isText {
				v = asText(&n.Elems[i])
			}
			l.rows = append(l.rows, []types.Datum{types.NewString(k), v})
		}
		return l, nil
	}
}

func rawEach(isText bool) func(*Call, []types.Datum) (SetIterator, error) {
	return func(_ *Call, a []types.Datum) (SetIterator, error) {
		if err := checkEscapes(a[0].Str()); err != nil {
			return nil, err
		}
		r := readRaw(a[0].Str())
		if r.src[0] != '{' {
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot deconstruct %s", map[bool]string{true: "an array as an object", false: "a scalar"}[r.src[0] == '['])
		}
		l := &listIter{}
		for i, k := range r.keys {
			v := types.NewString(r.elems[i])
			if isText {
				v = (&rawJSON{src: r.elems[i]}).text()
			}
			l.rows = append(l.rows, []types.Datum{types.NewString(k), v})
		}
		return l, nil
	}
}

func objectKeys(name string) func(*Call, []types.Datum) (SetIterator, error) {
	return func(_ *Call, a []types.Datum) (SetIterator, error) {
		if err := checkEscapes(a[0].Str()); err != nil {
			return nil, err
		}
		n := node(a[0].Str())
		switch n.Kind {
		case types.JSONObject:
		case types.JSONArray:
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on an array", name)
		default:
			return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on a scalar", name)
		}
		keys := n.Keys
		if name == "json_object_keys" {
			keys = readRaw(a[0].Str()).keys
		}
		var out []types.Datum
		for _, k := range keys {
			out = append(out, types.NewString(k))
		}
		return column(out), nil
	}
}

func regexpMatchesSet(c *Call, a []types.Datum) (SetIterator, error) {
	flags, global := splitFlags(argStr(a, 2))
	re, err := compileRegexp(a[1].Str(), flags)
	if err != nil {
		return nil, err
	}
	n := 1
	if global {
		n = -1
	}
	var out []types.Datum
	matches, err := re.all(c, a[0].Str(), n)
	if err != nil {
		return nil, err
	}
	for _, m := range matches {
		out = append(out, types.NewArray1(types.TextOid, groups(a[0].Str(), m)))
	}
	return column(out), nil
}

func regexpSplitSet(c *Call, a []types.Datum) (SetIterator, error) {
	parts, err := regexSplit(c, "regexp_split_to_table", a[0].Str(), a[1].Str(), argStr(a, 2))
	return column(parts), err
}

func textTable(_ *Call, a []types.Datum) (SetIterator, error) {
	if a[0].IsNull() {
		return column(nil), nil
	}
	return column(splitText(a)), nil
}

// unnest yields an array's elements; rows come as their fields where the call has columns for these.
func unnest(c *Call, a []types.Datum) (SetIterator, error) {
	elems := a[0].Array().Elems
	if c.Columns == nil {
		return column(elems), nil
	}
	out := &listIter{rows: make([][]types.Datum, len(elems))}
	for i, e := range elems {
		row := make([]types.Datum, len(c.Columns))
		if !e.IsNull() {
			fields := types.RecordFields(c.Result.Oid, e.Record(), c.IO())
			if err := checkReturned(fields, c.Columns); err != nil {
				return nil, err
			}
			for k, f := range fields {
				row[k] = f.Value
			}
		}
		out.rows[i] = row
	}
	return out, nil
}

// checkReturned compares a row that a function returned with the columns of the call's definition list.
func checkReturned(fields []types.RecordField, cols []RecordColumn) error {
	bad := pgerr.New(pgerr.DatatypeMismatch, "function return row and query-specified return row do not match")
	if len(fields) != len(cols) {
		format := "Returned row contains %d attributes, but query expects %d."
		if len(fields) == 1 {
			format = "Returned row contains %d attribute, but query expects %d."
		}
		return bad.WithDetail(format, len(fields), len(cols))
	}
	for i, f := range fields {
		if want := cols[i].Type; f.Type.Oid != want.Oid {
			return bad.WithDetail("Returned type %s at ordinal position %d, but query expects %s.",
				types.FormatType(types.T(f.Type.Oid)), i+1, types.FormatType(types.T(want.Oid)))
		}
	}
	return nil
}

func optionsToTable(_ *Call, a []types.Datum) (SetIterator, error) {
	l := &listIter{}
	for _, o := range a[0].Array().Elems {
		s := o.Str()
		name, value := s, types.Null
		for i := range s {
			if s[i] == '=' {
				name, value = s[:i], types.NewString(s[i+1:])
				break
			}
		}
		l.rows = append(l.rows, []types.Datum{types.NewString(name), value})
	}
	return l, nil
}

var setImpls = map[string]func(c *Call, args []types.Datum) (SetIterator, error){
	"generate_series_int4": intSeries, "generate_series_step_int4": intSeries, "generate_series_int8": intSeries, "generate_series_step_int8": intSeries,
	"generate_series_numeric": openNumericSeries, "generate_series_step_numeric": openNumericSeries,
	"generate_series_timestamp": openTimeSeries(false), "generate_series_timestamptz": openTimeSeries(true),
	"generate_subscripts": subscripts, "generate_subscripts_nodir": subscripts, "array_unnest": unnest, "multirange_unnest": multirangeUnnest,
	"jsonb_array_elements": jsonElements("jsonb_array_elements", false), "jsonb_array_elements_text": jsonElements("jsonb_array_elements_text", true),
	"json_array_elements": rawElements("json_array_elements", false), "json_array_elements_text": rawElements("json_array_elements_text", true),
	"jsonb_each": jsonEach("jsonb_each", false), "jsonb_each_text": jsonEach("jsonb_each_text", true), "json_each": rawEach(false), "json_each_text": rawEach(true),
	"jsonb_object_keys": objectKeys("jsonb_object_keys"), "json_object_keys": objectKeys("json_object_keys"),
	"jsonb_path_query": pathQuerySet(false), "jsonb_path_query_tz": pathQuerySet(true),
	"regexp_matches": regexpMatchesSet, "regexp_matches_no_flags": regexpMatchesSet,
	"regexp_split_to_table": regexpSplitSet, "regexp_split_to_table_no_flags": regexpSplitSet,
	"text_to_table": textTable, "text_to_table_null": textTable, "pg_options_to_table": optionsToTable,
	"tsvector_unnest": unnestVector, "ts_token_type_byid": tokenTypes, "ts_token_type_byname": tokenTypes,
	"ts_parse_byid": parseTokens, "ts_parse_byname": parseTokens, "ts_debug(regconfig,text)": debugTokens, "ts_debug(text)": debugTokens,
	"ts_stat1": vectorStatistics, "ts_stat2": vectorStatistics,
	"pg_listening_channels":  listeningChannels,
	"pg_partition_ancestors": partitionAncestors, "pg_partition_tree": partitionTree,
}

// partitionAncestors and partitionTree ask the catalog, which answers with one array.
func partitionAncestors(c *Call, a []types.Datum) (SetIterator, error) {
	if c.Session == nil {
		return nil, errNoSession
	}
	d, err := c.Session.SystemFunction(c.EvalContext, "pg_partition_ancestors", c.Types, a)
	if err != nil {
		return nil, err
	}
	return column(d.Array().Elems), nil
}

func partitionTree(c *Call, a []types.Datum) (SetIterator, error) {
	if c.Session == nil {
		return nil, errNoSession
	}
	d, err := c.Session.SystemFunction(c.EvalContext, "pg_partition_tree", c.Types, a)
	if err != nil {
		return nil, err
	}
	l := &listIter{}
	for e := d.Array().Elems; len(e) > 0; e = e[4:] {
		row := []types.Datum{e[0], e[1], types.NewBool(e[2].Int() != 0), e[3]}
		if e[1].Int() == 0 {
			row[1] = types.Null
		}
		l.rows = append(l.rows, row)
	}
	return l, nil
}

func listeningChannels(c *Call, _ []types.Datum) (SetIterator, error) {
	if c.Session == nil {
		return nil, errNoSession
	}
	var out []types.Datum
	for _, ch := range c.Session.ListeningChannels() {
		out = append(out, types.NewString(ch))
	}
	return column(out), nil
}

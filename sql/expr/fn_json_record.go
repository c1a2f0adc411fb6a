package expr

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Rows out of json and jsonb: json_populate_record and json_to_record with their set-returning forms. A row's columns
// are those of the record given as a pattern, or of the column definition list in FROM.

// jsonInput is a value within json, of which the text counts, or within jsonb. The zero value is an absent one.
type jsonInput struct {
	raw  *rawJSON
	node *types.JSONNode
}

func inputOf(d types.Datum, isRaw bool) jsonInput {
	if isRaw {
		return jsonInput{raw: readRaw(d.Str())}
	}
	return jsonInput{node: node(d.Str())}
}

func (in jsonInput) kind() types.JSONKind {
	if in.node != nil {
		return in.node.Kind
	}
	if in.raw == nil {
		return types.JSONNull
	}
	switch in.raw.src[0] {
	case '{':
		return types.JSONObject
	case '[':
		return types.JSONArray
	case '"':
		return types.JSONString
	case 't', 'f':
		return types.JSONBool
	case 'n':
		return types.JSONNull
	}
	return types.JSONNumber
}

// text is what a type's input function reads.
func (in jsonInput) text() string {
	switch {
	case in.node != nil && in.node.Kind == types.JSONString:
		return in.node.Str
	case in.node != nil:
		return nodeText(in.node).Str()
	case in.kind() == types.JSONString:
		return node(in.raw.src).Str
	}
	return in.raw.src
}

// json is the value as json again.
func (in jsonInput) json() string {
	switch {
	case in.node != nil:
		return nodeText(in.node).Str()
	case in.kind() == types.JSONString:
		return string(types.AppendJSONString(nil, in.text()))
	}
	return in.raw.src
}

func (in jsonInput) elements() []jsonInput {
	var out []jsonInput
	if in.node != nil {
		for i := range in.node.Elems {
			out = append(out, jsonInput{node: &in.node.Elems[i]})
		}
		return out
	}
	for _, e := range in.raw.elems {
		out = append(out, jsonInput{raw: readRaw(e)})
	}
	return out
}

// member returns the value of a key; false if there is none.
func (in jsonInput) member(key string) (jsonInput, bool) {
	if in.node != nil {
		m := member(in.node, key)
		return jsonInput{node: m}, m != nil
	}
	m := rawMember(in.raw, key)
	return jsonInput{raw: m}, m != nil
}

func (in jsonInput) empty() bool {
	if in.node != nil {
		return len(in.node.Keys) == 0
	}
	return len(in.raw.keys) == 0
}

// populator makes values of SQL types out of json.
type populator struct{ env *types.IOEnv }

// record makes the fields of a row. base, if not nil, has the values of absent keys.
func (p populator) record(cols []RecordColumn, base []types.Datum, in jsonInput) ([]types.Datum, error) {
	switch in.kind() {
	case types.JSONObject:
	case types.JSONArray:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on an array", "populate_composite")
	default:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on a scalar", "populate_composite")
	}
	if base != nil && in.empty() {
		return base, nil
	}
	out := make([]types.Datum, len(cols))
	copy(out, base)
	for i, c := range cols {
		v, found := in.member(c.Name)
		if !found && base != nil {
			continue
		}
		var err error
		if out[i], err = p.field(c.Type, c.Name, out[i], v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// field makes a value of a type, which satisfies its domain; name is the key of an outermost value, for hints.
func (p populator) field(t types.Type, name string, old types.Datum, in jsonInput) (types.Datum, error) {
	d, err := p.baseValue(t, name, old, in)
	if err != nil {
		return d, err
	}
	return types.FieldValue(t, d, p.env)
}

// baseValue is field without the domain.
func (p populator) baseValue(t types.Type, name string, old types.Datum, in jsonInput) (types.Datum, error) {
	kind := in.kind()
	switch {
	case kind == types.JSONNull:
		return types.Null, nil
	case kind == types.JSONString: // arrays and rows may be given as their literals
	case isArray(t.Oid):
		return p.array(t, name, in)
	case t.Kind() == types.KRecord:
		cols, base := p.row(t.Oid, old.Record())
		if cols == nil {
			return types.Null, pgerr.New(pgerr.WrongObjectType, "record type has not been registered")
		}
		fields, err := p.record(cols, base, in)
		if err != nil {
			return types.Null, err
		}
		return p.value(t.Oid, cols, fields), nil
	}
	s := in.text()
	if t.Oid == types.JsonOid || t.Oid == types.JsonbOid {
		s = in.json()
	}
	return types.ParseText(t, s, p.env)
}

// row returns the columns of a row type, and the values of r if it is not nil. nil: the type does not tell.
func (p populator) row(t types.Oid, r *types.Record) (cols []RecordColumn, base []types.Datum) {
	if r != nil {
		base = []types.Datum{}
		for i, f := range types.RecordFields(t, r, p.env) {
			if f.Name == "" {
				f.Name = "f" + strconv.Itoa(i+1)
			}
			cols, base = append(cols, RecordColumn{Name: f.Name, Type: f.Type}), append(base, f.Value)
		}
		return cols, base
	}
	return CompositeColumns(t, p.env), nil
}

// CompositeColumns are the columns of a composite type, nil for other types.
func CompositeColumns(t types.Oid, env *types.IOEnv) []RecordColumn {
	if t.Class() != types.CompositeClass || env.UserType == nil {
		return nil
	}
	u := env.UserType(t)
	if u == nil {
		return nil
	}
	cols := []RecordColumn{}
	for _, a := range u.Fields {
		if !a.Dropped {
			cols = append(cols, RecordColumn{Name: a.Name, Type: a.Type})
		}
	}
	return cols
}

// value makes a row of its fields.
func (p populator) value(t types.Oid, cols []RecordColumn, fields []types.Datum) types.Datum {
	if t.Class() == types.CompositeClass && p.env.UserType != nil {
		if u := p.env.UserType(t); u != nil {
			return types.NewComposite(u, fields)
		}
	}
	return recordValue(cols, fields)
}

// arrayPopulator makes an array, whose number of dimensions the first innermost element settles.
type arrayPopulator struct {
	populator
	elem        types.Type
	name        string
	ndims       int
	dims, sizes []int32 // dims -1: not known yet; sizes: counted so far
	elems       []types.Datum
}

func (p populator) array(t types.Type, name string, in jsonInput) (types.Datum, error) {
	a := &arrayPopulator{populator: p, elem: types.Type{Oid: types.ElemOf(t.Oid), Mod: t.Mod}, name: name}
	if err := a.dimension(in, 1); err != nil {
		return types.Null, err
	}
	a.dims[0] = a.sizes[0]
	if _, err := types.CheckArrayShape(a.dims, nil); err != nil {
		return types.Null, err
	}
	out := &types.Array{Elem: a.elem.Oid, Elems: a.elems}
	if len(a.elems) > 0 {
		out.Dims = a.dims
	}
	return types.NewArray(out), nil
}

// expected is the error for what should have been an array, n dimensions deep.
func (a *arrayPopulator) expected(n int) error {
	e := pgerr.New(pgerr.InvalidTextRepresentation, "expected JSON array")
	var at strings.Builder
	for i := range max(n, 0) {
		at.WriteString("[" + strconv.Itoa(int(a.sizes[i])) + "]")
	}
	switch {
	case n > 0 && a.name != "":
		return e.WithHint("See the array element %s of key \"%s\".", at.String(), a.name)
	case n > 0:
		return e.WithHint("See the array element %s.", at.String())
	case a.name != "":
		return e.WithHint("See the value of key \"%s\".", a.name)
	}
	return e
}

func (a *arrayPopulator) dimension(in jsonInput, n int) error {
	if in.kind() != types.JSONArray {
		return a.expected(n - 1)
	}
	if n > types.MaxArrayDims {
		return pgerr.New(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, types.MaxArrayDims)
	}
	elems := in.elements()
	if a.ndims == 0 && (len(elems) == 0 || elems[0].kind() != types.JSONArray) {
		a.ndims = n
		a.dims, a.sizes = make([]int32, n), make([]int32, n)
		for i := range a.dims {
			a.dims[i] = -1
		}
	}
	for _, e := range elems {
		if a.ndims > 0 && n >= a.ndims {
			d, err := a.field(a.elem, "", types.Null, e)
			if err != nil {
				return err
			}
			a.elems = append(a.elems, d)
			a.sizes[n-1]++
			continue
		}
		if err := a.dimension(e, n+1); err != nil {
			return err
		}
		if a.dims[n] == -1 {
			a.dims[n] = a.sizes[n]
		} else if a.dims[n] != a.sizes[n] {
			return pgerr.New(pgerr.InvalidTextRepresentation, "malformed JSON array").
				WithDetail("Multidimensional arrays must have sub-arrays with matching dimensions.")
		}
		a.sizes[n] = 0
		a.sizes[n-1]++
	}
	return nil
}

// recordFunction is one of the eight functions.
type recordFunction struct {
	name         string
	raw, pattern bool // of json; has a record as first argument
}

// pattern returns the row's columns, and the values of the record argument if there is one.
func (f recordFunction) columns(c *Call, args []types.Datum) (cols []RecordColumn, base []types.Datum, err error) {
	if f.pattern {
		if c.Types[0].Kind() != types.KRecord {
			return nil, nil, pgerr.New(pgerr.DatatypeMismatch, "first argument of %s must be a row type", f.name)
		}
		r := args[0].Record()
		if cols, base = (populator{c.IO()}).row(c.Types[0].Oid, r); cols != nil {
			return cols, base, f.matches(c, cols)
		}
	}
	if c.Columns == nil {
		return nil, nil, pgerr.New(pgerr.FeatureNotSupported, "could not determine row type for result of %s", f.name).
			WithHint("Provide a non-null record argument, or call the function in the FROM clause using a column definition list.")
	}
	return c.Columns, nil, nil
}

// matches compares a record with the column definition list.
func (f recordFunction) matches(c *Call, row []RecordColumn) error {
	if c.Columns == nil {
		return nil
	}
	bad := pgerr.New(pgerr.DatatypeMismatch, "function return row and query-specified return row do not match")
	if n := len(row); n != len(c.Columns) {
		attributes := "attributes"
		if n == 1 {
			attributes = "attribute"
		}
		return bad.WithDetail("Returned row contains %d %s, but query expects %d.", n, attributes, len(c.Columns))
	}
	for i, have := range row {
		if want := c.Columns[i].Type; have.Type.Oid != want.Oid {
			return bad.WithDetail("Returned type %s at ordinal position %d, but query expects %s.",
				types.FormatType(types.T(have.Type.Oid)), i+1, types.FormatType(types.T(want.Oid)))
		}
	}
	return nil
}

// document is the position of the json argument.
func (f recordFunction) document() int {
	if f.pattern {
		return 1
	}
	return 0
}

func (f recordFunction) readable(doc types.Datum) error {
	if f.raw {
		return checkEscapes(doc.Str())
	}
	return nil
}

// row computes the one row of json_populate_record and json_to_record; nil is NULL.
func (f recordFunction) row(c *Call, args []types.Datum) ([]RecordColumn, []types.Datum, error) {
	cols, base, err := f.columns(c, args)
	doc := args[f.document()]
	if err != nil || doc.IsNull() {
		return cols, base, err
	}
	if err := f.readable(doc); err != nil {
		return nil, nil, err
	}
	fields, err := populator{c.IO()}.record(cols, base, inputOf(doc, f.raw))
	return cols, fields, err
}

// value is a call in an expression.
func (f recordFunction) value(c *Call, args []types.Datum) (types.Datum, error) {
	cols, fields, err := f.row(c, args)
	if err != nil || fields == nil {
		return types.Null, err
	}
	return populator{c.IO()}.value(c.Result.Oid, cols, fields), nil
}

func recordValue(cols []RecordColumn, fields []types.Datum) types.Datum {
	r := &types.Record{Fields: fields}
	for _, c := range cols {
		r.Types, r.Names = append(r.Types, c.Type), append(r.Names, c.Name)
	}
	return types.NewRecord(r)
}

// open is a call in FROM: a row, all NULL where the result is.
func (f recordFunction) open(c *Call, args []types.Datum) (SetIterator, error) {
	cols, fields, err := f.row(c, args)
	if err != nil {
		return nil, err
	}
	if fields == nil {
		fields = make([]types.Datum, len(cols))
	}
	return &listIter{rows: [][]types.Datum{fields}}, nil
}

// openSet is a call of a function that makes a row of each element.
func (f recordFunction) openSet(c *Call, args []types.Datum) (SetIterator, error) {
	cols, base, err := f.columns(c, args)
	doc := args[f.document()]
	if err != nil || doc.IsNull() {
		return &listIter{}, err
	}
	if err := f.readable(doc); err != nil {
		return nil, err
	}
	in := inputOf(doc, f.raw)
	switch kind := in.kind(); {
	case kind == types.JSONArray:
	case !f.raw:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on a non-array", f.name)
	case kind == types.JSONObject:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on an object", f.name)
	default:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "cannot call %s on a scalar", f.name)
	}
	l := &listIter{}
	for _, e := range in.elements() {
		if e.kind() != types.JSONObject {
			return nil, pgerr.New(pgerr.InvalidParameterValue, "argument of %s must be an array of objects", f.name)
		}
		fields, err := populator{c.IO()}.record(cols, base, e)
		if err != nil {
			return nil, err
		}
		if c.Columns == nil { // in a select list a row is one value
			fields = []types.Datum{populator{c.IO()}.value(c.Result.Oid, cols, fields)}
		}
		l.rows = append(l.rows, fields)
	}
	return l, nil
}

// recordFunctions are the functions by pg_proc.prosrc.
var recordFunctions = func() map[string]recordFunction {
	out := map[string]recordFunction{}
	for _, name := range [...]string{"populate_record", "populate_recordset", "to_record", "to_recordset"} {
		for _, kind := range [...]string{"json", "jsonb"} {
			n := kind + "_" + name
			out[n] = recordFunction{name: n, raw: kind == "json", pattern: strings.HasPrefix(name, "populate")}
		}
	}
	return out
}()

// AsSet returns a function of FROM's column definition lists, which is called as a set of one row there; nil for others.
func (f *Function) AsSet() *SetFunction {
	if f.User != nil {
		return userAsSet(f)
	}
	rf, ok := recordFunctions[f.src]
	if !ok {
		return nil
	}
	return &SetFunction{Oid: f.Oid, Name: f.Name, Args: f.Args, Result: f.Result, Volatility: f.Volatility, Strict: f.Strict,
		Defaults: f.Defaults, ArgNames: f.ArgNames, src: f.src, open: rf.open}
}

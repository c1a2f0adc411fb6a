package expr

import (
	"math"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Evaluation of SQL/JSON paths, after PostgreSQL's jsonpath_exec.c. An item of a path is applied to one value and hands
// its results, one by one, to the item after it; what comes out at the end is appended to a list, or, where only
// existence matters, ends the search. In lax mode arrays are unwrapped and scalars wrapped where an item wants the
// other, and what does not exist is no error.
//
// Errors of evaluation are of two kinds: those that a predicate turns into unknown and the silent functions into no
// result (pathFailed, without an error in Go), and all others.

// pathValue is a value during evaluation: a node, or a date or time.
type pathValue struct {
	node *types.JSONNode
	time *pathTime
}

func (v pathValue) is(k types.JSONKind) bool { return v.time == nil && v.node.Kind == k }

func (v pathValue) isArray() bool { return v.is(types.JSONArray) }

// result is the value as jsonb.
func (v pathValue) result() *types.JSONNode {
	if v.time != nil {
		return &types.JSONNode{Kind: types.JSONString, Str: v.time.text()}
	}
	return v.node
}

func (v pathValue) typeName() string {
	if v.time != nil {
		return v.time.typeName()
	}
	return typeOfJSON(v.node)
}

func numberValue(d types.Datum) pathValue {
	return pathValue{node: &types.JSONNode{Kind: types.JSONNumber, Num: d}}
}

type pathResult uint8

const (
	pathNotFound pathResult = iota
	pathFound
	pathFailed // suppressed error
)

// pathList gathers results; a nil list asks for existence only.
type pathList struct{ values []pathValue }

// baseObject is what the ids of .keyvalue() count from.
type baseObject struct {
	node *types.JSONNode
	id   int64
}

type pathExec struct {
	ctx  *EvalContext
	vars *types.JSONNode
	lax  bool
	tz   bool // conversions may use the session's time zone
	// throw makes suppressible errors Go errors.
	throw bool
	// forgiving makes what does not fit the structure no error: in lax mode, and below .**.
	forgiving     bool
	root, current pathValue
	base          baseObject
	nextID        int64 // for objects that .keyvalue() makes
	arraySize     int   // of the innermost subscripted array, for last
	depth         int
}

// pathCache keeps parsed paths; it is emptied when it is full.
var pathCache = struct {
	sync.Mutex
	m map[string]*types.JSONPath
}{m: map[string]*types.JSONPath{}}

const maxCachedPaths = 512

func parsedPath(text string) (*types.JSONPath, error) {
	pathCache.Lock()
	p := pathCache.m[text]
	pathCache.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := types.ParseJSONPath(text)
	if err != nil {
		return nil, err
	}
	pathCache.Lock()
	if len(pathCache.m) >= maxCachedPaths {
		clear(pathCache.m)
	}
	pathCache.m[text] = p
	pathCache.Unlock()
	return p, nil
}

// runPath evaluates a path over a document; found nil asks for existence only.
func runPath(c *EvalContext, doc, path string, vars *types.JSONNode, throw, tz bool, found *pathList) (pathResult, error) {
	p, err := parsedPath(path)
	if err != nil {
		return pathFailed, err
	}
	if vars != nil && vars.Kind != types.JSONObject {
		return pathFailed, pgerr.New(pgerr.InvalidParameterValue, "\"vars\" argument is not an object").
			WithDetail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.")
	}
	root := pathValue{node: node(doc)}
	x := &pathExec{ctx: c, vars: vars, lax: p.Lax, forgiving: p.Lax, throw: throw, tz: tz, root: root, current: root, nextID: 1, arraySize: -1}
	if vars != nil {
		x.nextID = 2
	}
	if !x.lax && found == nil {
		// A strict path must be walked to its end, for there may be errors.
		var all pathList
		r, err := x.item(p.Root, root, &all)
		if r != pathFailed && err == nil {
			r = pathNotFound
			if len(all.values) > 0 {
				r = pathFound
			}
		}
		return r, err
	}
	return x.item(p.Root, root, found)
}

// fail is a suppressible error.
func (x *pathExec) fail(code, format string, args ...any) (pathResult, error) {
	if x.throw {
		return pathFailed, pgerr.New(code, format, args...)
	}
	return pathFailed, nil
}

// structural is an error about what the document is not like, none in lax mode.
func (x *pathExec) structural(code, format string, args ...any) (pathResult, error) {
	if x.forgiving {
		return pathNotFound, nil
	}
	return x.fail(code, format, args...)
}

func (x *pathExec) item(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	return x.itemUnwrap(n, v, found, x.lax)
}

// next hands a value to the item after n, or to the results.
func (x *pathExec) next(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	if n.Next != nil {
		return x.item(n.Next, v, found)
	}
	if found != nil {
		found.values = append(found.values, v)
	}
	return pathFound, nil
}

const maxPathRecursion = 5000

// itemUnwrap applies n to v; unwrap says that an array is first replaced by its elements where n wants none.
func (x *pathExec) itemUnwrap(n *types.JSONPathItem, v pathValue, found *pathList, unwrap bool) (pathResult, error) {
	if x.depth++; x.depth > maxPathRecursion {
		return pathFailed, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
	}
	defer func() { x.depth-- }()
	if err := x.ctx.cancelled(); err != nil {
		return pathFailed, err
	}
	if unwrap && v.isArray() {
		switch n.Kind {
		case types.PathKey, types.PathAnyKey, types.PathFilter, types.PathAbs, types.PathFloor, types.PathCeiling, types.PathDouble,
			types.PathDatetime, types.PathKeyValue:
			return x.elements(n, v, found, false)
		}
	}
	switch n.Kind {
	case types.PathAnd, types.PathOr, types.PathNot, types.PathIsUnknown, types.PathExists, types.PathEqual, types.PathNotEqual, types.PathLess,
		types.PathGreater, types.PathLessOrEqual, types.PathGreaterOrEqual, types.PathStartsWith, types.PathLikeRegex:
		return x.boolResult(n, v, found)
	case types.PathAdd, types.PathSub, types.PathMul, types.PathDiv, types.PathMod:
		return x.arithmetic(n, v, found)
	case types.PathPlus, types.PathMinus:
		return x.signed(n, v, found)
	case types.PathNull, types.PathBool, types.PathNumeric, types.PathString, types.PathVariable, types.PathRoot, types.PathCurrent, types.PathLast:
		return x.leaf(n, found)
	case types.PathType, types.PathSize, types.PathAbs, types.PathFloor, types.PathCeiling, types.PathDouble, types.PathDatetime, types.PathKeyValue:
		return x.method(n, v, found)
	}
	return x.accessor(n, v, found)
}

// leaf is a literal, a variable, $, @ or last.
func (x *pathExec) leaf(n *types.JSONPathItem, found *pathList) (pathResult, error) {
	saved := x.base
	defer func() { x.base = saved }()
	k := &types.JSONNode{}
	switch n.Kind {
	case types.PathRoot:
		x.base = baseObject{x.root.node, 0}
		return x.next(n, x.root, found)
	case types.PathCurrent:
		return x.next(n, x.current, found)
	case types.PathLast:
		return x.next(n, numberValue(types.NumericFromInt(int64(x.arraySize-1))), found)
	case types.PathBool:
		k.Kind, k.Bool = types.JSONBool, n.Bool
	case types.PathNumeric:
		k.Kind, k.Num = types.JSONNumber, n.Num
	case types.PathString:
		k.Kind, k.Str = types.JSONString, n.Str
	case types.PathVariable:
		if x.vars == nil {
			break
		}
		if k = member(x.vars, n.Str); k == nil {
			return pathFailed, pgerr.New(pgerr.UndefinedObject, "could not find jsonpath variable \"%s\"", n.Str)
		}
		x.base = baseObject{x.vars, 1}
	}
	return x.next(n, pathValue{node: k}, found)
}

func (x *pathExec) accessor(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	switch n.Kind {
	case types.PathKey:
		if !v.is(types.JSONObject) {
			return x.structural(pgerr.SqlJsonMemberNotFound, "jsonpath member accessor can only be applied to an object")
		}
		if m := member(v.node, n.Str); m != nil {
			return x.next(n, pathValue{node: m}, found)
		}
		return x.structural(pgerr.SqlJsonMemberNotFound, "JSON object does not contain key \"%s\"", n.Str)
	case types.PathAnyKey:
		if !v.is(types.JSONObject) {
			return x.structural(pgerr.SqlJsonObjectNotFound, "jsonpath wildcard member accessor can only be applied to an object")
		}
		return x.anyItem(n.Next, v.node, found, 1, 1, 1, false, x.lax)
	case types.PathAnyArray:
		switch {
		case v.isArray():
			return x.elements(n.Next, v, found, x.lax)
		case x.lax:
			return x.next(n, v, found)
		}
		return x.structural(pgerr.SqlJsonArrayNotFound, "jsonpath wildcard array accessor can only be applied to an array")
	case types.PathIndexes:
		if !v.isArray() && !x.lax {
			return x.structural(pgerr.SqlJsonArrayNotFound, "jsonpath array accessor can only be applied to an array")
		}
		return x.subscripts(n, v, found)
	case types.PathFilter:
		saved := x.current
		x.current = v
		b, err := x.predicate(n.Left, v)
		x.current = saved
		if err != nil || b != pathTrue {
			return pathNotFound, err
		}
		return x.next(n, v, found)
	case types.PathAny:
		return x.levels(n, v, found)
	}
	return pathFailed, pgerr.Internal("unrecognized jsonpath item type: %d", n.Kind)
}

// levels is .**{first to last}.
func (x *pathExec) levels(n *types.JSONPathItem, v pathValue, found *pathList) (r pathResult, err error) {
	if n.First == 0 { // the value itself
		saved := x.forgiving
		x.forgiving = true
		r, err = x.next(n, v, found)
		x.forgiving = saved
		if err != nil || r == pathFound && found == nil {
			return r, err
		}
	}
	if v.time == nil && v.node.Kind >= types.JSONArray {
		return x.anyItem(n.Next, v.node, found, 1, n.First, n.Last, true, x.lax)
	}
	return r, nil
}

// elements applies n, nil for none, to the elements of an array.
func (x *pathExec) elements(n *types.JSONPathItem, v pathValue, found *pathList, unwrap bool) (pathResult, error) {
	return x.anyItem(n, v.node, found, 1, 1, 1, false, unwrap)
}

// anyItem applies n to the members of a container and of those within it, from level first to last.
func (x *pathExec) anyItem(n *types.JSONPathItem, in *types.JSONNode, found *pathList, level, first, last uint32, forgive, unwrapNext bool) (pathResult, error) {
	r := pathNotFound
	if x.depth++; x.depth > maxPathRecursion {
		return pathFailed, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
	}
	defer func() { x.depth-- }()
	if level > last {
		return r, nil
	}
	for i := range in.Elems {
		e := &in.Elems[i]
		leaf := e.Kind < types.JSONArray
		if level >= first || first == types.LastLevel && last == types.LastLevel && leaf {
			switch {
			case n != nil:
				saved := x.forgiving
				x.forgiving = x.forgiving || forgive
				var err error
				r, err = x.itemUnwrap(n, pathValue{node: e}, found, unwrapNext)
				x.forgiving = saved
				if err != nil || r == pathFailed || r == pathFound && found == nil {
					return r, err
				}
			case found != nil:
				found.values = append(found.values, pathValue{node: e})
			default:
				return pathFound, nil
			}
		}
		if level < last && !leaf {
			var err error
			r, err = x.anyItem(n, e, found, level+1, first, last, forgive, unwrapNext)
			if err != nil || r == pathFailed || r == pathFound && found == nil {
				return r, err
			}
		}
	}
	return r, nil
}

// subscripts is [a, b to c]; a scalar is an array of itself.
func (x *pathExec) subscripts(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	saved := x.arraySize
	defer func() { x.arraySize = saved }()
	size := 1
	if v.isArray() {
		size = len(v.node.Elems)
	}
	x.arraySize = size
	for _, s := range n.Subscripts {
		from, r, err := x.index(s.From, v)
		if err != nil || r == pathFailed {
			return r, err
		}
		to := from
		if s.To != nil {
			if to, r, err = x.index(s.To, v); err != nil || r == pathFailed {
				return r, err
			}
		}
		if !x.forgiving && (from < 0 || from > to || to >= size) {
			return x.fail(pgerr.InvalidSqlJsonSubscript, "jsonpath array subscript is out of bounds")
		}
		for i := max(from, 0); i <= min(to, size-1); i++ {
			e := v
			if v.isArray() {
				e = pathValue{node: &v.node.Elems[i]}
			}
			if r, err = x.next(n, e, found); err != nil || r == pathFailed || r == pathFound && found == nil {
				return r, err
			}
		}
	}
	if found != nil {
		return pathFound, nil
	}
	return pathNotFound, nil
}

// index evaluates a subscript, truncated to an integer.
func (x *pathExec) index(n *types.JSONPathItem, v pathValue) (int, pathResult, error) {
	var list pathList
	r, err := x.item(n, v, &list)
	if err != nil || r == pathFailed {
		return 0, pathFailed, err
	}
	if len(list.values) != 1 || !list.values[0].is(types.JSONNumber) {
		r, err = x.fail(pgerr.InvalidSqlJsonSubscript, "jsonpath array subscript is not a single numeric value")
		return 0, r, err
	}
	d, err := types.NumericTrunc(list.values[0].node.Num, 0)
	if err == nil {
		var i int64
		if i, err = types.NumericToInt(d, types.Int4Oid); err == nil {
			return int(i), pathFound, nil
		}
	}
	r, err = x.fail(pgerr.InvalidSqlJsonSubscript, "jsonpath array subscript is out of integer range")
	return 0, r, err
}

// unwrapped evaluates an operand; in lax mode the elements of its arrays take their places.
func (x *pathExec) unwrapped(n *types.JSONPathItem, v pathValue, unwrap bool, found *pathList) (pathResult, error) {
	if !unwrap || !x.lax {
		return x.item(n, v, found)
	}
	var list pathList
	r, err := x.item(n, v, &list)
	if err != nil || r == pathFailed {
		return r, err
	}
	for _, e := range list.values {
		if !e.isArray() {
			found.values = append(found.values, e)
			continue
		}
		for i := range e.node.Elems {
			found.values = append(found.values, pathValue{node: &e.node.Elems[i]})
		}
	}
	return pathFound, nil
}

// quietly is unwrapped with errors suppressed.
func (x *pathExec) quietly(n *types.JSONPathItem, v pathValue, unwrap bool, found *pathList) (pathResult, error) {
	saved := x.throw
	x.throw = false
	r, err := x.unwrapped(n, v, unwrap, found)
	x.throw = saved
	return r, err
}

func (x *pathExec) arithmetic(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	var lists [2]pathList
	for i, arg := range [...]*types.JSONPathItem{n.Left, n.Right} {
		if r, err := x.unwrapped(arg, v, true, &lists[i]); err != nil || r == pathFailed {
			return r, err
		}
	}
	for i, side := range [...]string{"left", "right"} {
		if l := lists[i].values; len(l) != 1 || !l[0].is(types.JSONNumber) {
			return x.fail(pgerr.SingletonSqlJsonItemRequired, "%s operand of jsonpath operator %s is not a single numeric value", side, n.Kind.Name())
		}
	}
	f := map[types.JSONPathKind]func(a, b types.Datum) (types.Datum, error){types.PathAdd: types.NumericAdd, types.PathSub: types.NumericSub,
		types.PathMul: types.NumericMul, types.PathDiv: types.NumericDiv, types.PathMod: types.NumericRem}[n.Kind]
	d, err := f(lists[0].values[0].node.Num, lists[1].values[0].node.Num)
	if err != nil {
		if !x.throw {
			err = nil
		}
		return pathFailed, err
	}
	return x.next(n, numberValue(d), found)
}

// signed is + or - before an operand, whose values it changes one by one.
func (x *pathExec) signed(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	var list pathList
	if r, err := x.unwrapped(n.Left, v, true, &list); err != nil || r == pathFailed {
		return r, err
	}
	out := pathNotFound
	for _, e := range list.values {
		exists := found == nil && n.Next == nil
		switch {
		case !e.is(types.JSONNumber) && exists:
			continue
		case !e.is(types.JSONNumber):
			return x.fail(pgerr.SqlJsonNumberNotFound, "operand of unary jsonpath operator %s is not a numeric value", n.Kind.Name())
		case exists:
			return pathFound, nil
		}
		d := e.node.Num
		if n.Kind == types.PathMinus {
			d = types.NumericNeg(d)
		}
		r, err := x.next(n, numberValue(d), found)
		if err != nil || r == pathFailed {
			return r, err
		}
		if r == pathFound {
			if found == nil {
				return r, nil
			}
			out = r
		}
	}
	return out, nil
}

func (x *pathExec) method(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	switch n.Kind {
	case types.PathType:
		return x.next(n, pathValue{node: &types.JSONNode{Kind: types.JSONString, Str: v.typeName()}}, found)
	case types.PathSize:
		size := 1
		if v.isArray() {
			size = len(v.node.Elems)
		} else if !x.lax {
			return x.structural(pgerr.SqlJsonArrayNotFound, "jsonpath item method .size() can only be applied to an array")
		}
		return x.next(n, numberValue(types.NumericFromInt(int64(size))), found)
	case types.PathDouble:
		return x.double(n, v, found)
	case types.PathDatetime:
		return x.datetime(n, v, found)
	case types.PathKeyValue:
		return x.keyValue(n, v, found)
	}
	if !v.is(types.JSONNumber) {
		return x.fail(pgerr.NonNumericSqlJsonItem, "jsonpath item method .%s() can only be applied to a numeric value", n.Kind.Name())
	}
	d := v.node.Num
	switch n.Kind {
	case types.PathAbs:
		d = types.NumericAbs(d)
	case types.PathFloor:
		d = types.NumericFloor(d)
	default:
		d = types.NumericCeil(d)
	}
	return x.next(n, numberValue(d), found)
}

func (x *pathExec) double(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	finite := func(s string) (float64, bool) {
		f, err := types.ParseFloat(s, types.Float8Oid)
		return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
	}
	switch {
	case v.is(types.JSONNumber):
		if _, ok := finite(string(types.AppendNumeric(nil, v.node.Num))); !ok {
			return x.fail(pgerr.NonNumericSqlJsonItem, "numeric argument of jsonpath item method .double() is out of range for type double precision")
		}
		return x.next(n, v, found)
	case v.is(types.JSONString):
		f, ok := finite(v.node.Str)
		if !ok {
			return x.fail(pgerr.NonNumericSqlJsonItem, "string argument of jsonpath item method .double() is not a valid representation of a double precision number")
		}
		d, err := types.NumericFromFloat(f, 64)
		if err != nil {
			return pathFailed, err
		}
		return x.next(n, numberValue(d), found)
	}
	return x.fail(pgerr.NonNumericSqlJsonItem, "jsonpath item method .double() can only be applied to a string or numeric value")
}

func (x *pathExec) datetime(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	if !v.is(types.JSONString) {
		return x.fail(pgerr.InvalidArgumentForSqlJsonDatetimeFunction, "jsonpath item method .datetime() can only be applied to a string")
	}
	if n.Left != nil {
		t, err := parsePathTime(v.node.Str, n.Left.Str)
		if err != nil {
			if !x.throw {
				err = nil
			}
			return pathFailed, err
		}
		return x.next(n, pathValue{time: t}, found)
	}
	for _, format := range isoDatetimes {
		if t, err := parsePathTime(v.node.Str, format); err == nil {
			return x.next(n, pathValue{time: t}, found)
		}
	}
	if !x.throw {
		return pathFailed, nil
	}
	return pathFailed, pgerr.New(pgerr.InvalidArgumentForSqlJsonDatetimeFunction, "datetime format is not recognized: \"%s\"", v.node.Str).
		WithHint("Use a datetime template argument to specify the input data format.")
}

// keyValue gives an object {"key", "value", "id"} for each member.
func (x *pathExec) keyValue(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	if !v.is(types.JSONObject) {
		return x.fail(pgerr.SqlJsonObjectNotFound, "jsonpath item method .keyvalue() can only be applied to an object")
	}
	r := pathNotFound
	id := jsonbOffset(x.base.node, v.node) + x.base.id*10_000_000_000
	for i, k := range v.node.Keys {
		if n.Next == nil && found == nil {
			return pathFound, nil
		}
		obj := &types.JSONNode{Kind: types.JSONObject, Keys: []string{"id", "key", "value"}, Elems: []types.JSONNode{
			{Kind: types.JSONNumber, Num: types.NumericFromInt(id)}, {Kind: types.JSONString, Str: k}, v.node.Elems[i]}}
		saved := x.base
		x.base = baseObject{obj, x.nextID}
		x.nextID++
		var err error
		r, err = x.next(n, pathValue{node: obj}, found)
		x.base = saved
		if err != nil || r == pathFailed || r == pathFound && found == nil {
			return r, err
		}
	}
	return r, nil
}

// pathBool is a predicate's value.
type pathBool uint8

const (
	pathFalse pathBool = iota
	pathTrue
	pathUnknown
)

func (x *pathExec) boolResult(n *types.JSONPathItem, v pathValue, found *pathList) (pathResult, error) {
	b, err := x.predicate(n, v)
	if err != nil {
		return pathFailed, err
	}
	k := &types.JSONNode{Kind: types.JSONBool, Bool: b == pathTrue}
	if b == pathUnknown {
		k.Kind = types.JSONNull
	}
	return x.next(n, pathValue{node: k}, found)
}

func (x *pathExec) predicate(n *types.JSONPathItem, v pathValue) (pathBool, error) {
	if x.depth++; x.depth > maxPathRecursion {
		return pathUnknown, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
	}
	defer func() { x.depth-- }()
	switch n.Kind {
	case types.PathAnd, types.PathOr:
		decides, other := pathFalse, pathTrue
		if n.Kind == types.PathOr {
			decides, other = pathTrue, pathFalse
		}
		a, err := x.predicate(n.Left, v)
		if err != nil || a == decides {
			return a, err
		}
		b, err := x.predicate(n.Right, v)
		if b == other {
			return a, err
		}
		return b, err
	case types.PathNot:
		a, err := x.predicate(n.Left, v)
		return [...]pathBool{pathTrue, pathFalse, pathUnknown}[a], err
	case types.PathIsUnknown:
		a, err := x.predicate(n.Left, v)
		return truth(a == pathUnknown), err
	case types.PathExists:
		return x.exists(n, v)
	case types.PathStartsWith:
		return x.pairs(n, v, false, func(a, b pathValue) (pathBool, error) {
			if !a.is(types.JSONString) || !b.is(types.JSONString) {
				return pathUnknown, nil
			}
			return truth(strings.HasPrefix(a.node.Str, b.node.Str)), nil
		})
	case types.PathLikeRegex:
		re, err := compilePathRegex(n.Str, n.Flags)
		if err != nil {
			return pathUnknown, err
		}
		return x.pairs(n, v, false, func(a, _ pathValue) (pathBool, error) {
			if !a.is(types.JSONString) {
				return pathUnknown, nil
			}
			ok, err := re.match(&Call{EvalContext: x.ctx}, a.node.Str)
			return truth(ok), err
		})
	}
	return x.pairs(n, v, true, func(a, b pathValue) (pathBool, error) { return x.compare(n.Kind, a, b) })
}

func truth(b bool) pathBool {
	if b {
		return pathTrue
	}
	return pathFalse
}

func (x *pathExec) exists(n *types.JSONPathItem, v pathValue) (pathBool, error) {
	var all pathList
	found := &all
	if x.lax {
		found = nil
	}
	r, err := x.quietly(n.Left, v, false, found)
	switch {
	case err != nil || r == pathFailed:
		return pathUnknown, err
	case x.lax:
		return truth(r == pathFound), nil
	}
	return truth(len(all.values) > 0), nil
}

// pairs tests all pairs of values of the operands: true if any is; in strict mode an error in one makes all unknown.
func (x *pathExec) pairs(n *types.JSONPathItem, v pathValue, unwrapRight bool, test func(a, b pathValue) (pathBool, error)) (pathBool, error) {
	var left, right pathList
	if r, err := x.quietly(n.Left, v, true, &left); err != nil || r == pathFailed {
		return pathUnknown, err
	}
	if n.Right == nil {
		right.values = []pathValue{{}}
	} else if r, err := x.quietly(n.Right, v, unwrapRight, &right); err != nil || r == pathFailed {
		return pathUnknown, err
	}
	failed, found := false, false
	for _, a := range left.values {
		for _, b := range right.values {
			t, err := test(a, b)
			switch {
			case err != nil:
				return pathUnknown, err
			case t == pathUnknown && !x.lax:
				return pathUnknown, nil
			case t == pathTrue && x.lax:
				return pathTrue, nil
			}
			failed, found = failed || t == pathUnknown, found || t == pathTrue
		}
	}
	switch {
	case found:
		return pathTrue, nil
	case failed:
		return pathUnknown, nil
	}
	return pathFalse, nil
}

func (x *pathExec) compare(op types.JSONPathKind, a, b pathValue) (pathBool, error) {
	if a.time != nil && b.time != nil {
		c, ok, err := comparePathTimes(x.ctx, a.time, b.time, x.tz)
		if err != nil || !ok {
			return pathUnknown, err
		}
		return truth(comparisonHolds(op, c)), nil
	}
	if (a.time != nil) != (b.time != nil) || a.node.Kind != b.node.Kind {
		if a.time == nil && a.node.Kind == types.JSONNull || b.time == nil && b.node.Kind == types.JSONNull {
			return truth(op == types.PathNotEqual), nil // null differs from all else, and has no order
		}
		return pathUnknown, nil
	}
	c := 0
	switch a.node.Kind {
	case types.JSONNull:
	case types.JSONBool:
		c = cmp64(int64(truth(a.node.Bool)), int64(truth(b.node.Bool)))
	case types.JSONNumber:
		c = types.NumericCompare(a.node.Num, b.node.Num)
	case types.JSONString:
		c = strings.Compare(a.node.Str, b.node.Str)
	default:
		return pathUnknown, nil
	}
	return truth(comparisonHolds(op, c)), nil
}

func comparisonHolds(op types.JSONPathKind, c int) bool {
	switch op {
	case types.PathEqual:
		return c == 0
	case types.PathNotEqual:
		return c != 0
	case types.PathLess:
		return c < 0
	case types.PathGreater:
		return c > 0
	case types.PathLessOrEqual:
		return c <= 0
	}
	return c >= 0
}

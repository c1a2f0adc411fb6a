package expr

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Overload resolution, as PostgreSQL's manual gives it in chapter 10 (Type Conversion): candidates by name and number of
// arguments; an exact match wins; else those reachable by implicit casts, reduced by the number of exact matches, by
// preferred types, and by what category an unknown literal may be.

// funcSignature is name(argtypes) as errors print it; names are those of named arguments, at the end.
func funcSignature(name string, args []types.Oid, names []string) string {
	var b strings.Builder
	b.WriteString(name)
	b.WriteByte('(')
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		if k := i - (len(args) - len(names)); k >= 0 {
			b.WriteString(names[k])
			b.WriteString(" => ")
		}
		b.WriteString(types.FormatType(types.T(a)))
	}
	b.WriteByte(')')
	return b.String()
}

func opSignature(name string, args []types.Oid) string {
	r := types.FormatType(types.T(args[len(args)-1]))
	if len(args) == 1 {
		return name + " " + r
	}
	return types.FormatType(types.T(args[0])) + " " + name + " " + r
}

// sameUnknown treats an unknown operand like the other one, as PostgreSQL's first attempt for binary operators.
func sameUnknown(args []types.Oid) ([]types.Oid, bool) {
	if len(args) != 2 {
		return nil, false
	}
	l, r := args[0], args[1]
	switch {
	case l == types.UnknownOid && r != types.UnknownOid:
		return []types.Oid{r, r}, true
	case r == types.UnknownOid && l != types.UnknownOid:
		return []types.Oid{l, l}, true
	}
	return nil, false
}

func exactOperator(cands []*Function, args []types.Oid) *Function {
	for _, f := range cands {
		if len(f.Args) == len(args) && sameOids(f.Args, args) {
			return f
		}
	}
	return nil
}

func sameOids(a, b []types.Oid) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// ResolveOperator finds the operator for operands of these types (one for a prefix operator); name is unqualified. More are the
// operators of that name that extensions of the database have; nil: those of the extensions that the types belong to.
func ResolveOperator(name string, args []types.Oid, more ...*Function) (*Function, error) {
	cands := opsByName[name]
	if more == nil {
		more = operatorsOfTypes(name, args)
	}
	if more != nil {
		cands = slices.Concat(cands, more)
	}
	return ResolveOperatorAmong(name, args, cands)
}

// ResolveOperatorAmong is ResolveOperator among some operators alone; name is for messages.
func ResolveOperatorAmong(name string, args []types.Oid, cands []*Function) (*Function, error) {
	if f := exactOperator(cands, args); f != nil {
		return f, nil
	}
	if same, ok := sameUnknown(args); ok {
		if f := exactOperator(cands, same); f != nil {
			return f, nil
		}
	}
	var usable []*candidate
	for _, f := range cands {
		if len(f.Args) == len(args) {
			usable = append(usable, &candidate{args: f.Args, fn: f})
		}
	}
	best, ambiguous := selectCandidate(usable, args)
	switch {
	case best != nil:
		return best.fn, nil
	case ambiguous:
		return nil, pgerr.New(pgerr.AmbiguousFunction, "operator is not unique: %s", opSignature(name, args)).
			WithHint("Could not choose a best candidate operator. You might need to add explicit type casts.")
	}
	e := pgerr.New(pgerr.UndefinedFunction, "operator does not exist: %s", opSignature(name, args))
	if len(args) == 1 {
		return nil, e.WithHint("No operator matches the given name and argument type. You might need to add an explicit type cast.")
	}
	return nil, e.WithHint("No operator matches the given name and argument types. You might need to add explicit type casts.")
}

// candidate is an overload as a call with a given number of arguments sees it.
type candidate struct {
	args     []types.Oid // one for each argument of the call
	fn       *Function
	p        *proc
	variadic bool // expanded
	defaults int  // arguments left out
	order    []int
}

// selectCandidate keeps what implicit casts can reach and chooses. ambiguous tells "several" from "none".
func selectCandidate(cands []*candidate, args []types.Oid) (best *candidate, ambiguous bool) {
	var usable []*candidate
	for _, c := range cands {
		if CanCoerce(args, c.args, types.Implicit) {
			usable = append(usable, c)
		}
	}
	switch len(usable) {
	case 0:
		return nil, false
	case 1:
		return usable[0], false
	}
	best = narrow(usable, args)
	return best, best == nil
}

// keepBest keeps the candidates with the highest score.
func keepBest(cands []*candidate, score func(*candidate) int) []*candidate {
	best := -1
	var out []*candidate
	for _, c := range cands {
		switch s := score(c); {
		case s > best:
			best, out = s, append(out[:0:0], c)
		case s == best:
			out = append(out, c)
		}
	}
	return out
}

// narrow is func_select_candidate: rules 4.a to 4.f of the manual's section 10.3.
func narrow(cands []*candidate, args []types.Oid) *candidate {
	unknowns := 0
	for _, a := range args {
		if a == types.UnknownOid {
			unknowns++
		}
	}
	cands = keepBest(cands, func(c *candidate) (n int) {
		for i, a := range args {
			if a != types.UnknownOid && a == c.args[i] {
				n++
			}
		}
		return n
	})
	if len(cands) == 1 {
		return cands[0]
	}
	cands = keepBest(cands, func(c *candidate) (n int) {
		for i, a := range args {
			if a != types.UnknownOid && (a == c.args[i] || category(a) == category(c.args[i]) && isPreferred(c.args[i])) {
				n++
			}
		}
		return n
	})
	if len(cands) == 1 {
		return cands[0]
	}
	if unknowns == 0 {
		return nil
	}
	cands = narrowUnknowns(cands, args)
	if len(cands) == 1 {
		return cands[0]
	}
	if unknowns < len(args) {
		return assumeKnown(cands, args)
	}
	return nil
}

// narrowUnknowns settles a category for each unknown argument (string if any candidate takes it) and drops candidates
// of other categories, and those that do not take the preferred type where another does.
func narrowUnknowns(cands []*candidate, args []types.Oid) []*candidate {
	cats := make([]byte, len(args))
	pref := make([]bool, len(args))
	for i, a := range args {
		if a != types.UnknownOid {
			continue
		}
		conflict := false
		for k, c := range cands {
			cat, p := category(c.args[i]), isPreferred(c.args[i])
			switch {
			case k == 0:
				cats[i], pref[i] = cat, p
			case cat == cats[i]:
				pref[i] = pref[i] || p
			case cat == 'S':
				cats[i], pref[i] = cat, p
			default:
				conflict = true
			}
		}
		if conflict && cats[i] != 'S' {
			return cands
		}
	}
	var out []*candidate
	for _, c := range cands {
		keep := true
		for i, a := range args {
			if a != types.UnknownOid {
				continue
			}
			if category(c.args[i]) != cats[i] || pref[i] && !isPreferred(c.args[i]) {
				keep = false
			}
		}
		if keep {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return cands
	}
	return out
}

// assumeKnown takes unknown arguments to be of the one type that all known arguments have.
func assumeKnown(cands []*candidate, args []types.Oid) *candidate {
	var known types.Oid
	for _, a := range args {
		if a == types.UnknownOid {
			continue
		}
		if known != 0 && known != a {
			return nil
		}
		known = a
	}
	all := make([]types.Oid, len(args))
	for i := range all {
		all[i] = known
	}
	var found *candidate
	for _, c := range cands {
		if CanCoerce(all, c.args, types.Implicit) {
			if found != nil {
				return nil
			}
			found = c
		}
	}
	return found
}

// Resolved is the outcome of resolving a function call. One of Fn, Agg and Set is set.
type Resolved struct {
	Fn  *Function
	Agg *AggFunction
	Set *SetFunction
	// Args are the declared types of the call's arguments (polymorphic ones unresolved), Result the declared result.
	Args   []types.Oid
	Result types.Oid
	// Order, if not nil, is the position of each declared argument among those given (-1: left out, has a default).
	Order []int
	// Spread says that the last arguments are to be put in an array for VARIADIC.
	Spread     bool
	SpreadFrom int
	SpreadElem types.Oid
	// Window is set for a window function proper.
	Window *WindowFunction
	// Cast is set, alone, when the call is a type conversion in function notation.
	Cast types.Oid
}

// LookupFunction resolves a call by unqualified name. names are the names of the last arguments, given as name => value.
// variadic says that the last argument was marked VARIADIC. No overload: nil and no error; the caller makes the error
// with NoFunction, after trying what else the name may mean. user is what the catalog has under the name.
func LookupFunction(name string, args []types.Oid, names []string, variadic bool, user UserNames) (*Resolved, error) {
	cands := user.candidates(true, nil, len(args), names, variadic)
	for _, p := range procsByName[name] {
		cands = addCandidates(cands, p.candidates(len(args), names, variadic))
	}
	cands = user.candidates(false, cands, len(args), names, variadic)
	for _, c := range cands {
		if sameOids(reordered(args, c.order), c.args) && !c.variadic {
			return c.resolved(), nil
		}
	}
	for _, c := range cands {
		if sameOids(reordered(args, c.order), c.args) {
			return c.resolved(), nil
		}
	}
	if t := cmp.Or(conversion(builtinType(name), args, names), conversion(user.Type, args, names)); t != 0 {
		return &Resolved{Cast: t}, nil
	}
	if len(cands) == 0 {
		return nil, nil
	}
	for _, c := range cands { // the types in call order
		c.args = inCallOrder(c.args, c.order)
	}
	best, ambiguous := selectCandidate(cands, args)
	if ambiguous {
		best = preferPlain(cands, args)
	}
	if best == nil && ambiguous {
		return nil, pgerr.New(pgerr.AmbiguousFunction, "function %s is not unique", funcSignature(name, args, names)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	}
	if best == nil {
		return nil, nil
	}
	return best.resolved(), nil
}

// preferPlain drops variadic expansions that a plain overload of the same argument types shadows.
func preferPlain(cands []*candidate, args []types.Oid) *candidate {
	var kept []*candidate
	for _, c := range cands {
		shadowed := false
		for _, d := range cands {
			if c != d && sameOids(c.args, d.args) && c.variadic && !d.variadic {
				shadowed = true
			}
		}
		if !shadowed {
			kept = append(kept, c)
		}
	}
	if len(kept) == len(cands) {
		return nil
	}
	best, _ := selectCandidate(kept, args)
	return best
}

func reordered(args []types.Oid, order []int) []types.Oid {
	if order == nil {
		return args
	}
	out := make([]types.Oid, 0, len(args))
	for _, i := range order {
		if i >= 0 {
			out = append(out, args[i])
		}
	}
	return out
}

// inCallOrder turns types by declared position (without those left out) into types by position in the call.
func inCallOrder(declared []types.Oid, order []int) []types.Oid {
	if order == nil {
		return declared
	}
	out := make([]types.Oid, len(declared))
	k := 0
	for _, i := range order {
		if i >= 0 {
			out[i] = declared[k]
			k++
		}
	}
	return out
}

// candidates returns how a function can take n arguments: as declared, with defaults, or with VARIADIC spread.
func (p *proc) candidates(n int, names []string, variadic bool) []*candidate {
	if len(names) > 0 {
		return p.named(n, names)
	}
	var out []*candidate
	switch {
	case p.variadic == types.AnyOid: // VARIADIC "any" takes its arguments as they are
		if n < len(p.args) {
			break
		}
		args := append([]types.Oid(nil), p.args...)
		for len(args) < n {
			args = append(args, types.AnyOid)
		}
		out = append(out, &candidate{args: args, p: p, variadic: !variadic})
	case n == len(p.args):
		out = append(out, &candidate{args: p.args, p: p})
	case n < len(p.args) && n >= len(p.args)-p.defaults:
		out = append(out, &candidate{args: p.args[:n], p: p, defaults: len(p.args) - n})
	}
	if p.variadic != 0 && p.variadic != types.AnyOid && !variadic && n >= len(p.args) {
		args := append([]types.Oid(nil), p.args[:len(p.args)-1]...)
		for len(args) < n {
			args = append(args, p.variadic)
		}
		out = append(out, &candidate{args: args, p: p, variadic: true})
	}
	return out
}

func (p *proc) named(n int, names []string) []*candidate {
	order := make([]int, len(p.args))
	for i := range order {
		order[i] = -1
	}
	for i := range n - len(names) {
		if i >= len(order) {
			return nil
		}
		order[i] = i
	}
	for k, name := range names {
		at := -1
		for i, have := range p.names {
			if have == name && i < len(order) && order[i] < 0 {
				at = i
			}
		}
		if at < 0 {
			return nil
		}
		order[at] = n - len(names) + k
	}
	c := &candidate{p: p, order: order}
	for i, o := range order {
		if o >= 0 {
			c.args = append(c.args, p.args[i])
		} else if i < len(p.args)-p.defaults {
			return nil
		}
	}
	return []*candidate{c}
}

func (c *candidate) resolved() *Resolved {
	p := c.p
	r := &Resolved{Fn: p.fn, Agg: p.agg, Set: p.set, Args: c.args, Result: p.ret, Order: c.order, Window: p.window}
	if c.variadic && p.variadic != types.AnyOid {
		r.Spread, r.SpreadFrom, r.SpreadElem = true, len(p.args)-1, p.variadic
	}
	return r
}

// conversion recognises a call that is a type conversion: a type's name with one argument, which is unknown or gets
// there by relabelling or through text.
func conversion(t types.Oid, args []types.Oid, names []string) types.Oid {
	if t == 0 || len(args) != 1 || len(names) > 0 {
		return 0
	}
	from := args[0]
	if from == types.UnknownOid {
		return t
	}
	switch FindCoercion(from, t, types.Explicit) {
	case Relabel:
		return t
	case ViaIO:
		if from.Kind() == types.KRecord && category(t) == 'S' {
			return 0
		}
		return t
	}
	return 0
}

// builtinType is the built-in type of a name that is no pseudo-type; 0 for none.
func builtinType(name string) types.Oid {
	in := types.ByName(name)
	if in == nil || in.Name != name || in.Type == 'p' {
		return 0
	}
	return in.Oid
}

// NoFunction is the error for a call that no function matches; display is the name as written.
func NoFunction(display string, args []types.Oid, names []string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedFunction, "function %s does not exist", funcSignature(display, args, names)).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

// EqualityOf returns the = operator of a type with itself, or nil if it has none.
func EqualityOf(t types.Oid) *Function { return ownOperator("=", t) }

// LessThanOf returns the < operator of a type's ordering, or nil if it has none.
func LessThanOf(t types.Oid) *Function { return ownOperator("<", t) }

// ownOperator finds a type's own operator: exact, or that of the type it is relabelled to (varchar has text's), or the
// array operators.
func ownOperator(name string, t types.Oid) *Function {
	for _, f := range slices.Concat(opsByName[name], operatorsOfTypes(name, []types.Oid{t})) {
		if len(f.Args) == 2 && f.Args[0] == t && f.Args[1] == t {
			return f
		}
	}
	switch {
	case t == types.VarcharOid, t == types.UnknownOid:
		return ownOperator(name, types.TextOid)
	case t.Class() == types.CompositeClass:
		return ownOperator(name, types.RecordOid)
	case t.Class() == types.EnumClass:
		return ownOperator(name, types.AnyenumOid)
	case t.Kind() == types.KRange:
		return ownOperator(name, types.AnyrangeOid)
	case t.Kind() == types.KMultirange:
		return ownOperator(name, types.AnymultirangeOid)
	case t == types.CidrOid:
		return ownOperator(name, types.InetOid)
	case t == types.RegclassOid || t >= types.RegprocedureOid && t <= types.RegtypeOid || t == types.RegprocOid ||
		t == types.RegroleOid || t == types.RegnamespaceOid || t == types.RegcollationOid || t == types.RegconfigOid || t == types.RegdictionaryOid:
		return ownOperator(name, types.OidOid)
	case isArray(t) || t == types.Int2vectorOid:
		if ownOperator(name, types.ElemOf(t)) != nil {
			return ownOperator(name, types.AnyarrayOid)
		}
	}
	return nil
}

// Signature is name(argument types) as messages print it.
func Signature(name string, args []types.Oid) string { return funcSignature(name, args, nil) }

// DeclaredArgs are the types of all declared arguments, in their order, where Order is set.
func (r *Resolved) DeclaredArgs() []types.Oid {
	switch {
	case r.Fn != nil:
		return r.Fn.Args
	case r.Agg != nil:
		return r.Agg.Args
	case r.Set != nil:
		return r.Set.Args
	}
	return r.Args
}

// DefaultArg is the default of a declared argument, or nil where it is not known here.
func (r *Resolved) DefaultArg(i int) Node {
	args := r.DeclaredArgs()
	var name string
	switch {
	case r.Fn != nil:
		name = r.Fn.Name
	case r.Set != nil:
		name = r.Set.Name
	}
	t := types.T(args[i])
	if name == "make_interval" {
		if t.Kind() == types.KFloat {
			return &Const{Type: t, Value: types.NewFloat(0), Loc: -1}
		}
		return &Const{Type: t, Value: types.NewInt(0), Loc: -1}
	}
	last := defaultArgs[name]
	if k := i - (len(args) - len(last)); k >= 0 && k < len(last) {
		return &Const{Type: t, Value: last[k], Loc: -1}
	}
	return nil
}

// defaultArgs are the defaults of the last arguments of functions, as pg_proc.proargdefaults has them.
var defaultArgs = func() map[string][]types.Datum {
	no, yes := types.NewBool(false), types.NewBool(true)
	out := map[string][]types.Datum{
		"jsonb_set": {yes}, "jsonb_insert": {no}, "jsonb_set_lax": {yes, types.NewString("use_json_null")},
		"json_populate_record": {no}, "json_populate_recordset": {no},
		"normalize": {types.NewString("NFC")}, "is_normalized": {types.NewString("NFC")},
	}
	for _, f := range [...]string{"exists", "match", "query", "query_array", "query_first"} {
		for _, tz := range [...]string{"", "_tz"} {
			out["jsonb_path_"+f+tz] = []types.Datum{types.NewString("{}"), no}
		}
	}
	return out
}()

// IsSetReturning reports whether a function of the name returns sets.
func IsSetReturning(name string) bool {
	for _, p := range procsByName[name] {
		if p.set != nil {
			return true
		}
	}
	return false
}

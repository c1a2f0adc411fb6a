package expr

import (
	_ "embed"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The registry holds PostgreSQL 15's pg_proc, pg_operator and pg_cast as far as their types are known here. All
// overloads take part in resolution, as they do in PostgreSQL, so that the same calls are ambiguous or not found;
// those without an implementation are refused when they are called.
//
// An implementation is found under pg_proc.prosrc, which names what a built-in function does: overloads that share one
// there share one here. Functions written in SQL and aggregates have the key name(argument types) instead.

//go:embed pgdata/proc.txt
var procData string

//go:embed pgdata/operator.txt
var operatorData string

//go:embed pgdata/cast.txt
var castData string

// proc is one row of pg_proc: exactly one of the pointers is set.
type proc struct {
	oid      types.Oid
	name     string
	kind     byte // 'f' function, 'a' aggregate, 'w' window function, 'p' procedure
	args     []types.Oid
	ret      types.Oid
	variadic types.Oid
	defaults int
	names    []string
	fn       *Function
	agg      *AggFunction
	set      *SetFunction
	window   *WindowFunction
	cluster  bool // of ClusterSchema, and so not in pg_proc
}

type castEntry struct {
	context types.CastContext
	method  byte // 'f' function, 'b' binary coercible, 'i' through text
}

type castKey struct{ from, to types.Oid }

var (
	procsByName  = map[string][]*proc{}
	procsByOid   = map[types.Oid]*proc{}
	opsByName    = map[string][]*Function{}
	opsByOid     = map[types.Oid]*Function{}
	castsByTypes = map[castKey]castEntry{}
)

func init() {
	loadCasts()
	loadProcs()
	loadOperators()
}

func parseOid(s string) types.Oid {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic("expr: bad oid in the registry: " + s)
	}
	return types.Oid(n)
}

func parseOids(s string) []types.Oid {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	out := make([]types.Oid, len(parts))
	for i, p := range parts {
		out[i] = parseOid(p)
	}
	return out
}

func loadProcs() {
	for line := range strings.Lines(procData) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		p := &proc{oid: parseOid(f[0]), name: f[1], kind: f[2][0], args: parseOids(f[9]), ret: parseOid(f[8]),
			variadic: parseOid(f[6]), defaults: int(parseOid(f[7]))}
		src := f[10]
		var out []OutColumn
		if len(f) > 11 {
			out = p.readModes(f[11], f[12], f[13])
		}
		p.bind(src, Volatility(f[3][0]), f[4] == "t", f[5] == "t", out)
		procsByName[p.name] = append(procsByName[p.name], p)
		procsByOid[p.oid] = p
	}
}

// readModes takes the names of input arguments, and the OUT columns, from proallargtypes, proargmodes, proargnames.
func (p *proc) readModes(all, modes, names string) (out []OutColumn) {
	var ts []types.Oid
	if ts = parseOids(all); ts == nil {
		ts = p.args
	}
	var ms, ns []string
	if modes != "" {
		ms = strings.Split(modes, ",")
	}
	if names != "" {
		ns = strings.Split(names, ",")
	}
	for i, t := range ts {
		mode, name := "i", ""
		if i < len(ms) {
			mode = ms[i]
		}
		if i < len(ns) {
			name = ns[i]
		}
		if mode == "i" || mode == "b" || mode == "v" {
			p.names = append(p.names, name)
		}
		if mode == "o" || mode == "b" || mode == "t" {
			out = append(out, OutColumn{Name: name, Type: t})
		}
	}
	return out
}

func (p *proc) key(src string) string {
	if src != "-" {
		return src
	}
	var b strings.Builder
	b.WriteString(p.name)
	b.WriteByte('(')
	for i, a := range p.args {
		if i > 0 {
			b.WriteByte(',')
		}
		if in := types.Lookup(a); in != nil {
			b.WriteString(in.Name)
		}
	}
	b.WriteByte(')')
	return b.String()
}

func (p *proc) bind(src string, vol Volatility, strict, retset bool, out []OutColumn) {
	switch {
	case p.kind == 'a':
		p.agg = &AggFunction{Oid: p.oid, Name: p.name, Args: p.args, Result: p.ret, Volatility: vol, Variadic: p.variadic}
		bindAggregate(p.agg, p.key("-"))
	case p.kind == 'w':
		p.window = &WindowFunction{Oid: p.oid, Name: p.name, Args: p.args, Result: p.ret, Kind: windowKinds[p.name]}
	case p.kind == 'f' && retset:
		p.set = &SetFunction{Oid: p.oid, Name: p.name, Args: p.args, Result: p.ret, Volatility: vol, Strict: strict,
			Variadic: p.variadic, Defaults: p.defaults, ArgNames: p.names, Columns: out, src: src, open: setImpls[src]}
		if rf, ok := recordFunctions[src]; ok {
			p.set.open = rf.openSet
		}
	case p.kind == 'f':
		p.fn = &Function{Oid: p.oid, Name: p.name, Args: p.args, Result: p.ret, Volatility: vol, Strict: strict,
			Variadic: p.variadic, Defaults: p.defaults, ArgNames: p.names, src: src, impl: implOf(p, src)}
	}
}

func loadOperators() {
	for line := range strings.Lines(operatorData) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		p := procsByOid[parseOid(f[5])]
		if p == nil || p.fn == nil {
			continue
		}
		fn := *p.fn
		fn.Operator = &Operator{Oid: parseOid(f[0]), Name: f[1], Left: parseOid(f[2]), Right: parseOid(f[3]),
			Result: parseOid(f[4]), commutator: parseOid(f[6]), negator: parseOid(f[7]), CanHash: f[8] == "t", CanMerge: f[9] == "t"}
		fn.Args = []types.Oid{fn.Operator.Right}
		if fn.Operator.Left != 0 {
			fn.Args = []types.Oid{fn.Operator.Left, fn.Operator.Right}
		}
		fn.Result = fn.Operator.Result
		if im := comparison(f[1], fn.Operator.Left, fn.Operator.Right); im != nil {
			fn.impl, p.fn.impl = im, im
		}
		opsByName[f[1]] = append(opsByName[f[1]], &fn)
		opsByOid[fn.Operator.Oid] = &fn
	}
}

func loadCasts() {
	for line := range strings.Lines(castData) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		c := castEntry{method: f[3][0]}
		switch f[2] {
		case "a":
			c.context = types.Assignment
		case "e":
			c.context = types.Explicit
		}
		castsByTypes[castKey{parseOid(f[0]), parseOid(f[1])}] = c
	}
	for i := range catalog.ExtensionCasts {
		c := &catalog.ExtensionCasts[i]
		castsByTypes[castKey{c.From, c.To}] = castEntry{method: c.Method(), context: c.Context}
	}
}

// Commutator returns the operator that gives the same result with its operands swapped, or nil.
func (f *Function) Commutator() *Function {
	if f.Operator == nil {
		return nil
	}
	return opsByOid[f.Operator.commutator]
}

// Negator returns the operator that gives the opposite truth value, or nil.
func (f *Function) Negator() *Function {
	if f.Operator == nil {
		return nil
	}
	return opsByOid[f.Operator.negator]
}

// OperatorByOid returns an operator by pg_operator.oid, or nil.
func OperatorByOid(oid types.Oid) *Function { return opsByOid[oid] }

// Supported reports whether the function can be called.
func (f *Function) Supported() bool { return f.impl != nil }

// Supported reports whether the aggregate can be computed.
func (f *AggFunction) Supported() bool { return f.newState != nil }

// Supported reports whether the function can be called.
func (f *SetFunction) Supported() bool { return f.open != nil }

// ProcInfo is a row of pg_proc for the system catalog.
type ProcInfo struct {
	Oid      types.Oid
	Name     string
	Kind     byte
	Args     []types.Oid
	Result   types.Oid
	Variadic types.Oid
	Set      bool
	Strict   bool
	Volatile Volatility
	// Supported: it can be called; what cannot answers 0A000.
	Supported bool
}

// Procs calls f for every known function in no particular order until it returns false.
func Procs(f func(ProcInfo) bool) {
	for _, p := range procsByOid {
		if p.cluster {
			continue
		}
		in := ProcInfo{Oid: p.oid, Name: p.name, Kind: p.kind, Args: p.args, Result: p.ret, Variadic: p.variadic, Set: p.set != nil}
		switch {
		case p.fn != nil:
			in.Strict, in.Volatile, in.Supported = p.fn.Strict, p.fn.Volatility, p.fn.Supported()
		case p.set != nil:
			in.Strict, in.Volatile, in.Supported = p.set.Strict, p.set.Volatility, p.set.Supported()
		case p.agg != nil:
			in.Volatile, in.Supported = p.agg.Volatility, p.agg.Supported()
		}
		if !f(in) {
			return
		}
	}
}

// Operators calls f for every built-in operator in no particular order until it returns false.
func Operators(f func(*Function) bool) {
	for _, o := range opsByOid {
		if o.Extension == "" && !f(o) {
			return
		}
	}
}

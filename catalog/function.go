package catalog

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// FunctionKind is pg_proc.prokind.
type FunctionKind byte

// The kinds of functions that users make.
const (
	PlainFunction     FunctionKind = 'f'
	Procedure         FunctionKind = 'p'
	AggregateFunction FunctionKind = 'a'
)

// Noun is what messages call a function of the kind.
func (k FunctionKind) Noun() string {
	switch k {
	case Procedure:
		return "procedure"
	case AggregateFunction:
		return "aggregate"
	}
	return "function"
}

// ArgMode is an element of pg_proc.proargmodes.
type ArgMode byte

// The modes of arguments.
const (
	ArgIn       ArgMode = 'i'
	ArgOut      ArgMode = 'o'
	ArgInOut    ArgMode = 'b'
	ArgVariadic ArgMode = 'v'
	ArgTable    ArgMode = 't' // a column of RETURNS TABLE
)

// Input reports whether calls give the argument; Output whether it is a column of the result.
func (m ArgMode) Input() bool { return m == ArgIn || m == ArgInOut || m == ArgVariadic }

// Output reports whether the argument is a column of the result.
func (m ArgMode) Output() bool { return m == ArgOut || m == ArgInOut || m == ArgTable }

// Argument is a parameter of a function.
type Argument struct {
	Name string `json:",omitempty"` // empty for none
	Mode ArgMode
	Type types.Type
	// Default is the default of an input argument as SQL text, bound as a column's is; empty for none.
	Default string `json:",omitempty"`
}

// The languages of functions.
const (
	LanguageSQL     = "sql"
	LanguagePLpgSQL = "plpgsql"
	LanguageC       = "c" // of extensions alone
)

// Function is a function, procedure or aggregate that a user created: a row of pg_proc.
type Function struct {
	Local
	OID      Oid
	SchemaID Oid
	Name     string
	Owner    Oid
	Kind     FunctionKind
	Args     []Argument
	// Result is the type of the result, or of a row of it where Set: record for several output arguments, void for a
	// procedure without any.
	Result types.Type
	Set    bool `json:",omitempty"`

	Language string
	// Source is the body as a string constant gave it (pg_proc.prosrc); in C the name of what package expr has for it, and
	// Library the file that PostgreSQL would have it from (pg_proc.probin). A body in the statement itself is Body instead:
	// RETURN … or BEGIN ATOMIC … END as SQL text, with names bound as a view's are by Deps.
	Source  string `json:",omitempty"`
	Library string `json:",omitempty"`
	Body    string `json:",omitempty"`
	// Deps are what Body and the defaults of arguments name.
	Deps []ViewDep `json:",omitempty"`

	Volatility      byte // pg_proc.provolatile
	Strict          bool `json:",omitempty"`
	SecurityDefiner bool `json:",omitempty"`
	Leakproof       bool `json:",omitempty"`
	Parallel        byte // pg_proc.proparallel
	Cost, Rows      float32
	// Config are the settings of SET, which hold while the function runs.
	Config []Setting `json:",omitempty"`
	// Aggregate is set for aggregates alone, which have no language and no body.
	Aggregate *Aggregate `json:",omitempty"`
	ACL       []ACLItem
	Comment   string
	// Extension is the extension that the function belongs to; 0 for none.
	Extension Oid `json:",omitempty"`

	// derived is set when the function enters a Snapshot.
	derived *functionDerived
}

// functionDerived holds what other packages make of a function once.
type functionDerived struct {
	once  sync.Once
	value any
}

// Derived returns what make made of the function when it was first asked: there is one user of it, package sema.
func (f *Function) Derived(make func() any) any {
	f.derived.once.Do(func() { f.derived.value = make() })
	return f.derived.value
}

// Clone returns a copy that may be altered.
func (f *Function) Clone() *Function {
	c := *f
	c.derived = nil
	c.Args = slices.Clone(f.Args)
	c.Config = slices.Clone(f.Config)
	return &c
}

// ObjectID implements Object.
func (f *Function) ObjectID() ObjectID { return ObjectID{ClassFunction, f.OID, f.Database} }

// Inputs returns the arguments that calls give.
func (f *Function) Inputs() []*Argument {
	return f.arguments(ArgMode.Input)
}

// Outputs returns the arguments that are columns of the result.
func (f *Function) Outputs() []*Argument { return f.arguments(ArgMode.Output) }

func (f *Function) arguments(is func(ArgMode) bool) []*Argument {
	var out []*Argument
	for i := range f.Args {
		if is(f.Args[i].Mode) {
			out = append(out, &f.Args[i])
		}
	}
	return out
}

// InputTypes returns the declared types of the arguments that calls give: pg_proc.proargtypes.
func (f *Function) InputTypes() []Oid {
	var out []Oid
	for _, a := range f.Inputs() {
		out = append(out, a.Type.Declared())
	}
	return out
}

// Variadic reports whether the last input argument is VARIADIC.
func (f *Function) Variadic() bool {
	in := f.Inputs()
	return len(in) > 0 && in[len(in)-1].Mode == ArgVariadic
}

// Defaults is how many of the last input arguments may be left out.
func (f *Function) Defaults() int {
	n := 0
	for _, a := range f.Inputs() {
		if a.Default != "" {
			n++
		}
	}
	return n
}

// signature names the function among those of its name and schema.
func (f *Function) signature() string {
	var b strings.Builder
	b.WriteString(f.Name)
	b.WriteByte('(')
	for i, t := range f.InputTypes() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(t), 10))
	}
	b.WriteByte(')')
	return b.String()
}

// Function returns a user's function by OID, or nil.
func (s *Snapshot) Function(oid Oid) *Function { v, _ := s.functions.get(oid); return v }

// Functions calls f for every function that users made, in OID order.
func (s *Snapshot) Functions(f func(*Function) bool) { values(s.functions, f) }

// FunctionsNamed returns the functions of a name in a schema, in OID order.
func (s *Snapshot) FunctionsNamed(schema Oid, name string) []*Function {
	oids, _ := s.functionNames.get(relName{schema, name})
	out := make([]*Function, 0, len(oids))
	for _, oid := range oids {
		if f := s.Function(oid); f != nil {
			out = append(out, f)
		}
	}
	return out
}

// FunctionWith returns the function of a name and input types in a schema, or nil.
func (s *Snapshot) FunctionWith(schema Oid, name string, args []Oid) *Function {
	for _, f := range s.FunctionsNamed(schema, name) {
		if slices.Equal(f.InputTypes(), args) {
			return f
		}
	}
	return nil
}

// FunctionPrivileges returns what a role may do with a function.
func (s *Snapshot) FunctionPrivileges(f *Function, role Oid) (privileges, grantable Privilege) {
	if s.Superuser(role) {
		return ^Privilege(0), ^Privilege(0)
	}
	return s.Held(ACLFunction.Effective(f.ACL, f.Owner), f.Owner, role)
}

// FunctionVisible reports whether the search path finds a function by its name alone: FunctionIsVisible.
func (s *Snapshot) FunctionVisible(searchPath []string, f *Function) bool {
	for _, p := range searchPath {
		sc := s.SchemaByName(p)
		if sc == nil {
			continue
		}
		if g := s.FunctionWith(sc.OID, f.Name, f.InputTypes()); g != nil {
			return g == f
		}
	}
	return false
}

// FunctionSignature prints a function as regprocedure does: its name, qualified unless the search path finds it, and the
// types of its input arguments.
func (s *Snapshot) FunctionSignature(searchPath []string, f *Function) string {
	return s.FunctionName(searchPath, f) + "(" + s.typeList(searchPath, f.InputTypes()) + ")"
}

// FunctionName prints a function's name, qualified unless the search path finds it.
func (s *Snapshot) FunctionName(searchPath []string, f *Function) string {
	if s.FunctionVisible(searchPath, f) {
		return QuoteIdent(f.Name)
	}
	return QualifiedName(s.SchemaName(f.SchemaID), f.Name)
}

func (s *Snapshot) typeList(searchPath []string, oids []Oid) string {
	var b strings.Builder
	for i, oid := range oids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(s.FormatType(searchPath, s.ValueType(oid)))
	}
	return b.String()
}

// putFunction enters a function into a snapshot under construction.
func (s *Snapshot) putFunction(f *Function) {
	if f.derived == nil {
		f.derived = new(functionDerived)
	}
	s.functions = s.functions.put(f.OID, f)
	key := relName{f.SchemaID, f.Name}
	oids, _ := s.functionNames.get(key)
	at, found := slices.BinarySearchFunc(oids, f.OID, cmp.Compare[Oid])
	if !found {
		s.functionNames = s.functionNames.put(key, slices.Insert(slices.Clone(oids), at, f.OID))
	}
}

func (s *Snapshot) unlinkFunction(f *Function) {
	s.functions = s.functions.remove(f.OID)
	key := relName{f.SchemaID, f.Name}
	oids, _ := s.functionNames.get(key)
	rest := slices.DeleteFunc(slices.Clone(oids), func(oid Oid) bool { return oid == f.OID })
	if len(rest) == 0 {
		s.functionNames = s.functionNames.remove(key)
		return
	}
	s.functionNames = s.functionNames.put(key, rest)
}

// functionsUsing adds the functions whose arguments, result, defaults or body name an object, or with col not 0 a column
// of it.
func (s *Snapshot) functionsUsing(oid Oid, col AttNum, add addDependent) {
	s.Functions(func(f *Function) bool {
		uses := slices.ContainsFunc(f.Deps, func(d ViewDep) bool {
			return d.Relation == oid && (col == 0 || slices.Contains(d.Columns, col))
		})
		if col == 0 && !uses {
			uses = f.Result.Declared() == oid || slices.ContainsFunc(f.Args, func(a Argument) bool { return a.Type.Declared() == oid })
		}
		if uses {
			add(Normal, PartFunction, f.OID, 0)
		}
		return true
	})
}

// functionDependents adds what depends on a function.
func (s *Snapshot) functionDependents(oid Oid, add addDependent) {
	s.defaultsOn(oid, add)
	s.triggersOn(oid, 0, add)
	s.typeUsers(oid, add)
	s.viewsOn(oid, 0, add)
	s.triggersOn(oid, 0, add)
}

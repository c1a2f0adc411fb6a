package plpgsql

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Source is what is compiled: a function, or the block of a DO.
type Source struct {
	// Name is the function's, Signature what CONTEXT calls it.
	Name, Signature string
	Body            string
	Args            []Argument
	// Result is the type of the result, or of a row of it where Set; of a trigger function none.
	Result    types.Type
	Set       bool
	Procedure bool
	Trigger   bool
	// Polymorphic says that the result's type is declared so: it is $0 then.
	Polymorphic bool
	// ReadOnly is said of functions that are not volatile.
	ReadOnly bool
	// Check asks for the syntax of all SQL to be checked. Without it what is never reached is never parsed.
	Check bool
	// Validate says that the function is about to be created: extra checks are made.
	Validate bool
	Options  Options
}

// Argument is an argument of a function, with the actual type of a polymorphic one.
type Argument struct {
	Name    string
	Type    types.Type
	In, Out bool
}

// Options are the settings by which a function is compiled.
type Options struct {
	Conflict sema.VariableConflict
	// PrintStrictParams shows the parameters of a query that INTO STRICT refuses.
	PrintStrictParams bool
}

// Level is what an extra check does.
type Level string

// The levels.
const (
	LevelNone    Level = ""
	LevelWarning Level = "WARNING"
	LevelError   Level = "ERROR"
)

// Checks are plpgsql.extra_warnings and plpgsql.extra_errors.
type Checks struct {
	ShadowedVariables, TooManyRows, MultiAssignment Level
}

// parser is the state of one compilation.
type parser struct {
	source  string
	scanner *parse.Scanner
	pushed  []token
	cur     token
	mode    lookup
	line    int // computed last

	fn     *Function
	ns     *nsItem
	env    *Env
	check  bool
	extra  Checks
	notice func(*pgerr.Error)
	// declared is the number of datums when the last DECLARE began.
	declared int
}

// Compile reads a function. An error of the text has its position in it; others say in CONTEXT about where they are. notice
// takes warnings.
func Compile(src *Source, env *Env, notice func(*pgerr.Error)) (fn *Function, err error) {
	p := &parser{source: src.Body, scanner: parse.NewScanner(src.Body), line: 1, env: env, check: src.Check, notice: notice}
	if src.Validate {
		p.extra = env.Checks
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			fn, err = nil, r.err
			if r.err.Position == 0 {
				err = r.err.WithWhere("compilation of PL/pgSQL function \"%s\" near line %d", src.Name, p.line)
			}
		default:
			panic(r)
		}
	}()
	p.function(src)
	return p.fn, nil
}

// function is do_compile.
func (p *parser) function(src *Source) {
	f := &Function{name: src.Name, signature: src.Signature, result: src.Result, set: src.Set, procedure: src.Procedure,
		readOnly: src.ReadOnly, ofTrigger: src.Trigger, options: src.Options}
	f.tuple = src.Trigger || src.Result.Kind() == types.KRecord
	p.fn = f
	p.pushNamespace(src.Name, blockLabel)
	var outs []*datum
	if src.Trigger {
		p.triggerVariables(len(src.Args))
	} else {
		outs = p.arguments(src)
	}
	f.found = p.variable("found", 0, types.T(types.BoolOid), nil, true)
	p.options()
	f.body = p.block()
	if !p.accept(";") {
		p.next()
	} else {
		p.next()
	}
	if p.cur.kind != tokEOF {
		p.syntaxError()
	}
	if len(outs) > 0 || src.Set || src.Result.Oid == types.VoidOid && !src.Trigger {
		p.impliedReturn()
	}
}

// arguments makes the variables of a function's arguments and returns the output ones.
func (p *parser) arguments(src *Source) (outs []*datum) {
	f := p.fn
	for i, a := range src.Args {
		number := "$" + strconv.Itoa(i+1)
		if pseudo(a.Type) {
			p.fail(-1, pgerr.FeatureNotSupported, "PL/pgSQL functions cannot accept type %s", types.FormatType(a.Type))
		}
		name := a.Name
		if name == "" {
			name = number
		}
		d := p.variable(name, 0, a.Type, nil, false)
		if a.In {
			f.args = append(f.args, d)
		}
		if a.Out {
			outs = append(outs, d)
		}
		p.argumentName(d, number)
		if a.Name != "" {
			p.argumentName(d, a.Name)
		}
	}
	switch {
	case len(outs) > 1 || len(outs) == 1 && src.Procedure:
		f.out = p.add(&datum{kind: rowDatum, name: "(unnamed row)", members: outs})
		for _, d := range outs {
			f.out.names = append(f.out.names, d.name)
		}
	case len(outs) == 1:
		f.out = outs[0]
	}
	if t := src.Result; pseudo(t) && t.Oid != types.VoidOid {
		p.fail(-1, pgerr.FeatureNotSupported, "PL/pgSQL functions cannot return type %s", types.FormatType(t))
	}
	if src.Polymorphic && len(outs) == 0 {
		p.variable("$0", 0, src.Result, nil, true)
	}
	return outs
}

// argumentName is add_parameter_name.
func (p *parser) argumentName(d *datum, name string) {
	if p.ns.findHere(name) != nil {
		p.fail(-1, pgerr.InvalidFunctionDefinition, "parameter name \"%s\" used more than once", name)
	}
	p.addName(nsKindOf(d), d.no, name)
}

// triggerVariables makes NEW, OLD and the TG_ variables.
func (p *parser) triggerVariables(args int) {
	if args > 0 {
		panic(failure{pgerr.New(pgerr.InvalidFunctionDefinition, "trigger functions cannot have declared arguments").
			WithHint("The arguments of the trigger can be accessed through TG_NARGS and TG_ARGV instead.")})
	}
	f := p.fn
	f.newRow = p.recordVariable("new", 0, types.T(types.RecordOid), nil, true)
	f.oldRow = p.recordVariable("old", 0, types.T(types.RecordOid), nil, true)
	for _, v := range triggerVariables {
		f.trigger = append(f.trigger, p.variable(v.name, 0, types.T(v.typ), nil, true))
	}
}

// triggerVariables are the variables of trigger functions, in the order of Trigger.values.
var triggerVariables = []struct {
	name string
	typ  types.Oid
}{{"tg_name", types.NameOid}, {"tg_when", types.TextOid}, {"tg_level", types.TextOid}, {"tg_op", types.TextOid}, {"tg_relid", types.OidOid},
	{"tg_relname", types.NameOid}, {"tg_table_name", types.NameOid}, {"tg_table_schema", types.NameOid}, {"tg_nargs", types.Int4Oid},
	{"tg_argv", types.TextArrayOid}}

// impliedReturn is add_dummy_return.
func (p *parser) impliedReturn() {
	f := p.fn
	if f.body.guarded || f.body.label != "" {
		f.body = &blockStmt{body: []stmt{f.body}}
	}
	if n := len(f.body.body); n > 0 {
		if _, ok := f.body.body[n-1].(*returnStmt); ok {
			return
		}
	}
	f.body.body = append(f.body.body, &returnStmt{variable: f.out})
}

// pseudo reports whether a type is one that no variable has.
func pseudo(t types.Type) bool {
	in := types.Lookup(t.Oid)
	return t.Domain == 0 && in != nil && in.Type == 'p' && t.Oid != types.RecordOid
}

func nsKindOf(d *datum) nsKind {
	if d.kind == recordDatum {
		return nsRecord
	}
	return nsVariable
}

// add gives a datum its number.
func (p *parser) add(d *datum) *datum {
	d.no = len(p.fn.datums)
	p.fn.datums = append(p.fn.datums, d)
	return d
}

// variable is plpgsql_build_variable.
func (p *parser) variable(name string, ln int, t types.Type, tn *parse.TypeName, named bool) *datum {
	switch {
	case t.Kind() == types.KRecord:
		return p.recordVariable(name, ln, t, tn, named)
	case pseudo(t):
		p.fail(-1, pgerr.FeatureNotSupported, "variable \"%s\" has pseudo-type %s", name, types.FormatType(t))
	}
	d := p.add(&datum{kind: scalarDatum, name: name, line: ln, typ: t})
	if named {
		p.addName(nsVariable, d.no, name)
	}
	return d
}

// recordVariable is plpgsql_build_record.
func (p *parser) recordVariable(name string, ln int, t types.Type, tn *parse.TypeName, named bool) *datum {
	d := p.add(&datum{kind: recordDatum, name: name, line: ln, typ: t, typeName: tn})
	if named {
		p.addName(nsRecord, d.no, name)
	}
	return d
}

// field is plpgsql_build_recfield: the datum of a field of a record, whether there is one or not.
func (p *parser) field(record *datum, name string) *datum {
	for _, f := range record.fields {
		if f.name == name {
			return f
		}
	}
	d := p.add(&datum{kind: fieldDatum, name: name, record: record})
	record.fields = append(record.fields, d)
	return d
}

// options reads #option lines.
func (p *parser) options() {
	for p.accept("#") {
		switch t := p.next(); {
		case t.is("option"):
			p.expect("dump") // of the tree into the server's log: for who develops PL/pgSQL itself
			panic(failure{pgerr.NotSupported("#option dump")})
		case t.is("print_strict_params"):
			t := p.next()
			if t.kind != tokWord && !t.unreservedWord() {
				p.syntaxError()
			}
			switch t.text {
			case "on":
				p.fn.options.PrintStrictParams = true
			case "off":
				p.fn.options.PrintStrictParams = false
			default:
				p.fail(-1, pgerr.InternalError, "unrecognized print_strict_params option %s", t.text)
			}
		case t.is("variable_conflict"):
			switch t := p.next(); {
			case t.is("error"):
				p.fn.options.Conflict = sema.ConflictIsError
			case t.is("use_variable"):
				p.fn.options.Conflict = sema.ConflictUsesVariable
			case t.is("use_column"):
				p.fn.options.Conflict = sema.ConflictUsesColumn
			default:
				p.syntaxError()
			}
		default:
			p.syntaxError()
		}
	}
}

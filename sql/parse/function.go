package parse

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// FunctionParameterMode is IN, OUT and so on, as pg_proc spells it; 'd' is IN
// by default.
type FunctionParameterMode byte

// Modes of FunctionParameter.
const (
	FuncParamIn       FunctionParameterMode = 'i'
	FuncParamOut      FunctionParameterMode = 'o'
	FuncParamInOut    FunctionParameterMode = 'b'
	FuncParamVariadic FunctionParameterMode = 'v'
	FuncParamTable    FunctionParameterMode = 't'
	FuncParamDefault  FunctionParameterMode = 'd'
)

// FunctionParameter is a parameter of CREATE FUNCTION.
type FunctionParameter struct {
	Name        string
	Type        *TypeName
	Mode        FunctionParameterMode
	Default     Expr
	DefaultText string // Default's source text
}

// CreateFunctionStmt is CREATE FUNCTION or PROCEDURE. Options holds language,
// as (a NameListArg), volatility, strict, security and so on.
type CreateFunctionStmt struct {
	IsProcedure bool
	Replace     bool
	Name        Name
	Parameters  []*FunctionParameter
	ReturnType  *TypeName
	Options     []*DefElem
	// Body are the statements of BEGIN ATOMIC, or RETURN as a SELECT; BodyText is the source text of either.
	HasSQLBody bool
	Body       []Statement
	BodyText   string
}

// AlterFunctionStmt is ALTER FUNCTION, PROCEDURE or ROUTINE with options.
type AlterFunctionStmt struct {
	ObjType ObjectType
	Object  *ObjectName
	Actions []*DefElem
}

// CreateAggregateStmt is CREATE AGGREGATE. OldStyle says that the arguments are in the definition (BASETYPE). Ordered says that
// it is an ordered-set aggregate's.
type CreateAggregateStmt struct {
	Name       Name
	OldStyle   bool
	Replace    bool
	Ordered    bool
	Parameters []*FunctionParameter
	Definition []*DefElem
}

func (*CreateFunctionStmt) stmt()  {}
func (*AlterFunctionStmt) stmt()   {}
func (*CreateAggregateStmt) stmt() {}

var funcParamModes = map[pg.FunctionParameterMode]FunctionParameterMode{
	pg.FunctionParameterMode_FUNC_PARAM_IN:       FuncParamIn,
	pg.FunctionParameterMode_FUNC_PARAM_OUT:      FuncParamOut,
	pg.FunctionParameterMode_FUNC_PARAM_INOUT:    FuncParamInOut,
	pg.FunctionParameterMode_FUNC_PARAM_VARIADIC: FuncParamVariadic,
	pg.FunctionParameterMode_FUNC_PARAM_TABLE:    FuncParamTable,
	pg.FunctionParameterMode_FUNC_PARAM_DEFAULT:  FuncParamDefault,
}

// functionBody is the body that a CREATE FUNCTION has in itself: from the RETURN or BEGIN behind the parameters to the END
// that closes it, or to the end of the text.
func functionBody(sql string) string {
	l := lexer{sql: sql}
	depth, start := 0, -1
	var buf [16]byte
	prev := lexed{}
	for {
		t := l.next()
		if t.kind == tokEOF || t.kind == tokError {
			return trimSpace(sql[max(start, 0):])
		}
		word := string(l.keyword(t, &buf))
		switch {
		case t.kind == tokPunct && sql[t.start] == '(':
			depth++
		case t.kind == tokPunct && sql[t.start] == ')':
			depth--
		case depth == 0 && word == "atomic" && prev.word == "begin":
			return trimSpace(sql[prev.start:])
		case depth == 0 && word == "return":
			return trimSpace(sql[t.start:])
		}
		prev = lexed{word, t.start}
	}
}

// lexed is a word and where it stands.
type lexed struct {
	word  string
	start int
}

// SplitBody takes a function's own body apart: the texts of its statements, and whether it is BEGIN ATOMIC. RETURN is given
// as the SELECT that it stands for.
func SplitBody(text string) (stmts []string, atomic bool) {
	l := lexer{sql: text}
	depth, cases, start := 0, 0, -1
	var buf [16]byte
	add := func(end int) {
		if start >= 0 && start < end {
			stmts = append(stmts, returnAsSelect(trimSpace(text[start:end])))
		}
		start = -1
	}
	for first := true; ; {
		t := l.next()
		if t.kind == tokEOF || t.kind == tokError {
			add(len(text))
			return stmts, atomic
		}
		word := string(l.keyword(t, &buf))
		if first {
			if first = false; word == "begin" {
				atomic = true
				l.next()
				continue
			}
		}
		switch {
		case t.kind == tokPunct && text[t.start] == '(':
			depth++
		case t.kind == tokPunct && text[t.start] == ')':
			depth--
		case t.kind == tokPunct && text[t.start] == ';' && depth == 0:
			add(t.start)
			continue
		case word == "case":
			cases++
		case word == "end" && cases > 0:
			cases--
		case word == "end" && atomic && start < 0:
			return stmts, atomic
		}
		if start < 0 {
			start = t.start
		}
	}
}

// returnAsSelect makes RETURN x the query that gives x. Positions behind the word stay.
func returnAsSelect(text string) string {
	if len(text) > len("return") && strings.EqualFold(text[:len("return")], "return") {
		return "SELECT" + text[len("return"):]
	}
	return text
}

func (t *translator) createFunctionStmt(n *pg.CreateFunctionStmt) *CreateFunctionStmt {
	c := &CreateFunctionStmt{
		IsProcedure: n.IsProcedure, Replace: n.Replace, Name: t.name(n.Funcname), ReturnType: t.typeName(n.ReturnType),
		Options: t.defElems(n.Options), HasSQLBody: n.SqlBody != nil,
	}
	if n.SqlBody != nil {
		c.Body = t.functionBody(n.SqlBody)
	}
	for _, p := range n.Parameters {
		fp, ok := p.Node.(*pg.Node_FunctionParameter)
		if !ok {
			t.unknown(p, "CREATE FUNCTION")
			return c
		}
		c.Parameters = append(c.Parameters, t.functionParameter(fp.FunctionParameter))
	}
	return c
}

// defineStmt translates CREATE AGGREGATE; nil for what else is made by a list of attributes.
func (t *translator) defineStmt(n *pg.DefineStmt) *CreateAggregateStmt {
	if n.Kind != pg.ObjectType_OBJECT_AGGREGATE {
		return nil
	}
	c := &CreateAggregateStmt{Name: t.name(n.Defnames), OldStyle: n.Oldstyle, Replace: n.Replace, Definition: t.defElems(n.Definition)}
	if len(n.Args) == 2 { // the list of arguments, and how many are direct ones: -1 for a plain aggregate
		c.Ordered = n.Args[1].GetInteger().GetIval() >= 0
		for _, p := range n.Args[0].GetList().GetItems() {
			if fp := p.GetFunctionParameter(); fp != nil {
				c.Parameters = append(c.Parameters, t.functionParameter(fp))
			}
		}
	}
	return c
}

func (t *translator) functionBody(n *pg.Node) (out []Statement) {
	switch b := n.Node.(type) {
	case *pg.Node_ReturnStmt:
		return []Statement{t.returnStmt(b.ReturnStmt)}
	case *pg.Node_List:
		for _, item := range b.List.Items {
			out = append(out, t.functionBody(item)...)
		}
		return out
	}
	return []Statement{t.stmt(n)}
}

// returnStmt translates RETURN as the SELECT that it stands for.
func (t *translator) returnStmt(n *pg.ReturnStmt) *SelectStmt {
	e := t.expr(n.Returnval)
	loc := Location(-1)
	if e != nil {
		loc = Location(e.Loc())
	}
	return &SelectStmt{TargetList: []*ResTarget{{Val: e, Location: loc}}}
}

func (t *translator) functionParameter(n *pg.FunctionParameter) *FunctionParameter {
	p := &FunctionParameter{
		Name: n.Name, Type: t.typeName(n.ArgType), Mode: funcParamModes[n.Mode], Default: t.expr(n.Defexpr),
	}
	p.DefaultText = t.deparse(p.Default)
	return p
}

func (t *translator) alterFunctionStmt(n *pg.AlterFunctionStmt) *AlterFunctionStmt {
	return &AlterFunctionStmt{ObjType: ObjectType(n.Objtype), Object: t.objectWithArgs(n.Func), Actions: t.defElems(n.Actions)}
}

// objectWithArgs translates the name of a function with the types of its arguments. Objargs are those of the input
// arguments; Objfuncargs says them again, with those of output arguments.
func (t *translator) objectWithArgs(n *pg.ObjectWithArgs) *ObjectName {
	o := &ObjectName{Name: t.name(n.Objname), Args: t.typeNames(n.Objargs), ArgsUnspecified: n.ArgsUnspecified}
	for _, p := range n.Objfuncargs {
		if fp := p.GetFunctionParameter(); fp != nil {
			o.AllArgs = append(o.AllArgs, t.functionParameter(fp))
		}
	}
	return o
}

package pgcat

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// languageOids are the rows of pg_language of functions' languages.
var languageOids = map[string]catalog.Oid{catalog.LanguageSQL: 14, catalog.LanguagePLpgSQL: languagePLpgSQL, catalog.LanguageC: 13}

// The OIDs of the language of what is built in, and the one that initdb gives PL/pgSQL.
const (
	languageInternal catalog.Oid = 12
	languagePLpgSQL  catalog.Oid = 13563
)

// userAggregateRows are the rows of pg_aggregate of what users made.
func userAggregateRows(b *builder) {
	b.snap.Functions(func(f *catalog.Function) bool {
		a := f.Aggregate
		if a == nil {
			return true
		}
		init := null
		if a.Init != nil {
			init = str(*a.Init)
		}
		none := num(0)
		b.add(num(f.OID), char('n'), none, num(a.Transition), num(a.Final), num(a.Combine), num(a.Serial), num(a.Deserial), none, none, none,
			flag(a.FinalExtra), no, char(byte(a.FinalModify)), char(byte(catalog.ModifiesNothing)), num(a.SortOp), num(a.State.Declared()),
			num(a.Space), none, none, init, null)
		return true
	})
}

// userProcRows are the rows of pg_proc of what users made.
func userProcRows(b *builder) {
	constructorRows(b)
	b.snap.Functions(func(f *catalog.Function) bool {
		b.function(f)
		return true
	})
}

func (b *builder) function(f *catalog.Function) {
	in := f.InputTypes()
	args := make([]types.Datum, len(in))
	for i, t := range in {
		args[i] = num(t)
	}
	variadic := catalog.Oid(0)
	if f.Variadic() {
		switch last := in[len(in)-1]; last {
		case types.AnyarrayOid:
			variadic = types.AnyelementOid
		case types.AnycompatiblearrayOid:
			variadic = types.AnycompatibleOid
		case types.AnyOid:
			variadic = last
		default:
			variadic = types.ElemOf(last)
		}
	}
	all, modes, names := null, null, null
	var oids, letters, words []types.Datum
	named, outs := false, false
	for _, a := range f.Args {
		oids = append(oids, num(a.Type.Declared()))
		letters = append(letters, char(byte(a.Mode)))
		words = append(words, str(a.Name))
		named = named || a.Name != ""
		outs = outs || a.Mode != catalog.ArgIn
	}
	if outs {
		all, modes = types.NewArray1(types.OidOid, oids), types.NewArray1(types.CharOid, letters)
	}
	if named {
		names = types.NewArray1(types.TextOid, words)
	}
	defaults, config, body := null, null, null
	if f.Defaults() > 0 {
		defaults = str(strings.Join(b.defs.functionDefaults(f), ", "))
	}
	if len(f.Config) > 0 {
		list := make([]types.Datum, len(f.Config))
		for i, c := range f.Config {
			list[i] = str(c.Name + "=" + c.Value)
		}
		config = types.NewArray1(types.TextOid, list)
	}
	if f.Body != "" {
		body = str(b.defs.functionBody(f))
	}
	library := null
	if f.Library != "" {
		library = str(f.Library)
	}
	language, source := languageOids[f.Language], f.Source
	if f.Aggregate != nil {
		language, source = languageInternal, "aggregate_dummy"
	}
	b.add(num(f.OID), str(f.Name), num(f.SchemaID), num(f.Owner), num(language), num(variadic), char(byte(f.Kind)),
		flag(f.Strict), flag(f.Set), char(f.Volatility), num(len(in)), num(f.Result.Declared()), types.NewVector(types.OidOid, args),
		str(source), types.NewFloat(float64(f.Cost)), types.NewFloat(float64(f.Rows)), flag(f.SecurityDefiner), flag(f.Leakproof),
		char(f.Parallel), num(f.Defaults()), all, modes, names, defaults, body, config, aclDatum(b.snap, f.ACL), library)
}

// functionDefaults prints the defaults of a function's arguments.
func (p *printer) functionDefaults(f *catalog.Function) (out []string) {
	for _, a := range f.Inputs() {
		if a.Default != "" {
			out = append(out, p.argumentDefault(a))
		}
	}
	return out
}

// argumentDefault prints the default of an argument.
func (p *printer) argumentDefault(a *catalog.Argument) string {
	e, err := parse.ParseExpr(a.Default)
	if err != nil {
		return a.Default
	}
	n, err := sema.AnalyzeExpr(e, sema.ExprScope{Kind: sema.FunctionDefaultExpr, Type: a.Type},
		&sema.Env{Catalog: p.snap, SearchPath: p.path, NoParams: true, IOEnv: p.io, Print: true})
	if err != nil {
		return a.Default
	}
	d := deparser{printer: p}
	d.node(n, false)
	if d.failed {
		return p.snap.ExpandTypeNames(p.path, a.Default)
	}
	return d.b.String()
}

// functionBody prints RETURN or BEGIN ATOMIC, with the names that objects have now.
func (p *printer) functionBody(f *catalog.Function) string {
	texts, atomic := parse.SplitBody(f.Body)
	for i, text := range texts {
		texts[i] = unquotedNames(p.snap, p.path, text)
	}
	if !atomic {
		return "RETURN" + strings.TrimPrefix(texts[0], "SELECT")
	}
	var b strings.Builder
	b.WriteString("BEGIN ATOMIC\n")
	for _, text := range texts {
		b.WriteString(" " + text + ";\n")
	}
	b.WriteString("END")
	return b.String()
}

// unquotedNames puts the names of users' types and functions in the place of the references to them.
func unquotedNames(snap *catalog.Snapshot, path []string, text string) string {
	return snap.ExpandTypeNames(path, strings.NewReplacer("\"\x01", "\x01", "\x01\"", "\x01").Replace(text))
}

// argumentList prints arguments as pg_get_function_arguments does: those of RETURNS TABLE alone, or all others.
func (p *printer) argumentList(f *catalog.Function, table, defaults bool) string {
	var b strings.Builder
	n := 0
	for i := range f.Args {
		a := &f.Args[i]
		if (a.Mode == catalog.ArgTable) != table {
			continue
		}
		if n++; n > 1 {
			b.WriteString(", ")
		}
		switch a.Mode {
		case catalog.ArgIn:
			if f.Kind == catalog.Procedure {
				b.WriteString("IN ")
			}
		case catalog.ArgInOut:
			b.WriteString("INOUT ")
		case catalog.ArgOut:
			b.WriteString("OUT ")
		case catalog.ArgVariadic:
			b.WriteString("VARIADIC ")
		}
		if a.Name != "" {
			b.WriteString(catalog.QuoteIdent(a.Name) + " ")
		}
		b.WriteString(p.snap.FormatType(p.path, a.Type))
		if defaults && a.Default != "" {
			b.WriteString(" DEFAULT " + p.argumentDefault(a))
		}
	}
	return b.String()
}

// resultType prints a function's result.
func (p *printer) resultType(f *catalog.Function) string {
	if f.Set {
		for i := range f.Args {
			if f.Args[i].Mode == catalog.ArgTable {
				return "TABLE(" + p.argumentList(f, true, false) + ")"
			}
		}
		return "SETOF " + p.snap.FormatType(p.path, f.Result)
	}
	return p.snap.FormatType(p.path, f.Result)
}

// functionDef prints a function as pg_get_functiondef does.
func (p *printer) functionDef(f *catalog.Function) string {
	var b strings.Builder
	kind := strings.ToUpper(f.Kind.Noun())
	b.WriteString("CREATE OR REPLACE " + kind + " " + catalog.QualifiedName(p.snap.SchemaName(f.SchemaID), f.Name) + "(" +
		p.argumentList(f, false, true) + ")\n")
	if f.Kind != catalog.Procedure {
		b.WriteString(" RETURNS " + p.resultType(f) + "\n")
	}
	b.WriteString(" LANGUAGE " + catalog.QuoteIdent(f.Language) + "\n")
	usual, options := float32(100), ""
	if f.Language == catalog.LanguageC {
		usual = 1
	}
	for _, o := range []struct {
		on   bool
		text string
	}{{f.Volatility == 'i', " IMMUTABLE"}, {f.Volatility == 's', " STABLE"}, {f.Parallel == 's', " PARALLEL SAFE"},
		{f.Parallel == 'r', " PARALLEL RESTRICTED"}, {f.Strict, " STRICT"}, {f.SecurityDefiner, " SECURITY DEFINER"},
		{f.Leakproof, " LEAKPROOF"}, {f.Cost != usual, " COST " + estimate(f.Cost)}, {f.Rows > 0 && f.Rows != 1000, " ROWS " + estimate(f.Rows)}} {
		if o.on {
			options += o.text
		}
	}
	if options != "" {
		b.WriteString(options + "\n")
	}
	for _, c := range f.Config {
		value := quoteLiteral(c.Value)
		if listSettings[strings.ToLower(c.Name)] {
			value = settingList(c.Value)
		}
		b.WriteString(" SET " + catalog.QuoteIdent(c.Name) + " TO " + value + "\n")
	}
	if f.Body != "" {
		return b.String() + p.functionBody(f) + "\n"
	}
	tag := "$" + f.Kind.Noun()
	for strings.Contains(f.Source, tag) {
		tag += "x"
	}
	library := ""
	if f.Library != "" {
		library = quoteLiteral(f.Library) + ", "
	}
	return b.String() + "AS " + library + tag + "$" + f.Source + tag + "$\n"
}

func estimate(v float32) string { return strconv.FormatFloat(float64(v), 'g', 6, 32) }

// listSettings are the settings that are lists of names: GUC_LIST_QUOTE.
var listSettings = map[string]bool{"search_path": true, "temp_tablespaces": true, "session_preload_libraries": true,
	"shared_preload_libraries": true, "local_preload_libraries": true, "unix_socket_directories": true}

// settingList prints a list of names as literals.
func settingList(value string) string {
	parts := strings.Split(value, ",")
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if len(p) > 1 && p[0] == '"' && p[len(p)-1] == '"' {
			p = strings.ReplaceAll(p[1:len(p)-1], `""`, `"`)
		}
		parts[i] = quoteLiteral(p)
	}
	return strings.Join(parts, ", ")
}

// userFunction is a function about a user's function, and builtin the same about the system's; both get its OID.
func userFunction(print func(p *printer, f *catalog.Function) types.Datum, builtin func(p expr.ProcInfo) types.Datum) function {
	return func(c *call) (types.Datum, error) {
		if f := c.scope.snap.Function(c.oid(0)); f != nil {
			return print(c.defs, f), nil
		}
		if p, ok := procByOid(c.oid(0)); ok && builtin != nil {
			return builtin(p), nil
		}
		return null, nil
	}
}

// argumentDefaultAt is pg_get_function_arg_default.
func argumentDefaultAt(c *call) (types.Datum, error) {
	f := c.scope.snap.Function(c.oid(0))
	n := int(c.args[1].Int())
	if f == nil || n < 1 || n > len(f.Args) || f.Args[n-1].Default == "" {
		return null, nil
	}
	return str(c.defs.argumentDefault(&f.Args[n-1])), nil
}

// functionDefinition is pg_get_functiondef.
func functionDefinition(c *call) (types.Datum, error) {
	name, aggregate := "", false
	f := c.scope.snap.Function(c.oid(0))
	if p, ok := procByOid(c.oid(0)); ok {
		name, aggregate = p.Name, p.Kind == 'a'
	} else if f != nil {
		name, aggregate = f.Name, f.Aggregate != nil
	}
	switch {
	case aggregate:
		return null, pgerr.New(pgerr.WrongObjectType, "\"%s\" is an aggregate function", name)
	case f == nil:
		return null, nil
	}
	return str(c.defs.functionDef(f)), nil
}

// functionFunctions are the functions that print functions.
func functionFunctions() map[string]function {
	builtinArgs := func(p expr.ProcInfo) types.Datum { return str(strings.ReplaceAll(typeList(p.Args), ",", ", ")) }
	return map[string]function{
		"pg_get_function_arguments": userFunction(func(p *printer, f *catalog.Function) types.Datum {
			return str(p.argumentList(f, false, true))
		}, builtinArgs),
		"pg_get_function_identity_arguments": userFunction(func(p *printer, f *catalog.Function) types.Datum {
			return str(p.argumentList(f, false, false))
		}, builtinArgs),
		"pg_get_function_result": userFunction(func(p *printer, f *catalog.Function) types.Datum {
			if f.Kind == catalog.Procedure {
				return null
			}
			return str(p.resultType(f))
		}, func(p expr.ProcInfo) types.Datum {
			switch {
			case p.Kind == 'p':
				return null
			case p.Set:
				return str("SETOF " + types.FormatType(types.T(p.Result)))
			}
			return str(types.FormatType(types.T(p.Result)))
		}),
		"pg_get_functiondef": functionDefinition,
		"pg_get_function_sqlbody": userFunction(func(p *printer, f *catalog.Function) types.Datum {
			if f.Body == "" {
				return null
			}
			return str(p.functionBody(f))
		}, nil),
		"pg_get_function_arg_default": argumentDefaultAt,
		"pg_function_is_visible":      functionVisible,
	}
}

func functionVisible(c *call) (types.Datum, error) {
	if f := c.scope.snap.Function(c.oid(0)); f != nil {
		return flag(c.scope.snap.FunctionVisible(c.path, f)), nil
	}
	if _, ok := procByOid(c.oid(0)); !ok {
		return null, nil
	}
	return c.searched(), nil
}

// functionDepends adds what functions depend on to pg_depend.
func (b *builder) functionDepends() {
	b.snap.Functions(func(f *catalog.Function) bool {
		b.depend(classProc, f.OID, 0, classNamespace, f.SchemaID, 0, catalog.Normal)
		seen := map[catalog.Oid]bool{}
		note := func(oid catalog.Oid) {
			if seen[oid] || oid < catalog.FirstNormalOid {
				return
			}
			seen[oid] = true
			b.depend(classProc, f.OID, 0, b.classOfDep(oid), oid, 0, catalog.Normal)
		}
		note(f.Result.Declared())
		for _, a := range f.Args {
			note(a.Type.Declared())
		}
		for _, d := range f.Deps {
			if len(d.Columns) == 0 {
				note(d.Relation)
			}
			for _, n := range d.Columns {
				b.depend(classProc, f.OID, 0, classClass, d.Relation, n, catalog.Normal)
			}
		}
		return true
	})
}

// classOfDep is the catalog that has an object on which a stored text depends.
func (b *builder) classOfDep(oid catalog.Oid) catalog.Oid {
	if b.snap.Function(oid) != nil {
		return classProc
	}
	return classOf(oid)
}

// functionNamed finds a function by name for regproc.
func (n *regNames) functionsNamed(schema, name string) []*catalog.Function {
	path := n.path
	if schema != "" {
		path = []string{catalog.BindSchema(n.path, schema)}
	}
	var out []*catalog.Function
	for _, p := range path {
		if sc := n.snap.SchemaByName(p); sc != nil {
			out = append(out, n.snap.FunctionsNamed(sc.OID, name)...)
		}
	}
	return out
}

// functionPrivilege is has_function_privilege; everybody may call the functions of the system.
func functionPrivilege(c *call) (types.Datum, error) {
	role, at, err := c.subject(2)
	if err != nil {
		return null, err
	}
	want, err := privilegesIn(c.args[at+1].Str(), "EXECUTE")
	if err != nil {
		return null, err
	}
	oid := catalog.Oid(0)
	if c.textual(at) {
		found, err := c.in(types.RegprocedureOid, c.args[at].Str())
		if err != nil {
			return null, err
		}
		oid = catalog.Oid(found)
	} else {
		oid = c.oid(at)
	}
	if f := c.scope.snap.Function(oid); f != nil {
		p, g := c.scope.snap.FunctionPrivileges(f, role)
		return flag(anyHeld(want, p, g)), nil
	}
	if _, ok := procByOid(oid); !ok {
		return null, nil
	}
	return yes, nil
}

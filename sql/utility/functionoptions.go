package utility

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// functionOptions are the options of CREATE and ALTER FUNCTION, read as compute_function_attributes does.
type functionOptions struct {
	*Env
	procedure bool
	given     map[string]bool

	as         []string
	language   string
	volatility byte
	strict     *bool
	definer    *bool
	leak       *bool
	leakproof  bool
	parallel   byte
	cost, rows *float32
	sets       []*parse.VariableSetStmt
}

func (e *Env) functionOptions(s *parse.CreateFunctionStmt) (*functionOptions, error) {
	o := &functionOptions{Env: e, procedure: s.IsProcedure}
	for _, d := range s.Options {
		if err := o.read(d); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// languageOf is the language of a new function.
func (o *functionOptions) languageOf(s *parse.CreateFunctionStmt) (string, error) {
	switch {
	case o.language == "" && s.HasSQLBody:
		return catalog.LanguageSQL, nil
	case o.language == "":
		return "", invalidFunction("no language specified")
	case o.language == catalog.LanguageSQL || o.language == catalog.LanguagePLpgSQL:
		return o.language, nil
	case o.language == catalog.LanguageC && o.extension:
		return o.language, nil
	case o.language == catalog.LanguageC || o.language == "internal":
		return "", pgerr.NotSupported("LANGUAGE " + o.language)
	}
	return "", pgerr.New(pgerr.UndefinedObject, "language \"%s\" does not exist", o.language)
}

// ofFunctionsAlone are the options that procedures cannot have.
var ofFunctionsAlone = map[string]bool{"volatility": true, "strict": true, "leakproof": true, "cost": true, "rows": true, "parallel": true,
	"window": true, "support": true}

// read reads an option.
func (o *functionOptions) read(d *parse.DefElem) error {
	if d.Name != "set" {
		if o.given == nil {
			o.given = map[string]bool{}
		}
		if o.given[d.Name] {
			return pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(o.pos(d.Loc()))
		}
		o.given[d.Name] = true
	}
	if o.procedure && ofFunctionsAlone[d.Name] {
		return invalidFunction("invalid attribute in procedure definition").WithPosition(o.pos(d.Loc()))
	}
	switch d.Name {
	case "as":
		switch a := d.Arg.(type) {
		case parse.NameListArg:
			o.as = a
		case parse.NameArg:
			o.as = []string{string(a)}
		}
	case "language":
		o.language = word(d)
	case "volatility":
		o.volatility = word(d)[0]
	case "strict":
		o.strict = boolOption(d)
	case "security":
		o.definer = boolOption(d)
	case "leakproof":
		o.leak = boolOption(d)
		o.leakproof = *o.leak
	case "parallel":
		return o.readParallel(word(d))
	case "cost", "rows":
		return o.readEstimate(d)
	case "set":
		if set, ok := d.Arg.(parse.SetArg); ok {
			o.sets = append(o.sets, set.Stmt)
		}
	default:
		return pgerr.NotSupported(strings.ToUpper(d.Name) + " of a function")
	}
	return nil
}

func (o *functionOptions) readParallel(w string) error {
	if w != "safe" && w != "restricted" && w != "unsafe" {
		return pgerr.New(pgerr.SyntaxError, "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE")
	}
	o.parallel = w[0]
	return nil
}

func (o *functionOptions) readEstimate(d *parse.DefElem) error {
	c, ok := d.Arg.(*parse.Const)
	if !ok {
		return pgerr.New(pgerr.SyntaxError, "%s requires a numeric value", d.Name)
	}
	v := number(c)
	if v <= 0 {
		return pgerr.New(pgerr.InvalidParameterValue, "%s must be positive", strings.ToUpper(d.Name))
	}
	if d.Name == "cost" {
		o.cost = &v
	} else {
		o.rows = &v
	}
	return nil
}

func word(d *parse.DefElem) string {
	switch a := d.Arg.(type) {
	case parse.NameArg:
		return string(a)
	case *parse.Const:
		return a.Sval
	case *parse.TypeName:
		return a.Names.Last()
	}
	return ""
}

func boolOption(d *parse.DefElem) *bool {
	on := true
	if c, ok := d.Arg.(*parse.Const); ok {
		switch c.Kind {
		case parse.ConstBool:
			on = c.Bval
		case parse.ConstInteger:
			on = c.Ival != 0
		}
	}
	return &on
}

// apply puts the options into a function.
func (o *functionOptions) apply(f *catalog.Function) error {
	if o.volatility != 0 {
		f.Volatility = o.volatility
	}
	for _, b := range []struct {
		from *bool
		to   *bool
	}{{o.strict, &f.Strict}, {o.definer, &f.SecurityDefiner}, {o.leak, &f.Leakproof}} {
		if b.from != nil {
			*b.to = *b.from
		}
	}
	if o.parallel != 0 {
		f.Parallel = o.parallel
	}
	if o.cost != nil {
		f.Cost = *o.cost
	}
	if o.rows != nil {
		if !f.Set {
			return pgerr.New(pgerr.InvalidParameterValue, "ROWS is not applicable when function does not return a set")
		}
		f.Rows = *o.rows
	}
	for _, s := range o.sets {
		if err := o.set(f, s); err != nil {
			return err
		}
	}
	return nil
}

// set changes the settings that hold while a function runs: update_proconfig_value.
func (o *functionOptions) set(f *catalog.Function, s *parse.VariableSetStmt) error {
	if o.CheckSetting == nil {
		return pgerr.NotSupported("SET of a function")
	}
	name, value, err := o.CheckSetting(s)
	if err != nil {
		return err
	}
	if name == "" {
		f.Config = nil
		return nil
	}
	var out []catalog.Setting
	found := false
	for _, c := range f.Config {
		switch {
		case c.Name != name:
			out = append(out, c)
		case value != nil:
			out, found = append(out, catalog.Setting{Name: name, Value: *value}), true
		}
	}
	if value != nil && !found {
		out = append(out, catalog.Setting{Name: name, Value: *value})
	}
	f.Config = out
	return nil
}

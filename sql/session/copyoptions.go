package session

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// copyOptions are the options of a COPY, as PostgreSQL's ProcessCopyOptions settles them.
type copyOptions struct {
	from       bool
	csv        bool
	binary     bool
	delim      byte
	null       string
	header     bool
	match      bool // HEADER MATCH
	quote      byte
	escape     byte
	forceQuote map[string]bool // nil: none; an entry "*": all
	forceNull  map[string]bool
	forceNot   map[string]bool
	freeze     bool
}

// copyText is a text option: given says whether it was.
type copyText struct {
	value string
	given bool
}

// copyArgs are the options as they were given.
type copyArgs struct {
	delim, null, quote, escape copyText
}

func parseCopyOptions(u *parse.CopyStmt, text string) (*copyOptions, error) {
	o := &copyOptions{from: u.IsFrom}
	var args copyArgs
	seen := map[string]bool{}
	for _, e := range u.Options {
		at := func(err *pgerr.Error) error {
			if loc := e.Loc(); loc >= 0 {
				return err.WithPosition(parse.Position(text, loc))
			}
			return err
		}
		if seen[e.Name] {
			return nil, at(pgerr.New(pgerr.SyntaxError, "conflicting or redundant options"))
		}
		known, err := o.option(e, &args)
		switch {
		case err != nil && e.Name == "header":
			return nil, err
		case err != nil:
			return nil, at(pgerr.From(err))
		case !known:
			return nil, at(pgerr.New(pgerr.SyntaxError, "option \"%s\" not recognized", e.Name))
		}
		seen[e.Name] = true
	}
	return o, o.settle(&args)
}

// argText is an option's argument as text.
func argText(e *parse.DefElem) string {
	switch v := e.Arg.(type) {
	case *parse.Const:
		return constText(v)
	case parse.NameArg:
		return string(v)
	}
	return ""
}

// option takes one option.
func (o *copyOptions) option(e *parse.DefElem, args *copyArgs) (known bool, err error) {
	v := argText(e)
	switch e.Name {
	case "format":
		switch v {
		case "text":
		case "csv":
			o.csv = true
		case "binary":
			o.binary = true
		default:
			return true, pgerr.New(pgerr.InvalidParameterValue, "COPY format \"%s\" not recognized", v)
		}
	case "freeze":
		o.freeze = e.Arg == nil
		if e.Arg != nil {
			var ok bool
			if o.freeze, ok = parseBool(v); !ok {
				return true, pgerr.New(pgerr.SyntaxError, "freeze requires a Boolean value")
			}
		}
	case "delimiter":
		args.delim = copyText{v, true}
	case "null":
		args.null = copyText{v, true}
	case "quote":
		args.quote = copyText{v, true}
	case "escape":
		args.escape = copyText{v, true}
	case "header":
		return true, o.setHeader(e, v)
	case "force_quote":
		o.forceQuote, err = nameSet(e)
	case "force_not_null":
		o.forceNot, err = nameSet(e)
	case "force_null":
		o.forceNull, err = nameSet(e)
	case "encoding":
		name, ok := encodingName(v)
		switch {
		case !ok:
			return true, pgerr.New(pgerr.InvalidParameterValue, "argument to option \"encoding\" must be a valid encoding name")
		case name != "UTF8":
			return true, pgerr.NotSupported("COPY with encoding " + name)
		}
	default:
		return false, nil
	}
	return true, err
}

func (o *copyOptions) setHeader(e *parse.DefElem, v string) error {
	on, ok := true, true
	if e.Arg != nil {
		if o.match = strings.EqualFold(v, "match"); o.match {
			if !o.from {
				return pgerr.New(pgerr.FeatureNotSupported, "cannot use \"%s\" with HEADER in COPY TO", v)
			}
		} else if on, ok = parseBool(v); !ok {
			return pgerr.New(pgerr.SyntaxError, "header requires a Boolean value or \"match\"")
		}
	}
	o.header = on
	return nil
}

func nameSet(e *parse.DefElem) (map[string]bool, error) {
	switch v := e.Arg.(type) {
	case parse.NameListArg:
		set := map[string]bool{}
		for _, n := range v {
			set[n] = true
		}
		return set, nil
	case nil:
	default:
		if t := argText(e); t != "" && t != "*" {
			return nil, pgerr.New(pgerr.InvalidParameterValue, "argument to option \"%s\" must be a list of column names", e.Name)
		}
	}
	return map[string]bool{"*": true}, nil
}

// settle fills in the defaults and judges the options together, in PostgreSQL's order.
func (o *copyOptions) settle(args *copyArgs) error {
	def := func(t copyText, text, csv string) string {
		switch {
		case t.given:
			return t.value
		case o.csv:
			return csv
		}
		return text
	}
	delim, quote := def(args.delim, "\t", ","), def(args.quote, "", `"`)
	escape := def(args.escape, "", quote)
	o.null = def(args.null, `\N`, "")
	feature := func(format string, a ...any) error { return pgerr.New(pgerr.FeatureNotSupported, format, a...) }
	invalid := func(format string, a ...any) error { return pgerr.New(pgerr.InvalidParameterValue, format, a...) }
	switch {
	case o.binary && args.delim.given:
		return pgerr.New(pgerr.SyntaxError, "cannot specify DELIMITER in BINARY mode")
	case o.binary && args.null.given:
		return pgerr.New(pgerr.SyntaxError, "cannot specify NULL in BINARY mode")
	case o.binary && o.header:
		return feature("cannot specify HEADER in BINARY mode")
	case len(delim) != 1:
		return feature("COPY delimiter must be a single one-byte character")
	case strings.ContainsAny(delim, "\r\n"):
		return invalid("COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(o.null, "\r\n"):
		return invalid("COPY null representation cannot use newline or carriage return")
	case !o.csv && strings.Contains(`\.abcdefghijklmnopqrstuvwxyz0123456789`, delim):
		return invalid("COPY delimiter cannot be \"%s\"", delim)
	case !o.csv && args.quote.given:
		return feature("COPY quote available only in CSV mode")
	case o.csv && len(quote) != 1:
		return feature("COPY quote must be a single one-byte character")
	case o.csv && delim == quote:
		return invalid("COPY delimiter and quote must be different")
	case !o.csv && args.escape.given:
		return feature("COPY escape available only in CSV mode")
	case o.csv && len(escape) != 1:
		return feature("COPY escape must be a single one-byte character")
	}
	if err := o.settleForce(); err != nil {
		return err
	}
	switch {
	case strings.Contains(o.null, delim):
		return feature("COPY delimiter must not appear in the NULL specification")
	case o.csv && strings.Contains(o.null, quote):
		return feature("CSV quote character must not appear in the NULL specification")
	}
	o.delim = delim[0]
	if o.csv {
		o.quote, o.escape = quote[0], escape[0]
	}
	return nil
}

func (o *copyOptions) settleForce() error {
	for _, f := range []struct {
		name string
		set  map[string]bool
		to   bool
	}{{"force quote", o.forceQuote, true}, {"force not null", o.forceNot, false}, {"force null", o.forceNull, false}} {
		switch {
		case f.set == nil:
		case !o.csv:
			return pgerr.New(pgerr.FeatureNotSupported, "COPY %s available only in CSV mode", f.name)
		case f.to && o.from:
			return pgerr.New(pgerr.FeatureNotSupported, "COPY %s only available using COPY TO", f.name)
		case !f.to && !o.from:
			return pgerr.New(pgerr.FeatureNotSupported, "COPY %s only available using COPY FROM", f.name)
		}
	}
	return nil
}

// checkColumns refuses FORCE lists that name columns which are not copied: those of t, or a query's result.
func (o *copyOptions) checkColumns(t *catalog.Table, cols []*catalog.Column, fields []Field) error {
	for _, f := range []struct {
		name string
		set  map[string]bool
	}{{"FORCE_QUOTE", o.forceQuote}, {"FORCE_NOT_NULL", o.forceNot}, {"FORCE_NULL", o.forceNull}} {
		for name := range f.set {
			if name == "*" {
				continue
			}
			if err := o.checkColumn(f.name, name, t, cols, fields); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *copyOptions) checkColumn(option, name string, t *catalog.Table, cols []*catalog.Column, fields []Field) error {
	if t == nil {
		for _, f := range fields {
			if f.Name == name {
				return nil
			}
		}
		return pgerr.New(pgerr.UndefinedColumn, "column \"%s\" does not exist", name)
	}
	if _, err := copyColumns(t, []string{name}); err != nil {
		return err
	}
	for _, c := range cols {
		if c.Name == name {
			return nil
		}
	}
	return pgerr.New(pgerr.InvalidColumnReference, "%s column \"%s\" not referenced by COPY", option, name)
}

package plpgsql

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// block reads a block: label, DECLARE, BEGIN … EXCEPTION … END.
func (p *parser) block() *blockStmt {
	label := p.label(blockLabel)
	return p.blockBody(label)
}

// blockBody is block behind its label, whose namespace has begun.
func (p *parser) blockBody(label string) *blockStmt {
	b := &blockStmt{label: label}
	if p.accept("declare") {
		p.declarations(b)
	}
	p.expect("begin")
	b.line = line(p.lineOf(p.cur.start))
	b.body = p.statements()
	if p.accept("exception") {
		p.exceptions(b)
	}
	p.expect("end")
	p.endLabel(label)
	p.popNamespace()
	return b
}

// label reads <<label>>, and begins the namespace of what it is the label of.
func (p *parser) label(kind labelKind) string {
	name := ""
	if p.accept("<<") {
		name = p.anyName()
		p.expect(">>")
	}
	p.pushNamespace(name, kind)
	return name
}

// anyName is any_identifier.
func (p *parser) anyName() string {
	t := p.next()
	if !(t.kind == tokWord || t.unreservedWord() || t.kind == tokDatum && t.names == nil) {
		p.syntaxError()
	}
	return t.text
}

// optionalName is opt_label.
func (p *parser) optionalName() (name string, at int) {
	t := p.next()
	if t.kind == tokWord || t.unreservedWord() || t.kind == tokDatum {
		if t.names != nil {
			p.syntaxError()
		}
		return t.text, t.start
	}
	p.pushBack()
	return "", -1
}

// endLabel is check_labels.
func (p *parser) endLabel(label string) {
	name, at := p.optionalName()
	switch {
	case name == "" && at < 0:
	case label == "":
		p.failSyntax(at, "end label \"%s\" specified for unlabeled block", name)
	case name != label:
		p.failSyntax(at, "end label \"%s\" differs from block's label \"%s\"", name, label)
	}
}

// declarations reads the declarations of a block.
func (p *parser) declarations(b *blockStmt) {
	p.declared = len(p.fn.datums)
	p.mode = lookupDeclare
	any := false
	for {
		switch t := p.next(); {
		case t.is("declare"): // useless ones are allowed
			any = true
			continue
		case t.is("<<"):
			at := t.start
			p.anyName()
			p.expect(">>")
			p.failSyntax(at, "block label must be placed before DECLARE, not after")
		case t.kind == tokWord || t.unreservedWord():
			any = true
			p.declaration(t)
			continue
		}
		break
	}
	p.pushBack()
	p.mode = lookupNormal
	// The word that ends the declarations was not looked up, and need not be: BEGIN is reserved.
	if !any {
		return
	}
	for _, d := range p.fn.datums[p.declared:] {
		if d.kind == scalarDatum || d.kind == recordDatum {
			b.vars = append(b.vars, d)
		}
	}
	p.declared = len(p.fn.datums)
}

// declaredName is decl_varname.
func (p *parser) declaredName(t token) (name string, ln int) {
	if t.kind != tokWord && !t.unreservedWord() {
		p.syntaxError()
	}
	if p.ns.findHere(t.text) != nil {
		p.unexpected("duplicate declaration")
	}
	ln = p.lineOf(t.start)
	if level := p.extra.ShadowedVariables; level != LevelNone {
		if at, _ := p.ns.find([]string{t.text}); at != nil {
			e := pgerr.New(pgerr.DuplicateAlias, "variable \"%s\" shadows a previously defined variable", t.text)
			e.Position = parse.Position(p.source, t.start)
			if level == LevelError {
				panic(failure{e})
			}
			p.notice(e.WithSeverity(pgerr.SeverityWarning))
		}
	}
	return t.text, ln
}

// declaration reads a declaration whose name was read.
func (p *parser) declaration(first token) {
	name, ln := p.declaredName(first)
	t := p.next()
	switch {
	case t.is("alias"):
		p.expect("for")
		at := p.aliased()
		p.expect(";")
		p.addName(at.kind, at.no, name)
		return
	case t.is("no"):
		if p.peekRaw().text == "scroll" {
			p.next()
			p.expect("cursor")
			p.cursor(name, ln, parse.CursorOptNoScroll)
			return
		}
	case t.is("scroll"):
		if p.peekRaw().text == "cursor" {
			p.next()
			p.cursor(name, ln, parse.CursorOptScroll)
			return
		}
	case t.is("cursor"):
		p.cursor(name, ln, 0)
		return
	}
	constant := false
	if t.is("constant") {
		constant = true
		t = p.next()
	}
	typ, tn := p.dataType(t)
	if p.accept("collate") {
		p.collation(typ)
	}
	notNull := p.accept("not")
	at := p.cur.start
	if notNull {
		p.expect("null")
	}
	var init *expression
	switch t := p.next(); {
	case t.is(";"):
	case t.is("=") || t.is(":=") || t.is("default"):
		init = p.expression(";", ";")
	default:
		p.syntaxError()
	}
	d := p.variable(name, ln, typ, tn, true)
	d.constant, d.notNull, d.init = constant, notNull, init
	if notNull && init == nil {
		p.fail(at, pgerr.NullValueNotAllowed, "variable \"%s\" must have a default value, since it's declared NOT NULL", name)
	}
}

// aliased is decl_aliasitem.
func (p *parser) aliased() *nsItem {
	t := p.next()
	var names []string
	switch {
	case t.kind == tokWord || t.unreservedWord():
		names = []string{t.text}
	case t.kind == tokDottedWord:
		names = t.names
	default:
		p.syntaxError()
	}
	at, _ := p.ns.find(names)
	if at == nil {
		p.fail(t.start, pgerr.UndefinedObject, "variable \"%s\" does not exist", strings.Join(names, "."))
	}
	return at
}

// collation judges COLLATE: every collation orders by bytes, so that there is nothing to keep.
func (p *parser) collation(typ types.Type) {
	at := p.cur.start
	t := p.next()
	if t.kind != tokWord && t.kind != tokDottedWord && !t.unreservedWord() {
		p.syntaxError()
	}
	name := parse.Name{t.text}
	if t.names != nil {
		name = t.names
	}
	if err := sema.CheckCollation(name); err != nil {
		e := pgerr.From(err).Clone()
		e.Position = 0
		panic(failure{e})
	}
	if !sema.Collatable(typ) {
		p.fail(at, pgerr.DatatypeMismatch, "collations are not supported by type %s", types.FormatType(types.Type{Oid: typ.Oid, Mod: -1, Domain: typ.Domain}))
	}
}

// cursor reads the declaration of a cursor behind CURSOR.
func (p *parser) cursor(name string, ln, options int) {
	p.pushNamespace(name, otherLabel)
	var args *datum
	if p.accept("(") {
		at := p.lineOf(p.cur.start)
		args = &datum{kind: rowDatum, name: "(unnamed row)", line: at}
		for {
			arg, l := p.declaredName(p.next())
			t, tn := p.dataType(p.next())
			d := p.variable(arg, l, t, tn, true)
			args.members, args.names = append(args.members, d), append(args.names, d.name)
			if !p.accept(",") {
				break
			}
		}
		p.expect(")")
		p.add(args)
	}
	if t := p.next(); !t.is("is") && !t.is("for") {
		p.syntaxError()
	}
	query := p.statement()
	p.popNamespace()
	d := p.variable(name, ln, types.T(types.RefcursorOid), nil, true)
	d.cursorQuery, d.cursorArgs, d.cursorOptions = query, args, options
	d.init = p.newExpression(parse.QuoteLiteral(name)+"::pg_catalog.refcursor", parse.PLExpression)
}

// dataType is read_datatype: a type, whose first token was read; the token behind it stays.
func (p *parser) dataType(t token) (types.Type, *parse.TypeName) {
	start := t.start
	if t.kind == tokWord || t.unreservedWord() || t.kind == tokDottedWord {
		names := t.names
		if names == nil {
			names = []string{t.text}
		}
		if t = p.next(); t.is("%") {
			switch t = p.next(); {
			case t.isWord("type"):
				if typ, ok := p.typeOf(names); ok {
					return typ, nil
				}
			case t.isWord("rowtype"):
				if typ, ok := p.rowTypeOf(names); ok {
					return typ, &parse.TypeName{Names: names, Location: -1}
				}
			}
		}
	}
	depth := 0
	for !t.is(";") {
		if t.kind == tokEOF {
			if depth != 0 {
				p.unexpected("mismatched parentheses")
			}
			p.unexpected("incomplete data type declaration")
		}
		if t.is("collate") || t.is("not") || t.is("=") || t.is(":=") || t.is("default") || (t.is(",") || t.is(")")) && depth == 0 {
			break
		}
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
		t = p.next()
	}
	text := p.source[start:p.cur.start]
	if text == "" {
		p.unexpected("missing data type declaration")
	}
	typ, tn := p.parseType(text, start)
	p.pushBack()
	return typ, tn
}

// parseType is parse_datatype.
func (p *parser) parseType(text string, start int) (types.Type, *parse.TypeName) {
	at := parse.Position(p.source, start)
	tn, err := parse.ParseTypeName(text)
	if err != nil {
		e := pgerr.From(err).Clone()
		e.Position = at + max(e.Position-1, 0)
		panic(failure{e})
	}
	env := *p.env.Sema
	env.Text = ""
	typ, err := sema.ResolveType(tn, &env)
	if n := len(tn.Names); pgerr.HasCode(err, pgerr.UndefinedObject) && n <= 2 && len(tn.ArrayBounds) == 0 {
		if p.systemTable(tn.Names.Schema(), tn.Names.Last()) != nil {
			return types.T(types.RecordOid), nil
		}
	}
	if err != nil {
		e := pgerr.From(err).Clone()
		e.Position = at
		panic(failure{e})
	}
	return typ, tn
}

// typeOf is plpgsql_parse_wordtype and plpgsql_parse_cwordtype: name%TYPE of a variable, a type, or a column.
func (p *parser) typeOf(names []string) (types.Type, bool) {
	none := types.Type{}
	if at, _ := p.ns.find(names[:min(len(names), 2)]); at != nil && len(names) < 3 {
		if at.kind == nsVariable {
			return p.fn.datums[at.no].typ, true
		}
		if len(names) == 1 {
			return none, false
		}
	}
	env := *p.env.Sema
	env.Text = ""
	if len(names) == 1 {
		tn := &parse.TypeName{Names: names, Location: -1}
		typ, err := sema.ResolveType(tn, &env)
		return typ, err == nil && typ.Kind() != types.KRecord
	}
	n := len(names)
	schema := ""
	if n == 3 {
		schema = names[0]
	}
	return p.columnType(schema, names[n-2], names[n-1])
}

// columnType is the type of a column of a relation or of an attribute of a composite type.
func (p *parser) columnType(schema, relation, column string) (types.Type, bool) {
	env := p.env.Sema
	if r, ok := env.Catalog.LookupRelation(env.SearchPath, schema, relation); ok {
		var typ types.Type
		found := false
		r.Columns(func(_ catalog.AttNum, c *catalog.Column) {
			if c.Name == column {
				typ, found = c.Type, true
			}
		})
		return typ, found
	}
	if v := p.systemTable(schema, relation); v != nil {
		for _, c := range v.Columns {
			if c.Name == column {
				return c.Type, true
			}
		}
		return types.Type{}, false
	}
	if oid, ok := env.Catalog.LookupType(env.SearchPath, schema, relation); ok {
		if u := env.Catalog.UserType(oid); u != nil && oid.Class() == types.CompositeClass {
			for _, a := range u.Fields {
				if a.Name == column && !a.Dropped {
					return a.Type, true
				}
			}
		}
	}
	return types.Type{}, false
}

// systemTable finds a system relation.
func (p *parser) systemTable(schema, name string) *sema.VirtualTable {
	if p.env.Sema.Virtual == nil {
		return nil
	}
	if schema == "" {
		schema = catalog.PgCatalogName
	}
	return p.env.Sema.Virtual.Lookup(schema, name)
}

// rowTypeOf is name%ROWTYPE: the row type of a relation.
func (p *parser) rowTypeOf(names []string) (types.Type, bool) {
	if len(names) > 2 {
		return types.Type{}, false
	}
	schema, name := "", names[len(names)-1]
	if len(names) == 2 {
		schema = names[0]
	}
	env := *p.env.Sema
	env.Text = ""
	r, ok := env.Catalog.LookupRelation(env.SearchPath, schema, name)
	if !ok {
		if p.systemTable(schema, name) == nil {
			if oid, found := env.Catalog.LookupType(env.SearchPath, schema, name); found && oid.Class() == types.CompositeClass {
				return env.Catalog.ValueType(oid), true
			}
			full := name
			if schema != "" {
				if env.Catalog.SchemaNamed(env.SearchPath, schema) == nil {
					p.fail(-1, pgerr.InvalidSchemaName, "schema \"%s\" does not exist", schema)
				}
				full = schema + "." + name
			}
			p.fail(-1, pgerr.UndefinedTable, "relation \"%s\" does not exist", full)
		}
		return types.T(types.RecordOid), true // no type is there for its rows
	}
	if r.Kind == catalog.KindMatView {
		return types.T(types.RecordOid), true
	}
	typ, err := sema.ResolveType(&parse.TypeName{Names: names, Location: -1}, &env)
	if err != nil || typ.Kind() != types.KRecord {
		p.fail(-1, pgerr.WrongObjectType, "relation \"%s\" does not have a composite type", r.Name())
	}
	return typ, true
}

// exceptions reads the handlers of a block, behind EXCEPTION.
func (p *parser) exceptions(b *blockStmt) {
	ln := p.lineOf(p.cur.start)
	b.guarded = true
	b.state = p.variable("sqlstate", ln, types.T(types.TextOid), nil, true)
	b.state.constant = true
	b.message = p.variable("sqlerrm", ln, types.T(types.TextOid), nil, true)
	b.message.constant = true
	p.expect("when")
	for {
		h := &handler{}
		for {
			h.conditions = append(h.conditions, p.condition()...)
			t := p.next()
			if t.is("or") {
				continue
			}
			if !t.is("then") {
				p.syntaxError()
			}
			break
		}
		h.body = p.statements()
		b.handlers = append(b.handlers, h)
		if !p.accept("when") {
			return
		}
	}
}

// condition is proc_condition.
func (p *parser) condition() []string {
	name := p.anyName()
	switch name {
	case "sqlstate":
		return []string{p.stateLiteral()}
	case "others":
		return []string{""}
	}
	codes := byName[name]
	if codes == nil {
		p.fail(-1, pgerr.UndefinedObject, "unrecognized exception condition \"%s\"", name)
	}
	return codes
}

// stateLiteral reads the text of a SQLSTATE.
func (p *parser) stateLiteral() string {
	t := p.next()
	if t.kind != tokString {
		p.syntaxError()
	}
	if !isState(t.text) {
		p.unexpected("invalid SQLSTATE code")
	}
	return t.text
}

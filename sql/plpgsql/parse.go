package plpgsql

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Types resolves the name of a type.
type Types func(name string) (types.Type, error)

type parser struct {
	f    *Function
	src  string
	toks []token
	pos  int
	ns   *namespace
	typ  Types
}

// bail ends parsing with the error.
type bail struct{ err error }

// Parse reads a body. Positions of errors are in it.
func Parse(f *Function, params []Param, resolve Types) (err error) {
	toks, err := scan(f.Source)
	if err != nil {
		return err
	}
	p := &parser{f: f, src: f.Source, toks: toks, typ: resolve}
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(bail)
			if !ok {
				panic(r)
			}
			err = b.err
		}
	}()
	name, _, _ := strings.Cut(f.Signature, "(")
	p.ns = &namespace{vars: map[string]int{}, label: name}
	f.new, f.old = -1, -1
	for i, a := range params {
		v := p.declare(a.Name, a.Type, 0)
		if a.In {
			f.args = append(f.args, v)
			p.ns.vars["$"+itoa(len(f.args))] = v
		}
		if a.Out {
			f.outs = append(f.outs, v)
		}
		_ = i
	}
	f.found = p.declare("found", types.T(types.BoolOid), 0)
	if f.Return.Trigger {
		f.new = p.declare("new", types.T(types.RecordOid), 0)
		f.old = p.declare("old", types.T(types.RecordOid), 0)
		for _, n := range triggerNames {
			t := types.T(types.TextOid)
			switch n {
			case "tg_relid":
				t = types.T(types.OidOid)
			case "tg_nargs":
				t = types.T(types.Int4Oid)
			case "tg_argv":
				t = types.T(types.TextArrayOid)
			}
			p.declare(n, t, 0)
		}
	}
	for p.is("#") {
		p.fail(pgerr.NotSupported("a # option in PL/pgSQL"))
	}
	label := p.label()
	f.body = p.block(label)
	p.accept(";")
	if p.peek().kind != tokEOF {
		p.syntax()
	}
	return nil
}

var triggerNames = []string{"tg_name", "tg_when", "tg_level", "tg_op", "tg_relid", "tg_relname", "tg_table_name", "tg_table_schema",
	"tg_nargs", "tg_argv"}

func (p *parser) fail(err error) { panic(bail{err}) }

func (p *parser) syntax() {
	t := p.peek()
	if t.kind == tokEOF {
		p.fail(errorAt(p.src, len(p.src), "syntax error at end of input"))
	}
	p.fail(errorAt(p.src, t.start, "syntax error at or near \"%s\"", p.src[t.start:t.end]))
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) ahead(n int) token { return p.toks[min(p.pos+n, len(p.toks)-1)] }

func (p *parser) next() token {
	t := p.peek()
	if t.kind != tokEOF {
		p.pos++
	}
	return t
}

func (t token) is(s string) bool { return (t.kind == tokIdent || t.kind == tokOther) && t.text == s }

func (p *parser) is(s string) bool { return p.peek().is(s) }

func (p *parser) accept(s string) bool {
	if p.is(s) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(words ...string) {
	for _, w := range words {
		if !p.accept(w) {
			p.syntax()
		}
	}
}

func (p *parser) name() string {
	t := p.peek()
	if t.kind != tokIdent && t.kind != tokQuoted {
		p.syntax()
	}
	p.pos++
	return t.text
}

func (p *parser) line() line { return line(1 + strings.Count(p.src[:p.peek().start], "\n")) }

func (p *parser) declare(name string, t types.Type, ln int) int {
	p.f.vars = append(p.f.vars, &variable{name: name, typ: t, record: t.Oid == types.RecordOid, line: ln})
	v := len(p.f.vars) - 1
	if name != "" {
		p.ns.vars[name] = v
	}
	return v
}

// until returns the text up to one of the words outside of parentheses; the word stays. missing is what an end without it lacks.
func (p *parser) until(missing string, words ...string) (text string, start int) {
	depth, first := 0, p.peek()
	end := first.start
	for {
		t := p.peek()
		if t.kind == tokEOF || depth == 0 && t.is(";") {
			if t.is(";") {
				for _, w := range words {
					if w == ";" {
						return p.src[first.start:end], first.start
					}
				}
			}
			if t.kind == tokEOF {
				p.fail(errorAt(p.src, len(p.src), "unexpected end of function definition"))
			}
			p.fail(errorAt(p.src, t.start, "missing \"%s\" at end of SQL expression", missing))
		}
		if depth == 0 {
			for _, w := range words {
				if t.is(w) {
					return p.src[first.start:end], first.start
				}
			}
		}
		if t.is("case") {
			depth++ // its THEN and END are its own
		} else if t.is("end") && depth > 0 {
			depth--
		}
		if t.kind == tokOther {
			switch t.text {
			case "(", "[":
				depth++
			case ")", "]":
				if depth--; depth < 0 {
					p.fail(errorAt(p.src, t.start, "mismatched parentheses"))
				}
			}
		}
		end = t.end
		p.pos++
	}
}

// expr reads an expression up to one of the words, which stays.
func (p *parser) expr(missing string, words ...string) *Query {
	text, start := p.until(missing, words...)
	if text == "" {
		if p.peek().is(";") {
			p.fail(errorAt(p.src, p.peek().start, "missing expression"))
		}
		p.syntax()
	}
	return p.query("SELECT ", text, start, expressionKind)
}

// query checks the syntax of SQL.
func (p *parser) query(prefix, text string, start int, kind string) *Query {
	q := &Query{Text: prefix + text, Written: text, Shift: -len(prefix), Kind: kind, ns: p.ns}
	if stmts, err := parse.Parse(q.Text); err != nil {
		e := pgerr.From(err).Clone()
		if e.Position > 0 {
			e.Position += len([]rune(p.src[:start])) - len(prefix)
		}
		p.fail(e)
	} else if len(stmts) == 0 {
		p.syntax()
	}
	q.Scope = q.scope(p.f)
	return q
}

func (p *parser) label() string {
	if !p.accept("<<") {
		return ""
	}
	l := p.name()
	p.expect(">>")
	return l
}

func (p *parser) endLabel(label string) {
	if t := p.peek(); t.kind == tokIdent || t.kind == tokQuoted {
		if label == "" {
			p.fail(errorAt(p.src, t.start, "end label \"%s\" specified for unlabeled block", t.text))
		}
		if t.text != label {
			p.fail(errorAt(p.src, t.start, "end label \"%s\" differs from block's label \"%s\"", t.text, label))
		}
		p.pos++
	}
}

func (p *parser) block(label string) *block {
	b := &block{line: p.line(), label: label}
	p.ns = &namespace{outer: p.ns, label: label, vars: map[string]int{}}
	defer func() { p.ns = p.ns.outer }()
	if p.accept("declare") {
		for !p.is("begin") {
			if p.accept("declare") {
				continue
			}
			p.declaration(b)
		}
	}
	b.line = p.line()
	p.expect("begin")
	b.body = p.stmts("end", "exception")
	if p.accept("exception") {
		p.ns = &namespace{outer: p.ns, vars: map[string]int{}}
		b.state = [2]int{p.declare("sqlstate", types.T(types.TextOid), 0), p.declare("sqlerrm", types.T(types.TextOid), 0)}
		for p.accept("when") {
			h := handler{}
			for {
				t := p.peek()
				switch n := p.name(); {
				case n == "others":
					h.codes = append(h.codes, "")
				case n == "sqlstate":
					h.codes = append(h.codes, p.next().text)
				case conditions[n] != nil:
					h.codes = append(h.codes, conditions[n]...)
				default:
					p.fail(pgerr.New(pgerr.UndefinedObject, "unrecognized exception condition \"%s\"", n).WithPosition(errorAt(p.src, t.start, "").Position))
				}
				if !p.accept("or") {
					break
				}
			}
			p.expect("then")
			h.body = p.stmts("when", "end")
			b.handlers = append(b.handlers, h)
		}
		p.ns = p.ns.outer
	}
	p.expect("end")
	p.endLabel(label)
	return b
}

func (p *parser) declaration(b *block) {
	ln := p.line()
	start := p.peek()
	name := p.name()
	if _, dup := p.ns.vars[name]; dup {
		p.fail(errorAt(p.src, start.start, "duplicate declaration at or near \"%s\"", p.src[start.start:start.end]))
	}
	if p.is("alias") {
		p.pos++
		p.expect("for")
		n := p.next()
		v, ok := p.ns.find(n.text)
		if !ok {
			p.fail(pgerr.New(pgerr.UndefinedObject, "variable \"%s\" does not exist", n.text).WithPosition(errorAt(p.src, n.start, "").Position))
		}
		p.ns.vars[name] = v
		p.expect(";")
		return
	}
	if p.is("cursor") || p.is("no") || p.is("scroll") {
		p.fail(pgerr.NotSupported("a cursor in PL/pgSQL"))
	}
	constant := p.accept("constant")
	text, at := p.until(";", ";", "not", ":=", "=", "default", "collate")
	if p.accept("collate") {
		p.fail(pgerr.NotSupported("COLLATE of a variable in PL/pgSQL"))
	}
	t, err := p.typeOf(text)
	if err != nil {
		e := pgerr.From(err).Clone()
		e.Position = errorAt(p.src, at, "").Position
		p.fail(e)
	}
	notNull := p.accept("not")
	if notNull {
		p.expect("null")
	}
	var init *Query
	if p.accept(":=") || p.accept("=") || p.accept("default") {
		init = p.expr(";", ";")
	}
	v := p.declare(name, t, int(ln))
	x := p.f.vars[v]
	x.constant, x.notNull, x.init = constant, notNull, init
	if notNull && init == nil {
		p.fail(pgerr.New(pgerr.NullValueNotAllowed, "variable \"%s\" must have a default value, since it's declared NOT NULL", name).
			WithPosition(errorAt(p.src, p.peek().start, "").Position))
	}
	b.vars = append(b.vars, v)
	p.expect(";")
}

// typeOf is the type that a declaration names.
func (p *parser) typeOf(text string) (types.Type, error) {
	low := strings.ToLower(text)
	if low == "record" {
		return types.T(types.RecordOid), nil
	}
	if low == "refcursor" {
		return types.Type{}, pgerr.NotSupported("a cursor in PL/pgSQL")
	}
	if base, ok := strings.CutSuffix(low, "%type"); ok {
		if toks, err := scan(base); err == nil && len(toks) <= 4 {
			if v, rest, ok := p.ns.resolve(names(toks)); ok && len(rest) == 0 {
				return p.f.vars[v].typ, nil
			}
		}
	}
	if strings.HasSuffix(low, "%rowtype") {
		text = strings.TrimSpace(text[:len(text)-len("%rowtype")])
	}
	return p.typ(text)
}

func names(toks []token) []string {
	var out []string
	for _, t := range toks {
		if t.kind == tokIdent || t.kind == tokQuoted {
			out = append(out, t.text)
		}
	}
	return append(out, "")[:max(len(out), 1)]
}

// target reads a variable, or a field of one.
func (p *parser) target() (target, bool) {
	start := p.pos
	t := p.peek()
	if t.kind != tokIdent && t.kind != tokQuoted {
		return target{}, false
	}
	path := []string{p.next().text}
	for p.is(".") && (p.ahead(1).kind == tokIdent || p.ahead(1).kind == tokQuoted) {
		p.pos++
		path = append(path, p.next().text)
	}
	v, rest, ok := p.ns.resolve(path)
	if !ok || len(rest) > 1 {
		p.pos = start
		return target{}, false
	}
	x := target{v: v}
	if len(rest) == 1 {
		x.field = rest[0]
	}
	if p.f.vars[v].constant {
		p.fail(pgerr.New(pgerr.ErrorInAssignment, "variable \"%s\" is declared CONSTANT", p.f.vars[v].name).
			WithPosition(errorAt(p.src, t.start, "").Position))
	}
	return x, true
}

// targets reads what INTO names.
func (p *parser) targets() []target {
	var out []target
	for {
		t := p.peek()
		x, ok := p.target()
		if !ok {
			if t.kind == tokIdent || t.kind == tokQuoted {
				p.fail(errorAt(p.src, t.start, "\"%s\" is not a known variable", t.text))
			}
			p.syntax()
		}
		out = append(out, x)
		if !p.accept(",") {
			return out
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

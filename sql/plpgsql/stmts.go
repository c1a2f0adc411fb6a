package plpgsql

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// stmts reads statements up to one of the words.
func (p *parser) stmts(ends ...string) []stmt {
	var out []stmt
	for {
		for _, e := range ends {
			if p.is(e) {
				return out
			}
		}
		if p.peek().kind == tokEOF {
			p.syntax()
		}
		out = append(out, p.stmt())
	}
}

func (p *parser) stmt() stmt {
	ln, t := p.line(), p.peek()
	if p.is("<<") {
		label := p.label()
		return p.labelled(label)
	}
	if s := p.assignment(ln); s != nil {
		return s
	}
	if t.kind != tokIdent {
		p.syntax()
	}
	switch t.text {
	case "declare", "begin", "loop", "while", "for", "foreach":
		return p.labelled("")
	}
	p.pos++
	var s stmt
	switch t.text {
	case "null":
		s = &null{ln}
	case "if":
		return p.ifStmt(ln)
	case "case":
		return p.caseStmt(ln)
	case "exit", "continue":
		e := &exit{line: ln, proceeds: t.text == "continue"}
		if !p.is("when") && !p.is(";") {
			e.label = p.name()
		}
		if p.accept("when") {
			e.when = p.expr(";", ";")
		}
		s = e
	case "return":
		s = p.returnStmt(ln)
	case "raise":
		s = p.raise(ln)
	case "assert":
		a := &assert{line: ln, cond: p.expr(";", ",", ";")}
		if p.accept(",") {
			a.message = p.expr(";", ";")
		}
		s = a
	case "perform":
		text, start := p.until(";", ";")
		q := p.query("SELECT ", text, start, statementKind)
		q.Written, q.Shift = q.Text, 0
		return p.end(&sqlStmt{line: ln, query: q, perform: true})
	case "execute":
		e := &execute{line: ln, text: p.expr(";", "into", "using", ";")}
		for !p.is(";") {
			if p.accept("into") {
				e.strict = p.accept("strict")
				e.into = p.targets()
			} else if p.accept("using") {
				e.using = p.using("into", ";")
			} else {
				p.syntax()
			}
		}
		s = e
	case "get":
		s = p.diagnostics(ln)
	case "open", "fetch", "move", "close":
		p.fail(pgerr.NotSupported("a cursor in PL/pgSQL"))
	case "commit", "rollback":
		p.fail(pgerr.NotSupported(strings.ToUpper(t.text) + " in PL/pgSQL"))
	default:
		if n := p.peek(); n.is(":=") || n.is("=") {
			p.fail(errorAt(p.src, t.start, "\"%s\" is not a known variable", p.src[t.start:t.end]))
		}
		p.pos--
		s = p.sql(ln)
	}
	return p.end(s)
}

func (p *parser) end(s stmt) stmt {
	p.expect(";")
	return s
}

// using reads the values of USING.
func (p *parser) using(ends ...string) []*Query {
	var out []*Query
	for {
		out = append(out, p.expr(";", append([]string{","}, ends...)...))
		if !p.accept(",") {
			return out
		}
	}
}

func (p *parser) labelled(label string) stmt {
	ln := p.line()
	switch {
	case p.is("declare"), p.is("begin"):
		b := p.block(label)
		p.expect(";")
		return b
	case p.accept("loop"):
		l := &loop{line: ln, label: label}
		l.body = p.loopBody(label)
		return l
	case p.accept("while"):
		l := &loop{line: ln, label: label, cond: p.expr("LOOP", "loop")}
		p.expect("loop")
		l.body = p.loopBody(label)
		return l
	case p.accept("foreach"):
		f := &forEach{line: ln, label: label}
		ts := p.targets()
		f.into = ts[0]
		if p.is("slice") {
			p.fail(pgerr.NotSupported("FOREACH with SLICE in PL/pgSQL"))
		}
		p.expect("in", "array")
		f.array = p.expr("LOOP", "loop")
		p.expect("loop")
		f.body = p.loopBody(label)
		return f
	case p.accept("for"):
		return p.forStmt(ln, label)
	}
	p.syntax()
	return nil
}

func (p *parser) loopBody(label string) []stmt {
	body := p.stmts("end")
	p.expect("end", "loop")
	p.endLabel(label)
	p.expect(";")
	return body
}

func (p *parser) forStmt(ln line, label string) stmt {
	p.ns = &namespace{outer: p.ns, label: label, vars: map[string]int{}, loop: true}
	defer func() { p.ns = p.ns.outer }()
	start := p.pos
	// An integer loop has .. before its LOOP.
	integer := false
	for i := p.pos; p.toks[i].kind != tokEOF && !p.toks[i].is("loop") && !p.toks[i].is(";"); i++ {
		integer = integer || p.toks[i].is("..")
	}
	if integer {
		name := p.name()
		p.expect("in")
		f := &forRange{line: ln, label: label, reverse: p.accept("reverse")}
		f.from = p.expr("..", "..")
		p.expect("..")
		f.to = p.expr("LOOP", "loop", "by")
		if p.accept("by") {
			f.by = p.expr("LOOP", "loop")
		}
		p.expect("loop")
		f.v = p.declare(name, types.T(types.Int4Oid), int(ln))
		f.body = p.loopBody(label)
		return f
	}
	p.pos = start
	f := &forQuery{line: ln, label: label}
	if t := p.peek(); t.kind == tokIdent || t.kind == tokQuoted {
		if _, _, ok := p.ns.resolve([]string{t.text}); !ok {
			p.fail(errorAt(p.src, t.start, "loop variable of loop over rows must be a record variable or list of scalar variables"))
		}
	}
	f.into = p.targets()
	p.expect("in")
	if p.accept("execute") {
		f.dynamic = p.expr("LOOP", "loop", "using")
		if p.accept("using") {
			f.using = p.using("loop")
		}
	} else {
		text, at := p.until("LOOP", "loop")
		f.query = p.query("", text, at, statementKind)
	}
	p.expect("loop")
	f.body = p.loopBody(label)
	return f
}

func (p *parser) ifStmt(ln line) stmt {
	s := &ifStmt{line: ln}
	for {
		b := branch{line: int(p.line()), cond: p.expr("THEN", "then")}
		p.expect("then")
		b.body = p.stmts("elsif", "elseif", "else", "end")
		s.branches = append(s.branches, b)
		if !p.accept("elsif") && !p.accept("elseif") {
			break
		}
	}
	if p.accept("else") {
		s.otherwise = p.stmts("end")
	}
	p.expect("end", "if", ";")
	return s
}

func (p *parser) caseStmt(ln line) stmt {
	s := &caseStmt{line: ln}
	if !p.is("when") {
		s.operand = p.expr("WHEN", "when")
	}
	for p.accept("when") {
		at := p.line()
		text, start := p.until("THEN", "then")
		if s.operand != nil { // each value in turn: operand IN (values)
			q := p.query("SELECT ("+s.operand.Written+") IN (", text+")", start, expressionKind)
			s.branches = append(s.branches, branch{line: int(at), cond: q})
		} else {
			s.branches = append(s.branches, branch{line: int(at), cond: p.query("SELECT ", text, start, expressionKind)})
		}
		p.expect("then")
		s.branches[len(s.branches)-1].body = p.stmts("when", "else", "end")
	}
	if p.accept("else") {
		s.hasElse = true
		s.otherwise = p.stmts("end")
	}
	p.expect("end", "case", ";")
	return s
}

func (p *parser) returnStmt(ln line) stmt {
	r := p.f.Return
	t := p.peek()
	switch {
	case (p.is("next") || p.is("query")) && !r.Set:
		p.fail(pgerr.New(pgerr.DatatypeMismatch, "cannot use RETURN %s in a non-SETOF function", strings.ToUpper(t.text)).
			WithPosition(errorAt(p.src, t.start, "").Position))
	case p.accept("next"):
		s := &returnNext{line: ln}
		if !p.is(";") {
			s.expr = p.expr(";", ";")
		}
		return s
	case p.accept("query"):
		s := &returnQuery{line: ln}
		if p.accept("execute") {
			s.dynamic = p.expr(";", "using", ";")
			if p.accept("using") {
				s.using = p.using(";")
			}
			return s
		}
		text, at := p.until(";", ";")
		s.query = p.query("", text, at, statementKind)
		return s
	case p.is(";"):
		if !r.Set && !r.Procedure && len(p.f.outs) == 0 && r.Type.Oid != types.VoidOid {
			p.fail(errorAt(p.src, t.start, "missing expression at or near \"%s\"", ";"))
		}
		return &returnStmt{line: ln}
	case r.Set:
		p.fail(pgerr.New(pgerr.DatatypeMismatch, "RETURN cannot have a parameter in function returning set").
			WithHint("Use RETURN NEXT or RETURN QUERY.").WithPosition(errorAt(p.src, t.start, "").Position))
	case r.Procedure:
		p.fail(errorAt(p.src, t.start, "RETURN cannot have a parameter in a procedure"))
	case r.Type.Oid == types.VoidOid:
		p.fail(pgerr.New(pgerr.DatatypeMismatch, "RETURN cannot have a parameter in function returning void").WithPosition(errorAt(p.src, t.start, "").Position))
	case len(p.f.outs) > 0:
		p.fail(pgerr.New(pgerr.DatatypeMismatch, "RETURN cannot have a parameter in function with OUT parameters").WithPosition(errorAt(p.src, t.start, "").Position))
	}
	return &returnStmt{line: ln, expr: p.expr(";", ";")}
}

func (p *parser) raise(ln line) stmt {
	r := &raise{line: ln, level: "exception"}
	if p.is(";") {
		r.level = ""
		return r
	}
	switch t := p.peek(); t.text {
	case "exception", "warning", "notice", "info", "log", "debug":
		if t.kind == tokIdent {
			r.level = t.text
			p.pos++
		}
	}
	switch t := p.peek(); {
	case t.kind == tokString:
		p.pos++
		r.format, r.hasText = t.text, true
		for p.accept(",") {
			r.args = append(r.args, p.expr(";", ",", "using", ";"))
		}
		if n := strings.Count(strings.ReplaceAll(r.format, "%%", ""), "%"); n > len(r.args) {
			p.fail(errorAt(p.src, t.start, "too few parameters specified for RAISE"))
		} else if n < len(r.args) {
			p.fail(errorAt(p.src, t.start, "too many parameters specified for RAISE"))
		}
	case p.accept("sqlstate"):
		r.name = p.next().text
	case t.kind == tokIdent && t.text != "using" && !t.is(";"):
		p.pos++
		if conditions[t.text] == nil {
			p.fail(pgerr.New(pgerr.UndefinedObject, "unrecognized exception condition \"%s\"", t.text).WithPosition(errorAt(p.src, t.start, "").Position))
		}
		r.name = t.text
	}
	if p.accept("using") {
		for {
			t := p.peek()
			o := option{name: p.name()}
			switch o.name {
			case "message", "detail", "hint", "errcode", "column", "constraint", "table", "schema", "datatype":
			default:
				p.fail(errorAt(p.src, t.start, "unrecognized RAISE statement option at or near \"%s\"", t.text))
			}
			if !p.accept("=") && !p.accept(":=") {
				p.syntax()
			}
			o.expr = p.expr(";", ",", ";")
			r.options = append(r.options, o)
			if !p.accept(",") {
				break
			}
		}
	}
	return r
}

func (p *parser) diagnostics(ln line) stmt {
	d := &diagnostics{line: ln}
	if !p.accept("current") {
		d.stacked = p.accept("stacked")
	}
	p.expect("diagnostics")
	for {
		t, ok := p.target()
		if !ok {
			p.syntax()
		}
		if !p.accept("=") && !p.accept(":=") {
			p.syntax()
		}
		item := p.name()
		if (item == "row_count") == d.stacked {
			p.fail(pgerr.NotSupported("GET DIAGNOSTICS with " + strings.ToUpper(item)))
		}
		d.items = append(d.items, diagnostic{t, item})
		if !p.accept(",") {
			return d
		}
	}
}

// assignment reads one, if a variable begins the statement.
func (p *parser) assignment(ln line) stmt {
	t := p.peek()
	if n := p.ahead(1); t.kind != tokIdent && t.kind != tokQuoted || !n.is(":=") && !n.is("=") && !n.is(".") && !n.is("[") {
		return nil
	}
	at := p.pos
	to, ok := p.target()
	if !ok {
		return nil
	}
	if p.is("[") {
		p.pos++
		to.subscript = p.expr("]", "]", ":")
		if !p.accept("]") || p.is("[") || p.is(".") {
			p.fail(pgerr.NotSupported("an assignment to a slice or to a part of an element in PL/pgSQL"))
		}
	}
	if !p.accept(":=") && !p.accept("=") {
		p.pos = at
		return nil
	}
	begin := p.toks[at].start
	text, start := p.until(";", ";")
	if text == "" {
		p.syntax()
	}
	q := p.query("SELECT ", text, start, assignmentKind)
	q.Written = p.src[begin : start+len(text)]
	q.Shift += len([]rune(p.src[begin:start]))
	p.expect(";")
	return &assign{line: ln, to: to, expr: q}
}

// sql reads a statement in SQL and takes its INTO out.
func (p *parser) sql(ln line) stmt {
	s := &sqlStmt{line: ln}
	start := p.peek().start
	text, depth, prev, first := "", 0, token{}, p.peek()
	from := start
	for !p.is(";") || depth > 0 {
		t := p.peek()
		if t.kind == tokEOF {
			p.fail(errorAt(p.src, len(p.src), "unexpected end of function definition"))
		}
		if t.is("(") {
			depth++
		} else if t.is(")") {
			depth--
		}
		if t.is("into") && !prev.is("insert") && !prev.is("merge") && first.text != "import" && first.text != "create" {
			if s.into != nil {
				p.fail(errorAt(p.src, t.start, "INTO specified more than once"))
			}
			text += p.src[from:t.start]
			p.pos++
			s.strict = p.accept("strict")
			s.into = p.targets()
			from = p.toks[p.pos-1].end
			text += strings.Repeat(" ", from-t.start) // positions stay
			continue
		}
		prev = t
		p.pos++
	}
	end := max(prev.end, from)
	text = strings.TrimRight(text+p.src[from:end], " \t\r\n")
	s.query = p.query("", text, start, statementKind)
	return s
}

package plpgsql

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The statements of cursors, RETURN and RAISE.

func itoa(n int) string { return strconv.Itoa(n) }

// cursorVariable reads a variable of type refcursor.
func (p *parser) cursorVariable() *datum {
	t := p.next()
	if t.kind != tokDatum {
		p.noVariable(t)
	}
	if t.datum.kind != scalarDatum || p.peekRaw().is("[") {
		p.fail(t.start, pgerr.DatatypeMismatch, "cursor variable must be a simple variable")
	}
	if t.datum.typ.Oid != types.RefcursorOid {
		p.fail(t.start, pgerr.DatatypeMismatch, "variable \"%s\" must be of type cursor or refcursor", t.datum.name)
	}
	return t.datum
}

func (p *parser) openStatement(t token) stmt {
	s := &openStmt{line: line(p.lineOf(t.start)), cursor: p.cursorVariable()}
	if s.cursor.cursorQuery != nil {
		s.args = p.cursorArguments(s.cursor, ";")
		return s
	}
	next := p.next()
	switch {
	case next.isWord("no"):
		if next = p.next(); next.isWord("scroll") {
			s.options = parse.CursorOptNoScroll
			next = p.next()
		}
	case next.isWord("scroll"):
		s.options = parse.CursorOptScroll
		next = p.next()
	}
	if !next.is("for") {
		p.unexpected("syntax error, expected \"FOR\"")
	}
	if !p.next().is("execute") {
		p.pushBack()
		s.query = p.statement()
		return s
	}
	s.dynamic = p.expression("USING or ;", "using", ";")
	if p.cur.is("using") {
		s.using = p.using(";", ", or ;")
	}
	return s
}

func (p *parser) fetchStatement(t token) stmt {
	s := &fetchStmt{line: line(p.lineOf(t.start)), move: t.is("move")}
	p.direction(s)
	s.cursor = p.cursorVariable()
	if s.move {
		p.expect(";")
		return s
	}
	p.expect("into")
	s.target, _ = p.intoTarget(false)
	p.expect(";")
	if s.multiple {
		p.fail(t.start, pgerr.FeatureNotSupported, "FETCH statement cannot return multiple rows")
	}
	return s
}

// direction is read_fetch_direction: all up to the name of the cursor.
func (p *parser) direction(s *fetchStmt) {
	s.direction, s.count = parse.FetchForward, 1
	t := p.next()
	count := func() {
		s.howMany = p.expression("FROM or IN", "from", "in")
	}
	switch {
	case t.kind == tokEOF:
		p.unexpected("unexpected end of function definition")
	case t.isWord("next"):
	case t.isWord("prior"):
		s.direction = parse.FetchBackward
	case t.isWord("first"):
		s.direction = parse.FetchAbsolute
	case t.isWord("last"):
		s.direction, s.count = parse.FetchAbsolute, -1
	case t.isWord("absolute"):
		s.direction = parse.FetchAbsolute
		count()
		return
	case t.isWord("relative"):
		s.direction = parse.FetchRelative
		count()
		return
	case t.isWord("all"):
		s.count, s.multiple = parse.FetchAll, true
	case t.isWord("forward"), t.isWord("backward"):
		if t.isWord("backward") {
			s.direction = parse.FetchBackward
		}
		switch next := p.next(); {
		case next.kind == tokEOF:
			p.unexpected("unexpected end of function definition")
		case next.is("from") || next.is("in"):
			return
		case next.is("all"):
			s.count, s.multiple = parse.FetchAll, true
		default:
			p.pushBack()
			s.multiple = true
			count()
			return
		}
	case t.is("from") || t.is("in"):
		return
	case t.kind == tokDatum:
		p.pushBack()
		return
	default:
		p.pushBack()
		s.multiple = true
		count()
		return
	}
	if t := p.next(); !t.is("from") && !t.is("in") {
		p.unexpected("expected FROM or IN")
	}
}

func (p *parser) closeStatement(t token) stmt {
	s := &closeStmt{line: line(p.lineOf(t.start)), cursor: p.cursorVariable()}
	p.expect(";")
	return s
}

func (p *parser) returnStatement(t token) stmt {
	ln := line(p.lineOf(t.start))
	next := p.next()
	switch {
	case next.kind == tokEOF:
		p.unexpected("unexpected end of function definition")
	case next.isWord("next"):
		return p.returnNext(ln, t.start)
	case next.isWord("query"):
		return p.returnQuery(ln, t.start)
	}
	p.pushBack()
	s := &returnStmt{line: ln}
	f := p.fn
	nothing := func(format string, code string, hint string) {
		if p.next().is(";") {
			return
		}
		e := pgerr.New(code, format)
		e.Position, e.Hint = parse.Position(p.source, p.cur.start), hint
		panic(failure{e})
	}
	switch {
	case f.set:
		nothing("RETURN cannot have a parameter in function returning set", pgerr.DatatypeMismatch, "Use RETURN NEXT or RETURN QUERY.")
	case f.result.Oid == types.VoidOid && f.result.Domain == 0 && !f.ofTrigger:
		if f.procedure {
			nothing("RETURN cannot have a parameter in a procedure", pgerr.SyntaxError, "")
		} else {
			nothing("RETURN cannot have a parameter in function returning void", pgerr.DatatypeMismatch, "")
		}
	case f.out != nil:
		nothing("RETURN cannot have a parameter in function with OUT parameters", pgerr.DatatypeMismatch, "")
		s.variable = f.out
	default:
		s.variable, s.value = p.returnedValue()
	}
	return s
}

// returnedValue reads what RETURN returns: a variable and nothing else, or an expression.
func (p *parser) returnedValue() (*datum, *expression) {
	t := p.next()
	if t.kind == tokDatum && t.datum.kind != fieldDatum && p.peekRaw().is(";") {
		p.next()
		return t.datum, nil
	}
	p.pushBack()
	return nil, p.expression(";", ";")
}

func (p *parser) returnNext(ln line, at int) stmt {
	if !p.fn.set {
		p.fail(at, pgerr.DatatypeMismatch, "cannot use RETURN NEXT in a non-SETOF function")
	}
	s := &returnNextStmt{line: ln}
	if p.fn.out != nil {
		if !p.next().is(";") {
			p.fail(p.cur.start, pgerr.DatatypeMismatch, "RETURN NEXT cannot have a parameter in function with OUT parameters")
		}
		s.variable = p.fn.out
		return s
	}
	s.variable, s.value = p.returnedValue()
	return s
}

func (p *parser) returnQuery(ln line, at int) stmt {
	if !p.fn.set {
		p.fail(at, pgerr.DatatypeMismatch, "cannot use RETURN QUERY in a non-SETOF function")
	}
	s := &returnQueryStmt{line: ln}
	if !p.next().is("execute") {
		p.pushBack()
		s.query = p.statement()
		return s
	}
	s.dynamic = p.expression("; or USING", ";", "using")
	if p.cur.is("using") {
		s.using = p.using(";", ", or ;")
	}
	return s
}

var raiseLevels = map[string]string{"exception": pgerr.SeverityError, "warning": pgerr.SeverityWarning, "notice": pgerr.SeverityNotice,
	"info": pgerr.SeverityInfo, "log": pgerr.SeverityLog, "debug": pgerr.SeverityDebug}

func (p *parser) raiseStatement(first token) stmt {
	s := &raiseStmt{line: line(p.lineOf(first.start)), level: pgerr.SeverityError}
	t := p.next()
	if t.kind == tokEOF {
		p.unexpected("unexpected end of function definition")
	}
	if t.is(";") {
		return s
	}
	if level, ok := raiseLevels[t.text]; ok && t.isWord(t.text) {
		s.level = level
		t = p.next()
	}
	switch {
	case t.kind == tokEOF:
		p.unexpected("unexpected end of function definition")
	case t.kind == tokString:
		s.message, s.formatted = t.text, true
		t = p.next()
		if !t.is(",") && !t.is(";") && !t.is("using") {
			p.syntaxError()
		}
		for t.is(",") {
			s.params = append(s.params, p.expression(", or ; or USING", ",", ";", "using"))
			t = p.cur
		}
	case !t.is("using"):
		s.condition = p.raisedCondition(t)
		if t = p.next(); !t.is(";") && !t.is("using") {
			p.syntaxError()
		}
	}
	if t.is("using") {
		p.raiseOptions(s)
	}
	if s.formatted {
		p.checkRaise(s)
	}
	return s
}

// raisedCondition is the condition that RAISE names: by its name, or by SQLSTATE.
func (p *parser) raisedCondition(t token) string {
	if t.isWord("sqlstate") {
		return p.stateLiteral()
	}
	if t.kind != tokWord && !t.unreservedWord() {
		p.syntaxError()
	}
	if byName[t.text] == nil {
		p.fail(-1, pgerr.UndefinedObject, "unrecognized exception condition \"%s\"", t.text)
	}
	return t.text
}

func (p *parser) raiseOptions(s *raiseStmt) {
	for {
		t := p.next()
		switch {
		case t.kind == tokEOF:
			p.unexpected("unexpected end of function definition")
		case t.isWord("errcode"), t.isWord("message"), t.isWord("detail"), t.isWord("hint"), t.isWord("column"), t.isWord("constraint"),
			t.isWord("datatype"), t.isWord("table"), t.isWord("schema"):
		default:
			p.unexpected("unrecognized RAISE statement option")
		}
		if eq := p.next(); !eq.is("=") && !eq.is(":=") {
			p.unexpected("syntax error, expected \"=\"")
		}
		s.options = append(s.options, raiseOption{t.text, p.expression(", or ;", ",", ";")})
		if p.cur.is(";") {
			return
		}
	}
}

// checkRaise counts the places of a message's parameters.
func (p *parser) checkRaise(s *raiseStmt) {
	n := 0
	for i := 0; i < len(s.message); i++ {
		if s.message[i] == '%' {
			if i+1 < len(s.message) && s.message[i+1] == '%' {
				i++
			} else {
				n++
			}
		}
	}
	switch {
	case n < len(s.params):
		p.fail(-1, pgerr.SyntaxError, "too many parameters specified for RAISE")
	case n > len(s.params):
		p.fail(-1, pgerr.SyntaxError, "too few parameters specified for RAISE")
	}
}

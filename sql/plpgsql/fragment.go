package plpgsql

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// The SQL within PL/pgSQL: where it begins and ends, and whether its syntax is right.

func (p *parser) newExpression(text string, mode parse.PLMode) *expression {
	return &expression{text: text, mode: mode, ns: p.ns, fn: p.fn}
}

// expression reads an expression up to a token, which is read too.
func (p *parser) expression(expected string, until ...string) *expression {
	return p.construct(parse.PLExpression, true, true, expected, until...)
}

// statement reads a statement of SQL up to the semicolon.
func (p *parser) statement() *expression {
	return p.construct(parse.PLStatement, false, true, ";", ";")
}

// construct is read_sql_construct. The token that ends it is p.cur.
func (p *parser) construct(mode parse.PLMode, isExpression, check bool, expected string, until ...string) *expression {
	e, start := p.piece(mode, isExpression, expected, until...)
	if check {
		p.checkSQL(e, start)
	}
	return e
}

// piece is construct without a look at the syntax; it returns where the piece begins.
func (p *parser) piece(mode parse.PLMode, isExpression bool, expected string, until ...string) (*expression, int) {
	before := p.mode
	p.mode = lookupExpr
	start, end, depth := -1, -1, 0
	for {
		t := p.next()
		if start < 0 {
			start = t.start
		}
		if depth == 0 && endsAt(t, until) {
			break
		}
		switch {
		case t.is("(") || t.is("["):
			depth++
		case t.is(")") || t.is("]"):
			if depth--; depth < 0 {
				p.unexpected("mismatched parentheses")
			}
		case t.kind == tokEOF || t.is(";"):
			if depth != 0 {
				p.unexpected("mismatched parentheses")
			}
			what := "statement"
			if isExpression {
				what = "expression"
			}
			p.failSyntax(t.start, "missing \"%s\" at end of SQL %s", expected, what)
		}
		end = t.end
	}
	p.mode = before
	if start >= end {
		if isExpression {
			p.unexpected("missing expression")
		}
		p.unexpected("missing SQL statement")
	}
	return p.newExpression(p.source[start:end], mode), start
}

// endsAt reports whether a token is one that ends a piece. Where fewer than three end it, the end of the text does, too: read_sql_construct
// compares with three tokens, of which those that are not given are 0, and that is the end. The grammar then fails.
func endsAt(t token, until []string) bool {
	if t.kind == tokEOF && len(until) < 3 {
		return true
	}
	for _, u := range until {
		if t.is(u) {
			return true
		}
	}
	return false
}

// checkSQL is check_sql_expr: text begins at a place of the source.
func (p *parser) checkSQL(e *expression, start int) {
	if !p.check {
		return
	}
	parsed, err := parse.ParsePL(e.text, e.mode)
	if err != nil {
		x := pgerr.From(err).Clone()
		x.Position = parse.Position(p.source, start) + max(x.Position-1, 0)
		panic(failure{x})
	}
	e.parsed = parsed
}

// sqlStatement is make_execsql_stmt: a statement of SQL whose first token was read. INTO and its target are taken out of it.
func (p *parser) sqlStatement(first token) stmt {
	start := first.start
	s := &sqlStmt{line: line(p.lineOf(start))}
	before := p.mode
	p.mode = lookupExpr
	routine := routineDetector{create: first.kind == tokWord && first.text == "create"}
	intoStart, intoEnd := -1, -1
	parens, blocks := 0, 0
	t := first
	for {
		previous := t
		t = p.next()
		if intoStart >= 0 && intoEnd < 0 {
			intoEnd = t.start
		}
		routine.see(t)
		switch {
		case t.is("("):
			parens++
		case t.is(")") && parens > 0:
			parens--
		}
		if routine.found && parens == 0 {
			switch {
			case t.is("begin") || t.is("case"):
				blocks++
			case t.is("end") && blocks > 0:
				blocks--
			}
		}
		if t.is(";") && parens == 0 && blocks == 0 {
			break
		}
		if t.kind == tokEOF {
			p.unexpected("unexpected end of function definition")
		}
		if !t.is("into") || previous.is("insert") || previous.is("merge") || first.is("import") {
			continue
		}
		if intoStart >= 0 {
			p.unexpected("INTO specified more than once")
		}
		intoStart = t.start
		p.mode = lookupNormal
		s.into, s.strict = p.intoTarget(true)
		p.mode = lookupExpr
	}
	p.mode = before
	text := p.source[start:t.start]
	if intoStart >= 0 { // places in what is left are those in the source
		text = p.source[start:intoStart] + strings.Repeat(" ", intoEnd-intoStart) + p.source[intoEnd:t.start]
	}
	s.query = p.newExpression(strings.TrimRight(text, " \t\n\r\f"), parse.PLStatement)
	p.checkSQL(s.query, start)
	return s
}

// routineDetector finds CREATE [OR REPLACE] FUNCTION or PROCEDURE, within which semicolons may stand in BEGIN … END.
type routineDetector struct {
	create bool
	seen   []byte
	found  bool
}

func (d *routineDetector) see(t token) {
	if !d.create || len(d.seen) >= 3 {
		return
	}
	c := byte(0)
	switch {
	case t.is("or"):
		c = 'o'
	case t.kind == tokWord && t.text == "replace":
		c = 'r'
	case t.kind == tokWord && (t.text == "function" || t.text == "procedure"):
		c = 'f'
	}
	d.seen = append(d.seen, c)
	d.found = d.found || d.seen[0] == 'f' || string(d.seen) == "orf"
}

// perform reads PERFORM, which becomes SELECT.
func (p *parser) perform(first token) stmt {
	s := &performStmt{line: line(p.lineOf(first.start))}
	p.pushBack()
	e, start := p.piece(parse.PLStatement, false, ";", ";")
	e.text = "SELECT" + e.text[len("perform"):]
	p.checkSQL(e, start+1)
	s.query = e
	return s
}

// cursorArguments is read_cursor_args: the arguments of a cursor, as one expression, and the token behind.
func (p *parser) cursorArguments(cursor *datum, until string) *expression {
	t := p.next()
	row := cursor.cursorArgs
	if row == nil {
		if t.is("(") {
			p.failSyntax(t.start, "cursor \"%s\" has no arguments", cursor.name)
		}
		if !t.is(until) {
			p.syntaxError()
		}
		return nil
	}
	if !t.is("(") {
		p.failSyntax(t.start, "cursor \"%s\" has arguments", cursor.name)
	}
	args := make([]string, len(row.members))
	named := false
	for i := range row.members {
		at, where := i, -1
		first := p.raw()
		second := p.raw()
		p.pushRaw(second)
		p.pushRaw(first)
		if where = first.start; first.kind == tokIdent && second.is(":=") {
			named = true
			p.raw()
			p.cur = first
			at = -1
			for k, n := range row.names {
				if n == first.text {
					at = k
				}
			}
			if at < 0 {
				p.failSyntax(first.start, "cursor \"%s\" has no argument named \"%s\"", cursor.name, first.text)
			}
			p.expect(":=")
		}
		if args[at] != "" {
			p.failSyntax(where, "value for parameter \"%s\" of cursor \"%s\" specified more than once", row.names[at], cursor.name)
		}
		args[at] = p.expression(",\" or \")", ",", ")").text
		switch last := i == len(row.members)-1; {
		case p.cur.is(")") && !last:
			p.failSyntax(p.cur.start, "not enough arguments for cursor \"%s\"", cursor.name)
		case p.cur.is(",") && last:
			p.failSyntax(p.cur.start, "too many arguments for cursor \"%s\"", cursor.name)
		}
	}
	if named {
		for i := range args {
			args[i] += " AS " + parse.QuoteIdent(row.names[i])
		}
	}
	e := p.newExpression(strings.Join(args, ", "), parse.PLExpression)
	e.whole = true
	if !p.next().is(until) {
		p.syntaxError()
	}
	return e
}

// using reads a list of expressions up to the token that ends it.
func (p *parser) using(end, expected string) []*expression {
	var out []*expression
	for {
		out = append(out, p.expression(expected, ",", end))
		if !p.cur.is(",") {
			return out
		}
	}
}

package plpgsql

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// statements is proc_sect: statements up to a word that begins none.
func (p *parser) statements() []stmt {
	var out []stmt
	for {
		s, ok := p.oneStatement()
		if !ok {
			return out
		}
		if s != nil {
			out = append(out, s)
		}
	}
}

// oneStatement reads a statement; a nil one is NULL. ok is false where none begins.
func (p *parser) oneStatement() (s stmt, ok bool) {
	t := p.next()
	switch t.kind {
	case tokDatum:
		return p.assignment(t), true
	case tokWord, tokDottedWord:
		if next := p.next(); next.is("=") || next.is(":=") || next.is("[") || next.is(".") {
			p.notVariable(t)
		}
		p.pushBack()
		return p.sqlStatement(t), true
	case tokPunct:
		if t.is("<<") {
			p.pushBack()
			return p.labelled(), true
		}
	case tokKeyword:
		if read := keywordStatements[t.text]; read != nil {
			return read(p, t), true
		}
		switch t.text {
		case "declare", "begin":
			p.pushBack()
			b := p.block()
			p.expect(";")
			return b, true
		case "loop", "while", "for", "foreach":
			p.pushBack()
			return p.labelled(), true
		case "null":
			p.expect(";")
			return nil, true
		}
	}
	p.pushBack()
	return nil, false
}

// keywordStatements are the statements that begin with a keyword of PL/pgSQL.
var keywordStatements map[string]func(p *parser, t token) stmt

func init() {
	keywordStatements = map[string]func(p *parser, t token) stmt{
		"if": (*parser).ifStatement, "case": (*parser).caseStatement, "exit": (*parser).exitStatement,
		"continue": (*parser).exitStatement, "return": (*parser).returnStatement, "raise": (*parser).raiseStatement,
		"assert": (*parser).assertStatement, "execute": (*parser).executeStatement, "perform": (*parser).perform,
		"call": (*parser).callStatement, "do": (*parser).callStatement, "get": (*parser).diagnosticsStatement,
		"open": (*parser).openStatement, "fetch": (*parser).fetchStatement, "move": (*parser).fetchStatement,
		"close": (*parser).closeStatement, "commit": (*parser).transactionStatement, "rollback": (*parser).transactionStatement,
		"import": (*parser).sqlStatement, "insert": (*parser).sqlStatement, "merge": (*parser).sqlStatement,
	}
}

// notVariable is word_is_not_variable and cword_is_not_variable.
func (p *parser) notVariable(t token) {
	p.failSyntax(t.start, "\"%s\" is not a known variable", t.name())
}

// noVariable is current_token_is_not_variable.
func (p *parser) noVariable(t token) {
	if t.kind == tokWord || t.kind == tokDottedWord {
		p.notVariable(t)
	}
	p.syntaxError()
}

// checkAssignable refuses a target that is a constant.
func (p *parser) checkAssignable(d *datum, at int) {
	switch {
	case d.kind == fieldDatum:
		p.checkAssignable(d.record, at)
	case d.constant:
		p.fail(at, pgerr.ErrorInAssignment, "variable \"%s\" is declared CONSTANT", d.name)
	}
}

func (p *parser) assignment(t token) stmt {
	p.checkAssignable(t.datum, t.start)
	s := &assignStmt{line: line(p.lineOf(t.start)), target: t.datum}
	mode := parse.PLAssign1
	if n := len(t.names); n > 0 {
		mode += parse.PLMode(n - 1)
	}
	p.pushBack()
	s.value = p.construct(mode, false, true, ";", ";")
	if t.datum.kind == scalarDatum {
		s.value.target = t.datum
	}
	return s
}

// labelled reads a block or a loop, which may have a label.
func (p *parser) labelled() stmt {
	// What the label is of is known behind it; a namespace does not depend on it until names are looked up.
	name, at := "", -1
	if p.accept("<<") {
		name = p.anyName()
		p.expect(">>")
		at = 0
	}
	t := p.next()
	p.pushBack()
	switch {
	case t.is("loop"), t.is("while"), t.is("for"), t.is("foreach"):
		p.pushNamespace(name, loopLabel)
		return p.loop(name)
	case at < 0, t.is("declare"), t.is("begin"):
		b := p.labelledBlock(name)
		p.expect(";")
		return b
	}
	p.next()
	p.syntaxError()
	return nil
}

// labelledBlock is block behind its label.
func (p *parser) labelledBlock(label string) *blockStmt {
	p.pushNamespace(label, blockLabel)
	return p.blockBody(label)
}

// loop reads a loop behind its label.
func (p *parser) loop(label string) stmt {
	t := p.next()
	ln := line(p.lineOf(t.start))
	switch t.text {
	case "loop":
		s := &loopStmt{line: ln, label: label}
		s.body = p.loopBody(label)
		return s
	case "while":
		s := &whileStmt{line: ln, label: label}
		s.cond = p.expression("LOOP", "loop")
		s.body = p.loopBody(label)
		return s
	case "foreach":
		return p.each(ln, label)
	}
	return p.forLoop(ln, label)
}

// loopBody reads the statements of a loop and its end.
func (p *parser) loopBody(label string) []stmt {
	body := p.statements()
	p.expect("end")
	p.expect("loop")
	name, at := p.optionalName()
	p.expect(";")
	switch {
	case at < 0:
	case label == "":
		p.failSyntax(at, "end label \"%s\" specified for unlabeled block", name)
	case name != label:
		p.failSyntax(at, "end label \"%s\" differs from block's label \"%s\"", name, label)
	}
	p.popNamespace()
	return body
}

// loopVariable is for_variable: a name, which may be one or several variables.
type loopVariable struct {
	name        string
	line, at    int
	scalar, row *datum
}

func (p *parser) loopVariable() loopVariable {
	t := p.next()
	v := loopVariable{name: t.name(), line: p.lineOf(t.start), at: t.start}
	switch t.kind {
	case tokDatum:
		if t.datum.composite() {
			v.row = t.datum
			return v
		}
		v.scalar = t.datum
		comma := p.next().is(",")
		p.pushBack()
		if comma {
			v.row = p.scalarList(t)
		}
	case tokWord:
		comma := p.next().is(",")
		p.pushBack()
		if comma {
			p.notVariable(t)
		}
	case tokDottedWord:
		p.notVariable(t)
	default:
		p.syntaxError()
	}
	return v
}

// rows is the target of a loop over rows.
func (p *parser) rowsTarget(v loopVariable, code string) *datum {
	switch {
	case v.row != nil:
		p.checkAssignable(v.row, v.at)
		return v.row
	case v.scalar != nil:
		p.checkAssignable(v.scalar, v.at)
		return p.add(&datum{kind: rowDatum, name: "(unnamed row)", line: v.line, members: []*datum{v.scalar}, names: []string{v.name}})
	}
	p.fail(v.at, code, "loop variable of loop over rows must be a record variable or list of scalar variables")
	return nil
}

// forLoop is FOR: over integers, a query, a cursor or EXECUTE.
func (p *parser) forLoop(ln line, label string) stmt {
	v := p.loopVariable()
	p.expect("in")
	t := p.next()
	if t.is("execute") {
		s := &rowsStmt{line: ln, label: label}
		s.dynamic = p.expression("LOOP or USING", "loop", "using")
		usesParams := p.cur.is("using")
		s.target = p.rowsTarget(v, pgerr.DatatypeMismatch)
		if usesParams {
			s.using = p.using("loop", ", or LOOP")
		}
		s.body = p.loopBody(label)
		return s
	}
	if t.kind == tokDatum && t.datum.kind == scalarDatum && t.datum.typ.Oid == types.RefcursorOid {
		return p.cursorLoop(ln, label, v, t)
	}
	reverse := t.isWord("reverse")
	if !reverse {
		p.pushBack()
	}
	first, start := p.piece(parse.PLStatement, true, "LOOP", "..", "loop")
	if p.cur.is("..") {
		return p.rangeLoop(ln, label, v, first, start, reverse)
	}
	if reverse {
		p.failSyntax(t.start, "cannot specify REVERSE in query FOR loop")
	}
	p.checkSQL(first, start)
	s := &rowsStmt{line: ln, label: label, query: first}
	s.target = p.rowsTarget(v, pgerr.SyntaxError)
	s.body = p.loopBody(label)
	return s
}

func (p *parser) cursorLoop(ln line, label string, v loopVariable, t token) stmt {
	s := &rowsStmt{line: ln, label: label, cursor: t.datum}
	if v.scalar != nil && v.row != nil {
		p.failSyntax(v.at, "cursor FOR loop must have only one target variable")
	}
	if t.datum.cursorQuery == nil {
		p.failSyntax(t.start, "cursor FOR loop must use a bound cursor variable")
	}
	s.args = p.cursorArguments(t.datum, "loop")
	s.target = p.recordVariable(v.name, v.line, types.T(types.RecordOid), nil, true)
	s.body = p.loopBody(label)
	return s
}

func (p *parser) rangeLoop(ln line, label string, v loopVariable, lower *expression, start int, reverse bool) stmt {
	s := &rangeStmt{line: ln, label: label, lower: lower, reverse: reverse}
	lower.mode = parse.PLExpression
	p.checkSQL(lower, start)
	s.upper = p.expression("LOOP", "loop", "by")
	if p.cur.is("by") {
		s.step = p.expression("LOOP", "loop")
	}
	if v.scalar != nil && v.row != nil {
		p.failSyntax(v.at, "integer FOR loop must have only one target variable")
	}
	s.variable = p.variable(v.name, v.line, types.T(types.Int4Oid), nil, true)
	s.body = p.loopBody(label)
	return s
}

// each is FOREACH.
func (p *parser) each(ln line, label string) stmt {
	s := &eachStmt{line: ln, label: label}
	v := p.loopVariable()
	if p.accept("slice") {
		t := p.next()
		if t.kind != tokInteger {
			p.syntaxError()
		}
		for _, c := range t.text {
			s.slice = s.slice*10 + int(c-'0')
		}
	}
	p.expect("in")
	p.expect("array")
	s.array = p.expression("LOOP", "loop")
	s.body = p.loopBody(label)
	switch {
	case v.row != nil:
		s.target = v.row
	case v.scalar != nil:
		s.target = v.scalar
	default:
		p.failSyntax(v.at, "loop variable of FOREACH must be a known variable or list of variables")
	}
	p.checkAssignable(s.target, v.at)
	return s
}

func (p *parser) ifStatement(t token) stmt {
	s := &ifStmt{line: line(p.lineOf(t.start))}
	for {
		cond := p.expression("THEN", "then")
		s.branches = append(s.branches, branch{cond, p.statements()})
		if !p.accept("elsif") {
			break
		}
	}
	if p.accept("else") {
		s.otherwise = p.statements()
	}
	p.expect("end")
	p.expect("if")
	p.expect(";")
	return s
}

// caseStatement is CASE. With an operand, that is put into a variable, which each WHEN compares with its list.
func (p *parser) caseStatement(t token) stmt {
	s := &caseStmt{line: line(p.lineOf(t.start))}
	if !p.next().is("when") {
		p.pushBack()
		s.operand = p.expression("WHEN", "when")
	}
	for {
		cond := p.expression("THEN", "then")
		s.branches = append(s.branches, branch{cond, p.statements()})
		if !p.accept("when") {
			break
		}
	}
	if p.accept("else") {
		s.hasElse = true
		s.otherwise = p.statements()
	}
	p.expect("end")
	p.expect("case")
	p.expect(";")
	if s.operand == nil {
		return s
	}
	name := "__Case__Variable_" + itoa(len(p.fn.datums)) + "__"
	s.variable = p.variable(name, s.lineNo(), types.T(types.Int4Oid), nil, true)
	for i := range s.branches {
		c := s.branches[i].cond
		s.branches[i].cond = p.newExpression("\""+name+"\" IN ("+c.text+")", parse.PLExpression)
	}
	return s
}

func (p *parser) exitStatement(t token) stmt {
	s := &exitStmt{line: line(p.lineOf(t.start)), isExit: t.is("exit")}
	name, at := p.optionalName()
	s.label = name
	switch next := p.next(); {
	case next.is(";"):
	case next.is("when"):
		s.when = p.expression(";", ";")
	default:
		p.syntaxError()
	}
	if at >= 0 {
		l := p.ns.findLabel(name)
		if l == nil {
			p.failSyntax(at, "there is no label \"%s\" attached to any block or loop enclosing this statement", name)
		}
		if l.label != loopLabel && !s.isExit {
			p.failSyntax(at, "block label \"%s\" cannot be used in CONTINUE", name)
		}
		return s
	}
	if !p.ns.inLoop() {
		if s.isExit {
			p.failSyntax(t.start, "EXIT cannot be used outside a loop, unless it has a label")
		}
		p.failSyntax(t.start, "CONTINUE cannot be used outside a loop")
	}
	return s
}

func (p *parser) assertStatement(t token) stmt {
	s := &assertStmt{line: line(p.lineOf(t.start))}
	s.cond = p.expression(", or ;", ",", ";")
	if p.cur.is(",") {
		s.message = p.expression(";", ";")
	}
	return s
}

func (p *parser) callStatement(t token) stmt {
	s := &callStmt{line: line(p.lineOf(t.start)), isCall: t.is("call")}
	p.pushBack()
	s.query = p.statement()
	return s
}

// executeStatement is EXECUTE, with INTO and USING in any order.
func (p *parser) executeStatement(t token) stmt {
	s := &executeStmt{line: line(p.lineOf(t.start))}
	s.query = p.expression("INTO or USING or ;", "into", "using", ";")
	end := p.cur
	for !end.is(";") {
		switch {
		case end.is("into"):
			if s.into != nil {
				p.syntaxError()
			}
			s.into, s.strict = p.intoTarget(true)
			end = p.next()
		case end.is("using"):
			if s.using != nil {
				p.syntaxError()
			}
			for {
				s.using = append(s.using, p.expression(", or ; or INTO", ",", ";", "into"))
				if end = p.cur; !end.is(",") {
					break
				}
			}
		default:
			p.syntaxError()
		}
	}
	return s
}

func (p *parser) transactionStatement(t token) stmt {
	s := &transactionStmt{line: line(p.lineOf(t.start)), commit: t.is("commit")}
	if p.accept("and") {
		s.chain = !p.accept("no")
		p.expect("chain")
	}
	p.expect(";")
	return s
}

// intoTarget is read_into_target: the target of INTO, behind it.
func (p *parser) intoTarget(strictAllowed bool) (target *datum, strict bool) {
	t := p.next()
	if strictAllowed && t.is("strict") {
		strict = true
		t = p.next()
	}
	if t.kind != tokDatum {
		p.noVariable(t)
	}
	if !t.datum.composite() {
		return p.scalarList(t), strict
	}
	p.checkAssignable(t.datum, t.start)
	if p.next().is(",") {
		p.failSyntax(p.cur.start, "record variable cannot be part of multiple-item INTO list")
	}
	p.pushBack()
	return t.datum, strict
}

// maxTargets is how many variables an INTO may have.
const maxTargets = 1024

// scalarList is read_into_scalar_list: a list of variables, the first of which was read.
func (p *parser) scalarList(first token) *datum {
	p.checkAssignable(first.datum, first.start)
	row := &datum{kind: rowDatum, name: "(unnamed row)", members: []*datum{first.datum}, names: []string{first.name()}}
	for p.next().is(",") {
		if len(row.members) >= maxTargets {
			p.fail(p.cur.start, pgerr.ProgramLimitExceeded, "too many INTO variables specified")
		}
		t := p.next()
		if t.kind != tokDatum {
			p.noVariable(t)
		}
		p.checkAssignable(t.datum, t.start)
		if t.datum.composite() {
			p.failSyntax(t.start, "\"%s\" is not a scalar variable", t.name())
		}
		row.members, row.names = append(row.members, t.datum), append(row.names, t.name())
	}
	p.pushBack()
	row.line = p.lineOf(first.start)
	return p.add(row)
}

// diagnosticItems are the items of GET DIAGNOSTICS: true for those of GET STACKED DIAGNOSTICS alone.
var diagnosticItems = map[string]bool{"row_count": false, "pg_context": false, "pg_exception_detail": true, "pg_exception_hint": true,
	"pg_exception_context": true, "column_name": true, "constraint_name": true, "pg_datatype_name": true, "message_text": true,
	"table_name": true, "schema_name": true, "returned_sqlstate": true}

func (p *parser) diagnosticsStatement(t token) stmt {
	s := &diagnosticsStmt{line: line(p.lineOf(t.start))}
	if !p.accept("current") {
		s.stacked = p.accept("stacked")
	}
	p.expect("diagnostics")
	for {
		target := p.next()
		if target.kind != tokDatum {
			p.noVariable(target)
		}
		if target.datum.composite() || p.peekRaw().is("[") {
			p.failSyntax(target.start, "\"%s\" is not a scalar variable", target.name())
		}
		p.checkAssignable(target.datum, target.start)
		if eq := p.next(); !eq.is("=") && !eq.is(":=") {
			p.syntaxError()
		}
		item := p.next()
		if _, ok := diagnosticItems[item.text]; !ok || !item.isWord(item.text) {
			p.unexpected("unrecognized GET DIAGNOSTICS item")
		}
		s.items = append(s.items, diagnostic{target.datum, item.text})
		if !p.accept(",") {
			break
		}
	}
	p.expect(";")
	for _, it := range s.items {
		switch {
		case s.stacked && it.item == "row_count":
			p.failSyntax(t.start, "diagnostics item %s is not allowed in GET STACKED DIAGNOSTICS", "ROW_COUNT")
		case !s.stacked && diagnosticItems[it.item]:
			p.failSyntax(t.start, "diagnostics item %s is not allowed in GET CURRENT DIAGNOSTICS", strings.ToUpper(it.item))
		}
	}
	return s
}

package plpgsql

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// reserved are the keywords that are no names.
var reserved = wordSet("all begin by case declare else end execute for foreach from if in into loop not null or strict then to using " +
	"when while")

// unreserved are the keywords that are names too.
var unreserved = wordSet("absolute alias and array assert backward call chain close collate column column_name commit constant " +
	"constraint constraint_name continue current cursor datatype debug default detail diagnostics do dump elseif elsif errcode error " +
	"exception exit fetch first forward get hint import info insert is last log merge message message_text move next no notice open " +
	"option perform pg_context pg_datatype_name pg_exception_context pg_exception_detail pg_exception_hint print_strict_params prior " +
	"query raise relative return returned_sqlstate reverse rollback row_count rowtype schema schema_name scroll slice sqlstate stacked " +
	"table table_name type use_column use_variable variable_conflict warning")

func wordSet(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// tokenKind is what the grammar sees of a token.
type tokenKind uint8

const (
	tokEOF        tokenKind = iota
	tokIdent                // an identifier that was not looked up; the grammar does not see it
	tokWord                 // T_WORD: a name that is no variable
	tokDottedWord           // T_CWORD: several names, a.b or a.b.c, that are no variable
	tokDatum                // T_DATUM: a variable
	tokKeyword              // reserved or not
	tokInteger
	tokString
	tokOther // other literals and operators
	tokPunct
)

// token is source[start:end].
type token struct {
	kind       tokenKind
	start, end int
	text       string // a keyword in lower case, a name, a string's value, or the text
	quoted     bool
	names      []string // of a dotted word, and of a datum that several names name
	datum      *datum
}

// is reports whether the token is a keyword or a sign.
func (t token) is(text string) bool {
	return (t.kind == tokKeyword || t.kind == tokPunct) && t.text == text
}

// isWord is tok_is_keyword: a keyword that a variable of its name does not hide.
func (t token) isWord(text string) bool {
	return t.is(text) || t.kind == tokDatum && t.names == nil && !t.quoted && t.text == text
}

// unreservedWord reports whether the token is an unreserved keyword.
func (t token) unreservedWord() bool { return t.kind == tokKeyword && unreserved[t.text] }

// name is NameOfDatum.
func (t token) name() string {
	if t.names != nil {
		return strings.Join(t.names, ".")
	}
	return t.text
}

// lookup is how the scanner resolves names: IdentifierLookup.
type lookup uint8

const (
	lookupNormal  lookup = iota
	lookupDeclare        // not at all
	lookupExpr           // fields of records only, which must get their datums
)

// raw is the next token of the core scanner, or one that was pushed back.
func (p *parser) raw() token {
	if n := len(p.pushed); n > 0 {
		t := p.pushed[n-1]
		p.pushed = p.pushed[:n-1]
		return t
	}
	r, err := p.scanner.Next()
	if err != nil {
		panic(failure{pgerr.From(err).Clone()})
	}
	t := token{start: r.Start, end: r.End, text: r.Text}
	switch r.Kind {
	case parse.TokenEOF:
	case parse.TokenIdent:
		t.kind = tokIdent
		if reserved[r.Text] {
			t.kind = tokKeyword
		}
	case parse.TokenQuoted:
		t.kind, t.quoted = tokIdent, true
	case parse.TokenParam:
		t.kind = tokIdent
	case parse.TokenInteger:
		t.kind = tokInteger
	case parse.TokenString:
		t.kind = tokString
	case parse.TokenPunct:
		t.kind = tokPunct
	default:
		t.kind = tokOther
		if r.Kind == parse.TokenOperator && (r.Text == "<<" || r.Text == ">>" || r.Text == "#") {
			t.kind = tokPunct
		}
	}
	return t
}

func (p *parser) pushRaw(t token) { p.pushed = append(p.pushed, t) }

// next is plpgsql_yylex: it joins dotted names and looks words up.
func (p *parser) next() token {
	t := p.raw()
	if t.kind != tokIdent {
		p.cur = t
		return t
	}
	second := p.raw()
	if !second.is(".") {
		p.pushRaw(second)
		// At the start of a statement a word is a variable only in front of an assignment, so that variables may be called like
		// keywords that begin statements.
		p.cur = p.word(t, !p.atStatement() || second.is("=") || second.is(":=") || second.is("["))
		return p.cur
	}
	third := p.raw()
	if third.kind != tokIdent {
		p.pushRaw(third)
		p.pushRaw(second)
		p.cur = p.word(t, true)
		return p.cur
	}
	fourth := p.raw()
	if fourth.is(".") {
		fifth := p.raw()
		if fifth.kind == tokIdent {
			p.cur = p.dotted(t, third, fifth)
			return p.cur
		}
		p.pushRaw(fifth)
	}
	p.pushRaw(fourth)
	p.cur = p.dotted(t, third)
	return p.cur
}

// atStatement is AT_STMT_START: the token before ends a statement or begins a list of them.
func (p *parser) atStatement() bool {
	t := p.cur
	return t.is(";") || t.is("begin") || t.is("then") || t.is("else") || t.is("loop")
}

// word is plpgsql_parse_word, and the keywords.
func (p *parser) word(t token, variable bool) token {
	if variable && p.mode == lookupNormal {
		if at, _ := p.ns.find([]string{t.text}); at != nil {
			t.kind, t.datum = tokDatum, p.fn.datums[at.no]
			return t
		}
	}
	t.kind = tokWord
	if !t.quoted && unreserved[t.text] {
		t.kind = tokKeyword
		if t.text == "elseif" {
			t.text = "elsif"
		}
	}
	return t
}

// dotted is plpgsql_parse_dblword and plpgsql_parse_tripword.
func (p *parser) dotted(parts ...token) token {
	t := parts[0]
	t.end = parts[len(parts)-1].end
	for _, q := range parts {
		t.names = append(t.names, q.text)
	}
	t.kind = tokDottedWord
	if p.mode == lookupDeclare {
		return t
	}
	at, used := p.ns.find(t.names)
	if at == nil || len(parts) == 3 && at.kind != nsRecord {
		return t
	}
	t.kind = tokDatum
	switch d := p.fn.datums[at.no]; {
	case at.kind == nsVariable, len(parts) == 2 && used == 2:
		t.datum = d
	case len(parts) == 2 || used == 1: // what is behind the field is a step within it
		t.datum = p.field(d, t.names[1])
		t.names = t.names[:2]
	default:
		t.datum = p.field(d, t.names[2])
	}
	return t
}

// pushBack pushes back the token that next returned last.
func (p *parser) pushBack() { p.pushRaw(p.cur) }

// peekRaw is plpgsql_peek: the next token before it is looked up.
func (p *parser) peekRaw() token {
	t := p.raw()
	p.pushRaw(t)
	return t
}

// lineOf is plpgsql_location_to_lineno.
func (p *parser) lineOf(at int) int {
	p.line = 1 + strings.Count(p.source[:at], "\n")
	return p.line
}

// failure is what ends parsing.
type failure struct{ err *pgerr.Error }

// fail ends parsing with an error at a place of the source; -1 for none.
func (p *parser) fail(at int, code, format string, args ...any) {
	e := pgerr.New(code, format, args...)
	if at >= 0 {
		e.Position = parse.Position(p.source, at)
	}
	panic(failure{e})
}

func (p *parser) failSyntax(at int, format string, args ...any) {
	p.fail(at, pgerr.SyntaxError, format, args...)
}

// unexpected is yyerror: it is about the token that was read last.
func (p *parser) unexpected(message string) {
	t := p.cur
	if t.start >= len(p.source) {
		p.failSyntax(len(p.source), "%s at end of input", message)
	}
	p.failSyntax(t.start, "%s at or near \"%s\"", message, p.source[t.start:t.end])
}

func (p *parser) syntaxError() { p.unexpected("syntax error") }

// expect reads a keyword or sign.
func (p *parser) expect(text string) {
	if !p.next().is(text) {
		p.syntaxError()
	}
}

// accept reads a keyword or sign if it is next.
func (p *parser) accept(text string) bool {
	if p.next().is(text) {
		return true
	}
	p.pushBack()
	return false
}

package parse

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// missingAlias is PostgreSQL 15's error for a subquery in FROM without an
// alias, which the grammar of 16 takes.
func missingAlias(sql string, r *RangeSubselect) *pgerr.Error {
	what, form := "subquery", "SELECT"
	if s, ok := r.Subquery.(*SelectStmt); ok && s.ValuesLists != nil {
		what, form = "VALUES", "VALUES"
	}
	return pgerr.New(pgerr.SyntaxError, "%s in FROM must have an alias", what).
		WithHint("For example, FROM (%s ...) [AS] foo.", form).
		WithPosition(Position(sql, missingAliasAt(sql)))
}

// missingAliasAt finds the parenthesis of the first FROM item that is a
// parenthesised query with no alias behind it, the one that the grammar
// stumbles over: such items close in order, so the first to close is taken.
// It is -1 where none is found.
func missingAliasAt(sql string) int {
	l := lexer{sql: sql}
	type open struct {
		at    int
		from  bool // stands where a FROM item stands
		query bool // begins with SELECT, VALUES, WITH or TABLE
	}
	var stack []open
	var closed *open // just closed, and would need an alias
	var buf [16]byte
	from := false
	for {
		t := l.next()
		word := string(l.keyword(t, &buf))
		if closed != nil {
			named := t.kind == tokQuoted || t.kind == tokIdent && (word == "as" || !reservedWords[word])
			if !named && t.kind != tokPunct || t.kind == tokPunct && sql[t.start] != ')' || t.kind == tokEOF {
				if !named {
					return closed.at
				}
			}
			closed = nil
		}
		switch {
		case t.kind == tokEOF || t.kind == tokError:
			return -1
		case t.kind == tokPunct && sql[t.start] == '(':
			stack = append(stack, open{at: t.start, from: from})
			continue // from holds within FROM ((SELECT …))
		case t.kind == tokPunct && sql[t.start] == ')' && len(stack) > 0:
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if top.from && top.query {
				closed = &top
			}
		case word == "select" || word == "values" || word == "with" || word == "table":
			if n := len(stack); n > 0 && from {
				stack[n-1].query = true
			}
		}
		from = word == "from" || word == "join" || word == "lateral" || t.kind == tokPunct && sql[t.start] == ','
	}
}

// isRecursiveView tells CREATE [OR REPLACE] RECURSIVE VIEW: the word stands before VIEW.
func isRecursiveView(sql string) bool {
	l := lexer{sql: sql}
	var buf [16]byte
	for {
		t := l.next()
		if t.kind == tokEOF || t.kind == tokError {
			return false
		}
		switch string(l.keyword(t, &buf)) {
		case "recursive":
			return true
		case "view":
			return false
		}
	}
}

// recursiveViewText is the query that CREATE RECURSIVE VIEW stands for.
func recursiveViewText(v *ViewStmt) string {
	cols := make([]string, len(v.Aliases))
	for i, a := range v.Aliases {
		cols[i] = QuoteIdent(a)
	}
	name, list := QuoteIdent(v.View.Name), strings.Join(cols, ", ")
	return "WITH RECURSIVE " + name + " (" + list + ") AS (" + v.QueryText + "\n) SELECT " + list + " FROM " + name
}

// into takes INTO out of a query: it stands in the leftmost of the queries of a set operation.
func (s *SelectStmt) into() *IntoClause {
	for s != nil && s.Larg != nil {
		s = s.Larg
	}
	if s == nil || s.Into == nil {
		return nil
	}
	into := s.Into
	s.Into = nil
	return into
}

// elementTexts finds the queries of the views among CREATE SCHEMA's elements. Each element begins with a reserved word that
// stands in no query outside parentheses.
func (t *translator) elementTexts(sql string, s *CreateSchemaStmt) {
	for _, elt := range s.Elts {
		v, ok := elt.(*ViewStmt)
		if !ok || v == nil {
			continue
		}
		rest := sql[v.View.Loc()+t.base:]
		l := lexer{sql: rest}
		var buf [16]byte
		for end, depth := len(rest), 0; ; {
			tok := l.next()
			if word := string(l.keyword(tok, &buf)); depth == 0 && (word == "create" || word == "grant") {
				end = tok.start
			} else if tok.kind == tokPunct && rest[tok.start] == '(' {
				depth++
			} else if tok.kind == tokPunct && rest[tok.start] == ')' {
				depth--
			}
			if tok.kind == tokEOF || tok.kind == tokError || end < len(rest) {
				v.QueryText = viewQueryText(rest[:end])
				break
			}
		}
	}
}

// viewQueryText is the query of a CREATE VIEW: from behind the AS that is
// outside all parentheses to the end, less WITH CHECK OPTION or WITH [NO] DATA.
func viewQueryText(sql string) string {
	l := lexer{sql: sql}
	depth, start := 0, -1
	with := -1 // start of a WITH at depth 0 behind the query's first word
	words := 0 // tokens since AS
	var prev [2]string
	var buf [16]byte
	for {
		t := l.next()
		if t.kind == tokEOF || t.kind == tokError {
			break
		}
		word := string(l.keyword(t, &buf))
		if t.kind == tokPunct {
			switch sql[t.start] {
			case '(':
				depth++
			case ')':
				depth--
			}
		}
		if start < 0 {
			if depth == 0 && word == "as" {
				start = t.end
			}
			continue
		}
		words++
		if depth == 0 && word == "with" && words > 1 {
			with = t.start
		}
		prev[0], prev[1] = prev[1], word
	}
	if start < 0 {
		return sql
	}
	end := len(sql)
	data := prev[1] == "data" && (prev[0] == "with" || prev[0] == "no") // of a materialized view
	if with >= 0 && (prev[0] == "check" && prev[1] == "option" || data) {
		end = with
	}
	return trimSpace(sql[start:end])
}

func trimSpace(s string) string {
	for len(s) > 0 && byteClass[s[0]]&clsSpace != 0 {
		s = s[1:]
	}
	for len(s) > 0 && byteClass[s[len(s)-1]]&clsSpace != 0 {
		s = s[:len(s)-1]
	}
	return s
}

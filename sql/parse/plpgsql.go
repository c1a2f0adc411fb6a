package parse

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// PLMode says what a piece of SQL in PL/pgSQL is: the modes of PostgreSQL's raw_parser.
type PLMode uint8

// The modes. PLAssign1 to PLAssign3 are assignments to a target of so many names.
const (
	PLStatement  PLMode = 0
	PLExpression PLMode = 2
	PLAssign1    PLMode = 3
	PLAssign2    PLMode = 4
	PLAssign3    PLMode = 5
)

// PLAssignStmt is target := expression. The target is a name, of which the first Names-1 steps of Indirection are parts too;
// the expression is a query of one column, whose SELECT is not written.
type PLAssignStmt struct {
	Name        string // $n is a name too
	Indirection []Subscript
	Names       int
	Val         *SelectStmt
	Location
}

func (*PLAssignStmt) stmt() {}

// ParsePL parses a piece of SQL in PL/pgSQL. An expression is a *SelectStmt, an assignment a *PLAssignStmt.
func ParsePL(text string, mode PLMode) ([]RawStmt, error) {
	t := &translator{sql: text, mode: mode}
	stmts, err := t.parse(text, nil)
	if err != nil {
		return nil, err
	}
	return stmts, nil
}

// ParseTypeName parses the name of a type and nothing else.
func ParseTypeName(text string) (*TypeName, error) {
	const prefix = "SELECT CAST(NULL AS "
	t := &translator{sql: text, base: len(prefix)}
	stmts, err := t.parse(prefix+text+"\n)", nil)
	if err != nil {
		if err.Position > len(prefix) {
			err.Position -= len(prefix)
		}
		if end := Position(text, len(text)); err.Position > end {
			err.Position = end
			err.Message = strings.TrimSuffix(err.Message, "at or near \")\"")
			if strings.HasSuffix(err.Message, "error ") {
				err.Message += "at end of input"
			}
		}
		return nil, err.Clone().WithWhere("invalid type name \"%s\"", text)
	}
	if len(stmts) == 1 {
		if s, ok := stmts[0].Stmt.(*SelectStmt); ok && isBareExpr(s) {
			if c, ok := s.TargetList[0].Val.(*TypeCast); ok && !c.Type.Setof {
				return c.Type, nil
			}
		}
	}
	return nil, pgerr.New(pgerr.SyntaxError, "invalid type name \"%s\"", text)
}

// TokenKind is the kind of a Token.
type TokenKind uint8

// The kinds of tokens. An operator of one character that the grammar knows by itself is a TokenPunct, as are the operators of
// two characters := :: .. => <= >= <> and !=, which is <>.
const (
	TokenEOF     TokenKind = iota
	TokenIdent             // an identifier that may be a keyword
	TokenQuoted            // "identifier", U&"identifier"
	TokenInteger           // that fits an int4
	TokenNumber
	TokenString // '…', E'…', $$…$$: Text is the value
	TokenOther  // B'…', X'…', U&'…'
	TokenParam  // $1
	TokenOperator
	TokenPunct
)

// Token is text[Start:End]. Text is the identifier after folding and truncation, the value of a string, and else the text.
type Token struct {
	Kind       TokenKind
	Start, End int
	Text       string
}

// Scanner splits a text into tokens as PostgreSQL's core scanner does.
type Scanner struct{ l lexer }

// NewScanner returns a scanner of a text.
func NewScanner(text string) *Scanner { return &Scanner{lexer{sql: text}} }

// Next returns the next token. Errors have their position in the text.
func (s *Scanner) Next() (Token, error) {
	t := s.l.next()
	out := Token{Start: t.start, End: t.end, Text: s.l.sql[t.start:t.end]}
	switch t.kind {
	case tokEOF:
	case tokIdent:
		out.Kind, out.Text = TokenIdent, truncateIdentifier(foldIdentifier(out.Text))
	case tokQuoted:
		return s.quoted(out)
	case tokNumber:
		out.Kind = TokenNumber
		if isInt4(out.Text) {
			out.Kind = TokenInteger
		}
		if err := checkJunk(s.l.sql, t); err != nil {
			return out, err
		}
	case tokParam:
		out.Kind = TokenParam
		if err := checkJunk(s.l.sql, t); err != nil {
			return out, err
		}
	case tokString, tokOther:
		return s.literal(out)
	case tokCast:
		out.Kind = TokenPunct
	case tokOp:
		out = s.operator(out)
	case tokPunct:
		out.Kind = TokenPunct
		for _, two := range []string{":=", ".."} {
			if t.start+2 <= len(s.l.sql) && s.l.sql[t.start:t.start+2] == two {
				out.End, out.Text, s.l.pos = t.start+2, two, t.start+2
			}
		}
	case tokError:
		return out, s.broken(t.start)
	}
	return out, nil
}

// foldIdentifier is downcase_identifier.
func foldIdentifier(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for k := i; k < len(b); k++ {
				if b[k] >= 'A' && b[k] <= 'Z' {
					b[k] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

func isInt4(s string) bool {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		if n = n*10 + int(s[i]-'0'); n > 1<<31-1 {
			return false
		}
	}
	return true
}

// operator ends a run of operator characters where scan.l does: a + or - at its end belongs to it only beside a character
// that no operator of SQL has.
func (s *Scanner) operator(t Token) Token {
	if n := len(t.Text); n > 1 && (t.Text[n-1] == '+' || t.Text[n-1] == '-') {
		special := false
		for i := range n {
			switch t.Text[i] {
			case '~', '!', '@', '#', '^', '&', '|', '`', '?', '%':
				special = true
			}
		}
		for ; !special && n > 1 && (t.Text[n-1] == '+' || t.Text[n-1] == '-'); n-- {
		}
		t.Text = t.Text[:n]
		t.End = t.Start + n
		s.l.pos = t.End
	}
	t.Kind = TokenOperator
	switch t.Text {
	case "+", "-", "*", "/", "%", "^", "<", ">", "=", "=>", "<=", ">=", "<>":
		t.Kind = TokenPunct
	case "!=":
		t.Kind, t.Text = TokenPunct, "<>"
	}
	return t
}

// parsed asks the C parser for the one expression that a token is.
func (s *Scanner) parsed(t Token) (Expr, error) {
	e, err := ParseExpr(t.Text)
	if err == nil {
		return e, nil
	}
	x := pgerr.From(err).Clone()
	x.Position = Position(s.l.sql, t.Start) + max(x.Position-1, 0)
	return nil, x
}

// quoted is an identifier in quotes.
func (s *Scanner) quoted(t Token) (Token, error) {
	e, err := s.parsed(t)
	if err != nil {
		return t, err
	}
	t.Kind = TokenQuoted
	if c, ok := e.(*ColumnRef); ok && len(c.Fields) == 1 {
		t.Text = c.Fields[0]
	}
	return t, nil
}

// continued extends a string by those that follow it on later lines, which are part of it.
func (s *Scanner) continued(t Token) Token {
	for {
		ahead := s.l
		if !ahead.skip() || ahead.pos >= len(s.l.sql) || s.l.sql[ahead.pos] != '\'' {
			return t
		}
		between := s.l.sql[t.End:ahead.pos]
		if !strings.ContainsAny(between, "\n\r") || strings.Contains(between, "/*") {
			return t
		}
		if ahead.quoted(tokString, '\'', t.Text[0] != '\'') == tokError {
			return t
		}
		t.End = ahead.pos
		t.Text, s.l.pos = s.l.sql[t.Start:t.End], t.End
	}
}

// literal is a string.
func (s *Scanner) literal(t Token) (Token, error) {
	if t.Text[0] != '$' {
		t = s.continued(t)
	}
	e, err := s.parsed(t)
	if err != nil {
		return t, err
	}
	t.Kind = TokenOther
	if c, ok := e.(*Const); ok && c.Kind == ConstString {
		switch t.Text[0] {
		case '\'', 'E', 'e', '$':
			t.Kind, t.Text = TokenString, c.Sval
		}
	}
	return t, nil
}

// broken is the C scanner's error for a token that does not end.
func (s *Scanner) broken(at int) error {
	_, err := ParseExpr(s.l.sql[at:])
	x := pgerr.From(err)
	if x == nil {
		return pgerr.New(pgerr.SyntaxError, "syntax error").WithPosition(Position(s.l.sql, at))
	}
	x = x.Clone()
	x.Position = Position(s.l.sql, at) + max(x.Position-1, 0)
	return x
}

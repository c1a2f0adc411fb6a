package parse

import (
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func TestScannerSplitsAsPostgreSQL(t *testing.T) {
	s := NewScanner(`Ab "c""D" 12 1.5 99999999999 'it''s' E'a\n' $x$ q $x$ $1 a:=b..c<<l>> x::int @-+ =- 1..2 <> != /* c */ -- e`)
	want := []struct {
		kind TokenKind
		text string
	}{{TokenIdent, "ab"}, {TokenQuoted, `c"D`}, {TokenInteger, "12"}, {TokenNumber, "1.5"}, {TokenNumber, "99999999999"},
		{TokenString, "it's"}, {TokenString, "a\n"}, {TokenString, " q "}, {TokenParam, "$1"}, {TokenIdent, "a"}, {TokenPunct, ":="},
		{TokenIdent, "b"}, {TokenPunct, ".."}, {TokenIdent, "c"}, {TokenOperator, "<<"}, {TokenIdent, "l"}, {TokenOperator, ">>"},
		{TokenIdent, "x"}, {TokenPunct, "::"}, {TokenIdent, "int"}, {TokenOperator, "@-+"}, {TokenPunct, "="}, {TokenPunct, "-"},
		{TokenInteger, "1"}, {TokenPunct, ".."}, {TokenInteger, "2"}, {TokenPunct, "<>"}, {TokenPunct, "<>"}, {TokenEOF, ""}}
	for i, w := range want {
		got, err := s.Next()
		if err != nil || got.Kind != w.kind || got.Text != w.text {
			t.Fatalf("token %d: got %d %q (%v), want %d %q", i, got.Kind, got.Text, err, w.kind, w.text)
		}
	}
	_, err := NewScanner("a 'b").Next()
	if err != nil {
		t.Fatal(err)
	}
	s = NewScanner("a  'b")
	s.Next()
	if _, err := s.Next(); pgerr.From(err) == nil || pgerr.From(err).Position != 4 {
		t.Fatalf("unterminated string: %v", err)
	}
}

func TestParsePLModes(t *testing.T) {
	got, err := ParsePL("count(*) from t where a = x", PLExpression)
	if err != nil || len(got) != 1 {
		t.Fatal(err)
	}
	if s := got[0].Stmt.(*SelectStmt); len(s.TargetList) != 1 || s.FromClause == nil || s.TargetList[0].Val.Loc() != 0 {
		t.Fatalf("%+v", s)
	}
	got, err = ParsePL("a.b[1].c := x + 1", PLAssign2)
	if err != nil {
		t.Fatal(err)
	}
	a := got[0].Stmt.(*PLAssignStmt)
	if a.Name != "a" || a.Names != 2 || len(a.Indirection) != 3 || a.Val.TargetList[0].Val.Loc() < 12 {
		t.Fatalf("%+v", a)
	}
	if _, err = ParsePL("x +", PLExpression); pgerr.From(err).Message != "syntax error at end of input" {
		t.Fatal(err)
	}
	if _, err = ParsePL("1 union select 2", PLExpression); pgerr.From(err).Position != 3 {
		t.Fatal(err)
	}
	if n, err := ParseTypeName("numeric(10,2)[]"); err != nil || n.Names.Last() != "numeric" || len(n.Typmods) != 2 {
		t.Fatal(n, err)
	}
}

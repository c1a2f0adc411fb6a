package parse

import (
	"strings"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Options change how ParseWith works. The zero value is Parse.
type Options struct {
	// LiteralRows asks for SelectStmt.LiteralRows instead of ValuesLists where
	// a long INSERT … VALUES list holds literals only.
	LiteralRows bool
	// Notice receives notices, such as of a truncated identifier. May be nil.
	Notice func(*pgerr.Error)
}

// Parse parses a text of any number of statements. The error is a
// *pgerr.Error with the position in sql.
func Parse(sql string) ([]RawStmt, error) { return ParseWith(sql, Options{}) }

// ParseWith is Parse with options.
func ParseWith(sql string, opts Options) ([]RawStmt, error) {
	if stmts, ok := parseLongInsert(sql, opts); ok {
		return stmts, nil
	}
	t := &translator{sql: sql}
	stmts, err := t.parse(sql, opts.Notice)
	if err != nil {
		return nil, err
	}
	return stmts, nil
}

// ParseOne parses exactly one statement: 42601 if there are more, a nil
// Statement if there is none.
func ParseOne(sql string) (Statement, error) {
	stmts, err := Parse(sql)
	if err != nil || len(stmts) == 0 {
		return nil, err
	}
	if len(stmts) > 1 {
		return nil, pgerr.New(pgerr.SyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	return stmts[0].Stmt, nil
}

const exprPrefix = "SELECT "

// ParseExpr parses one expression, as Deparse prints it or a user wrote it.
// Locations count from the expression's start.
func ParseExpr(text string) (Expr, error) {
	t := &translator{sql: text, base: len(exprPrefix)}
	stmts, err := t.parse(exprPrefix+text, nil)
	if err != nil {
		if err.Position > len(exprPrefix) {
			err.Position -= len(exprPrefix)
		}
		return nil, err
	}
	if len(stmts) == 1 {
		if s, ok := stmts[0].Stmt.(*SelectStmt); ok && isBareExpr(s) {
			return s.TargetList[0].Val, nil
		}
	}
	return nil, pgerr.New(pgerr.SyntaxError, "syntax error in expression")
}

// isBareExpr reports whether s is SELECT expression and nothing else.
func isBareExpr(s *SelectStmt) bool {
	return len(s.TargetList) == 1 && s.TargetList[0].Name == "" && !s.Distinct && s.Into == nil &&
		s.FromClause == nil && s.WhereClause == nil && s.GroupClause == nil && s.HavingClause == nil &&
		s.WindowClause == nil && s.SortClause == nil && s.LimitCount == nil && s.LimitOffset == nil &&
		s.LockingClause == nil && s.With == nil && s.Op == SetOpNone
}

// parse checks sql, runs the C parser and translates the statements. sql may
// begin with base bytes that are not of t.sql, the caller's text.
func (t *translator) parse(sql string, notice func(*pgerr.Error)) ([]RawStmt, *pgerr.Error) {
	if err := checkEncoding(t.sql); err != nil {
		return nil, err
	}
	depth, err := checkDepth(sql, notice)
	if err != nil {
		return nil, err
	}
	return t.parseChecked(sql, depth)
}

// parseChecked is parse without the checks, whose bound of depth it takes.
func (t *translator) parseChecked(sql string, depth int) ([]RawStmt, *pgerr.Error) {
	tree, err := rawParse(sql, t.mode, depth)
	if err != nil {
		return nil, err
	}
	stmts := make([]RawStmt, 0, len(tree.Stmts))
	for _, raw := range tree.Stmts {
		stmts = append(stmts, t.rawStmt(sql, raw))
		if t.err != nil {
			return nil, t.err
		}
	}
	return stmts, nil
}

// rawStmt translates a statement and narrows its range to its own text: the
// grammar counts the white space and comments before it in.
func (t *translator) rawStmt(sql string, n *pg.RawStmt) RawStmt {
	start, end := int(n.StmtLocation), len(sql)
	if n.StmtLen > 0 {
		end = start + int(n.StmtLen)
	}
	start += len(sql[start:end]) - len(strings.TrimLeft(sql[start:end], " \t\n\r\f\v"))
	end -= len(sql[start:end]) - len(strings.TrimRight(sql[start:end], " \t\n\r\f\v"))
	r := RawStmt{Stmt: t.stmt(n.Stmt), Start: start - t.base, Len: end - start, Text: sql[start:end]}
	switch s := r.Stmt.(type) {
	case *ViewStmt:
		if s != nil {
			s.QueryText = viewQueryText(r.Text)
			if isRecursiveView(r.Text) {
				s.QueryText = recursiveViewText(s)
			}
		}
	case *RuleStmt:
		if len(s.Actions) == 1 {
			s.ActionText = ruleActionText(r.Text)
		}
		if s.Where != nil {
			s.WhereText = ruleWhereText(r.Text)
		}
	case *CreatePolicyStmt:
		s.QualText, s.CheckText = policyTexts(r.Text)
	case *AlterPolicyStmt:
		s.QualText, s.CheckText = policyTexts(r.Text)
	case *CreateFunctionStmt:
		if s.HasSQLBody {
			s.BodyText = functionBody(r.Text)
		}
	case *PrepareStmt:
		s.QueryText = r.Text
	case *CreateTableAsStmt:
		if s != nil && s.MatView {
			s.QueryText = viewQueryText(r.Text)
		}
	case *CreateSchemaStmt:
		if s != nil {
			t.elementTexts(sql, s)
		}
	case *SelectStmt:
		if into := s.into(); into != nil {
			r.Stmt = &CreateTableAsStmt{Query: s, Into: into, IsSelectInto: true}
		}
	}
	return r
}

// Position turns a byte offset into PostgreSQL's error position: 1-based, in
// characters. A negative offset is 0, no position.
func Position(sql string, loc int) int {
	if loc < 0 {
		return 0
	}
	if loc > len(sql) {
		loc = len(sql)
	}
	return utf8.RuneCountInString(sql[:loc]) + 1
}

// checkEncoding refuses what PostgreSQL can't hold in text: NUL bytes and
// invalid UTF-8.
func checkEncoding(sql string) *pgerr.Error {
	if utf8.ValidString(sql) && strings.IndexByte(sql, 0) < 0 {
		return nil
	}
	for i := 0; i < len(sql); {
		r, n := utf8.DecodeRuneInString(sql[i:])
		if sql[i] == 0 || (r == utf8.RuneError && n <= 1) {
			return invalidBytes(sql[i:])
		}
		i += n
	}
	return nil
}

// invalidBytes is PostgreSQL's report_invalid_encoding: it shows as many bytes
// as the first one announces, or as there are.
func invalidBytes(s string) *pgerr.Error {
	n := 1
	switch b := s[0]; {
	case b&0xe0 == 0xc0:
		n = 2
	case b&0xf0 == 0xe0:
		n = 3
	case b&0xf8 == 0xf0:
		n = 4
	}
	if n > len(s) {
		n = len(s)
	}
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < n; i++ {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("0x")
		b.WriteByte(hex[s[i]>>4])
		b.WriteByte(hex[s[i]&15])
	}
	return pgerr.New(pgerr.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": %s", b.String())
}

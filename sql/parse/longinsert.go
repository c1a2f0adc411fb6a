package parse

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A bulk load is INSERT INTO t (columns) VALUES (literals), (literals), … with
// thousands of rows. The C parser, the protobuf and the translation spend
// microseconds on each value of it. parseLongInsert recognises exactly this
// shape by hand: the rows are read straight from the text, and the rest (what
// is before and behind the rows) goes through the general parser with the
// first row as a template. Whatever is not of the shape, errors included, is
// left to the general parser, so nothing is decided here that the grammar
// would decide otherwise.

// minLongRows is the number of rows from which the shape pays.
const minLongRows = 20

// minLongBytes is less than any text with minLongRows rows can have.
const minLongBytes = 100

// maxHeadTokens bounds the search for VALUES.
const maxHeadTokens = 2000

// literalRun is the state of reading rows.
type literalRun struct {
	lex  lexer
	rows LiteralRows
	col  int // columns read of the current row
}

// parseLongInsert parses an INSERT with a long list of literal rows; false
// means that the general parser must see the text.
func parseLongInsert(sql string, opts Options) ([]RawStmt, bool) {
	if len(sql) < minLongBytes {
		return nil, false
	}
	valuesAt, ok := findValues(sql)
	if !ok {
		return nil, false
	}
	r := literalRun{lex: lexer{sql: sql, pos: valuesAt}}
	firstEnd, ok := r.readRows()
	if !ok || r.rows.NumRows() < minLongRows {
		return nil, false
	}
	end := r.lex.pos
	if checkEncoding(sql) != nil {
		return nil, false
	}
	t := &translator{sql: sql, cut: firstEnd, shift: end - firstEnd}
	stmts, err := t.parseTemplate(sql[:firstEnd]+sql[end:], opts.Notice)
	if err != nil || len(stmts) != 1 {
		return nil, false
	}
	ins, ok := stmts[0].Stmt.(*InsertStmt)
	if !ok || ins.Select == nil || len(ins.Select.ValuesLists) != 1 ||
		len(ins.Select.ValuesLists[0]) != r.rows.NumCols {
		return nil, false
	}
	if opts.LiteralRows {
		ins.Select.ValuesLists, ins.Select.LiteralRows = nil, &r.rows
	} else {
		ins.Select.ValuesLists = r.rows.ValuesLists()
	}
	raw := &stmts[0]
	raw.Len += end - firstEnd
	raw.Text = sql[raw.Start : raw.Start+raw.Len]
	return stmts, true
}

// parseTemplate parses the text less its rows but the first.
func (t *translator) parseTemplate(sql string, notice func(*pgerr.Error)) ([]RawStmt, *pgerr.Error) {
	depth, err := checkDepth(sql, nil)
	if err != nil {
		return nil, err
	}
	stmts, err := t.parseChecked(sql, depth)
	if err == nil && notice != nil {
		_, err = checkDepth(sql, notice) // tells of truncated identifiers
	}
	return stmts, err
}

// findValues returns the offset behind VALUES, if the text begins as INSERT
// INTO … VALUES with nothing but a table and columns between.
func findValues(sql string) (int, bool) {
	l := lexer{sql: sql}
	var buf [16]byte
	if string(l.keyword(l.next(), &buf)) != "insert" || string(l.keyword(l.next(), &buf)) != "into" {
		return 0, false
	}
	for range maxHeadTokens {
		t := l.next()
		switch t.kind {
		case tokIdent:
			switch string(l.keyword(t, &buf)) {
			case "values":
				return l.pos, true
			case "select", "with", "default":
				return 0, false
			}
		case tokQuoted, tokPunct:
		default:
			return 0, false
		}
	}
	return 0, false
}

// readRows reads rows until one is not followed by a comma. It returns the end
// of the first row; the lexer stands at the end of the last.
func (r *literalRun) readRows() (firstEnd int, ok bool) {
	for row := 0; ; row++ {
		if !r.lex.skip() || !r.accept('(') {
			return 0, false
		}
		for r.col = 0; ; r.col++ {
			if !r.value() || !r.lex.skip() {
				return 0, false
			}
			if !r.accept(',') {
				break
			}
		}
		if !r.accept(')') {
			return 0, false
		}
		if row == 0 {
			firstEnd, r.rows.NumCols = r.lex.pos, r.col+1
			r.reserve(firstEnd)
		} else if r.col+1 != r.rows.NumCols {
			return 0, false
		}
		end := r.lex.pos
		if !r.lex.skip() {
			return 0, false
		}
		if !r.accept(',') {
			r.lex.pos = end
			return firstEnd, true
		}
	}
}

// reserve sizes the columns by the length of the first row.
func (r *literalRun) reserve(firstEnd int) {
	rowBytes := firstEnd - int(r.rows.Locs[0]) + 2
	n := (len(r.lex.sql)/rowBytes + 2) * r.rows.NumCols
	grow := func(n int) int { return min(n, 1<<20) }
	r.rows.Kinds = append(make([]LiteralKind, 0, grow(n)), r.rows.Kinds...)
	r.rows.Texts = append(make([]string, 0, grow(n)), r.rows.Texts...)
	r.rows.Locs = append(make([]int32, 0, grow(n)), r.rows.Locs...)
}

func (r *literalRun) accept(b byte) bool {
	if r.lex.pos < len(r.lex.sql) && r.lex.sql[r.lex.pos] == b {
		r.lex.pos++
		return true
	}
	return false
}

func (r *literalRun) add(kind LiteralKind, text string, loc int) bool {
	r.rows.Kinds = append(r.rows.Kinds, kind)
	r.rows.Texts = append(r.rows.Texts, text)
	r.rows.Locs = append(r.rows.Locs, int32(loc))
	return true
}

// value reads one literal.
func (r *literalRun) value() bool {
	if !r.lex.skip() || r.lex.pos >= len(r.lex.sql) {
		return false
	}
	start := r.lex.pos
	switch b := r.lex.sql[start]; {
	case b == '\'':
		return r.str(start)
	case byteClass[b]&clsDigit != 0 || b == '.':
		return r.number(start)
	case b == '-':
		r.lex.pos++
		return r.lex.skip() && r.number(start)
	case byteClass[b]&clsIdentStart != 0:
		return r.word(start)
	}
	return false
}

func (r *literalRun) str(start int) bool {
	if r.lex.quoted(tokString, '\'', false) == tokError {
		return false
	}
	text := r.lex.sql[start+1 : r.lex.pos-1]
	if strings.IndexByte(text, '\'') >= 0 {
		text = strings.ReplaceAll(text, "''", "'")
	}
	return r.add(LitString, text, start)
}

// number reads digits at pos. A sign at start is folded in, as doNegate does.
func (r *literalRun) number(start int) bool {
	sql, digits := r.lex.sql, r.lex.pos
	if digits >= len(sql) || byteClass[sql[digits]]&clsDigit == 0 && (sql[digits] != '.' || !r.lex.digitAt(digits+1)) {
		return false
	}
	r.lex.number()
	end := r.lex.pos
	if end < len(sql) && byteClass[sql[end]]&clsIdentCont != 0 {
		return false
	}
	text := sql[start:end]
	if start != digits && start+1 != digits {
		text = "-" + sql[digits:end]
	}
	return r.add(numberKind(text), text, start)
}

func (r *literalRun) word(start int) bool {
	var buf [16]byte
	l := &r.lex
	for l.pos < len(l.sql) && byteClass[l.sql[l.pos]]&clsIdentCont != 0 {
		l.pos++
	}
	switch string(l.keyword(token{tokIdent, start, l.pos}, &buf)) {
	case "null":
		return r.add(LitNull, "", start)
	case "true":
		return r.add(LitTrue, "", start)
	case "false":
		return r.add(LitFalse, "", start)
	}
	return false
}

// Const returns the value at index i as the constant that the general parser
// makes of it.
func (l *LiteralRows) Const(i int) Const {
	c := Const{Location: Location(l.Locs[i])}
	text := l.Texts[i]
	switch l.Kinds[i] {
	case LitNull:
		c.Kind = ConstNull
	case LitTrue, LitFalse:
		c.Kind, c.Bval = ConstBool, l.Kinds[i] == LitTrue
	case LitString:
		c.Kind, c.Sval = ConstString, text
	case LitInt4:
		// -2147483648 is a number out of range with a sign to the grammar.
		if v, err := strconv.ParseInt(text, 10, 32); err == nil && v != -1<<31 {
			c.Kind, c.Ival = ConstInteger, int32(v)
			break
		}
		c.Kind, c.Sval = ConstFloat, text
	default:
		c.Kind, c.Sval = ConstFloat, text
	}
	return c
}

// ValuesLists makes the rows into constants, for those who want no special
// case of a long list.
func (l *LiteralRows) ValuesLists() [][]Expr {
	consts := make([]Const, len(l.Kinds))
	exprs := make([]Expr, len(l.Kinds))
	for i := range consts {
		consts[i] = l.Const(i)
		exprs[i] = &consts[i]
	}
	rows := make([][]Expr, l.NumRows())
	for i := range rows {
		rows[i] = exprs[i*l.NumCols : (i+1)*l.NumCols : (i+1)*l.NumCols]
	}
	return rows
}

package parse

import (
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// The C parser builds its tree with a stack of its own, but writes the tree
// out by recursion on the system's stack, where an overflow ends the process:
// no signal handler, no recover. So a lexer runs ahead and bounds the depth of
// the tree that the grammar can make of the text.
//
// The tree gets deeper in two ways: by nesting (parentheses, brackets, CASE)
// and by chains of operators at one level, which the grammar makes left-deep
// (1+1+1, UNION, JOIN, ::) or right-deep (NOT, unary minus). For every open
// bracket a frame counts the chain in progress:
//
//	expr   operators of the current expression; a comma, AND and OR begin a new
//	       one, because AND and OR bind loosest and their chains are flat
//	joins  JOINs of the current FROM item; a comma begins a new one
//	setops UNION, INTERSECT and EXCEPT of the level
//
// The depth at a token is the sum over the open brackets of these counts plus
// one for the bracket. It is an upper bound up to a constant, and at times far
// above the real depth (a FROM clause adds to the SELECT list before it);
// limits are wide enough for that.

// What the C parser needs, measured by TestCParserLimits: 360 bytes of stack a
// level of a chain (8 MB end at 23,000 levels), and for nesting less than 3 MB
// in all, because the grammar's own stack of 10,000 symbols ends first, with
// an error. maxDepth levels thus need 3 MB and 3 MB; deepStackBytes is ten
// times that. Texts up to shallowDepth need under 1 MB and run on the caller's
// thread. PostgreSQL itself ends between 4,000 and 6,000 levels of 1+1+1.
const (
	shallowDepth   = 500
	maxDepth       = 8000
	maxNesting     = 9000
	deepStackBytes = 64 << 20
)

type depthFrame struct {
	bracket             byte // '(', '[', 'c' for CASE; 0 for the statement
	expr, joins, setops int
}

func (f *depthFrame) sum() int { return 1 + f.expr + f.joins + f.setops }

// depthChecker is the state of checkDepth.
type depthChecker struct {
	frames []depthFrame
	below  int // sum of frames but the last
}

func (d *depthChecker) top() *depthFrame { return &d.frames[len(d.frames)-1] }

func (d *depthChecker) push(bracket byte) {
	d.below += d.top().sum()
	d.frames = append(d.frames, depthFrame{bracket: bracket})
}

// pop closes the innermost bracket of that kind, and CASEs left open in it.
func (d *depthChecker) pop(bracket byte) {
	for i := len(d.frames) - 1; i > 0; i-- {
		if b := d.frames[i].bracket; b != bracket && b != 'c' {
			return // mismatched: a syntax error
		}
		found := d.frames[i].bracket == bracket
		d.frames = d.frames[:i]
		d.below -= d.frames[i-1].sum()
		if found {
			return
		}
	}
}

func (d *depthChecker) depth() int { return d.below + d.top().sum() }

// checkDepth returns a bound of the depth of the text's tree. It refuses texts
// that the C parser might not survive (54001), and what only newer grammars
// than PostgreSQL 15's take. notice, if not nil, gets
// a notice for each truncated identifier.
func checkDepth(sql string, notice func(*pgerr.Error)) (depth int, _ *pgerr.Error) {
	var first [16]depthFrame
	d := depthChecker{frames: first[:1]}
	l := lexer{sql: sql}
	var prevWord bool // prev was AS or a dot: what follows is a name
	for {
		t := l.next()
		name := prevWord
		prevWord = false
		switch t.kind {
		case tokEOF, tokError:
			return depth, nil
		case tokOp:
			d.top().expr += t.end - t.start
		case tokCast:
			d.top().expr++
		case tokPunct:
			prevWord = sql[t.start] == '.'
			d.punct(sql[t.start])
		case tokNumber, tokParam:
			if err := checkJunk(sql, t); err != nil {
				return 0, err
			}
		case tokIdent:
			if !name {
				prevWord = d.word(&l, t)
			}
			if t.end-t.start > maxIdentifier && notice != nil {
				noticeTruncation(strings.ToLower(sql[t.start:t.end]), notice)
			}
		case tokQuoted:
			if t.end-t.start-2 > maxIdentifier && sql[t.start] == '"' && notice != nil {
				noticeTruncation(strings.ReplaceAll(sql[t.start+1:t.end-1], "\"\"", "\""), notice)
			}
		}
		depth = max(depth, d.depth())
		if depth > maxDepth || len(d.frames) > maxNesting {
			return 0, stackDepthExceeded()
		}
	}
}

func (d *depthChecker) punct(b byte) {
	switch b {
	case '(', '[':
		d.push(b)
	case ')':
		d.pop('(')
	case ']':
		d.pop('[')
	case ',':
		f := d.top()
		f.expr, f.joins = 0, 0
	case ';':
		if len(d.frames) == 1 {
			d.frames[0] = depthFrame{}
		}
	}
}

// word counts a keyword and reports whether it is AS.
func (d *depthChecker) word(l *lexer, t token) bool {
	var buf [16]byte
	f := d.top()
	switch string(l.keyword(t, &buf)) {
	case "case":
		d.push('c')
	case "end":
		if f.bracket == 'c' {
			d.pop('c')
		}
	case "and", "or", "when", "then", "else":
		f.expr = 0
	case "not", "is", "isnull", "notnull", "in", "like", "ilike", "similar", "between", "collate", "at",
		"operator", "overlaps", "escape":
		f.expr++
	case "join":
		f.joins++
		f.expr = 0
	case "union", "intersect", "except":
		f.setops++
		f.expr, f.joins = 0, 0
	case "as":
		return true
	}
	return false
}

func stackDepthExceeded() *pgerr.Error {
	return pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").
		WithHint("Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), " +
			"after ensuring the platform's stack depth limit is adequate.")
}

// checkJunk refuses a number or parameter with letters behind it as PostgreSQL
// 15 does. 16 takes 0x1F and 1_000, and names less of the junk; pg_query takes
// $1a.
func checkJunk(sql string, t token) *pgerr.Error {
	if t.end >= len(sql) || byteClass[sql[t.end]]&clsIdentStart == 0 {
		return nil
	}
	end := t.end
	for end < len(sql) && byteClass[sql[end]]&clsIdentCont != 0 {
		end++
	}
	what := "numeric literal"
	if t.kind == tokParam {
		what = "parameter"
	} else if end == t.end+1 && sql[t.end]|0x20 == 'e' && end < len(sql) && (sql[end] == '+' || sql[end] == '-') {
		end++ // an exponent without digits: 1e+
	}
	return pgerr.New(pgerr.SyntaxError, "trailing junk after %s at or near \"%s\"", what, sql[t.start:end]).
		WithPosition(Position(sql, t.start))
}

// maxIdentifier is NAMEDATALEN-1, in bytes.
const maxIdentifier = 63

// truncateIdentifier cuts an identifier to maxIdentifier bytes, at a
// character's border.
func truncateIdentifier(s string) string {
	if len(s) <= maxIdentifier {
		return s
	}
	n := maxIdentifier
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// noticeTruncation tells that an identifier is cut, if it is.
func noticeTruncation(ident string, notice func(*pgerr.Error)) {
	cut := truncateIdentifier(ident)
	if len(cut) == len(ident) {
		return
	}
	n := pgerr.Notice("identifier \"%s\" will be truncated to \"%s\"", ident, cut)
	n.Code = pgerr.NameTooLong
	notice(n)
}

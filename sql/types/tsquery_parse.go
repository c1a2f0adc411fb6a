package types

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// TSQuerySyntax is how a text is read as a query.
type TSQuerySyntax uint8

// The syntaxes: tsquery's own, the whole text as one operand, and that of search engines.
const (
	TSQueryStandard TSQuerySyntax = iota
	TSQueryPlain
	TSQueryWeb
)

const (
	maxTSOperatorStack = 32    // operators that wait for their right side, PostgreSQL's STACKDEPTH
	maxTSNesting       = 20000 // of parentheses
)

// TSQueryBuilder makes a query of operands and operators in postfix order.
type TSQueryBuilder struct {
	text  string // for errors
	nodes []*TSNode
	bytes int
	stops bool
}

// Operand appends an operand.
func (b *TSQueryBuilder) Operand(word string, weight uint8, prefix bool) error {
	switch {
	case len(word) >= MaxLexemeBytes:
		return pgerr.New(pgerr.ProgramLimitExceeded, "word is too long in tsquery: \"%s\"", b.text)
	case b.bytes >= MaxTSVectorBytes:
		return pgerr.New(pgerr.ProgramLimitExceeded, "value is too big in tsquery: \"%s\"", b.text)
	}
	b.bytes += len(word) + 1
	b.nodes = append(b.nodes, &TSNode{Word: word, Weight: weight, Prefix: prefix})
	return nil
}

// Stop appends a place that a stop word had.
func (b *TSQueryBuilder) Stop() {
	b.stops = true
	b.nodes = append(b.nodes, &TSNode{Op: tsStopWord})
}

// Operator takes the last operands and appends an operator over them.
func (b *TSQueryBuilder) Operator(op TSOp, distance int) {
	n := &TSNode{Op: op}
	if op == TSPhrase {
		n.Distance = distance
	}
	last := len(b.nodes) - 1
	if n.Right = b.nodes[last]; op != TSNot {
		last--
		n.Left = b.nodes[last]
	}
	b.nodes = append(b.nodes[:last], n)
}

// tsToken is a token of a query.
type tsToken uint8

const (
	tsEnd tsToken = iota
	tsValue
	tsOperator
	tsOpen
	tsClose
)

// tsQueryParser reads a query. Values go through push, which appends what becomes of them.
type tsQueryParser struct {
	TSQueryBuilder
	scan   tsScanner
	syntax TSQuerySyntax
	push   func(b *TSQueryBuilder, word string, weight uint8, prefix bool) error

	afterOperand bool // an operator is due
	first        bool // no token came yet
	depth        int  // of parentheses

	// of the last token
	op       TSOp
	distance int
	word     string
	weight   uint8
	prefix   bool
}

// ParseTSQuery reads a query; push makes operands of a word of the text, nil takes it as it is. Notices that the query is
// empty go to notice, which may be nil.
func ParseTSQuery(text string, syntax TSQuerySyntax, push func(b *TSQueryBuilder, word string, weight uint8, prefix bool) error,
	notice func(*pgerr.Error)) (*TSNode, error) {
	if push == nil {
		push = (*TSQueryBuilder).Operand
	}
	p := &tsQueryParser{TSQueryBuilder: TSQueryBuilder{text: text}, scan: tsScanner{in: text, query: true, web: syntax == TSQueryWeb},
		syntax: syntax, push: push, first: true}
	if err := p.expression(); err != nil {
		return nil, err
	}
	tell := func(format string, args ...any) {
		if notice != nil {
			notice(pgerr.Notice(format, args...))
		}
	}
	switch len(p.nodes) {
	case 0:
		tell("text-search query doesn't contain lexemes: \"%s\"", text)
		return nil, nil
	case 1:
	default:
		return nil, pgerr.Internal("malformed tsquery: extra nodes")
	}
	root := p.nodes[0]
	if p.stops {
		if root, _, _ = dropStopWords(root); root == nil {
			tell("text-search query contains only stop words or doesn't contain lexemes, ignored")
		}
	}
	return root, nil
}

// expression reads up to the end or the parenthesis that closes it.
func (p *tsQueryParser) expression() error {
	type operator struct {
		op       TSOp
		distance int
	}
	var stack []operator
	// reduce applies the operators that bind at least as tightly as the one that follows. NOT, having no left side, waits.
	reduce := func(op TSOp) {
		for n := len(stack); n > 0; n-- {
			top := stack[n-1]
			if op != TSNot && op.priority() > top.op.priority() || op == TSNot && op.priority() >= top.op.priority() {
				return
			}
			p.Operator(top.op, top.distance)
			stack = stack[:n-1]
		}
	}
	for {
		tok, err := p.token()
		if err != nil {
			return err
		}
		switch tok {
		case tsValue:
			err = p.push(&p.TSQueryBuilder, p.word, p.weight, p.prefix)
		case tsOperator:
			if reduce(p.op); len(stack) == maxTSOperatorStack {
				return pgerr.Internal("tsquery stack too small")
			}
			stack = append(stack, operator{p.op, p.distance})
		case tsOpen:
			if p.depth > maxTSNesting {
				return pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
			}
			err = p.expression()
		default:
			reduce(TSOr)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (p *tsQueryParser) token() (tsToken, error) {
	p.weight, p.prefix = 0, false
	switch p.syntax {
	case TSQueryPlain:
		if !p.first || p.text == "" {
			return tsEnd, nil
		}
		p.word, p.first = p.text, false
		return tsValue, nil
	case TSQueryWeb:
		return p.webToken()
	}
	return p.standardToken()
}

// skipSpace reports whether the text goes on after white space.
func (p *tsQueryParser) skipSpace() bool {
	for p.scan.at < len(p.scan.in) && p.scan.space() {
		p.scan.skip()
	}
	return p.scan.at < len(p.scan.in)
}

func (p *tsQueryParser) operator(op TSOp, length int) (tsToken, error) {
	p.scan.at += length
	p.op, p.afterOperand, p.first = op, false, false
	return tsOperator, nil
}

func (p *tsQueryParser) standardToken() (tsToken, error) {
	more := p.skipSpace()
	c := p.scan.char()
	if p.afterOperand {
		return p.standardOperator(more, c)
	}
	switch {
	case more && c == '!':
		return p.operator(TSNot, 1)
	case more && c == '(':
		p.scan.at++
		p.first = false
		p.depth++
		return tsOpen, nil
	case more && c == ':':
		return 0, p.scan.errSyntax()
	}
	word, _, ok, err := p.scan.next()
	switch {
	case err != nil:
		return 0, err
	case !ok && p.first:
		return tsEnd, nil
	case !ok:
		return 0, pgerr.New(pgerr.SyntaxError, "no operand in tsquery: \"%s\"", p.text)
	}
	p.word, p.afterOperand, p.first = word, true, false
	p.modifiers()
	return tsValue, nil
}

func (p *tsQueryParser) standardOperator(more bool, c byte) (tsToken, error) {
	switch {
	case !more && p.depth > 0:
		return 0, p.scan.errSyntax()
	case !more:
		return tsEnd, nil
	case c == '&':
		return p.operator(TSAnd, 1)
	case c == '|':
		return p.operator(TSOr, 1)
	case c == ')' && p.depth > 0:
		p.scan.at++
		p.depth--
		return tsClose, nil
	case c == '<':
		length, err := p.phrase()
		if err != nil {
			return 0, err
		}
		if length > 0 {
			return p.operator(TSPhrase, length)
		}
	}
	return 0, p.scan.errSyntax()
}

// modifiers reads the weights and the star behind a word.
func (p *tsQueryParser) modifiers() {
	if p.scan.char() != ':' {
		return
	}
	for p.scan.at++; p.scan.at < len(p.scan.in); p.scan.at++ {
		switch p.scan.char() {
		case 'a', 'A':
			p.weight |= 8
		case 'b', 'B':
			p.weight |= 4
		case 'c', 'C':
			p.weight |= 2
		case 'd', 'D':
			p.weight |= 1
		case '*':
			p.prefix = true
		default:
			return
		}
	}
}

// phrase returns how long the operator <-> or <n> is, 0 if there is none. Nothing behind it means that there is none.
func (p *tsQueryParser) phrase() (int, error) {
	s := p.scan.in[p.scan.at:]
	i, n := 1, 1
	switch {
	case strings.HasPrefix(s, "<-"):
		i++
	case len(s) > 1 && isDigit(s[1]):
		for n = 0; i < len(s) && isDigit(s[i]); i++ {
			if n = n*10 + int(s[i]-'0'); n > MaxTSPosition+1 {
				return 0, ErrPhraseDistance()
			}
		}
	default:
		return 0, nil
	}
	if i+1 >= len(s) || s[i] != '>' {
		return 0, nil
	}
	p.distance = n
	return i + 1, nil
}

// ErrPhraseDistance is the error for a distance that a phrase cannot have.
func ErrPhraseDistance() error {
	return pgerr.New(pgerr.InvalidParameterValue, "distance in phrase operator must be an integer value between zero and %d inclusive",
		MaxTSPosition+1)
}

func (p *tsQueryParser) webToken() (tsToken, error) {
	for {
		more := p.skipSpace()
		c := p.scan.char()
		switch {
		case p.afterOperand && !more:
			return tsEnd, nil
		case p.afterOperand && p.webOr():
			return p.operator(TSOr, 2)
		case more && isTSOperator(c):
			p.scan.at++
			p.first = p.first && p.afterOperand
			continue
		case p.afterOperand:
			return p.operator(TSAnd, 0)
		case more && c == '-':
			return p.operator(TSNot, 1)
		case more && c == '"':
			p.scan.at++
			s := p.scan.in[p.scan.at:]
			end := strings.IndexByte(s, '"')
			if end < 0 {
				p.word, p.scan.at = s, len(p.scan.in)
			} else {
				p.word = s[:end]
				p.scan.at += end + 1
			}
			p.afterOperand, p.first = true, false
			return tsValue, nil
		}
		word, _, ok, err := p.scan.next()
		switch {
		case err != nil:
			return 0, err
		case ok:
			p.word, p.afterOperand, p.first = word, true, false
			return tsValue, nil
		case !p.first: // an operator waits for its operand
			p.Stop()
		}
		return tsEnd, nil
	}
}

// webOr reports whether the word OR that is next is an operator: no part of a word, and not at the end.
func (p *tsQueryParser) webOr() bool {
	s := p.scan.in[p.scan.at:]
	if len(s) < 3 || !strings.EqualFold(s[:2], "or") {
		return false
	}
	after := tsScanner{in: s, at: 2}
	r := []rune(s[2:min(len(s), 6)])[0]
	if s[2] == '-' || s[2] == '_' || IsWideAlnum(r) {
		return false
	}
	for after.skip(); after.at < len(s); after.skip() {
		if !after.space() {
			return true
		}
	}
	return false
}

// dropStopWords removes the places of stop words; nil if nothing is left. A phrase over one goes with it, and its distance
// is owed to the next phrase to the left or to the right: left and right say how much. A part of which nothing is left owes
// the same to both, of which the operator above takes one.
func dropStopWords(n *TSNode) (rest *TSNode, left, right int) {
	switch n.Op {
	case TSOperand:
		return n, 0, 0
	case tsStopWord:
		return nil, 0, 0
	case TSNot:
		if n.Right, left, right = dropStopWords(n.Right); n.Right == nil {
			return nil, left, right
		}
		return n, left, right
	}
	l, ll, lr := dropStopWords(n.Left)
	r, rl, rr := dropStopWords(n.Right)
	phrase := n.Op == TSPhrase
	switch {
	case l == nil && r == nil && phrase:
		return nil, ll + n.Distance + rl, ll + n.Distance + rl
	case l == nil && r == nil:
		return nil, max(ll, rl), max(ll, rl)
	case l == nil && phrase:
		return r, ll + n.Distance + rl, rr
	case l == nil:
		return r, rl, rr
	case r == nil && phrase:
		return l, ll, lr + n.Distance + rr
	case r == nil:
		return l, ll, lr
	}
	n.Left, n.Right = l, r
	if !phrase {
		return n, 0, 0
	}
	n.Distance += lr + rl
	return n, ll, rr
}

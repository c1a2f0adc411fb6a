package types

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// The tsquery type: a tree of operators over lexemes. A value is held in the form in which PostgreSQL sends it: the number
// of nodes and then the nodes in preorder, right before left. Weights and prefixes do not count in comparisons, so equal
// values may differ; their order is that of TSQueryKey.

// TSOp is the operator of a node, by PostgreSQL's number.
type TSOp int8

// The operators. An operand is a lexeme; a stop word stands for one that the dictionary dropped, only while a query is made.
const (
	TSOperand  TSOp = 0
	TSNot      TSOp = 1
	TSAnd      TSOp = 2
	TSOr       TSOp = 3
	TSPhrase   TSOp = 4
	tsStopWord TSOp = 5
)

// priority is how tightly an operator binds.
func (op TSOp) priority() int { return [...]int{0, 4, 2, 1, 3, 0}[op] }

// TSNode is a node of a query. A node that is an operand has no others below it, TSNot only Right.
type TSNode struct {
	Op       TSOp
	Distance int // of TSPhrase: how many positions after Left's end Right's is
	Left     *TSNode
	Right    *TSNode
	Word     string // of an operand
	Weight   uint8  // a bit for each weight that the operand is restricted to; 0: any
	Prefix   bool   // any lexeme that begins with Word
}

// TSQuery returns the value of a tsquery, nil for the empty one. Operands refer to the datum's memory.
func (d Datum) TSQuery() *TSNode {
	s := d.Str()
	if len(s) <= 4 {
		return nil
	}
	at := 4
	return readTSNode(s, &at)
}

func readTSNode(s string, at *int) *TSNode {
	if s[*at] == 1 {
		n := &TSNode{Weight: s[*at+1], Prefix: s[*at+2] != 0}
		*at += 3
		end := strings.IndexByte(s[*at:], 0)
		n.Word = s[*at : *at+end]
		*at += end + 1
		return n
	}
	n := &TSNode{Op: TSOp(s[*at+1])}
	*at += 2
	if n.Op == TSPhrase {
		n.Distance = int(int16(uint16(s[*at])<<8 | uint16(s[*at+1])))
		*at += 2
	}
	n.Right = readTSNode(s, at)
	if n.Op != TSNot {
		n.Left = readTSNode(s, at)
	}
	return n
}

// NewTSQuery makes a tsquery; nil is the empty one.
func NewTSQuery(n *TSNode) Datum {
	return NewBytes(appendTSNode(binary.BigEndian.AppendUint32(nil, uint32(n.Nodes())), n))
}

func appendTSNode(b []byte, n *TSNode) []byte {
	switch {
	case n == nil:
		return b
	case n.Op == TSOperand:
		b = append(b, 1, n.Weight, byte(NewBool(n.Prefix).n))
		return append(append(b, n.Word...), 0)
	}
	b = append(b, 2, byte(n.Op))
	if n.Op == TSPhrase {
		b = binary.BigEndian.AppendUint16(b, uint16(n.Distance))
	}
	return appendTSNode(appendTSNode(b, n.Right), n.Left)
}

// Nodes is numnode(): how many operators and operands there are.
func (n *TSNode) Nodes() int {
	if n == nil {
		return 0
	}
	return 1 + n.Left.Nodes() + n.Right.Nodes()
}

// Operands calls f for every operand in the order in which PostgreSQL keeps them.
func (n *TSNode) Operands(f func(*TSNode)) {
	switch {
	case n == nil:
	case n.Op == TSOperand:
		f(n)
	default:
		n.Right.Operands(f)
		n.Left.Operands(f)
	}
}

func (n *TSNode) operandBytes() (sum int) {
	n.Operands(func(o *TSNode) { sum += len(o.Word) + 1 })
	return sum
}

func appendTSQuery(buf []byte, s string) []byte { return NewString(s).TSQuery().AppendText(buf) }

// AppendText appends the text form of the query.
func (n *TSNode) AppendText(buf []byte) []byte {
	if n == nil {
		return buf
	}
	return n.infix(buf, -1, false)
}

// infix writes a node below an operator of a priority; a phrase that is the right side of a phrase is set off, for phrases
// are not associative.
func (n *TSNode) infix(buf []byte, parent int, rightOfPhrase bool) []byte {
	switch n.Op {
	case TSOperand:
		return n.appendOperand(buf)
	case TSNot:
		return n.Right.infix(append(buf, '!'), TSNot.priority(), false)
	}
	p := n.Op.priority()
	parens := p < parent || n.Op == TSPhrase && rightOfPhrase
	if parens {
		buf = append(buf, "( "...)
	}
	buf = n.Left.infix(buf, p, false)
	switch {
	case n.Op == TSOr:
		buf = append(buf, " | "...)
	case n.Op == TSAnd:
		buf = append(buf, " & "...)
	case n.Distance == 1:
		buf = append(buf, " <-> "...)
	default:
		buf = append(strconv.AppendInt(append(buf, " <"...), int64(n.Distance), 10), "> "...)
	}
	buf = n.Right.infix(buf, p, n.Op == TSPhrase)
	if parens {
		buf = append(buf, " )"...)
	}
	return buf
}

func (n *TSNode) appendOperand(buf []byte) []byte {
	buf = appendLexeme(buf, n.Word)
	if n.Weight == 0 && !n.Prefix {
		return buf
	}
	buf = append(buf, ':')
	if n.Prefix {
		buf = append(buf, '*')
	}
	for w := 3; w >= 0; w-- {
		if n.Weight&(1<<w) != 0 {
			buf = append(buf, "DCBA"[w])
		}
	}
	return buf
}

func parseBinaryTSQuery(b []byte) (Datum, error) {
	r := tsReader{b: b}
	size := r.uint(4)
	if size > math.MaxInt32/24 {
		r.fail(pgerr.Internal("invalid size of tsquery"))
	}
	left, bytes := size, 0
	var root *TSNode
	if size > 0 && r.err == nil {
		root = r.tsNode(&left, &bytes)
	}
	if left > 0 {
		r.fail(pgerr.Internal("malformed tsquery: extra nodes"))
	}
	if err := r.end(); err != nil {
		return Null, err
	}
	return NewTSQuery(root), nil
}

// tsNode reads a node of a query of which left nodes are still to come.
func (r *tsReader) tsNode(left *uint32, bytes *int) *TSNode {
	if *left == 0 {
		r.fail(pgerr.Internal("malformed tsquery: operand not found"))
	}
	if r.err != nil {
		return nil
	}
	*left--
	switch kind := r.uint(1); {
	case r.err != nil:
		return nil
	case kind == 1:
		n := &TSNode{Weight: uint8(r.uint(1)), Prefix: r.uint(1) != 0, Word: r.string()}
		switch {
		case n.Weight > 15:
			r.fail(pgerr.Internal("invalid tsquery: invalid weight bitmap"))
		case len(n.Word) > MaxLexemeBytes:
			r.fail(pgerr.Internal("invalid tsquery: operand too long"))
		case *bytes > MaxTSVectorBytes:
			r.fail(pgerr.Internal("invalid tsquery: total operand length exceeded"))
		}
		*bytes += len(n.Word) + 1
		return n
	case kind != 2:
		r.fail(pgerr.Internal("unrecognized tsquery node type: %d", int8(kind)))
		return nil
	}
	n := &TSNode{Op: TSOp(r.uint(1))}
	switch {
	case r.err != nil:
		return nil
	case n.Op < TSNot || n.Op > TSPhrase:
		r.fail(pgerr.Internal("invalid tsquery: unrecognized operator type %d", n.Op))
		return nil
	case *left == 0:
		r.fail(pgerr.Internal("invalid pointer to right operand"))
		return nil
	case n.Op == TSPhrase:
		n.Distance = int(int16(r.uint(2)))
	}
	n.Right = r.tsNode(left, bytes)
	if n.Op != TSNot {
		n.Left = r.tsNode(left, bytes)
	}
	return n
}

// WordCRC is the checksum by which PostgreSQL compares operands first. It is no CRC-32 that others compute: the table is
// that of the reflected polynomial and the shifts are those of the plain one.
func WordCRC(w string) int32 {
	crc := ^uint32(0)
	for i := range len(w) {
		crc = crc32.IEEETable[byte(crc>>24)^w[i]] ^ crc<<8
	}
	return int32(^crc)
}

// TSQueryKey returns bytes in whose order PostgreSQL sorts tsqueries: fewer nodes first, then shorter ones, and then node by
// node, operators before operands, those of higher numbers and operands of higher checksums first.
func TSQueryKey(s string) []byte {
	n := NewString(s).TSQuery()
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 2*len(s)+8), uint32(n.Nodes()))
	return appendTSNodeKey(binary.BigEndian.AppendUint32(b, uint32(n.operandBytes())), n)
}

func appendTSNodeKey(b []byte, n *TSNode) []byte {
	switch {
	case n == nil:
		return b
	case n.Op == TSOperand:
		b = binary.BigEndian.AppendUint32(append(b, 1), ^(uint32(WordCRC(n.Word)) ^ 1<<31))
		return append(append(b, n.Word...), 0)
	}
	b = appendTSNodeKey(append(b, 0, ^byte(n.Op)), n.Right)
	if b = appendTSNodeKey(b, n.Left); n.Op == TSPhrase {
		b = binary.BigEndian.AppendUint16(b, ^uint16(n.Distance))
	}
	return b
}

// TSQueryFromKey is a tsquery that equals the one of a TSQueryKey, without weights and prefixes; false for other bytes.
func TSQueryFromKey(key []byte) (Datum, bool) {
	r := tsReader{b: key}
	size := r.uint(4)
	r.uint(4)
	if size == 0 {
		return NewTSQuery(nil), r.end() == nil
	}
	n := r.keyNode()
	return NewTSQuery(n), r.end() == nil
}

func (r *tsReader) keyNode() *TSNode {
	if r.uint(1) == 1 {
		r.uint(4)
		return &TSNode{Word: r.string()}
	}
	n := &TSNode{Op: TSOp(^byte(r.uint(1)))}
	if r.err != nil || n.Op < TSNot || n.Op > TSPhrase {
		r.fail(errBinaryShort())
		return nil
	}
	n.Right = r.keyNode()
	if n.Op != TSNot {
		n.Left = r.keyNode()
	}
	if n.Op == TSPhrase {
		n.Distance = int(int16(^uint16(r.uint(2))))
	}
	return n
}

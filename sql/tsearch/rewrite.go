package tsearch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Rewriting replaces parts of a query. For it a query is a tree in which AND and OR have all their operands, in an order
// that does not depend on how the query was written, so that B & C is found in A & B & C and in C & A & B.

// part is a node of such a tree.
type part struct {
	op       types.TSOp
	distance int
	operand  *types.TSNode // of a leaf
	crc      int32
	children []*part // right before left
	fixed    bool    // it came by replacement, and is not to be searched
	// sign has a bit for each operand that was below the part when it was made. Replacements leave it as it is, so that what
	// they brought is not found as one with what was there, as in PostgreSQL.
	sign uint32
}

func newPart(n *types.TSNode) *part {
	p := &part{op: n.Op, distance: n.Distance}
	switch n.Op {
	case types.TSOperand:
		p.operand, p.crc = n, types.WordCRC(n.Word)
		p.sign = 1 << (uint32(p.crc) % 32)
	case types.TSNot:
		p.children = []*part{newPart(n.Right)}
	default:
		p.children = []*part{newPart(n.Right), newPart(n.Left)}
	}
	for _, c := range p.children {
		p.sign |= c.sign
	}
	return p
}

// comparePart orders parts as PostgreSQL does, which orders queries so too.
func comparePart(a, b *part) int {
	switch aLeaf, bLeaf := a.op == types.TSOperand, b.op == types.TSOperand; {
	case aLeaf && bLeaf:
		return cmp.Or(cmp.Compare(b.crc, a.crc), strings.Compare(a.operand.Word, b.operand.Word))
	case aLeaf:
		return 1
	case bLeaf:
		return -1
	}
	if c := cmp.Or(cmp.Compare(b.op, a.op), cmp.Compare(len(b.children), len(a.children))); c != 0 {
		return c
	}
	for i := range a.children {
		if c := comparePart(a.children[i], b.children[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(b.distance, a.distance)
}

// flatten gives every AND and OR all its operands.
func (p *part) flatten() {
	for _, c := range p.children {
		c.flatten()
	}
	if p.op != types.TSAnd && p.op != types.TSOr {
		return
	}
	var all []*part
	for _, c := range p.children {
		if c.op == p.op {
			all = append(all, c.children...)
		} else {
			all = append(all, c)
		}
	}
	p.children = all
}

// sort puts the operands of AND and OR in order.
func (p *part) sort() {
	for _, c := range p.children {
		c.sort()
	}
	if p.op != types.TSPhrase {
		slices.SortStableFunc(p.children, comparePart)
	}
}

func (p *part) clone() *part {
	if p == nil {
		return nil
	}
	out := *p
	out.children = make([]*part, len(p.children))
	for i, c := range p.children {
		out.children[i] = c.clone()
	}
	return &out
}

func (p *part) release() {
	p.fixed = false
	for _, c := range p.children {
		c.release()
	}
}

// node makes a query of the part: of more than two operands pairs, from the first on.
func (p *part) node() *types.TSNode {
	if p.op == types.TSOperand {
		return p.operand
	}
	n := &types.TSNode{Op: p.op, Distance: p.distance, Right: p.children[0].node()}
	if p.op == types.TSNot {
		return n
	}
	list := slices.Clone(p.children[1:])
	for len(list) > 1 {
		n = &types.TSNode{Op: p.op, Right: &types.TSNode{Op: p.op, Right: n.Right, Left: list[0].node()}}
		list[0] = list[len(list)-1]
		list = list[:len(list)-1]
	}
	n.Left = list[0].node()
	return n
}

// replacement returns a copy of what is put in a part's place; nil for nothing.
func replacement(with *part) *part {
	c := with.clone()
	if c != nil {
		c.fixed = true
	}
	return c
}

// replaceHere replaces p where it is what is looked for, or the operands of it that are.
func (p *part) replaceHere(what, with *part) *part {
	if p.fixed || p.op != what.op || p.sign&what.sign != what.sign {
		return p
	}
	if len(p.children) == len(what.children) {
		if p.sign == what.sign && comparePart(p, what) == 0 {
			return replacement(with)
		}
		return p
	}
	if len(p.children) < len(what.children) {
		return p
	}
	// Both lists are in order, so one pass finds what they share.
	var rest []*part
	j := 0
	for i, c := range p.children {
		if j == len(what.children) {
			rest = append(rest, p.children[i:]...)
			break
		}
		switch order := comparePart(c, what.children[j]); {
		case order == 0:
			j++
		case order > 0:
			return p
		default:
			rest = append(rest, c)
		}
	}
	if j < len(what.children) {
		return p
	}
	if c := replacement(with); c != nil {
		rest = append(rest, c)
	}
	p.children = rest
	p.sort()
	return p
}

// replace replaces what is looked for in p and below; nil: nothing is left.
func (p *part) replace(what, with *part) *part {
	p = p.replaceHere(what, with)
	if p == nil || p.fixed || p.op == types.TSOperand {
		return p
	}
	rest := p.children[:0]
	for _, c := range p.children {
		if c = c.replace(what, with); c != nil {
			rest = append(rest, c)
		}
	}
	p.children = rest
	switch {
	case len(rest) == 0:
		return nil
	case len(rest) == 1 && p.op != types.TSNot:
		return rest[0]
	}
	return p
}

// Rewriter rewrites a query step by step.
type Rewriter struct{ tree *part }

// NewRewriter returns a rewriter of a query.
func NewRewriter(q *types.TSNode) *Rewriter {
	r := &Rewriter{}
	if q != nil {
		r.tree = newPart(q)
		r.prepare()
	}
	return r
}

func (r *Rewriter) prepare() {
	r.tree.flatten()
	r.tree.sort()
}

// Replace replaces a query by another, nil for nothing, wherever it occurs. more says that there will be further steps.
func (r *Rewriter) Replace(what, with *types.TSNode, more bool) {
	if r.tree == nil || what == nil {
		return
	}
	w := newPart(what)
	w.flatten()
	w.sort()
	var subst *part
	if with != nil {
		subst = newPart(with)
	}
	if r.tree = r.tree.replace(w, subst); r.tree != nil && more {
		r.tree.release()
		r.prepare()
	}
}

// Query returns what has become of the query.
func (r *Rewriter) Query() *types.TSNode {
	if r.tree == nil {
		return nil
	}
	return r.tree.node()
}

// Positive returns the part of a query that an index can be searched for, without what is below NOT; nil: there is none.
func Positive(q *types.TSNode) *types.TSNode {
	switch q.Op {
	case types.TSOperand:
		return q
	case types.TSNot:
		return nil
	}
	l, r := Positive(q.Left), Positive(q.Right)
	switch {
	case q.Op == types.TSOr && (l == nil || r == nil):
		return nil
	case l == nil:
		return r
	case r == nil:
		return l
	}
	return &types.TSNode{Op: q.Op, Distance: q.Distance, Left: l, Right: r}
}

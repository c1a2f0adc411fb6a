package querygen

import "strings"

// Type is a type's name as SQL writes it, as format_type prints it for a built-in type.
type Type string

// Node is a piece of SQL text: strings and nodes in the order in which they print. What the shrinker may do with one
// stands on its fields; a node with none of them is part of its parent's syntax.
type Node struct {
	parts []any // string or *Node
	// typ is the type of an expression: it may be replaced by any expression of this type. Empty: no expression.
	typ Type
	// optional: the node may print as nothing.
	optional bool
	// items is the least number of parts that a list must keep, those being its items; 0: the node is no list.
	items int
	sep   string // between the items of a list
	gone  bool   // the shrinker cut it
}

// The types of nodes that are no expressions: they may be replaced by others of their kind below them.
const (
	tFrom  Type = "FROM item"
	tQuery Type = "query"
)

// text makes a node of strings and nodes.
func text(parts ...any) *Node { return &Node{parts: parts} }

// expr makes an expression of type t. It stands in parentheses of its own or is an atom.
func expr(t Type, parts ...any) *Node { return &Node{typ: t, parts: parts} }

// option makes a node that a statement can do without.
func option(parts ...any) *Node { return &Node{optional: true, parts: parts} }

// list makes a list of items of which at least atLeast (1 or more) must stay.
func list(atLeast int, sep string, items ...*Node) *Node {
	n := &Node{items: atLeast, sep: sep}
	for _, it := range items {
		n.parts = append(n.parts, it)
	}
	return n
}

// String is the SQL text.
func (n *Node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *Node) write(b *strings.Builder) {
	if n.gone {
		return
	}
	first := true
	for _, p := range n.parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case *Node:
			if n.items > 0 {
				if p.gone {
					continue
				}
				if !first {
					b.WriteString(n.sep)
				}
				first = false
			}
			p.write(b)
		}
	}
}

// walk visits n and the nodes below it that print, parents first.
func (n *Node) walk(visit func(*Node)) {
	if n.gone {
		return
	}
	visit(n)
	for _, p := range n.parts {
		if c, ok := p.(*Node); ok {
			c.walk(visit)
		}
	}
}

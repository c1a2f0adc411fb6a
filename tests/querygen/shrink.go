package querygen

// shrink cuts the statement's tree for as long as differs says that what is left still differs in the same way, and
// returns how many texts it tried. Cuts are tried from the root down, so that large ones come first.
func shrink(root *Node, differs func(sql string) bool, limit int) int {
	tried := 0
	for changed := true; changed; {
		changed = false
		var nodes []*Node
		root.walk(func(n *Node) { nodes = append(nodes, n) })
		for _, n := range nodes {
			if !reachable(root, n) {
				continue
			}
			for _, cut := range cuts(n) {
				if tried >= limit {
					return tried
				}
				before := root.String()
				undo := cut()
				if after := root.String(); len(after) >= len(before) {
					undo()
					continue
				} else if tried++; differs(after) {
					changed = true
					continue
				}
				undo()
			}
		}
	}
	return tried
}

// reachable tells whether n still prints.
func reachable(root, n *Node) bool {
	found := false
	root.walk(func(m *Node) { found = found || m == n })
	return found
}

// cuts returns what may be tried on a node. Each does its cut and returns what undoes it.
func cuts(n *Node) []func() func() {
	var out []func() func()
	replace := func(by Node) func() func() {
		return func() func() { old := *n; *n = by; return func() { *n = old } }
	}
	if n.optional {
		out = append(out, func() func() { n.gone = true; return func() { n.gone = false } })
	}
	if n.items > 0 {
		for i := range n.parts {
			item := n.parts[i].(*Node)
			out = append(out, func() func() {
				left := 0
				for _, p := range n.parts {
					if !p.(*Node).gone {
						left++
					}
				}
				if item.gone || left <= n.items {
					return func() {}
				}
				item.gone = true
				return func() { item.gone = false }
			})
		}
	}
	if n.typ != "" {
		keep := func(by Node) Node { by.typ, by.optional = n.typ, n.optional; return by }
		n.walk(func(m *Node) {
			if m != n && m.typ == n.typ {
				out = append(out, replace(keep(*m)))
			}
		})
		if literals[n.typ] == nil {
			return out
		}
		out = append(out, replace(keep(Node{parts: []any{"NULL::" + string(n.typ)}})))
		for _, l := range literals[n.typ][:min(2, len(literals[n.typ]))] {
			out = append(out, replace(keep(Node{parts: []any{quote(l) + "::" + string(n.typ)}})))
		}
	}
	return out
}

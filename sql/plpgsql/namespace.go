package plpgsql

// nsKind is what an entry of a namespace is.
type nsKind uint8

const (
	nsLabel nsKind = iota
	nsVariable
	nsRecord
)

// labelKind is what a label is of.
type labelKind uint8

const (
	blockLabel labelKind = iota
	loopLabel
	otherLabel
)

// nsItem is an entry of the namespaces of a function, which are a chain: from a place outward, the entries of each block and
// at its end its label, which may be empty.
type nsItem struct {
	kind  nsKind
	no    int // of the datum
	label labelKind
	name  string
	prev  *nsItem
}

// find is plpgsql_ns_lookup: what names stand for, and how many of them were used for it.
func (n *nsItem) find(names []string) (*nsItem, int) {
	for n != nil {
		at, used, end := n.level(names)
		if at != nil {
			return at, used
		}
		n = end.prev
	}
	return nil, 0
}

// findHere is find in the innermost block alone.
func (n *nsItem) findHere(name string) *nsItem {
	at, _, _ := n.level([]string{name})
	return at
}

// level is find in one block, whose label it returns too.
func (n *nsItem) level(names []string) (at *nsItem, used int, end *nsItem) {
	end = n
	for ; end.kind != nsLabel; end = end.prev {
		if end.name == names[0] && (len(names) == 1 || end.kind != nsVariable) {
			return end, 1, end
		}
	}
	if len(names) > 1 && end.name == names[0] {
		for at := n; at.kind != nsLabel; at = at.prev {
			if at.name == names[1] && (len(names) == 2 || at.kind != nsVariable) {
				return at, 2, end
			}
		}
	}
	return nil, 0, end
}

// findLabel finds a label around a place.
func (n *nsItem) findLabel(name string) *nsItem {
	for ; n != nil; n = n.prev {
		if n.kind == nsLabel && n.name == name {
			return n
		}
	}
	return nil
}

// inLoop reports whether a loop is around a place.
func (n *nsItem) inLoop() bool {
	for ; n != nil; n = n.prev {
		if n.kind == nsLabel && n.label == loopLabel {
			return true
		}
	}
	return false
}

func (p *parser) pushNamespace(label string, kind labelKind) {
	p.ns = &nsItem{kind: nsLabel, label: kind, name: label, prev: p.ns}
}

// popNamespace ends the innermost block.
func (p *parser) popNamespace() {
	for p.ns.kind != nsLabel {
		p.ns = p.ns.prev
	}
	p.ns = p.ns.prev
}

func (p *parser) addName(kind nsKind, no int, name string) {
	p.ns = &nsItem{kind: kind, no: no, name: name, prev: p.ns}
}

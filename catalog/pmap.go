package catalog

// pmap is an immutable ordered map: put and remove return a new map that shares all but a path of nodes with the old one,
// so that a Snapshot costs a DDL what it changes and not what the catalog holds. It is a weight-balanced tree; with
// delta 3 and ratio 2 single and double rotations keep every subtree at most delta times as heavy as its sibling.
type pmap[K, V any] struct {
	root    *pnode[K, V]
	compare func(a, b K) int
}

type pnode[K, V any] struct {
	left, right *pnode[K, V]
	size        int
	key         K
	value       V
}

const (
	pmapDelta = 3
	pmapRatio = 2
)

func (n *pnode[K, V]) count() int {
	if n == nil {
		return 0
	}
	return n.size
}

func (m pmap[K, V]) len() int { return m.root.count() }

func (m pmap[K, V]) get(k K) (v V, ok bool) {
	for n := m.root; n != nil; {
		switch c := m.compare(k, n.key); {
		case c < 0:
			n = n.left
		case c > 0:
			n = n.right
		default:
			return n.value, true
		}
	}
	return v, false
}

func (m pmap[K, V]) put(k K, v V) pmap[K, V] {
	m.root = m.insert(m.root, k, v)
	return m
}

func (m pmap[K, V]) remove(k K) pmap[K, V] {
	if _, ok := m.get(k); ok {
		m.root = m.drop(m.root, k)
	}
	return m
}

// ascend calls f for every entry with key >= from in order, until f returns false.
func (m pmap[K, V]) ascend(from K, f func(K, V) bool) { m.walkFrom(m.root, from, f) }

// all calls f for every entry in order, until f returns false.
func (m pmap[K, V]) all(f func(K, V) bool) { m.root.walk(f) }

func (n *pnode[K, V]) walk(f func(K, V) bool) bool {
	return n == nil || n.left.walk(f) && f(n.key, n.value) && n.right.walk(f)
}

func (m pmap[K, V]) walkFrom(n *pnode[K, V], from K, f func(K, V) bool) bool {
	if n == nil {
		return true
	}
	if m.compare(n.key, from) < 0 {
		return m.walkFrom(n.right, from, f)
	}
	return m.walkFrom(n.left, from, f) && f(n.key, n.value) && n.right.walk(f)
}

func (m pmap[K, V]) insert(n *pnode[K, V], k K, v V) *pnode[K, V] {
	if n == nil {
		return &pnode[K, V]{size: 1, key: k, value: v}
	}
	switch c := m.compare(k, n.key); {
	case c < 0:
		return balance(m.insert(n.left, k, v), n, n.right)
	case c > 0:
		return balance(n.left, n, m.insert(n.right, k, v))
	}
	return &pnode[K, V]{left: n.left, right: n.right, size: n.size, key: k, value: v}
}

func (m pmap[K, V]) drop(n *pnode[K, V], k K) *pnode[K, V] {
	switch c := m.compare(k, n.key); {
	case c < 0:
		return balance(m.drop(n.left, k), n, n.right)
	case c > 0:
		return balance(n.left, n, m.drop(n.right, k))
	}
	if n.left == nil {
		return n.right
	}
	if n.right == nil {
		return n.left
	}
	least := n.right
	for least.left != nil {
		least = least.left
	}
	return balance(n.left, least, dropLeast(n.right))
}

func dropLeast[K, V any](n *pnode[K, V]) *pnode[K, V] {
	if n.left == nil {
		return n.right
	}
	return balance(dropLeast(n.left), n, n.right)
}

// node joins two subtrees under the entry of at.
func node[K, V any](l, at, r *pnode[K, V]) *pnode[K, V] {
	return &pnode[K, V]{left: l, right: r, size: l.count() + r.count() + 1, key: at.key, value: at.value}
}

func balance[K, V any](l, at, r *pnode[K, V]) *pnode[K, V] {
	ln, rn := l.count(), r.count()
	switch {
	case ln+rn < 2:
		return node(l, at, r)
	case rn > pmapDelta*ln:
		if r.left.count() < pmapRatio*r.right.count() {
			return node(node(l, at, r.left), r, r.right)
		}
		return node(node(l, at, r.left.left), r.left, node(r.left.right, r, r.right))
	case ln > pmapDelta*rn:
		if l.right.count() < pmapRatio*l.left.count() {
			return node(l.left, l, node(l.right, at, r))
		}
		return node(node(l.left, l, l.right.left), l.right, node(l.right.right, at, r))
	}
	return node(l, at, r)
}

package exec

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A scan by a GIN index finds out which rows have the keys that its conditions ask for, and looks these up; the scan's
// filter has the conditions again.
//
// Of keys that a row must have all, one may be in a single row and another in every row. Nobody knows before. So the lists
// of their entries are read as a race: always some of the list of which least was read, until one of them ends. Its rows
// are all that there can be. The other lists are read on only as far as that costs less than looking the rows up, and take
// rows away if they end; those that do not are left, since the filter judges anyway. A race costs at most the shortest
// list times the number of lists.
//
// Where even the shortest list is a large part of the table, the table is read instead. Where it exceeds the memory of a
// hash table, a list of one key is looked up as it comes, since it names each row once.

// ginRow is a row that an entry names.
type ginRow struct {
	group topo.GroupID
	key   []byte // behind the table's prefix
}

func compareGinRows(a, b ginRow) int {
	return cmp.Or(cmp.Compare(a.group, b.group), bytes.Compare(a.key, b.key))
}

// ginBudget is what the lists of one scan may still take: entries read, and memory.
type ginBudget struct {
	entries int
	bytes   int64
}

// ginList is the rows that meet a GinQuery, read bit by bit.
type ginList interface {
	// more reads on; done is true once rows are all there are. The rows are in order and distinct then.
	more() error
	done() bool
	// cost is how many entries were read.
	cost() int
	rows() []ginRow
	close()
}

const (
	ginMinEntries = 4096 // any scan may read so many entries before it gives up, and otherwise as many as the table has rows
	ginTableShare = 3    // looking up this part of a table's rows costs as much as reading it
	ginRaceStart  = 256  // entries of a list that are read before the next one is looked at
	ginMaxLists   = 16   // the lists of a race
)

// ginScan evaluates a scan's conditions.
type ginScan struct {
	s      *scanOp
	x      *indexInfo
	budget ginBudget
}

// ginRows returns the rows that a scan has to look up, in order; whole: all rows of the table are to be read.
func (s *scanOp) ginRows(x *indexInfo) (rows []ginRow, whole bool, err error) {
	a := &s.n.Access
	q, err := ginQuery(s.r.eval, a.Gin, x)
	switch {
	case err != nil, q == nil:
		return nil, true, err
	case q.Never():
		return nil, false, nil
	}
	g := &ginScan{s: s, x: x, budget: ginBudget{max(ginMinEntries, int(a.TableRows)), s.r.hashMem()}}
	l := g.list(q)
	defer func() {
		if s.ginStream == nil {
			l.close()
		}
	}()
	for !l.done() {
		if g.budget.entries < 0 {
			return nil, true, nil
		}
		if g.budget.bytes < 0 {
			return s.streamGin(l, a.TableRows)
		}
		if err := l.more(); err != nil {
			return nil, false, err
		}
	}
	rows = l.rows()
	if n := len(rows); n > ginMinEntries && n > int(a.TableRows)/ginTableShare {
		return nil, true, nil
	}
	return rows, false, nil
}

// streamGin goes on with one list alone once all together exceed their memory: its rows so far, then those to come.
func (s *scanOp) streamGin(l ginList, tableRows float64) ([]ginRow, bool, error) {
	all := []ginList{l}
	if race, ok := l.(*ginRace); ok {
		all = race.lists
	}
	for i, k := range all {
		e, ok := k.(*ginEntries)
		if !ok || len(e.keys) > 1 || e.starts || e.ended || e.scanner == nil || e.read > int(tableRows)/ginTableShare {
			continue
		}
		closeGin(all[:i])
		closeGin(all[i+1:])
		s.ginStream = e
		return e.found, false, nil
	}
	return nil, true, nil
}

// ginQuery evaluates the operands of conditions and combines what follows from them; the keys of the result have the form
// that they have in entries.
func ginQuery(eval *expr.EvalContext, conds []planner.GinCond, x *indexInfo) (*keyenc.GinQuery, error) {
	var parts []*keyenc.GinQuery
	for _, c := range conds {
		d, err := c.Query.EvalRow(eval, nil)
		if err != nil {
			return nil, err
		}
		q, err := expr.GinQuery(eval, x.gin[c.Column], c.Op, d)
		if err != nil {
			return nil, err
		}
		parts = append(parts, q.Of(c.Column))
	}
	return keyenc.GinAll(parts...), nil
}

// list makes the list for a query.
func (g *ginScan) list(q *keyenc.GinQuery) ginList {
	if q.Leaf() {
		return &ginEntries{g: g, keys: prefixFree(slices.Concat(q.Any, q.Starts)), starts: q.Starts != nil}
	}
	var lists []ginList
	for _, p := range q.Parts {
		lists = append(lists, g.list(p))
	}
	switch {
	case q.Least > 0:
		return &ginQuorum{lists: lists, ended: len(lists) - q.Least + 1}
	case q.Or:
		return &ginUnion{lists: lists}
	}
	return newGinRace(lists)
}

// prefixFree sorts strings and drops those that begin with another.
func prefixFree(list []string) []string {
	slices.Sort(list)
	out := list[:0]
	for _, s := range list {
		if len(out) == 0 || !strings.HasPrefix(s, out[len(out)-1]) {
			out = append(out, s)
		}
	}
	return out
}

// ginEntries is the rows that have one of some keys.
type ginEntries struct {
	g       *ginScan
	keys    []string // what the entries begin with, behind the index's storage; none begins with another
	starts  bool     // not all are whole keys: a row may have several for one of them
	scanner txn.Scanner
	ended   bool
	read    int
	found   []ginRow
}

func (l *ginEntries) done() bool     { return l.ended }
func (l *ginEntries) cost() int      { return l.read }
func (l *ginEntries) rows() []ginRow { return l.found }

func (l *ginEntries) close() {
	if l.scanner != nil {
		l.scanner.Close()
		l.scanner = nil
	}
}

func (l *ginEntries) open() error {
	s, prefix := l.g.s, l.g.x.prefix
	ranges := make([]txn.KeyRange, len(l.keys))
	for i, k := range l.keys {
		lo := append(append(make([]byte, 0, len(prefix)+len(k)), prefix...), k...)
		ranges[i] = txn.KeyRange{Lo: lo, Hi: keyenc.PrefixEnd(lo)}
	}
	all := keyRange{}
	var err error
	l.scanner, err = s.r.c.Txn.Scan(s.r.ctx(), s.opts, txn.ScanSpec{Groups: s.groupsOf(&all), Ranges: ranges, KeysOnly: true})
	return err
}

func (l *ginEntries) more() error {
	if l.scanner == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	r := l.g.s.r
	if err := r.cancelled(); err != nil {
		return err
	}
	b, err := l.scanner.Next(r.ctx())
	if err != nil {
		return err
	}
	if b == nil {
		l.close()
		l.ended, l.found = true, sortedGinRows(l.found)
		return nil
	}
	for i := range b.Len() {
		rest, err := l.g.x.keyInEntry(b.Key(i))
		if err != nil {
			return err
		}
		l.found = append(l.found, ginRow{b.GroupOf(i), rest})
	}
	l.read += b.Len()
	l.g.budget.entries -= b.Len()
	l.g.budget.bytes -= int64(len(b.Data)) + int64(b.Len())*ginRowBytes
	return nil
}

// ginRowBytes is what a ginRow takes beside the entry's own bytes, about.
const ginRowBytes = 40

func sortedGinRows(rows []ginRow) []ginRow {
	if !slices.IsSortedFunc(rows, compareGinRows) {
		slices.SortFunc(rows, compareGinRows)
	}
	return slices.CompactFunc(rows, func(a, b ginRow) bool { return compareGinRows(a, b) == 0 })
}

// ginUnion is the rows of any of some lists.
type ginUnion struct {
	lists  []ginList
	at     int
	merged []ginRow // once done
}

func (l *ginUnion) done() bool {
	for l.at < len(l.lists) && l.lists[l.at].done() {
		l.at++
	}
	return l.at == len(l.lists)
}

func (l *ginUnion) more() error { return l.lists[l.at].more() }

func (l *ginUnion) cost() int { return ginCost(l.lists) }

func (l *ginUnion) rows() []ginRow {
	if l.merged == nil {
		for _, k := range l.lists {
			l.merged = append(l.merged, k.rows()...)
		}
		l.merged = sortedGinRows(l.merged)
	}
	return l.merged
}

func (l *ginUnion) close() { closeGin(l.lists) }

func ginCost(lists []ginList) (n int) {
	for _, l := range lists {
		n += l.cost()
	}
	return n
}

func closeGin(lists []ginList) {
	for _, l := range lists {
		l.close()
	}
}

// ginQuorum is, of the rows that are in so many of some lists, all, and some others: who is in k of n lists is in one of any
// n-k+1 of them. The shortest are read.
type ginQuorum struct {
	lists  []ginList
	ended  int      // how many lists have to end
	merged []ginRow // once done
}

func (l *ginQuorum) done() bool {
	n := 0
	for _, k := range l.lists {
		if k.done() {
			n++
		}
	}
	return n >= l.ended
}

func (l *ginQuorum) more() error {
	var next ginList
	for _, k := range l.lists {
		if !k.done() && (next == nil || max(k.cost(), ginRaceStart) < max(next.cost(), ginRaceStart)) {
			next = k
		}
	}
	return next.more()
}

func (l *ginQuorum) cost() int { return ginCost(l.lists) }

func (l *ginQuorum) rows() []ginRow {
	if l.merged == nil {
		for _, k := range l.lists {
			if k.done() {
				l.merged = append(l.merged, k.rows()...)
			}
		}
		l.merged = sortedGinRows(l.merged)
	}
	return l.merged
}

func (l *ginQuorum) close() { closeGin(l.lists) }

// ginRace is the rows that are in all of some lists, or at least in the first that ended.
type ginRace struct {
	lists []ginList
	first int      // the shortest list that ended; -1: none has
	left  []ginRow // once done
}

func newGinRace(lists []ginList) *ginRace {
	return &ginRace{lists: lists[:min(len(lists), ginMaxLists)], first: -1}
}

// next is the list to be read on; nil for none.
func (l *ginRace) next() ginList {
	limit := -1
	if l.first >= 0 {
		if limit = len(l.lists[l.first].rows()); limit < ginRaceStart {
			return nil
		}
	}
	var next ginList
	for _, k := range l.lists {
		n := max(k.cost(), ginRaceStart)
		if !k.done() && (limit < 0 || n < 2*limit) && (next == nil || n < max(next.cost(), ginRaceStart)) {
			next = k
		}
	}
	return next
}

func (l *ginRace) done() bool { return l.first >= 0 && l.next() == nil }

func (l *ginRace) more() error {
	k := l.next()
	if err := k.more(); err != nil {
		return err
	}
	if !k.done() {
		return nil
	}
	at := slices.Index(l.lists, k)
	if l.first < 0 || len(k.rows()) < len(l.lists[l.first].rows()) {
		l.first = at
	}
	return nil
}

func (l *ginRace) cost() int { return ginCost(l.lists) }

func (l *ginRace) rows() []ginRow {
	if l.left == nil {
		l.left = l.lists[l.first].rows()
		for i, k := range l.lists {
			if i != l.first && k.done() {
				l.left = intersectGinRows(l.left, k.rows())
			}
		}
	}
	return l.left
}

func (l *ginRace) close() { closeGin(l.lists) }

func intersectGinRows(a, b []ginRow) []ginRow {
	var out []ginRow
	for len(a) > 0 && len(b) > 0 {
		switch c := compareGinRows(a[0], b[0]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return out
}

// nextGin looks up the next chunk of the rows that the index named.
func (s *scanOp) nextGin(max int) (*types.Batch, bool, error) {
	for len(s.gin) == 0 && s.ginStream != nil {
		e := s.ginStream
		e.found = nil
		if err := e.more(); err != nil {
			return nil, false, err
		}
		if s.gin = e.found; e.ended {
			s.ginStream = nil
		}
	}
	n := min(fetchChunk, len(s.gin))
	if max > 0 {
		n = min(n, max+ginAhead)
	}
	if n == 0 {
		return nil, true, nil
	}
	ti := s.keys.ti
	keys := make([]txn.Key, n)
	for i, g := range s.gin[:n] {
		keys[i] = txn.Key{Group: g.group, Bytes: append(append(make([]byte, 0, len(ti.prefix)+len(g.key)), ti.prefix...), g.key...)}
	}
	s.gin = s.gin[n:]
	s.found.reset()
	if err := s.r.getRows(s.opts, keys, make([]int32, n), &s.found); err != nil {
		return nil, false, err
	}
	b, err := s.dec.found(&s.found)
	return b, false, err
}

// ginAhead is how many rows more than wanted are looked up at once: the filter may refuse some.
const ginAhead = 64

package exec

import (
	"runtime"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// aggregateOp groups its input by hash. A parallel one splits the data groups among workers, each with its own copy of
// the operators from the scan up to here, and merges their tables.
//
// When the tables are full, no group is added to the largest: input rows of groups that it has not are put aside, parted by
// the keys' hashes, and each part is grouped in a table of its own once the first table's groups have been put out.
type aggregateOp struct {
	r     *run
	n     *planner.Aggregate
	in    operator
	table []*groupTable // one per grouping set
	queue []*partOfSet  // what was put aside of the sets before, next first
	cur   *groupTable   // whose groups are put out
	at    int
	ready bool
	out   *types.Batch
	size  batchSizer // of out
}

// partOfSet is rows of a grouping set that were put aside.
type partOfSet struct {
	set   []int
	level int
	in    *rowStream
	of    *parts // set in the last part of its file
}

func (a *aggregateOp) next(max int) (*types.Batch, error) {
	if !a.ready {
		a.ready = true
		if err := a.compute(); err != nil {
			return nil, err
		}
	}
	for {
		if a.cur == nil {
			if err := a.advance(); err != nil || a.cur == nil {
				return nil, err
			}
			a.at = 0
			if err := a.cur.finish(); err != nil {
				return nil, err
			}
		}
		if a.at < a.cur.groups() {
			return a.emit(a.cur)
		}
		if err := a.enqueue(a.cur); err != nil {
			return nil, err
		}
		a.cur.closeSorters()
		a.cur = nil
	}
}

// advance goes on to the next table: that of rows put aside, or of the next grouping set.
func (a *aggregateOp) advance() error {
	if len(a.queue) > 0 {
		p := a.queue[0]
		a.queue = a.queue[1:]
		t := newGroupTable(a.r, a.n, p.set)
		t.level = p.level
		if err := consumePart(a.r, p.in, t); err != nil {
			return err
		}
		if p.of != nil {
			p.of.close()
		}
		a.report([]*groupTable{t})
		a.cur = t
		return nil
	}
	if len(a.table) > 0 {
		a.cur, a.table = a.table[0], a.table[1:]
	}
	return nil
}

// enqueue notes what a table put aside.
func (a *aggregateOp) enqueue(t *groupTable) error {
	if t.aside == nil {
		return nil
	}
	if err := t.aside.finish(); err != nil {
		return err
	}
	var more []*partOfSet
	for _, s := range t.aside.streams {
		if s.rows > 0 {
			more = append(more, &partOfSet{set: t.set, level: t.level + 1, in: s})
		}
	}
	if len(more) > 0 {
		more[len(more)-1].of = t.aside
	}
	a.queue = append(more, a.queue...)
	return nil
}

// report notes for EXPLAIN ANALYZE what tables took.
func (a *aggregateOp) report(tables []*groupTable) {
	if len(a.n.Keys) == 0 {
		return
	}
	var used, disk int64
	for _, t := range tables {
		used += t.bytes()
		if t.aside != nil {
			disk += t.aside.file.size
		}
	}
	a.r.note(a.n, func(st *planner.NodeStats) {
		st.Batches++
		st.MemoryKB = max(st.MemoryKB, (used+1023)/1024)
		st.DiskUsedKB += (disk + 1023) / 1024
	})
}

func (a *aggregateOp) compute() error {
	sets := a.n.Sets
	if sets == nil {
		sets = [][]int{allKeys(len(a.n.Keys))}
	}
	if workers := a.workers(); workers > 1 {
		return a.parallel(sets, workers)
	}
	a.table = newGroupTables(a.r, a.n, sets)
	var err error
	if a.in, err = a.r.build(a.n.Input); err != nil {
		return err
	}
	if err := consume(a.r, a.in, a.table); err != nil {
		return err
	}
	a.report(a.table)
	return nil
}

func allKeys(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (a *aggregateOp) workers() int {
	if !a.n.Parallel || a.r.stats != nil {
		return 1
	}
	w := a.r.c.Workers
	if w == 0 {
		w = runtime.GOMAXPROCS(0)
	}
	return min(w, len(a.r.groups()))
}

// consume feeds a whole input to the tables of all grouping sets.
func consume(r *run, in operator, tables []*groupTable) error {
	size, long := batchSizer{}, slices.ContainsFunc(tables, (*groupTable).makesStrings)
	add := func(b *types.Batch) (bytes int64, err error) {
		for _, t := range tables {
			if err := t.add(r, b); err != nil {
				return 0, err
			}
			bytes += t.computedBytes()
		}
		return bytes, nil
	}
	for {
		if err := r.cancelled(); err != nil {
			return err
		}
		b, err := in.next(0)
		if err != nil || b == nil {
			return err
		}
		if long {
			err = size.each(b, add)
		} else {
			_, err = add(b)
		}
		if err != nil {
			return err
		}
		if err := limitTables(r, tables); err != nil {
			return err
		}
	}
}

// consumePart feeds rows that were put aside, behind whose columns stand the keys, to a table.
func consumePart(r *run, s *rowStream, t *groupTable) error {
	in := &streamOp{r: r, s: s}
	for {
		b, err := in.next(0)
		if err != nil || b == nil {
			return err
		}
		width := len(b.Cols) - len(t.set)
		keys := vecsOf(b, allKeys(len(b.Cols)))[width:]
		if err := t.addKeyed(r, &types.Batch{Cols: b.Cols[:width], N: b.N}, keys); err != nil {
			return err
		}
		if err := limitTables(r, []*groupTable{t}); err != nil {
			return err
		}
	}
}

// limitTables closes the largest table that can be closed to new groups when all together are too large.
func limitTables(r *run, tables []*groupTable) error {
	var used int64
	var largest *groupTable
	for _, t := range tables {
		n := t.bytes()
		used += n
		if !t.full && t.all == 0 && t.level < maxPartLevel && t.keys.len() > 0 && (largest == nil || n > largest.bytes()) {
			largest = t
		}
	}
	over, err := r.spills(used, r.hashMem())
	switch {
	case err != nil || !over:
		return err
	case largest != nil:
		largest.full = true
		return nil
	}
	return r.unspillable(used)
}

func (a *aggregateOp) parallel(sets [][]int, workers int) error {
	if _, err := a.r.readOptions(); err != nil {
		return err
	}
	shared := map[*planner.HashJoin]*sharedBuild{}
	tables := make([][]*groupTable, workers)
	errs := make([]error, workers)
	ops := make([]operator, workers)
	for w := range workers {
		var err error
		if ops[w], err = a.r.buildPart(a.n.Input, groupsFor(a.r.groups(), w, workers), shared); err != nil {
			return err
		}
		tables[w] = newGroupTables(a.r, a.n, sets)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer ops[w].close()
			errs[w] = consume(a.r, ops[w], tables[w])
		}()
	}
	wg.Wait()
	for _, s := range shared {
		s.jb.close()
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	for i, t := range tables[0] {
		for _, part := range tables[1:] {
			if err := t.merge(a.r, part[i]); err != nil {
				return err
			}
		}
		if err := a.replay(t, tables, i); err != nil {
			return err
		}
	}
	a.table = tables[0]
	a.report(a.table)
	return nil
}

// replay gives the merged table of set i what the workers put aside: rows of groups that another worker had are among it.
func (a *aggregateOp) replay(t *groupTable, tables [][]*groupTable, i int) error {
	var asides []*parts
	for _, part := range tables {
		if p := part[i]; p.aside != nil {
			asides = append(asides, p.aside)
			p.aside = nil
		}
	}
	t.full = t.full || len(asides) > 0
	for _, p := range asides {
		if err := p.finish(); err != nil {
			return err
		}
		for _, s := range p.streams {
			if err := consumePart(a.r, s, t); err != nil {
				return err
			}
		}
		p.close()
	}
	return nil
}

// buildPart makes the operators of a splittable plan over some data groups. The build sides of joins are shared.
func (r *run) buildPart(n planner.Node, groups []topo.GroupID, shared map[*planner.HashJoin]*sharedBuild) (operator, error) {
	switch n := n.(type) {
	case *planner.Scan:
		return newScan(r, n, groups), nil
	case *planner.Filter:
		in, err := r.buildPart(n.Input, groups, shared)
		return &filterOp{r: r, n: n, in: in}, err
	case *planner.Project:
		in, err := r.buildPart(n.Input, groups, shared)
		return &projectOp{r: r, n: n, in: in}, err
	case *planner.HashJoin:
		left, err := r.buildPart(n.Left, groups, shared)
		if err != nil {
			return nil, err
		}
		j := &hashJoinOp{r: r, n: n, left: left, tail: -1, shared: shared[n]}
		if j.shared == nil {
			j.shared = &sharedBuild{}
			shared[n] = j.shared
			if j.right, err = r.build(n.Right); err != nil {
				return nil, err
			}
			j.shared.right = j.right
		}
		return j, nil
	}
	return r.build(n)
}

func (a *aggregateOp) emit(t *groupTable) (*types.Batch, error) {
	if a.out == nil {
		a.out = types.NewBatch(a.n.Types, 0)
	}
	a.out.Reset()
	end := min(t.groups(), a.at+min(a.size.limit(), types.BatchSize))
	for k := range a.n.Keys {
		dst := &a.out.Cols[k]
		pos := slices.Index(t.set, k)
		for g := a.at; g < end; g++ {
			if pos < 0 {
				dst.AppendNull()
			} else {
				dst.Append(t.keys.keys.Cols[pos].Get(g))
			}
		}
	}
	for i := range a.n.Aggs {
		dst := &a.out.Cols[len(a.n.Keys)+i]
		for g := a.at; g < end; g++ {
			d, err := t.result(a.r, i, g)
			if err != nil {
				return nil, err
			}
			dst.Append(d)
		}
	}
	for i, args := range a.n.Groupings {
		bits := int64(0)
		for _, k := range args {
			bits <<= 1
			if slices.Index(t.set, k) < 0 {
				bits |= 1
			}
		}
		dst := &a.out.Cols[len(a.n.Keys)+len(a.n.Aggs)+i]
		for g := a.at; g < end; g++ {
			dst.Append(types.NewInt(bits))
		}
	}
	a.out.N = end - a.at
	a.size.made(a.out.N, stringBytes(a.out.Cols[len(a.n.Keys):]))
	a.at = end
	return a.out, nil
}

func (a *aggregateOp) close() {
	for _, t := range append(a.table, a.cur) {
		t.close()
	}
	for _, p := range a.queue {
		p.of.close()
	}
	if a.in != nil {
		a.in.close()
	}
}

package exec

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// fakeGinList is a list of which each step reads some rows.
type fakeGinList struct {
	all, step int
	every     int // its rows are the multiples of every
	read      int
	ended     bool
}

func (l *fakeGinList) more() error {
	if l.read == l.all {
		l.ended = true
	}
	l.read = min(l.all, l.read+l.step)
	return nil
}

func (l *fakeGinList) done() bool { return l.ended }
func (l *fakeGinList) cost() int  { return l.read }
func (l *fakeGinList) close()     {}

func (l *fakeGinList) rows() []ginRow {
	var out []ginRow
	for i := range l.all {
		out = append(out, ginRow{1, binary.BigEndian.AppendUint32(nil, uint32(i*l.every))})
	}
	return out
}

func drain(l ginList) []ginRow {
	for !l.done() {
		_ = l.more()
	}
	return l.rows()
}

// A race reads little more than its shortest list, whichever that is, and keeps every row that is in all lists.
func TestGinRaceReadsAboutTheShortestList(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var lists []ginList
		shortest := 1 << 30
		product := 1
		for range 1 + r.IntN(4) {
			every := []int{1, 2, 3, 5, 7, 100, 1000}[r.IntN(7)]
			l := &fakeGinList{all: 100000 / every, step: 256, every: every}
			if product%every != 0 {
				product *= every
			}
			lists, shortest = append(lists, l), min(shortest, l.all)
		}
		race := newGinRace(lists)
		rows := drain(race)
		has := map[string]bool{}
		for _, g := range rows {
			has[string(g.key)] = true
		}
		for i := 0; i < 100000; i++ {
			in := true
			for _, l := range lists {
				f := l.(*fakeGinList)
				in = in && i%f.every == 0 && i/f.every < f.all
			}
			if in && !has[string(binary.BigEndian.AppendUint32(nil, uint32(i)))] {
				t.Fatalf("row %d is missing", i)
			}
		}
		if limit := len(lists) * (2*shortest + 2*ginRaceStart); race.cost() > limit {
			t.Fatalf("%d entries were read of lists of which the shortest has %d", race.cost(), shortest)
		}
		if !slices.IsSortedFunc(rows, compareGinRows) {
			t.Fatal("the rows are not in order")
		}
	}
}

func TestGinUnionTakesEachRowOnce(t *testing.T) {
	u := &ginUnion{lists: []ginList{&fakeGinList{all: 50, step: 7, every: 2}, &fakeGinList{all: 30, step: 100, every: 3}, &fakeGinList{}}}
	rows := drain(u)
	if len(rows) != 50+30-15 || !slices.IsSortedFunc(rows, compareGinRows) {
		t.Fatalf("%d rows", len(rows))
	}
}

// A quorum has every row that is in so many lists, and does not read the longest ones to their ends.
func TestGinQuorumReadsTheShortestLists(t *testing.T) {
	every := []int{2, 3, 5, 7}
	for least := 2; least <= 4; least++ {
		q := &ginQuorum{ended: len(every) - least + 1}
		for _, n := range every {
			q.lists = append(q.lists, &fakeGinList{all: 42000 / n, step: 64, every: n})
		}
		rows := drain(q)
		has := map[string]bool{}
		for _, g := range rows {
			has[string(g.key)] = true
		}
		for i := range 42000 {
			n := 0
			for _, k := range every {
				if i%k == 0 {
					n++
				}
			}
			if n >= least && !has[string(binary.BigEndian.AppendUint32(nil, uint32(i)))] {
				t.Fatalf("row %d, which is in %d lists, is missing", i, n)
			}
		}
		if q.lists[0].done() || !slices.IsSortedFunc(rows, compareGinRows) {
			t.Fatalf("%d of 4 lists: the longest was read, or the rows are not in order", least)
		}
	}
}

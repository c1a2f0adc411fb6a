package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

var (
	errEnded = errors.New("sim: the run has ended")
	errDead  = errors.New("sim: the node is dead")
)

// place is where a step happens: it is not taken while one of the machines is paused, and never once dead is closed. The
// zero place is the network.
type place struct {
	on   [2]*machine
	dead <-chan struct{}
}

func (p *place) paused() bool {
	return p.on[0] != nil && p.on[0].paused() || p.on[1] != nil && p.on[1].paused()
}

// chore is a step that no goroutine waits for: a replica applies what is in its log.
type chore struct {
	label string
	run   func()
}

// step is a goroutine's wish to go on.
type step struct {
	label string
	at    place
	n     int // of equal labels, in order of arrival
	order int // of arrival
	fate  fate
	ready chan struct{}
}

// fate is what the seed has in store for a message.
type fate struct{ lost, answerLost, doubled, coin bool }

// scheduler lets one goroutine at a time take its next step, chosen by the seed.
type scheduler struct {
	rng *rand.Rand
	// The chances that a message or its answer gets lost, or that it arrives twice. loss 0: none of these.
	loss, duplicate float64

	mu      sync.Mutex
	waiting []*step
	counts  map[string]int
	arrived int
	free    []int // scratch: the positions of steps that can be taken
	ended   bool
	trace   uint64 // a hash of the steps taken: equal for equal seeds
	steps   int
	verbose bool
	log     func(format string, args ...any)
	chores  func() []chore
}

func newScheduler(seed uint64) *scheduler {
	return &scheduler{rng: rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15)), counts: map[string]int{}}
}

// wait blocks until the scheduler picks the step. Labels of steps that can wait at the same time should differ.
func (s *scheduler) wait(ctx context.Context, at place, format string, args ...any) (fate, error) {
	st := &step{label: fmt.Sprintf(format, args...), at: at, ready: make(chan struct{})}
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return fate{}, errEnded
	}
	st.n = s.counts[st.label]
	s.counts[st.label]++
	st.order = s.arrived
	s.arrived++
	s.waiting = append(s.waiting, st)
	s.mu.Unlock()
	select {
	case <-st.ready:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.ended {
			return fate{}, errEnded
		}
		return st.fate, nil
	case <-ctx.Done():
		s.forget(st)
		return fate{}, ctx.Err()
	case <-at.dead:
		s.forget(st)
		return fate{}, errDead
	}
}

func (s *scheduler) forget(st *step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, st); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
}

// turn lets one step happen; false when there was none to take.
func (s *scheduler) turn() bool {
	synctest.Wait()
	chores := s.chores()
	s.mu.Lock()
	slices.SortFunc(s.waiting, func(a, b *step) int {
		if c := strings.Compare(a.label, b.label); c != 0 {
			return c
		}
		return a.order - b.order
	})
	s.free = s.free[:0]
	for i, st := range s.waiting {
		if !st.at.paused() {
			s.free = append(s.free, i)
		}
	}
	n := len(s.free) + len(chores)
	if n == 0 {
		s.mu.Unlock()
		return false
	}
	if s.verbose {
		for _, w := range s.waiting {
			s.log("       waits: %s", w.label)
		}
	}
	i := s.rng.IntN(n)
	if i >= len(s.free) {
		c := &chores[i-len(s.free)]
		s.note(c.label)
		s.mu.Unlock()
		c.run()
		synctest.Wait()
		return true
	}
	st := s.waiting[s.free[i]]
	s.waiting = slices.Delete(s.waiting, s.free[i], s.free[i]+1)
	if s.loss > 0 || s.duplicate > 0 {
		st.fate = fate{lost: s.rng.Float64() < s.loss, answerLost: s.rng.Float64() < s.loss, doubled: s.rng.Float64() < s.duplicate,
			coin: s.rng.IntN(2) == 0}
	}
	s.note(st.label)
	s.mu.Unlock()
	close(st.ready)
	synctest.Wait() // so that what the caller looks at next is settled
	return true
}

// note adds an event to the trace. s.mu is held.
func (s *scheduler) note(label string) {
	s.steps++
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", s.trace, label)
	s.trace = h.Sum64()
	if s.verbose {
		s.log("%6d %s", s.steps, label)
	}
}

// event notes what the scheduler itself does.
func (s *scheduler) event(format string, args ...any) {
	s.mu.Lock()
	s.note(fmt.Sprintf(format, args...))
	s.mu.Unlock()
}

// idle lets virtual time pass, so that pauses and timeouts end.
func (s *scheduler) idle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// end lets everything that waits, now or later, go with an error.
func (s *scheduler) end() {
	s.mu.Lock()
	s.ended = true
	for _, st := range s.waiting {
		close(st.ready)
	}
	s.waiting = nil
	s.mu.Unlock()
}

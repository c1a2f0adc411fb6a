package fsm

import "testing"

// What was sent ahead counts as memory until it aborts or, committed, is in the file; however its versions are kept.
func TestSentAheadBytesCountUntilTheFlush(t *testing.T) {
	for _, runOps := range []int{1, defaultRunOps} {
		r := newReplica(t, manual)
		r.s.runOps = runOps
		holds := func(what string, want bool) {
			t.Helper()
			if n := r.s.SentAheadBytes(); n > 0 != want || n < 0 {
				t.Errorf("runs from %d operations, %s: %d bytes", runOps, what, n)
			}
		}
		holds("at first", false)
		r.want(sentAhead(r, 1, 10, nil, put("a", "1", 0), put("b", "1", 0)), ResultPrepared)
		holds("prepared", true)
		r.flush()
		holds("prepared, and flushed", true)
		r.want(resolve(1, 20), ResultCommitted)
		holds("committed", true)
		r.flush()
		holds("committed, and flushed", false)
		r.want(sentAhead(r, 2, 30, nil, put("c", "1", 0)), ResultPrepared)
		r.want(abort(2), ResultAborted)
		holds("aborted", false)
	}
}

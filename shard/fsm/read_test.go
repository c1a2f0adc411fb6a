package fsm

import (
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// An entry of an index may have an empty value. It is there all the same, also where nothing with bytes was read before it.
func TestEmptyValuesReadTogetherAreThere(t *testing.T) {
	bothLayers(t, func(t *testing.T, r *replica, settle func()) {
		r.want(onePhase(1, 10, put("a", "", 0), put("b", "", 0)), ResultCommitted)
		settle()
		for _, ts := range []topo.Timestamp{10, topo.MaxTimestamp} {
			n, err := r.s.VisibleOf([][]byte{[]byte("a"), []byte("b"), []byte("c")}, ts, func(i int, v Version) {
				if (v.Value != nil) != (i < 2) || len(v.Value) > 0 {
					t.Errorf("key %d at %d: %#v", i, ts, v)
				}
			})
			if n != 3 || err != nil {
				t.Errorf("%d keys, %v", n, err)
			}
		}
		if got := r.get("a", 10) + " " + r.get("b", 10); got != "@10 @10" {
			t.Error(got)
		}
	})
}

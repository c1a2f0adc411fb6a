package txn

import (
	"context"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/lock"
)

func TestLockSeenTakesARowThatIsThereAndFree(t *testing.T) {
	ctx := context.Background()
	m, groups := movingSetup(t, 2, Config{})
	row, missing := testKey(groups, 1), testKey(groups, 2)
	commit := func(key Key, value string) {
		x := m.Begin(Options{})
		lockOne(t, x, key, lock.Update)
		x.Put(key, []byte(value), 0)
		if err := x.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	commit(row, "a")
	begin := func() *Txn {
		x := m.Begin(Options{})
		if _, err := x.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
		return x
	}
	seen := func(x *Txn, key Key, want string) {
		t.Helper()
		snap, err := x.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		v, ok, err := x.LockSeen(ctx, key, lock.NoKeyUpdate, snap)
		if err != nil || ok != (want != "") || string(v.Value) != want {
			t.Fatalf("%q, %v, %v; want %q", v.Value, ok, err, want)
		}
	}

	x := begin()
	seen(x, row, "a")
	y := begin()
	seen(y, row, "") // locked
	x.Rollback(ctx)
	seen(y, row, "a")
	y.Put(row, []byte("b"), KeepsKey)
	seen(y, row, "") // its own
	if err := y.Commit(ctx); err != nil {
		t.Fatal(err)
	}

	early := begin()
	seen(early, missing, "")
	commit(missing, "c")     // whoever looked for it in vain holds no lock
	seen(early, missing, "") // it came after the snapshot
	seen(begin(), missing, "c")
	early.Rollback(ctx)
}

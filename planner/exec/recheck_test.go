package exec

import (
	"context"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// movedTxn answers locks as if another transaction had changed (or, with a nil row, deleted) the row meanwhile.
type movedTxn struct {
	*memTxn
	row    []types.Datum
	layout *keyenc.RowLayout
}

func (m *movedTxn) Lock(ctx context.Context, reqs []txn.LockRequest, p lock.WaitPolicy, out []txn.Locked) error {
	if err := m.memTxn.Lock(ctx, reqs, p, out); err != nil {
		return err
	}
	for i := range out {
		out[i].Waited = true
		out[i].Version = txn.Version{}
		out[i].Version.TS = 99
		if m.row != nil {
			out[i].Version.Value = keyenc.EncodeRow(nil, m.layout, m.row)
		}
	}
	return nil
}

// TestReadCommittedSecondLook proves that a row which changed before its lock was granted is judged and computed anew.
func TestReadCommittedSecondLook(t *testing.T) {
	d := newDB(t)
	tab := d.table("t", []col{{"id", types.Int4Oid, true}, {"n", types.Int4Oid, false}}, 1, nil, nil)
	d.must("INSERT INTO t VALUES (1, 10)", "")
	row := func(n int64) []types.Datum { return []types.Datum{types.NewInt(1), types.NewInt(n)} }
	for _, c := range []struct {
		sql, want string
		row       []types.Datum
	}{
		{"UPDATE t SET n = n + 1 WHERE n < 20 RETURNING n", "16\n", row(15)},
		{"UPDATE t SET n = n + 1 WHERE n < 20 RETURNING n", "", row(25)},
		{"UPDATE t SET n = n + 1 WHERE n < 20 RETURNING n", "", nil},
		{"DELETE FROM t WHERE n < 20 RETURNING n", "15\n", row(15)},
		{"DELETE FROM t WHERE n < 20 RETURNING n", "", row(25)},
		{"SELECT n FROM t WHERE n < 20 FOR UPDATE", "15\n", row(15)},
		{"SELECT n FROM t WHERE n < 20 FOR UPDATE", "", row(25)},
		{"SELECT n FROM t WHERE n < 20 FOR UPDATE", "", nil},
	} {
		p := d.plan(c.sql)
		ctx := d.context()
		ctx.Txn = &movedTxn{d.txn, c.row, tab.RowLayout()}
		d.txn.start = d.txn.seq
		var got strings.Builder
		_, err := Run(ctx, p, func(b *types.Batch) error {
			for i := range b.N {
				got.WriteString(string(types.AppendText(nil, types.Int4Oid, b.Cols[0].Get(i), types.DefaultIOEnv)) + "\n")
			}
			return nil
		})
		if err != nil || got.String() != c.want {
			t.Errorf("%s with %v: got %q, %v, want %q", c.sql, c.row, got.String(), err, c.want)
		}
		d.txn.rollbackTo(d.txn.start)
	}
}

func TestExplain(t *testing.T) {
	d := shop(t)
	for _, c := range []struct{ sql, want string }{
		{"SELECT name FROM parent WHERE id = 2", "Key Lookup on parent|Key Cond: (id = 2)|Groups: 1 of 4"},
		{"SELECT name FROM parent WHERE email = 'x'", "Unique Lookup using parent_email_key on parent"},
		{"SELECT v FROM child WHERE pid = 2 AND v > 3", "Index Scan using child_pid_key on child|Key Cond: (pid = 2)|Groups: 4 of 4|Filter: (v > 3)"},
		{"SELECT p.name FROM parent p JOIN child c ON c.pid = p.id WHERE c.id = 10", "Index Lookup on p|Hash Cond"},
		{"DELETE FROM parent WHERE id = 1", "Delete on parent|Key Lookup on parent"},
		{"SELECT id FROM child ORDER BY id LIMIT 1", "Limit|Key Scan on child"},
		{"SELECT (SELECT sum(v) FROM child WHERE pid = p.id) FROM parent p", "SubPlan 1: |(pid = id)|(a batch's keys): |Index Scan using child_pid_key on child|Key Cond: (pid = ANY ("},
		{"SELECT DISTINCT pid FROM child", "Index Only Scan using child_pid_key on child"},
		{"SELECT id FROM child WHERE pid = 2", "Index Only Scan using child_pid_key on child|Key Cond: (pid = 2)"},
		{"SELECT id FROM child WHERE pid = 2 FOR UPDATE", "LockRows|Index Scan using child_pid_key on child"},
		{"SELECT id FROM parent WHERE email = 'x'", "Index Only Scan using parent_email_key on parent|Groups: 1 of 4"},
		{"SELECT count(email) FROM parent", "Seq Scan on parent"}, // a unique index has no entries for NULLs
	} {
		got := strings.Join(planner.Explain(d.plan(c.sql)), "\n")
		rest := got
		for _, w := range strings.Split(c.want, "|") {
			_, after, ok := strings.Cut(rest, w)
			if !ok {
				t.Errorf("%s: no %q in\n%s", c.sql, w, got)
				break
			}
			rest = after
		}
	}
}

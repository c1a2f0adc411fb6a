package txn

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// cutOff is a group that takes the first prepare and loses its answer. Before anything else reaches it, meanwhile runs.
type cutOff struct {
	*memGroup
	prepared  *atomic.Int64 // in all groups
	meanwhile func()
	before    bool // the first prepare is lost before it applies
}

func (g *cutOff) Propose(ctx context.Context, cmd *fsm.Command) (fsm.Result, error) {
	if cmd.Prepare == nil || g.meanwhile == nil {
		return g.memGroup.Propose(ctx, cmd)
	}
	f := g.meanwhile
	g.meanwhile = nil
	if g.before {
		f()
		return fsm.Result{}, &rpc.Error{Code: rpc.ErrNotProposed}
	}
	_, err := g.memGroup.Propose(ctx, cmd)
	if err == nil {
		f()
		err = &rpc.Error{Code: rpc.ErrAmbiguous}
	}
	return fsm.Result{}, err
}

// A coordinator that is cut off, whose liveness epoch is over and whose attempt the others finished and forgot, does not
// claim afterwards that its transaction had no effect. If its prepare never got out, it does.
func TestAnAttemptThatOthersForgotIsOfUnknownOutcome(t *testing.T) {
	for _, parts := range []int{1, 2} {
		for _, before := range []bool{false, true} {
			m, groups := setup(t, parts, Config{})
			others := New(Config{Node: 2, Epoch: 1, Clock: m.cfg.Clock, Groups: m.cfg.Groups})
			var prepared atomic.Int64
			all := make(chan struct{})
			wrapped := make([]*cutOff, parts)
			var id topo.TxnID
			for i, g := range groups {
				wrapped[i] = &cutOff{memGroup: g, prepared: &prepared, before: before, meanwhile: func() {
					if prepared.Add(1) < int64(parts) {
						<-all
						return
					}
					defer close(all)
					if !before && parts > 1 {
						if _, err := others.Recover(context.Background(), id, 1, groups[0].id); err != nil {
							t.Error(err)
						}
						// Outcomes are forgotten some time later; Close waits for that.
						if err := others.Close(context.Background()); err != nil {
							t.Error(err)
						}
					}
					now, _ := m.cfg.Clock.Timestamp(context.Background())
					for _, g := range groups {
						g.apply(fsm.Command{Horizon: &fsm.Horizon{TS: now + 10}})
					}
				}}
			}
			m.cfg.Groups = func(id topo.GroupID) rpc.Group { return wrapped[id-topo.FirstDataGroup] }
			tx := m.Begin(Options{})
			id = tx.id
			insert(t, tx, groups, 0, parts, "v")
			err := tx.Commit(context.Background())
			want := pgerr.TransactionResolutionUnknown
			if before {
				want = pgerr.SerializationFailure
			}
			var pe *pgerr.Error
			if !errors.As(err, &pe) || pe.Code != want {
				t.Errorf("%d groups, lost before it applied %v: %v, want %s", parts, before, err, want)
			}
			if err := others.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
}

// Clients repeat what failed because its node had been stopped, and its snapshot was dropped meanwhile.
func TestASnapshotThatIsTooOldCanBeRetried(t *testing.T) {
	var pe *pgerr.Error
	err := groupError(context.Background(), &rpc.Error{Code: rpc.ErrSnapshotTooOld})
	if !errors.As(err, &pe) || pe.Code != pgerr.SerializationFailure {
		t.Errorf("%v, want %s", err, pgerr.SerializationFailure)
	}
}

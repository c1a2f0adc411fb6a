package txn

import (
	"context"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
)

// proposal is an idempotent command for a group and what came of it.
type proposal struct {
	group rpc.Group
	cmd   *fsm.Command
	res   fsm.Result
	err   error
	// logged: a copy of the command may have reached the group's log.
	logged bool
	// doubt: the fate of a copy is not known, so the last answer is not that of every copy.
	doubt bool
}

// answered takes an answer in, and reports whether it is the last: otherwise the command is to be proposed again.
func (p *proposal) answered(res fsm.Result, err error) (last bool) {
	p.res, p.err = res, err
	p.doubt = p.doubt || err != nil && !refusedBeforeLog(err)
	p.logged = p.logged || p.doubt || err == nil
	if err != nil {
		return !retryable(err)
	}
	return res.Code != fsm.ResultStaleEpoch
}

// insist proposes the command, after a pause if it was proposed before, until it has an answer or ctx ends.
func (p *proposal) insist(ctx context.Context, before bool) {
	for wait := retryPause; ; wait = min(2*wait, maxRetryPause) {
		if before && !pause(ctx, wait) {
			if p.err == nil {
				p.err = &rpc.Error{Code: rpc.ErrAmbiguous, Detail: "the group's lease keeps changing"}
			}
			return
		}
		before = true
		c := *p.cmd // the leaseholder fills in epoch and time
		if p.answered(p.group.Propose(ctx, &c)) {
			return
		}
	}
}

// propose runs an idempotent command until it has an answer or ctx ends.
func (m *Manager) propose(ctx context.Context, g rpc.Group, cmd *fsm.Command) (fsm.Result, error) {
	p := proposal{group: g, cmd: cmd}
	p.insist(ctx, false)
	return p.res, p.err
}

// proposeAll runs idempotent commands in their groups at the same time, each until it has an answer or ctx ends. Those of
// groups with the same leaseholder go there in one message; what has to be proposed again goes by itself.
func proposeAll(ctx context.Context, ps []*proposal) {
	if len(ps) == 1 {
		ps[0].insist(ctx, false)
		return
	}
	step := make([]rpc.Call, len(ps))
	for i, p := range ps {
		step[i] = rpc.Call{Group: p.group, Propose: p.cmd}
	}
	rpc.Gather(ctx, step)
	var again []*proposal
	for i, p := range ps {
		if !p.answered(step[i].Result, step[i].Err) {
			again = append(again, p)
		}
	}
	parallel(len(again), func(i int) error {
		again[i].insist(ctx, true)
		return nil
	})
}

// proposeEverywhere is proposeAll of one command; it returns the first failure besides.
func proposeEverywhere(ctx context.Context, groups []rpc.Group, cmd *fsm.Command) ([]*proposal, error) {
	ps := make([]*proposal, len(groups))
	for i, g := range groups {
		ps[i] = &proposal{group: g, cmd: cmd}
	}
	proposeAll(ctx, ps)
	for _, p := range ps {
		if p.err != nil {
			return ps, p.err
		}
	}
	return ps, nil
}

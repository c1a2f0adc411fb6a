package txn

import (
	"context"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func (m *Manager) sequence(ctx context.Context, o SequenceOptions, req rpc.SequenceRequest) (*rpc.SequenceResponse, error) {
	req.ID, req.Start, req.Increment, req.Min, req.Max, req.Cycle = o.ID, o.Start, o.Increment, o.Min, o.Max, o.Cycle
	resp, err := m.cfg.Groups(m.cfg.SequenceGroup(o.ID)).NextSequenceValues(ctx, &req)
	if err != nil {
		return nil, groupError(ctx, err)
	}
	return resp, nil
}

// NextSequenceValues takes up to n values: first, first+Increment, …, count of them; fewer than n when the bound is near,
// 2200H when there is none left.
func (m *Manager) NextSequenceValues(ctx context.Context, o SequenceOptions, n int) (first int64, count int, err error) {
	resp, err := m.sequence(ctx, o, rpc.SequenceRequest{Count: n})
	if err != nil {
		return 0, 0, err
	}
	if resp.AtLimit || resp.Count == 0 {
		word, bound := "maximum", o.Max
		if o.Increment < 0 {
			word, bound = "minimum", o.Min
		}
		return 0, 0, pgerr.New(pgerr.SequenceGeneratorLimitExceeded,
			"nextval: reached %s value of sequence \"%s\" (%d)", word, o.Name, bound)
	}
	return resp.First, resp.Count, nil
}

// SetSequence is setval. The caller has checked the bounds.
func (m *Manager) SetSequence(ctx context.Context, o SequenceOptions, v rpc.SequenceValue) error {
	_, err := m.sequence(ctx, o, rpc.SequenceRequest{Set: &v})
	return err
}

// ReadSequence returns last_value and is_called.
func (m *Manager) ReadSequence(ctx context.Context, o SequenceOptions) (rpc.SequenceValue, error) {
	resp, err := m.sequence(ctx, o, rpc.SequenceRequest{Peek: true})
	if err != nil {
		return rpc.SequenceValue{}, err
	}
	return resp.State, nil
}

// DropSequence removes a sequence's state.
func (m *Manager) DropSequence(ctx context.Context, id topo.StorageID) error {
	_, err := m.propose(ctx, m.cfg.Groups(m.cfg.SequenceGroup(id)), &fsm.Command{Sequence: &fsm.Sequence{ID: id, Drop: true}})
	return groupError(ctx, err)
}

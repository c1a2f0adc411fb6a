package txn

import (
	"context"

	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// getCall is the part of a Get that goes to one group.
type getCall struct {
	g   *groupBuffer
	req rpc.GetRequest
	at  []int
}

// Get reads keys and fills out, one version per key: the transaction's own operation up to o.Own where there is one, else
// the version committed at o.TS. Each group is asked once, all at the same time, with one message to each node.
func (t *Txn) Get(ctx context.Context, o ReadOptions, keys []Key, out []Version) error {
	if err := t.ready(ctx, false); err != nil {
		return err
	}
	calls := t.planGets(o, keys, out)
	if len(calls) == 0 {
		return nil
	}
	if len(calls) == 1 {
		c := &calls[0]
		if err := c.g.prov.settle(ctx); err != nil {
			return groupError(ctx, err)
		}
		resp, err := c.g.group.Get(ctx, &c.req)
		if err != nil {
			return groupError(ctx, err)
		}
		c.answer(resp, out)
		return nil
	}
	step := make([]rpc.Call, len(calls))
	for i := range calls {
		c := &calls[i]
		if err := c.g.prov.settle(ctx); err != nil {
			return groupError(ctx, err)
		}
		step[i] = rpc.Call{Group: c.g.group, Get: &c.req}
	}
	rpc.Gather(ctx, step)
	for i := range step {
		if err := step[i].Err; err != nil {
			return groupError(ctx, err)
		}
		calls[i].answer(step[i].Values, out)
	}
	return nil
}

func (c *getCall) answer(resp *rpc.GetResponse, out []Version) {
	for j, at := range c.at {
		out[at] = Version{Version: resp.Versions[j]}
	}
}

// planGets answers from the buffer what it has and sorts the rest by group.
func (t *Txn) planGets(o ReadOptions, keys []Key, out []Version) []getCall {
	t.mu.Lock()
	defer t.mu.Unlock()
	track := t.tracks(o.TS)
	var calls []getCall
	for i := range keys {
		k := &keys[i]
		g := t.group(k.Group)
		if g.hasOps(k.Bytes) {
			if e := g.find(k.Bytes); e != nil {
				if p := e.at(o.Own); p != nil {
					out[i] = Version{Own: true}
					out[i].Value, out[i].TS, out[i].KeyVersion = p.value, e.seenTS, e.seenKey
					continue
				}
			}
		}
		if track {
			g.ranges.add(k.Bytes, after(k.Bytes))
		}
		var c *getCall
		for j := range calls {
			if calls[j].g == g {
				c = &calls[j]
			}
		}
		if c == nil {
			calls = append(calls, getCall{g: g, req: rpc.GetRequest{TS: o.TS, Tables: t.plannedBy(&o)}})
			c = &calls[len(calls)-1]
			if g.prov.sent > 0 {
				c.req.Txn, c.req.OwnSeq, c.req.RolledBack = t.id, uint64(o.Own), t.rolledBack
			}
		}
		c.req.Keys = append(c.req.Keys, k.Bytes)
		c.at = append(c.at, i)
	}
	return calls
}

// tracks reports whether a read at ts is one whose range a SERIALIZABLE transaction validates at commit: those at its
// snapshot. Reads of the latest version belong to locks and foreign keys, which have their own items. t.mu is held.
func (t *Txn) tracks(ts topo.Timestamp) bool {
	return t.opts.Isolation == Serializable && !t.opts.ReadOnly && ts == t.snap && ts != 0
}

// sentAhead reads the transaction's own provisional operations on the keys of a lock call, for those that may have one.
func (t *Txn) sentAhead(ctx context.Context, c *lockCall) (map[int]ownRow, error) {
	t.mu.Lock()
	if c.g.prov.sent == 0 {
		t.mu.Unlock()
		return nil, nil
	}
	req := rpc.GetRequest{TS: topo.MaxTimestamp, Tables: t.tables, Txn: t.id, OwnSeq: uint64(LatestSeq), RolledBack: t.rolledBack,
		Links: t.m.movesRows()}
	var at []int
	for i, k := range c.req.Keys {
		if c.g.prov.wrote(k) {
			req.Keys = append(req.Keys, k)
			at = append(at, i)
		}
	}
	t.mu.Unlock()
	if len(at) == 0 {
		return nil, nil
	}
	if err := c.g.prov.settle(ctx); err != nil {
		return nil, groupError(ctx, err)
	}
	resp, err := c.g.group.Get(ctx, &req)
	if err != nil {
		return nil, groupError(ctx, err)
	}
	own := map[int]ownRow{}
	for j, i := range at {
		v, committed := resp.Versions[j], c.resp.Versions[i]
		// An own operation reads with timestamp 0; so does a key that never existed.
		if v.TS == 0 && (v.Value != nil || committed.TS != 0) {
			row := ownRow{value: v.Value}
			if req.Links && v.Value != nil {
				if row.origin, err = parseOrigin(resp.Links[j]); err != nil {
					return nil, err
				}
			}
			own[i] = row
		}
	}
	return own, nil
}

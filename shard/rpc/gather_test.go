package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// trio is three nodes with replicas of the same groups, as the first of them sees it: its own are at hand, the others'
// behind servers.
type trio struct {
	router  *Router
	client  *Client
	address [4]string
	stop    [4]func()
	sites   [4]*site // by node id

	mu     sync.Mutex
	leader map[topo.GroupID]topo.NodeID
}

// site is a node's replicas.
type site struct {
	t    *trio
	node topo.NodeID
	mu   sync.Mutex
	// answer overrides what a group answers, when it is the leaseholder.
	answer map[topo.GroupID]func(ctx context.Context, q any) (any, error)
	asked  map[topo.GroupID]int
}

func (s *site) Group(id topo.GroupID) Group { return &seat{s: s, id: id} }
func (s *site) Call(context.Context, string, []byte) ([]byte, error) {
	return nil, errors.New("no calls")
}

func (s *site) asks(id topo.GroupID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[id]
}

// seat is a replica; it serves while it leads.
type seat struct {
	Group
	s  *site
	id topo.GroupID
}

func (g *seat) ID() topo.GroupID { return g.id }

// ask answers with the group's id.
func (g *seat) ask(ctx context.Context, q any) (any, error) {
	g.s.mu.Lock()
	g.s.asked[g.id]++
	f := g.s.answer[g.id]
	g.s.mu.Unlock()
	if n := g.s.t.leads(g.id); n != g.s.node {
		return nil, &Error{Code: ErrNotLeaseholder, Holder: n}
	}
	if f != nil {
		return f(ctx, q)
	}
	switch q.(type) {
	case *GetRequest:
		return &GetResponse{Versions: []Version{{TS: topo.Timestamp(g.id)}}}, nil
	case *ScanRequest:
		return &ScanResponse{Resume: []byte{byte(g.id)}}, nil
	case *LockRequest:
		return &LockResponse{Versions: []Version{{TS: topo.Timestamp(g.id)}}}, nil
	case *fsm.Command:
		return &fsm.Result{Code: fsm.ResultPrepared, TS: topo.Timestamp(g.id)}, nil
	}
	return new(struct{}), nil
}

func asked[R any](ctx context.Context, g *seat, q any) (*R, error) {
	a, err := g.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return a.(*R), nil
}

func (g *seat) Get(ctx context.Context, q *GetRequest) (*GetResponse, error) {
	return asked[GetResponse](ctx, g, q)
}
func (g *seat) Scan(ctx context.Context, q *ScanRequest) (*ScanResponse, error) {
	return asked[ScanResponse](ctx, g, q)
}
func (g *seat) Lock(ctx context.Context, q *LockRequest) (*LockResponse, error) {
	if q.WaitStarted != nil {
		q.WaitStarted([]topo.TxnID{{Node: g.s.node, Seq: uint64(g.id)}})
	}
	return asked[LockResponse](ctx, g, q)
}
func (g *seat) Unlock(ctx context.Context, q *UnlockRequest) error {
	_, err := g.ask(ctx, q)
	return err
}
func (g *seat) Propose(ctx context.Context, c *fsm.Command) (fsm.Result, error) {
	r, err := asked[fsm.Result](ctx, g, c)
	if err != nil {
		return fsm.Result{}, err
	}
	return *r, nil
}

const trioGroups = 16

func newTrio(t testing.TB) *trio {
	c := &trio{leader: map[topo.GroupID]topo.NodeID{}, client: NewClient(ClientConfig{})}
	for id := topo.GroupID(1); id <= trioGroups; id++ {
		c.leader[id] = topo.NodeID(1 + id%3)
	}
	for n := topo.NodeID(1); n <= 3; n++ {
		s := &site{t: c, node: n, answer: map[topo.GroupID]func(context.Context, any) (any, error){}, asked: map[topo.GroupID]int{}}
		c.sites[n] = s
		if n == 1 {
			continue
		}
		c.stop[n], c.address[n] = startHandler(t, s, "127.0.0.1:0", nil)
	}
	c.router = NewRouter(RouterConfig{Self: 1, Local: c.sites[1].Group, Holder: c.leads,
		Nodes: func(topo.GroupID) []topo.NodeID { return []topo.NodeID{1, 2, 3} },
		Remote: func(n topo.NodeID, id topo.GroupID) Group {
			return c.client.Group(c.address[n], id)
		}, Patience: 3 * time.Second})
	t.Cleanup(func() {
		c.client.Close()
		for _, stop := range c.stop[2:] {
			if stop != nil {
				stop()
			}
		}
	})
	return c
}

func (c *trio) leads(id topo.GroupID) topo.NodeID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leader[id]
}

func (c *trio) move(id topo.GroupID, to topo.NodeID) {
	c.mu.Lock()
	c.leader[id] = to
	c.mu.Unlock()
}

// sent counts the messages to a node since an earlier count, pings left out.
func (c *trio) sent(n topo.NodeID) (all map[string]uint64) {
	for _, r := range c.client.Requests() {
		if r.Address == c.address[n] {
			delete(r.Sent, "ping")
			return r.Sent
		}
	}
	return map[string]uint64{}
}

// messages runs f and returns how many messages it sent to a node, by kind.
func (c *trio) messages(f func()) (to [4]map[string]uint64) {
	var before [4]map[string]uint64
	for n := topo.NodeID(2); n <= 3; n++ {
		before[n] = c.sent(n)
	}
	f()
	for n := topo.NodeID(2); n <= 3; n++ {
		to[n] = c.sent(n)
		for op := range to[n] {
			if to[n][op] -= before[n][op]; to[n][op] == 0 {
				delete(to[n], op)
			}
		}
	}
	return to
}

// each makes a call to every group.
func (c *trio) each(request func(id topo.GroupID) Call) []Call {
	var calls []Call
	for id := topo.GroupID(1); id <= trioGroups; id++ {
		call := request(id)
		call.Group = c.router.Group(id)
		calls = append(calls, call)
	}
	return calls
}

// kinds makes the calls that can be gathered.
var kinds = map[string]func(topo.GroupID) Call{
	"get":    func(topo.GroupID) Call { return Call{Get: &GetRequest{Keys: [][]byte{{1}}}} },
	"scan":   func(topo.GroupID) Call { return Call{Scan: &ScanRequest{}} },
	"lock":   func(topo.GroupID) Call { return Call{Lock: &LockRequest{}} },
	"unlock": func(topo.GroupID) Call { return Call{Unlock: &UnlockRequest{}} },
	"propose": func(topo.GroupID) Call {
		return Call{Propose: &fsm.Command{Horizon: &fsm.Horizon{TS: 4}}}
	},
}

// right reports whether a call has its own group's answer.
func right(c *Call) error {
	id := c.Group.ID()
	switch {
	case c.Err != nil:
		return c.Err
	case c.Get != nil && c.Values.Versions[0].TS != topo.Timestamp(id),
		c.Scan != nil && c.Rows.Resume[0] != byte(id),
		c.Lock != nil && c.Locks.Versions[0].TS != topo.Timestamp(id),
		c.Propose != nil && c.Result.TS != topo.Timestamp(id):
		return fmt.Errorf("another group's answer: %+v", c)
	}
	return nil
}

// A step over 16 groups on three nodes sends one message to each of the two other nodes, whatever it asks for.
func TestAStepSendsOneMessageANode(t *testing.T) {
	c := newTrio(t)
	for name, kind := range kinds {
		for round := range 3 {
			calls := c.each(kind)
			to := c.messages(func() { Gather(ctx, calls) })
			for i := range calls {
				if err := right(&calls[i]); err != nil {
					t.Errorf("%s, group %d: %v", name, i+1, err)
				}
			}
			for n := 2; n <= 3; n++ {
				if len(to[n]) != 1 || to[n]["batch"] != 1 {
					t.Errorf("%s, round %d: messages to node %d: %v", name, round, n, to[n])
				}
			}
		}
	}
	for id := topo.GroupID(1); id <= trioGroups; id++ {
		for n := topo.NodeID(1); n <= 3; n++ {
			want := 0
			if c.leads(id) == n {
				want = 3 * len(kinds)
			}
			if got := c.sites[n].asks(id); got != want {
				t.Errorf("group %d was asked %d times at node %d, not %d", id, got, n, want)
			}
		}
	}
}

// A group whose lease has moved is asked again where it is now, and no other group is.
func TestARetryConcernsOneGroup(t *testing.T) {
	for name, kind := range kinds {
		c := newTrio(t)
		Gather(ctx, c.each(kind)) // the routes are known
		c.move(4, 3)              // from node 2
		c.move(5, 1)              // from node 3
		calls := c.each(kind)
		to := c.messages(func() { Gather(ctx, calls) })
		for i := range calls {
			if err := right(&calls[i]); err != nil {
				t.Errorf("%s, group %d: %v", name, i+1, err)
			}
		}
		if to[2]["batch"] != 1 || len(to[2]) != 1 || to[3]["batch"] != 1 || to[3][name] != 1 || len(to[3]) != 2 {
			t.Errorf("%s: messages to node 2 %v, to node 3 %v", name, to[2], to[3])
		}
		to = c.messages(func() { Gather(ctx, c.each(kind)) })
		if to[2]["batch"] != 1 || len(to[2]) != 1 || to[3]["batch"] != 1 || len(to[3]) != 1 {
			t.Errorf("%s: it is not remembered: messages to node 2 %v, to node 3 %v", name, to[2], to[3])
		}
	}
}

// What one group says about itself is no failure of the others.
func TestAFailureConcernsOneGroup(t *testing.T) {
	c := newTrio(t)
	for n := topo.NodeID(1); n <= 3; n++ {
		for _, id := range []topo.GroupID{3, 4, 5} {
			c.sites[n].answer[id] = func(context.Context, any) (any, error) {
				return nil, &Error{Code: ErrTableVersion, Table: topo.TableID(id)}
			}
		}
	}
	for name, kind := range kinds {
		calls := c.each(kind)
		Gather(ctx, calls)
		for i := range calls {
			err := right(&calls[i])
			if id := calls[i].Group.ID(); id < 3 || id > 5 {
				if err != nil {
					t.Errorf("%s, group %d: %v", name, id, err)
				}
			} else if e := (*Error)(nil); !errors.As(err, &e) || e.Code != ErrTableVersion || e.Table != topo.TableID(id) {
				t.Errorf("%s, group %d: %v", name, id, err)
			}
		}
	}
}

// A node that is gone takes its message with it: reads find the groups' new leaseholders, proposals say that their fate is
// not known.
func TestALostMessageIsEveryCallsOwn(t *testing.T) {
	for _, name := range []string{"scan", "lock", "propose"} {
		c := newTrio(t)
		Gather(ctx, c.each(kinds[name]))
		arrived := make(chan struct{}, trioGroups)
		for id := range topo.GroupID(trioGroups + 1) {
			c.sites[2].answer[id] = func(ctx context.Context, _ any) (any, error) {
				arrived <- struct{}{}
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			<-arrived
			for id := topo.GroupID(1); id <= trioGroups; id++ {
				if c.leads(id) == 2 {
					c.move(id, 3)
				}
			}
			c.stop[2]()
			c.stop[2] = nil
		}()
		calls := c.each(kinds[name])
		Gather(ctx, calls)
		<-stopped
		for i := range calls {
			err := right(&calls[i])
			if wasAt2 := (i+1)%3 == 1; name == "propose" && wasAt2 {
				if !hasCode(err, ErrAmbiguous) {
					t.Errorf("%s, group %d: %v", name, i+1, err)
				}
			} else if err != nil {
				t.Errorf("%s, group %d: %v", name, i+1, err)
			}
		}
	}
}

// The caller's end reaches every handler, and is the cause of what failed; a proposal's fate is not known then.
func TestCancellationReachesAllHandlersOfABatch(t *testing.T) {
	for _, name := range []string{"get", "propose"} {
		c := newTrio(t)
		Gather(ctx, c.each(kinds[name]))
		var begun, ended sync.WaitGroup
		for n := topo.NodeID(1); n <= 3; n++ {
			for id := range topo.GroupID(trioGroups + 1) {
				c.sites[n].answer[id] = func(ctx context.Context, _ any) (any, error) {
					begun.Done()
					<-ctx.Done()
					ended.Done()
					return nil, context.Cause(ctx)
				}
			}
		}
		begun.Add(trioGroups)
		ended.Add(trioGroups)
		gone := errors.New("the client is gone")
		quit, cancel := context.WithCancelCause(ctx)
		go func() {
			begun.Wait() // although each of them waits: none holds up another for long
			cancel(gone)
		}()
		calls := c.each(kinds[name])
		Gather(quit, calls)
		ended.Wait()
		for i := range calls {
			far := c.leads(calls[i].Group.ID()) != 1
			if err := calls[i].Err; name == "propose" && far && !hasCode(err, ErrAmbiguous) ||
				(name != "propose" || !far) && !errors.Is(err, gone) {
				t.Errorf("%s, group %d: %v", name, i+1, err)
			}
		}
	}
}

// Everyone whose lock is waited for is told, by the request that waits.
func TestABatchTellsOfWaits(t *testing.T) {
	c := newTrio(t)
	var mu sync.Mutex
	told := map[topo.GroupID][]topo.TxnID{}
	calls := c.each(func(id topo.GroupID) Call {
		return Call{Lock: &LockRequest{WaitStarted: func(holders []topo.TxnID) {
			mu.Lock()
			told[id] = append(told[id], holders...)
			mu.Unlock()
		}}}
	})
	Gather(ctx, calls)
	for i := range calls {
		id := calls[i].Group.ID()
		want := []topo.TxnID{{Node: c.leads(id), Seq: uint64(id)}}
		if err := right(&calls[i]); err != nil || !slices.Equal(told[id], want) {
			t.Errorf("group %d: %v, told of %v", id, err, told[id])
		}
	}
}

// Answers that have no room in one message, and requests that have none, go by themselves.
func TestBatchesAreBounded(t *testing.T) {
	c := newTrio(t)
	big := make([]byte, maxMessage/4)
	for n := topo.NodeID(1); n <= 3; n++ {
		for id := range topo.GroupID(trioGroups + 1) {
			c.sites[n].answer[id] = func(_ context.Context, q any) (any, error) {
				if get, ok := q.(*GetRequest); ok {
					return &GetResponse{Versions: []Version{{TS: topo.Timestamp(id), Value: big[:len(get.Keys[0])/8]}}}, nil
				}
				return &ScanResponse{Resume: []byte{byte(id)}, Rows: Rows{Data: big}}, nil
			}
		}
	}
	calls := c.each(kinds["scan"])
	to := c.messages(func() { Gather(ctx, calls) })
	for i := range calls {
		if err := right(&calls[i]); err != nil || len(calls[i].Rows.Rows.Data) != len(big) {
			t.Errorf("group %d: %v", i+1, err)
		}
	}
	for n := 2; n <= 3; n++ {
		if to[n]["batch"] != 1 || to[n]["scan"] < 2 {
			t.Errorf("large answers of node %d: %v", n, to[n])
		}
	}
	calls = c.each(func(topo.GroupID) Call { return Call{Get: &GetRequest{Keys: [][]byte{make([]byte, batchBytes/2+1)}}} })
	to = c.messages(func() { Gather(ctx, calls) })
	for i := range calls {
		if err := right(&calls[i]); err != nil {
			t.Errorf("group %d: %v", i+1, err)
		}
	}
	for n := 2; n <= 3; n++ {
		if to[n]["batch"]+to[n]["get"] != 3 {
			t.Errorf("large requests to node %d: %v", n, to[n])
		}
	}
}

// Calls that are made in turn hold up the others only for a moment.
func TestTurnsThatWaitAreTakenTogether(t *testing.T) {
	const n = 20
	var all sync.WaitGroup
	all.Add(n)
	inTurn(n, func(int) {
		all.Done()
		all.Wait() // for the others to have begun
	})
	order := make([]int, 0, n)
	inTurn(1, func(i int) { order = append(order, i) })
	inTurn(0, func(i int) { order = append(order, i) })
	if !slices.Equal(order, []int{0}) {
		t.Error(order)
	}
}

// BenchmarkGather is a step over 16 groups on three nodes.
func BenchmarkGather(b *testing.B) {
	c := newTrio(b)
	began := cpuNS()
	for b.Loop() {
		Gather(ctx, c.each(kinds["scan"]))
	}
	b.ReportMetric(float64(cpuNS()-began)/float64(b.N), "cpu-ns/op")
}

// A read that asks where rows went gets its links in a batch too, and what it asks arrives.
func TestLinksTravelInBatches(t *testing.T) {
	c := newTrio(t)
	since := []topo.Timestamp{9}
	for n := topo.NodeID(1); n <= 3; n++ {
		for id := topo.GroupID(1); id <= trioGroups; id++ {
			c.sites[n].answer[id] = func(_ context.Context, q any) (any, error) {
				get, ok := q.(*GetRequest)
				if !ok || !get.Links || !slices.Equal(get.Since, since) {
					return nil, fmt.Errorf("asked %+v", q)
				}
				return &GetResponse{Versions: []Version{{TS: topo.Timestamp(id)}}, Links: [][]byte{{byte(id)}}}, nil
			}
		}
	}
	calls := c.each(func(topo.GroupID) Call { return Call{Get: &GetRequest{Keys: [][]byte{{1}}, Links: true, Since: since}} })
	to := c.messages(func() { Gather(ctx, calls) })
	for i := range calls {
		if err := right(&calls[i]); err != nil {
			t.Errorf("group %d: %v", i+1, err)
		} else if links := calls[i].Values.Links; len(links) != 1 || links[0][0] != byte(i+1) {
			t.Errorf("group %d: links %v", i+1, links)
		}
	}
	for n := 2; n <= 3; n++ {
		if len(to[n]) != 1 || to[n]["batch"] != 1 {
			t.Errorf("messages to node %d: %v", n, to[n])
		}
	}
}

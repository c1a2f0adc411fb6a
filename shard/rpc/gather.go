package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Call is a request to one group and what came of it. One of the requests is set; after Gather either Err is, or the
// answer that belongs to the request.
type Call struct {
	Group Group

	Get     *GetRequest
	Scan    *ScanRequest
	Lock    *LockRequest
	Unlock  *UnlockRequest
	Propose *fsm.Command

	Values *GetResponse
	Rows   *ScanResponse
	Locks  *LockResponse
	Result fsm.Result
	Err    error

	route   *route      // of Group, nil when that finds its way by itself
	at      Group       // where the call is made
	node    topo.NodeID // which node that is, when there is a route
	again   bool        // it was not run: it is to be made by itself
	started Started     // the proposal, when it was begun
}

// Starter is a group of this node that can begin a proposal and leave the wait for it to somebody else.
type Starter interface {
	// Start does what comes before the log, as long as that takes no wait; nil: Propose has to be called.
	Start(cmd *fsm.Command) Started
}

// Started is a proposal that is ready for the log. Send hands it to the log, and then Wait returns what Propose would have.
type Started interface {
	Send()
	Wait(ctx context.Context) (fsm.Result, error)
}

// Gather makes calls to several groups at the same time, in one message to each other node that leads some of them, and
// fills in what became of each. Every call succeeds, fails and is tried again by itself, as if it had been made so; only a
// message that gets lost fails all calls in it.
//
// In the caller's goroutine it sends the messages, then makes the calls to this node's own groups, and then waits for the
// answers. Proposals wait for the log, so those of this node run at once, and go to the log one right after the other, so that
// they share its fsync; other calls seldom wait, and are made in turn.
func Gather(ctx context.Context, calls []Call) {
	if len(calls) == 1 {
		_ = calls[0].on(ctx, calls[0].Group)
		return
	}
	var g gathering
	for i := range calls {
		g.add(&calls[i])
	}
	g.run(ctx)
	var again []*Call
	for i := range calls {
		if c := &calls[i]; c.settle() {
			again = append(again, c)
		}
	}
	together(len(again), func(i int) {
		c := again[i]
		switch {
		case c.again || c.route == nil:
			_ = c.on(ctx, c.Group)
		default:
			c.Err = c.route.search(ctx, c.node, c.Err, func(at Group) error { return c.on(ctx, at) })
		}
	})
}

// Near reports whether a call to a group is, as far as this node knows, a call to its own replica: it costs no message, and
// nothing is gained by making it together with others.
func Near(g Group) bool {
	r, ok := g.(*route)
	return ok && r.mine() != nil
}

// op is the call's operation.
func (c *Call) op() byte {
	switch {
	case c.Get != nil && c.Get.wantsLinks():
		return opGetLinks
	case c.Get != nil:
		return opGet
	case c.Scan != nil:
		return opScan
	case c.Lock != nil:
		return opLock
	case c.Unlock != nil:
		return opUnlock
	}
	return opPropose
}

// on makes the call.
func (c *Call) on(ctx context.Context, at Group) error {
	switch c.op() {
	case opGet, opGetLinks:
		c.Values, c.Err = at.Get(ctx, c.Get)
	case opScan:
		c.Rows, c.Err = at.Scan(ctx, c.Scan)
	case opLock:
		c.Locks, c.Err = at.Lock(ctx, c.Lock)
	case opUnlock:
		c.Err = at.Unlock(ctx, c.Unlock)
	default:
		cmd := *c.Propose // the leaseholder fills in epoch and time
		c.Result, c.Err = at.Propose(ctx, &cmd)
		if _, routes := at.(*route); !routes {
			c.Err = unsettled(c.Err)
		}
	}
	return c.Err
}

// settle takes in, for the group's route, how the call went, and reports whether it is to be made again.
func (c *Call) settle() (again bool) {
	r := c.route
	switch {
	case c.again:
		return true
	case r == nil || c.at == nil:
		return false
	case c.Err == nil:
		if r.last.Load() != uint32(c.node) {
			r.last.Store(uint32(c.node))
		}
		return false
	}
	return r.failed(c.node, c.Err)
}

// encode writes the request's fields.
func (c *Call) encode(w *writer) {
	switch c.op() {
	case opGet:
		c.Get.encode(w)
	case opGetLinks:
		(&linksRequest{*c.Get}).encode(w)
	case opScan:
		c.Scan.encode(w)
	case opLock:
		c.Lock.encode(w)
	case opUnlock:
		c.Unlock.encode(w)
	default:
		*w = fsm.AppendCommand(*w, c.Propose)
	}
}

// decode reads the answer's fields.
func (c *Call) decode(r *reader) {
	switch c.op() {
	case opGet:
		c.Values = new(GetResponse)
		c.Values.decode(r)
	case opGetLinks:
		p := new(linksResponse)
		p.decode(r)
		c.Values = &p.GetResponse
	case opScan:
		c.Rows = new(ScanResponse)
		c.Rows.decode(r)
	case opLock:
		c.Locks = new(LockResponse)
		c.Locks.decode(r)
	case opUnlock:
	default:
		c.Result = decodeResult(r)
	}
}

// answered takes an answer in.
func (c *Call) answered(answer []byte) {
	op := c.op()
	switch {
	case len(answer) == 0:
		c.Err = lost(op, true, errDamaged)
	case answer[0] == answerAgain:
		c.again = true
		return
	default:
		c.Err = taken(op, answer, c.decode)
	}
	c.unanswered()
}

// fail ends a call that got no answer.
func (c *Call) fail(ctx context.Context, sent bool, err error) {
	c.Err = failure(ctx, c.op(), sent, err)
	c.unanswered()
}

// unanswered sees to it that a failed call has no half answer, and that a proposal whose fate is not known says so.
func (c *Call) unanswered() {
	if c.Err == nil {
		return
	}
	c.Values, c.Rows, c.Locks, c.Result = nil, nil, nil, fsm.Result{}
	if c.Propose != nil {
		c.Err = unsettled(c.Err)
	}
}

// gathering sorts calls by where they go.
type gathering struct {
	parcels []*parcel
	turn    []*Call // at this node, made in turn
	apart   []*Call // made at the same time
}

func (g *gathering) add(c *Call) {
	c.at = c.Group
	if r, ok := c.Group.(*route); ok {
		c.node, c.at = r.target()
		if c.at == nil {
			g.apart = append(g.apart, c) // nobody is known: the group looks for somebody
			return
		}
		c.route = r
	}
	to, far := c.at.(*remote)
	switch {
	case far:
		p := g.parcel(to)
		p.calls = append(p.calls, c)
	case c.route != nil && c.Propose == nil:
		g.turn = append(g.turn, c)
	default:
		g.apart = append(g.apart, c)
	}
}

// parcel returns what goes to the same node as a group's calls.
func (g *gathering) parcel(to *remote) *parcel {
	for _, p := range g.parcels {
		if p.to.address == to.address && p.to.c == to.c {
			return p
		}
	}
	p := &parcel{to: to}
	g.parcels = append(g.parcels, p)
	return p
}

func (g *gathering) run(ctx context.Context) {
	var wg sync.WaitGroup
	for i := 0; i < len(g.parcels); i++ {
		p := g.parcels[i]
		if rest := p.pack(ctx); rest != nil {
			g.parcels = append(g.parcels, rest)
		}
		if !p.dispatch(ctx) {
			wg.Go(func() { p.roundTrip(ctx) })
		}
	}
	startAll(g.apart)
	alone := func(i int) {
		c := g.apart[i]
		if c.started != nil {
			c.Result, c.Err = c.started.Wait(ctx)
			c.Err = unsettled(c.Err)
			return
		}
		at := c.at
		if at == nil {
			at = c.Group
		}
		_ = c.on(ctx, at)
	}
	for i := 1; i < len(g.apart); i++ {
		wg.Go(func() { alone(i) })
	}
	inTurn(len(g.turn), func(i int) { _ = g.turn[i].on(ctx, g.turn[i].at) })
	if len(g.apart) > 0 {
		alone(0)
	}
	for _, p := range g.parcels {
		p.land(ctx)
	}
	wg.Wait()
}

// startAll begins the proposals of this node's groups, if there are several.
func startAll(calls []*Call) {
	if len(calls) < 2 {
		return
	}
	for _, c := range calls {
		if s, ok := c.at.(Starter); ok && c.Propose != nil {
			cmd := *c.Propose // as in on
			c.started = s.Start(&cmd)
		}
	}
	for _, c := range calls {
		if c.started != nil {
			c.started.Send()
		}
	}
}

// parcel is the calls that go to one node in one message.
type parcel struct {
	to     *remote // one of the groups
	calls  []*Call
	frame  writer
	peer   *peer
	flight flight
	flying bool
}

// pack encodes the parcel's message. What has no room in it is returned as another parcel.
func (p *parcel) pack(ctx context.Context) (rest *parcel) {
	if len(p.calls) == 1 {
		c := p.calls[0]
		p.frame = request(ctx, c.op(), c.at.ID())
		c.encode(&p.frame)
		return nil
	}
	p.frame = request(ctx, opBatch, 0)
	fields := writer{}
	for i, c := range p.calls {
		if i > 0 && len(p.frame) >= batchBytes || i == maxBatch {
			rest = &parcel{to: p.to, calls: p.calls[i:]}
			p.calls = p.calls[:i]
			break
		}
		fields = fields[:0]
		c.encode(&fields)
		p.frame = append(p.frame, c.op())
		p.frame.u64(uint64(c.at.ID()))
		p.frame.bytes(fields)
	}
	p.frame = append(p.frame, opEnd)
	return rest
}

// dispatch sends the message; false when that would have to wait for a stream. A message that cannot be sent at all has
// failed.
func (p *parcel) dispatch(ctx context.Context) bool {
	if len(p.frame) > maxMessage {
		for _, c := range p.calls {
			c.Err = tooLarge("a request", len(p.frame))
		}
		return true
	}
	var err error
	if p.peer, err = p.to.c.peer(p.to.address); err != nil {
		p.fail(ctx, false, err)
		return true
	}
	if p.frame[0] == opBatch {
		p.peer.batched.Add(uint64(len(p.calls)))
	}
	if p.flight, p.flying = p.peer.dispatch(ctx, p.frame); p.flying {
		p.peer.waiting.Add(1)
	}
	return p.flying
}

// land waits for the answer to a message that was dispatched.
func (p *parcel) land(ctx context.Context) {
	if !p.flying {
		return
	}
	answer, err := p.peer.land(p.flight, p.waiting)
	p.peer.waiting.Add(-1)
	p.take(ctx, answer, true, err)
}

// roundTrip sends the message on a stream that may have to be made, and waits for the answer.
func (p *parcel) roundTrip(ctx context.Context) {
	p.peer.waiting.Add(1)
	answer, sent, err := p.peer.roundTrip(ctx, p.frame, p.waiting)
	p.peer.waiting.Add(-1)
	p.take(ctx, answer, sent, err)
}

func (p *parcel) take(ctx context.Context, answer []byte, sent bool, err error) {
	switch {
	case err != nil:
		p.fail(ctx, sent, err)
	case p.frame[0] != opBatch:
		p.calls[0].answered(answer)
	case answer[0] != answerOK:
		// Nothing was run: the node could not read the message. One of a release that knows no batches cannot.
		for _, c := range p.calls {
			c.again = true
		}
	default:
		r := &reader{b: answer[1:]}
		for _, c := range p.calls {
			c.answered(r.bytes())
		}
	}
}

func (p *parcel) fail(ctx context.Context, sent bool, err error) {
	for _, c := range p.calls {
		c.fail(ctx, sent, err)
	}
}

// waiting takes in that one of the calls waits for a lock.
func (p *parcel) waiting(b []byte) bool {
	r := &reader{b: b}
	i := uint64(0)
	if p.frame[0] == opBatch {
		i = r.u64()
	}
	return i < uint64(len(p.calls)) && p.calls[i].Lock != nil && p.calls[i].Lock.waiting(r)
}

// batch runs the requests of a batch, each as if it had come by itself, and answers them in their order.
func (s *Server) batch(ctx context.Context, send func([]byte) error, r *reader, w *writer) error {
	type part struct {
		op     byte
		group  topo.GroupID
		fields []byte
		answer []byte
	}
	var parts []part
	for op := r.byte(); op != opEnd; op = r.byte() {
		if r.err != nil || len(parts) == maxBatch {
			return errDamaged
		}
		parts = append(parts, part{op: op, group: topo.GroupID(r.u64()), fields: r.bytes()})
	}
	if r.done() != nil {
		return errDamaged
	}
	var sending sync.Mutex
	var size atomic.Int64
	run := func(i int) {
		p := &parts[i]
		if size.Load() > maxMessage/2 {
			return
		}
		sendOf := func(frame []byte) error {
			f := writer{frame[0]}
			f.u64(uint64(i))
			sending.Lock()
			defer sending.Unlock()
			return send(append(f, frame[1:]...))
		}
		p.answer = s.perform(p.op, p.group, func(w *writer) error {
			return s.atGroup(ctx, sendOf, p.op, p.group, &reader{b: p.fields}, w)
		})
		size.Add(int64(len(p.answer)))
	}
	// The requests of a batch are of one kind; but for their speed nothing depends on it.
	if len(parts) > 0 && parts[0].op == opPropose {
		together(len(parts), run)
	} else {
		inTurn(len(parts), run)
	}
	for i := range parts {
		// What is large are reads, which may be made again.
		if a := parts[i].answer; a == nil || len(*w)+len(a)+16*len(parts) > maxMessage {
			w.bytes([]byte{answerAgain})
		} else {
			w.bytes(a)
		}
	}
	return nil
}

// turnPatience is how long calls that are made in turn may take before the rest of them is made at once.
const turnPatience = 500 * time.Microsecond

// inTurn runs f(0..n-1) one after the other in the caller, which costs no more than a loop as long as none of them waits.
// When they take longer than turnPatience, those that have not begun run at once, each in a goroutine.
func inTurn(n int, f func(i int)) {
	switch n {
	case 0:
		return
	case 1:
		f(0)
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	wg.Add(n)
	one := func(i int) {
		defer wg.Done()
		f(i)
	}
	timer := time.AfterFunc(turnPatience, func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			go one(i)
		}
	})
	for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
		one(i)
	}
	timer.Stop()
	wg.Wait()
}

// together runs f(0..n-1) at the same time, the last one in the caller.
func together(n int, f func(i int)) {
	if n == 0 {
		return
	}
	var wg sync.WaitGroup
	for i := range n - 1 {
		wg.Go(func() { f(i) })
	}
	f(n - 1)
	wg.Wait()
}

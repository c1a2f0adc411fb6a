package txn

import (
	"bytes"
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// A scan runs one groupScan per group. A groupScan fetches batches that grow from the limit hint to maxBatchRows, one
// batch ahead of the reader once the scan has proved to be long, and merges the transaction's own operations over each
// batch as the reader takes it. Where the buffer has nothing in the storage a batch passes through untouched.
//
// Several groups: unordered scans hand out the batches of one group after the other; ordered ones merge (merge.go). Both
// begin with a step in which all groups (of an unordered scan: the next stepGroups) are asked for their first batch, with one
// message to each other node. Where all groups are led by this node an unordered scan needs none: each is asked when its
// turn comes. Later batches are asked for by group, so that no more of them are in memory than the reader is about to take.
//
// Operations may go ahead to the group (provision.go) while a batch is under way: it may then have missed them at the
// group, and they are no longer in the buffer. groupScan notices by the count of operations sent and fetches again.

const (
	firstBatchRows = 256
	minBatchRows   = 16
	maxBatchRows   = 4096
	maxBatchBytes  = 1 << 20
	// joinRows and joinBytes bound what an unordered scan makes one batch of, when several groups had little to say.
	joinRows  = 1024
	joinBytes = 256 << 10
	// stepGroups bounds the groups, and stepBytes about the bytes, that one step of a scan asks for.
	stepGroups = 64
	stepBytes  = 8 << 20
	// maxScanRanges bounds the ranges of one request.
	maxScanRanges = 2048
)

// fetched is the answer to one request of a groupScan.
type fetched struct {
	lo, hi []byte // what the request asked for
	ranges []KeyRange
	sent   uint64 // of the group's provisions when it was made
	resp   *rpc.ScanResponse
	err    error
	done   chan struct{} // closed when resp and err are set
}

// groupScan reads one group's part of a range.
type groupScan struct {
	t      *Txn
	g      *groupBuffer
	o      ReadOptions
	spec   *ScanSpec
	lo, hi []byte     // what is left
	ranges []KeyRange // of which only these, if not nil
	rows   int        // of the next request
	served int        // batches handed out
	done   bool
	ahead  *fetched
	cancel context.CancelFunc // of what is under way; set with ahead
	// stepped: its reader asks for batches ahead (Fetch).
	stepped bool
}

// Scan reads a range of one storage in some groups. The scanner must be closed.
func (t *Txn) Scan(ctx context.Context, o ReadOptions, spec ScanSpec) (Scanner, error) {
	if err := t.ready(ctx, false); err != nil {
		return nil, err
	}
	rows := firstBatchRows
	if spec.LimitHint > 0 {
		rows = spec.LimitHint
		if spec.Ordered && len(spec.Groups) > 1 { // each group has a part of the first rows
			rows = rows/len(spec.Groups) + rows/(4*len(spec.Groups))
		}
		rows = min(max(rows, minBatchRows), maxBatchRows)
	}
	if len(spec.Ranges) > 0 {
		spec.Lo, spec.Hi = spec.Ranges[0].Lo, spec.Ranges[len(spec.Ranges)-1].Hi
	}
	t.mu.Lock()
	scans := make([]*groupScan, len(spec.Groups))
	for i, id := range spec.Groups {
		scans[i] = &groupScan{t: t, g: t.group(id), o: o, spec: &spec, lo: spec.Lo, hi: spec.Hi, ranges: spec.Ranges,
			rows: rows}
	}
	t.mu.Unlock()
	switch {
	case len(scans) == 1:
		return scans[0], nil
	case spec.Ordered:
		return newMergeScan(scans, spec.Reverse), nil
	}
	return &chainScan{scans: scans}, nil
}

// request makes the next request, for about as many bytes. The own operations at the group are asked for once some were
// sent there.
func (s *groupScan) request(bytes int) (*rpc.ScanRequest, *fetched) {
	f := &fetched{lo: s.lo, hi: s.hi, ranges: s.ranges[:min(len(s.ranges), maxScanRanges)], done: make(chan struct{})}
	req := &rpc.ScanRequest{TS: s.o.TS, Lo: s.lo, Hi: s.hi, Ranges: f.ranges, Reverse: s.spec.Reverse, KeysOnly: s.spec.KeysOnly,
		MaxRows: s.rows, MaxBytes: bytes}
	s.t.mu.Lock()
	req.Tables = s.t.plannedBy(&s.o)
	f.sent = s.g.prov.sent
	if f.sent > 0 {
		req.Txn, req.OwnSeq, req.RolledBack = s.t.id, uint64(s.o.Own), s.t.rolledBack
	}
	s.t.mu.Unlock()
	return req, f
}

// fetch runs one request to its end.
func (s *groupScan) fetch(ctx context.Context) *fetched {
	req, f := s.request(maxBatchBytes)
	s.call(ctx, req, f)
	return f
}

func (s *groupScan) call(ctx context.Context, req *rpc.ScanRequest, f *fetched) {
	if f.sent > 0 {
		f.err = s.g.prov.settle(ctx)
	}
	if f.err == nil {
		f.resp, f.err = s.g.group.Scan(ctx, req)
	}
	close(f.done)
}

// step asks scans for their next batches at the same time, with one message to each other node, and waits for the answers.
// A scan that has one under way, or has ended, is left alone; failures are found by whoever takes the batch.
func step(ctx context.Context, scans []*groupScan) {
	calls := make([]rpc.Call, 0, len(scans))
	asked := make([]*fetched, 0, len(scans))
	share := min(maxBatchBytes, stepBytes/max(1, len(scans)))
	for _, s := range scans {
		if s.ahead != nil || s.done {
			continue
		}
		req, f := s.request(share)
		s.ahead, s.cancel = f, func() {}
		if f.sent > 0 {
			if f.err = s.g.prov.settle(ctx); f.err != nil {
				close(f.done)
				continue
			}
		}
		calls, asked = append(calls, rpc.Call{Group: s.g.group, Scan: req}), append(asked, f)
	}
	rpc.Gather(ctx, calls)
	for i, f := range asked {
		f.resp, f.err = calls[i].Rows, calls[i].Err
		close(f.done)
	}
}

// allNear reports whether this node leads all groups of some scans.
func allNear(scans []*groupScan) bool {
	for _, s := range scans {
		if !rpc.Near(s.g.group) {
			return false
		}
	}
	return true
}

// Fetch asks scanners for their next batches at the same time, as far as they need none of another scanner's rows first:
// those of one group each. A reader of many such scanners thus sends one message a node, not one a group.
func Fetch(ctx context.Context, scanners []Scanner) {
	scans := make([]*groupScan, 0, len(scanners))
	for _, sc := range scanners {
		if s, ok := sc.(*groupScan); ok {
			scans = append(scans, s)
		}
	}
	if allNear(scans) {
		return
	}
	for _, s := range scans {
		s.stepped = true
	}
	for i := 0; i < len(scans); i += stepGroups {
		step(ctx, scans[i:min(i+stepGroups, len(scans))])
	}
}

// prefetch starts the next request in the background, unless one is under way.
func (s *groupScan) prefetch(ctx context.Context) {
	if s.ahead != nil || s.done {
		return
	}
	req, f := s.request(maxBatchBytes)
	ctx, s.cancel = context.WithCancel(ctx)
	s.ahead = f
	go s.call(ctx, req, f)
}

// answered returns the rows of the answer that is there already, nil when none is.
func (s *groupScan) answered() *rpc.Rows {
	if s.ahead == nil {
		return nil
	}
	select {
	case <-s.ahead.done:
		if s.ahead.err == nil {
			return &s.ahead.resp.Rows
		}
	default:
	}
	return nil
}

// take returns the next answer, that under way if there is one.
func (s *groupScan) take(ctx context.Context) *fetched {
	if s.ahead == nil {
		return s.fetch(ctx)
	}
	f := s.ahead
	select {
	case <-f.done:
	case <-ctx.Done():
		return &fetched{err: ctx.Err()}
	}
	s.ahead = nil
	s.cancel()
	if f.err != nil && ctx.Err() == nil && (f.err == context.Canceled) {
		return s.fetch(ctx) // it was started under the context of an earlier call, which has ended
	}
	return f
}

// Next returns the next batch, own operations merged in, or nil at the end.
func (s *groupScan) Next(ctx context.Context) (*Batch, error) {
	for !s.done {
		f := s.take(ctx)
		if f.err != nil {
			return nil, groupError(ctx, f.err)
		}
		b, ok := s.advance(f)
		if !ok {
			continue // operations went ahead meanwhile: the same range again
		}
		s.served++
		s.rows = min(4*s.rows, maxBatchRows)
		if !s.done && s.served > 1 && s.rows == maxBatchRows && !s.stepped { // a scan for a LIMIT has proved to be longer than that
			s.prefetch(context.WithoutCancel(ctx))
		}
		if b.Len() > 0 {
			return b, nil
		}
	}
	return nil, nil
}

// advance takes an answer in: it notes the range read, moves on, and merges. ok is false when it must be fetched again.
func (s *groupScan) advance(f *fetched) (b *Batch, ok bool) {
	t := s.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.sent != s.g.prov.sent {
		return nil, false
	}
	lo, hi := f.lo, f.hi
	switch {
	case f.resp.Resume == nil && len(f.ranges) < len(s.ranges):
		s.ranges = s.ranges[len(f.ranges):]
		s.lo = s.ranges[0].Lo
	case f.resp.Resume == nil:
		s.done = true
	case s.spec.Reverse:
		lo, s.hi = f.resp.Resume, f.resp.Resume
	default:
		hi, s.lo = f.resp.Resume, f.resp.Resume
		for len(s.ranges) > 0 && s.ranges[0].Hi != nil && bytes.Compare(s.ranges[0].Hi, s.lo) <= 0 {
			s.ranges = s.ranges[1:]
		}
		s.done = f.ranges != nil && len(s.ranges) == 0
	}
	if t.tracks(s.o.TS) {
		eachRange(lo, hi, f.ranges, s.g.ranges.add)
	}
	b = &Batch{Rows: f.resp.Rows, Group: s.g.id}
	if s.g.hasOps(s.spec.Lo) {
		s.overlay(b, lo, hi, f.ranges)
	}
	return b, true
}

// eachRange calls f for what of [lo, hi) lies in each of some ranges, or once when they are nil.
func eachRange(lo, hi []byte, ranges []KeyRange, f func(lo, hi []byte)) {
	if ranges == nil {
		f(lo, hi)
	}
	for _, r := range ranges {
		if bytes.Compare(r.Lo, lo) < 0 {
			r.Lo = lo
		}
		if hiLess(hi, r.Hi) {
			r.Hi = hi
		}
		if r.Hi == nil || bytes.Compare(r.Lo, r.Hi) < 0 {
			f(r.Lo, r.Hi)
		}
	}
}

// overlay merges the own operations of [lo, hi), or of the ranges in it, over a batch. t.mu is held.
func (s *groupScan) overlay(b *Batch, lo, hi []byte, ranges []KeyRange) {
	var out rpc.Rows
	i, n, touched := 0, b.Len(), false
	visit := func(e *entry, o *op) bool {
		if !touched {
			touched = true
			out.Data = make([]byte, 0, len(b.Data)+len(e.key)+len(o.value))
			out.Ends = make([]uint32, 0, len(b.Ends)+2)
			out.Versions = make([]topo.Timestamp, 0, n+1)
		}
		for i < n {
			c := bytes.Compare(b.Key(i), e.key)
			if s.spec.Reverse {
				c = -c
			}
			if c > 0 {
				break
			}
			if c < 0 {
				out.Append(b.Key(i), b.Value(i), b.Versions[i])
			}
			i++ // an equal key is replaced
		}
		switch {
		case o.value == nil:
		case s.spec.KeysOnly:
			out.Append(e.key, nil, 0)
		default:
			out.Append(e.key, o.value, 0)
		}
		return true
	}
	if s.spec.Reverse {
		s.g.descend(lo, hi, s.o.Own, visit)
	} else {
		eachRange(lo, hi, ranges, func(lo, hi []byte) { s.g.ascend(lo, hi, s.o.Own, visit) })
	}
	if !touched {
		return
	}
	for ; i < n; i++ {
		out.Append(b.Key(i), b.Value(i), b.Versions[i])
	}
	b.Rows = out
}

// Close stops what is under way.
func (s *groupScan) Close() {
	s.done = true
	if s.ahead != nil {
		s.cancel()
		s.ahead = nil
	}
}

// chainScan hands out the batches of one group after the other.
type chainScan struct {
	scans []*groupScan
	begun int // how many of scans were asked for their first batch, or need not be
}

func (c *chainScan) Next(ctx context.Context) (*Batch, error) {
	for len(c.scans) > 0 {
		if c.begun == 0 {
			c.begun = min(len(c.scans), stepGroups)
			if first := c.scans[:c.begun]; !allNear(first) {
				step(ctx, first)
			}
		}
		b, err := c.scans[0].Next(ctx)
		switch {
		case err != nil:
			return nil, err
		case b == nil:
			c.drop()
		default:
			return b, c.join(ctx, b)
		}
	}
	return nil, nil
}

// drop leaves a group whose rows were all handed out.
func (c *chainScan) drop() {
	c.scans[0].Close()
	c.scans = c.scans[1:]
	c.begun--
}

// join adds what the next groups have answered to a batch, as long as that is little: what the reader does with a batch,
// looking up rows or locking them, it then does in one step over those groups.
func (c *chainScan) join(ctx context.Context, b *Batch) error {
	limit := joinRows
	if hint := c.scans[0].spec.LimitHint; hint > 0 {
		limit = min(limit, hint)
	}
	for c.scans[0].done && c.begun > 1 && b.Len() < limit {
		more := c.scans[1].answered()
		if more == nil || b.Len()+more.Len() > joinRows || len(b.Data)+len(more.Data) > joinBytes {
			return nil
		}
		c.drop()
		next, err := c.scans[0].Next(ctx)
		if err != nil {
			return err
		}
		if next != nil {
			b.append(next)
		}
	}
	return nil
}

// append adds another group's rows.
func (b *Batch) append(o *Batch) {
	for range b.Len() - len(b.Groups) {
		b.Groups = append(b.Groups, b.Group)
	}
	if cap(b.Data)-len(b.Data) < len(o.Data) || cap(b.Ends)-len(b.Ends) < len(o.Ends) {
		// The answer's own bytes never change.
		b.Data, b.Ends = slices.Grow(slices.Clip(b.Data), 4*len(o.Data)), slices.Grow(slices.Clip(b.Ends), 4*len(o.Ends))
		b.Versions = slices.Grow(slices.Clip(b.Versions), 4*o.Len())
	}
	start := uint32(len(b.Data))
	b.Data = append(b.Data, o.Data...)
	for _, end := range o.Ends {
		b.Ends = append(b.Ends, start+end)
	}
	b.Versions = append(b.Versions, o.Versions...)
	for range o.Len() {
		b.Groups = append(b.Groups, o.Group)
	}
}

func (c *chainScan) Close() {
	for _, s := range c.scans {
		s.Close()
	}
	c.scans = nil
}

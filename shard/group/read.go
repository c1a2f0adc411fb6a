package group

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The size of a scan's batch when the caller leaves it open.
const (
	defaultScanRows  = 512
	defaultScanBytes = 64 << 10
	maxScanBytes     = 4 << 20
	// After a batch of this many rows a scan lets others run. A commit passes through several goroutines, and with all cores
	// busy scanning each of them would wait for a 10 ms time slice to end.
	yieldRows = 256
)

// latest reports whether a read asks for the latest committed version. Such a read is validated by what its caller's
// prepare carries, not by timestamps: it neither raises the highest served read nor waits for in-flight prepares. (A
// prepare of which every part has applied is met as pending and waited for; one that has not applied is not committed.)
func latest(ts topo.Timestamp) bool { return ts >= topo.MaxTimestamp }

// Get implements rpc.Group.
func (r *Replica) Get(ctx context.Context, req *rpc.GetRequest) (*rpc.GetResponse, error) {
	r.metrics.Gets.Add(1)
	if !latest(req.TS) {
		for _, k := range req.Keys {
			r.reads.servePoint(k, req.TS)
		}
	}
	if err := r.confirmRead(ctx); err != nil {
		return nil, err
	}
	mark := r.state.SchemaMark()
	if err := r.admit(ctx, req.Tables, req.TS); err != nil {
		return nil, err
	}
	if req.Since != nil && len(req.Since) != len(req.Keys) {
		return nil, fail(rpc.ErrNotProposed, "one time for each key")
	}
	own := fsm.Own{Txn: req.Txn, Seq: req.OwnSeq, RolledBack: req.RolledBack}
	resp := &rpc.GetResponse{Versions: make([]rpc.Version, len(req.Keys))}
	if req.Links || req.Since != nil {
		resp.Links = make([][]byte, len(req.Keys))
	}
	if !latest(req.TS) {
		for _, k := range req.Keys {
			if err := r.reads.awaitPoint(ctx, r.reads.stripe(k), k, req.TS); err != nil {
				return nil, err
			}
		}
	}
	// Many keys are read together, up to the first one that is to be waited for.
	together := len(req.Keys) >= minTogether && req.Txn.IsZero() && resp.Links == nil
	for i := 0; i < len(req.Keys); i++ {
		k := req.Keys[i]
		if together {
			from := i
			n, err := r.state.VisibleOf(req.Keys[from:], req.TS, func(at int, v fsm.Version) { resp.Versions[from+at] = rpc.Version(v) })
			if err != nil {
				return nil, r.readError(err, k)
			}
			if i += n; i == len(req.Keys) {
				break
			}
			k = req.Keys[i]
		}
		p, err := r.readOne(req, i, &own, resp)
		for err == nil && p != nil {
			met := p.Txn
			err = r.awaitPending(ctx, p, func() (bool, error) {
				var err error
				p, err = r.readOne(req, i, &own, resp)
				return p != nil && p.Txn == met, err
			})
		}
		if err != nil {
			return nil, r.readError(err, k)
		}
	}
	return resp, r.stillAdmitted(ctx, req.Tables, req.TS, mark)
}

// minTogether is the number of keys from which on they are read together.
const minTogether = 4

// readOne reads the key at position i of a Get.
func (r *Replica) readOne(req *rpc.GetRequest, i int, own *fsm.Own, resp *rpc.GetResponse) (p *fsm.Pending, err error) {
	if req.Since != nil {
		resp.Versions[i].TS, resp.Links[i], p, err = r.state.Moved(req.Keys[i], req.Since[i], req.Txn)
		return p, err
	}
	v, p, err := r.state.Get(req.Keys[i], req.TS, *own)
	resp.Versions[i] = rpc.Version(v)
	if req.Links {
		resp.Links[i] = r.state.Origin(req.Keys[i], *own)
	}
	return p, err
}

// scanRows are what batches are collected in: how large they become shows at their end only.
var scanRows = sync.Pool{New: func() any { return &rpc.Rows{} }}

const keptScanBytes = 1 << 20

// Scan implements rpc.Group.
func (r *Replica) Scan(ctx context.Context, req *rpc.ScanRequest) (*rpc.ScanResponse, error) {
	r.metrics.Scans.Add(1)
	if !latest(req.TS) {
		r.reads.serveScan(req.TS)
	}
	if req.Reverse && req.Ranges != nil {
		return nil, fail(rpc.ErrNotProposed, "a scan of many ranges goes forward")
	}
	if err := r.confirmRead(ctx); err != nil {
		return nil, err
	}
	mark := r.state.SchemaMark()
	if err := r.admit(ctx, req.Tables, req.TS); err != nil {
		return nil, err
	}
	if !latest(req.TS) {
		if err := r.reads.awaitScan(ctx, req); err != nil {
			return nil, err
		}
	}
	opts := fsm.ScanOptions{Lo: req.Lo, Hi: req.Hi, Ranges: req.Ranges, TS: req.TS, Reverse: req.Reverse, KeysOnly: req.KeysOnly,
		MaxRows: req.MaxRows, MaxBytes: min(req.MaxBytes, maxScanBytes),
		Own: fsm.Own{Txn: req.Txn, Seq: req.OwnSeq, RolledBack: req.RolledBack}}
	if opts.MaxRows <= 0 {
		opts.MaxRows = defaultScanRows
	}
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = defaultScanBytes
	}
	resp := &rpc.ScanResponse{}
	rows := scanRows.Get().(*rpc.Rows)
	defer func() {
		if rows.Reset(); cap(rows.Data) <= keptScanBytes {
			scanRows.Put(rows)
		}
	}()
	emit := func(key, value []byte, ts topo.Timestamp) bool {
		rows.Append(key, value, ts)
		return true
	}
	for {
		resume, p, err := r.state.Scan(opts, emit)
		if err != nil {
			return nil, r.readError(err, opts.Lo)
		}
		if p == nil || rows.Len() > 0 {
			// Rows ahead of a pending write can be had at once; the next call will wait for it.
			resp.Resume, resp.Rows = resume, rows.Clone()
			if rows.Len() >= yieldRows {
				runtime.Gosched()
			}
			return resp, r.stillAdmitted(ctx, req.Tables, req.TS, mark)
		}
		if resume != nil {
			if req.Reverse {
				opts.Hi = resume
			} else {
				opts.Lo = resume
			}
		}
		err = r.awaitPending(ctx, p, func() (bool, error) {
			_, again, err := r.state.Get(p.Key, req.TS, opts.Own)
			return again != nil && again.Txn == p.Txn, err
		})
		if err != nil {
			return nil, r.readError(err, p.Key)
		}
	}
}

// resolutions has those who wait for transactions to be resolved here.
type resolutions struct {
	waiting atomic.Int64
	mu      sync.Mutex
	m       map[topo.TxnID]*resolution
}

type resolution struct {
	done       chan struct{}
	since      time.Time // first met by those who wait now
	recovering bool
}

// subscribe returns what is closed when something of txn is applied.
func (s *resolutions) subscribe(txn topo.TxnID) *resolution {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.m[txn]
	if w == nil {
		w = &resolution{done: make(chan struct{}), since: time.Now()}
		if s.m == nil {
			s.m = map[topo.TxnID]*resolution{}
		}
		s.m[txn] = w
		s.waiting.Add(1)
	}
	return w
}

func (s *resolutions) notify(txn topo.TxnID) {
	if s.waiting.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.m[txn]; w != nil {
		close(w.done)
		delete(s.m, txn)
		s.waiting.Add(-1)
	}
}

func (s *resolutions) notifyAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.m {
		close(w.done)
	}
	s.waiting.Add(-int64(len(s.m)))
	clear(s.m)
}

// awaitPending waits until still says no; then it returns nil. A transaction that stays pending for RecoverAfter is
// finished or aborted on its coordinator's behalf.
func (r *Replica) awaitPending(ctx context.Context, p *fsm.Pending, still func() (bool, error)) error {
	r.metrics.PendingWaits.Add(1)
	for {
		// Subscribe before looking: a resolve that applies in between is then seen one way or the other.
		w := r.resolved.subscribe(p.Txn)
		if yes, err := still(); err != nil || !yes {
			r.resolved.notify(p.Txn) // others look again, and subscribe again if they have to
			return err
		}
		timer := time.NewTimer(max(r.host.cfg.RecoverAfter-time.Since(w.since), time.Millisecond))
		select {
		case <-w.done:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-r.stopped:
			timer.Stop()
			return fail(rpc.ErrUnavailable, "the group is shutting down")
		case <-timer.C:
			r.recover(p, w)
			select {
			case <-w.done:
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(r.host.cfg.RecoverAfter):
			}
		}
		timer.Stop()
	}
}

// recover starts the recovery of a stuck transaction unless one is under way.
func (r *Replica) recover(p *fsm.Pending, w *resolution) {
	rec := r.host.bindings.Load().Recover
	r.resolved.mu.Lock()
	start := rec != nil && !w.recovering
	if start {
		w.recovering = true
	}
	r.resolved.mu.Unlock()
	if !start {
		return
	}
	r.metrics.Recoveries.Add(1)
	go func() {
		ctx, cancel := context.WithTimeout(r.life, proposeTimeout)
		defer cancel()
		if err := rec(ctx, p.Txn, p.Attempt, p.Primary); err != nil {
			r.log.Warn("recovery of a transaction failed", "txn", p.Txn.String(), "attempt", p.Attempt, "error", err)
		}
		r.resolved.mu.Lock()
		w.recovering = false
		r.resolved.mu.Unlock()
	}()
}

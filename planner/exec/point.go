package exec

import (
	"sync"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The short path of `SELECT columns FROM t WHERE primary key = $1`: the key is encoded, one version is read, and the
// columns asked for are decoded into a batch of one row. Everything it needs is pooled.

// pointOp is the operator of a planner.PointRead.
type pointOp struct {
	x    *execution
	p    *planner.PointRead
	ti   *tableInfo
	done bool
	key  [1]txn.Key
	ver  [1]txn.Version
	buf  []byte
	out  types.Batch
	dst  []*types.Vec
	want []int
	for_ *planner.PointRead // what out is shaped for
}

var pointPool = sync.Pool{New: func() any { return new(pointOp) }}

func newPoint(x *execution, p *planner.PointRead) *pointOp {
	o := pointPool.Get().(*pointOp)
	o.x, o.p, o.ti, o.done = x, p, infoOf(p.Scan.Table), false
	if o.for_ != p {
		o.for_ = p
		o.out = types.Batch{Cols: make([]types.Vec, len(p.Cols))}
		o.dst, o.want = o.dst[:0], o.want[:0]
		for i, c := range p.Cols {
			o.out.Cols[i] = types.NewVec(p.Scan.Table.Columns[c-1].Type, 1)
			o.dst, o.want = append(o.dst, &o.out.Cols[i]), append(o.want, int(c)-1)
		}
	}
	return o
}

func (o *pointOp) next(max int) (*types.Batch, error) {
	if o.done {
		return nil, nil
	}
	o.done = true
	c := o.x.c
	o.buf = append(o.buf[:0], o.ti.prefix...)
	var tmp [64]byte
	canon := tmp[:0]
	for i, s := range o.p.Scan.Access.Eq {
		d, err := s.EvalRow(c.Eval, nil)
		if err != nil || d.IsNull() {
			return nil, err
		}
		o.buf = keyenc.AppendKey(o.buf, o.ti.key[i].oid, d, false)
		if o.p.KeyIsDist {
			canon = keyenc.CanonicalBytes(canon, o.ti.key[i].oid, d)
		}
	}
	if !o.p.KeyIsDist {
		for i, at := range o.p.Scan.Access.Dist {
			d, err := o.p.Scan.Access.Eq[at].EvalRow(c.Eval, nil)
			if err != nil {
				return nil, err
			}
			canon = keyenc.CanonicalBytes(canon, o.ti.dist[i].oid, d)
		}
	}
	opts, err := o.x.pointOptions()
	if err != nil {
		return nil, err
	}
	o.key[0] = txn.Key{Group: c.SlotMap.Group(topo.Slot(keyenc.SlotOf(canon))), Bytes: o.buf}
	if c.Txn.Options().Isolation == txn.Serializable {
		o.key[0].Bytes = append([]byte(nil), o.buf...) // the read range keeps it
	}
	if err := c.Txn.Get(c.Context, opts, o.key[:], o.ver[:]); err != nil {
		return nil, err
	}
	if !o.ver[0].Exists() {
		return nil, nil
	}
	o.out.Reset()
	if err := keyenc.DecodeColumns(o.ver[0].Value, o.ti.layout, o.want, o.dst); err != nil {
		return nil, err
	}
	o.out.N = 1
	return &o.out, nil
}

func (o *pointOp) close() {
	o.ver[0] = txn.Version{}
	o.x, o.p, o.ti = nil, nil, nil
	pointPool.Put(o)
}

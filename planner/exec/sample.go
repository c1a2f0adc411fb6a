package exec

import (
	"math"
	"math/rand/v2"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// sampleBlockBytes is how many of a row key's last bytes are the row's place in its block: rows whose keys differ in these
// alone lie together.
const sampleBlockBytes = 1

// sampleOp keeps a part of a table's rows, chosen by a hash of their keys with the seed: the same seed chooses the same rows.
type sampleOp struct {
	r     *run
	n     *planner.Sample
	in    operator
	ready bool
	limit float64 // of hashes in [0, 1)
	seed  uint64
	sel   []int32
	out   types.Batch
}

func (s *sampleOp) next(max int) (*types.Batch, error) {
	if !s.ready {
		if err := s.begin(); err != nil {
			return nil, err
		}
		s.ready = true
	}
	for {
		b, err := s.in.next(max)
		if err != nil || b == nil {
			return nil, err
		}
		s.sel = s.sel[:0]
		for i := range b.N {
			if s.keeps(b.Cols[s.n.Key].S[i]) {
				s.sel = append(s.sel, int32(i))
			}
		}
		if len(s.sel) > 0 {
			return gatherBatch(&s.out, b, s.sel), nil
		}
	}
}

// begin evaluates the arguments.
func (s *sampleOp) begin() error {
	p, err := s.n.Percent.EvalRow(s.r.eval, nil)
	if err != nil {
		return err
	}
	if p.IsNull() {
		return pgerr.New(pgerr.InvalidTablesampleArgument, "TABLESAMPLE parameter cannot be null")
	}
	s.seed = rand.Uint64()
	if s.n.Seed != nil {
		d, err := s.n.Seed.EvalRow(s.r.eval, nil)
		if err != nil {
			return err
		}
		if d.IsNull() {
			return pgerr.New(pgerr.InvalidTablesampleRepeat, "TABLESAMPLE REPEATABLE parameter cannot be null")
		}
		s.seed = math.Float64bits(d.Float())
	}
	if f := p.Float(); f < 0 || f > 100 || math.IsNaN(f) {
		return pgerr.New(pgerr.InvalidTablesampleArgument, "sample percentage must be between 0 and 100")
	}
	s.limit = p.Float() / 100
	return nil
}

func (s *sampleOp) keeps(key string) bool {
	if s.n.System {
		key = key[:max(0, len(key)-sampleBlockBytes)]
	}
	h := types.HashString(key) ^ s.seed*0x9fb21c651e98df25
	h = (h ^ h>>32) * 0xff51afd7ed558ccd
	h ^= h >> 29
	return float64(h>>11)/(1<<53) < s.limit
}

func (s *sampleOp) close() { s.in.close() }

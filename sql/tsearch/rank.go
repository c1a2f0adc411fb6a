package tsearch

import (
	"math"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// DefaultWeights are those of D, C, B and A in ranking.
var DefaultWeights = [4]float32{0.1, 0.2, 0.4, 1}

// How a rank is normalized: bits of the last argument of ts_rank and ts_rank_cd.
const (
	normLogLength = 1 << iota
	normLength
	normExtentDistance
	normUnique
	normLogUnique
	normSelf
)

// noPosition stands for the positions of a lexeme that has none.
var noPosition = []types.TSPos{types.NewTSPos(types.MaxTSPosition, 0)}

// Rank is ts_rank.
func Rank(weights [4]float32, v types.TSVector, q *types.TSNode, norm int) float32 {
	if len(v) == 0 || q == nil {
		return 0
	}
	var res float32
	if q.Op == types.TSAnd || q.Op == types.TSPhrase {
		res = rankAnd(weights, v, q)
	} else {
		res = rankOr(weights, v, q)
	}
	if res < 0 {
		res = 1e-20
	}
	if norm&normLogLength != 0 {
		res = float32(float64(res) / (math.Log(float64(documentLength(v)+1)) / math.Log(2)))
	}
	if norm&normLength != 0 {
		if n := documentLength(v); n > 0 {
			res /= float32(n)
		}
	}
	if norm&normUnique != 0 {
		res /= float32(len(v))
	}
	if norm&normLogUnique != 0 {
		res = float32(float64(res) / (math.Log(float64(len(v)+1)) / math.Log(2)))
	}
	if norm&normSelf != 0 {
		res /= res + 1
	}
	return res
}

// documentLength counts positions, one for a lexeme without.
func documentLength(v types.TSVector) (n int) {
	for _, l := range v {
		n += max(len(l.Pos), 1)
	}
	return n
}

// uniqueOperands are the operands of a query by word, each word once.
func uniqueOperands(q *types.TSNode) (out []*types.TSNode) {
	q.Operands(func(o *types.TSNode) { out = append(out, o) })
	slices.SortStableFunc(out, func(a, b *types.TSNode) int { return strings.Compare(a.Word, b.Word) })
	return slices.CompactFunc(out, func(a, b *types.TSNode) bool { return a.Word == b.Word })
}

// entries are the lexemes that an operand stands for.
func entries(v types.TSVector, o *types.TSNode) types.TSVector {
	i, exact := v.Find(o.Word)
	end := i
	if exact {
		end++
	}
	if o.Prefix {
		for end = i; end < len(v) && strings.HasPrefix(v[end].Word, o.Word); end++ {
		}
	}
	return v[i:end]
}

// collocation is the weight of two words at a distance.
func collocation(distance int) float32 {
	if distance > 100 {
		return 1e-30
	}
	return float32(1 / (1.005 + 0.05*math.Exp(float64(float32(distance))/1.5-2)))
}

func rankAnd(w [4]float32, v types.TSVector, q *types.TSNode) float32 {
	operands := uniqueOperands(q)
	if len(operands) < 2 {
		return rankOr(w, v, q)
	}
	seen := make([][]types.TSPos, len(operands)) // the positions of the operand's last entry
	bare := make([]bool, len(operands))          // whether it has none
	res := float32(-1)
	for i, o := range operands {
		for _, e := range entries(v, o) {
			seen[i], bare[i] = e.Pos, len(e.Pos) == 0
			if bare[i] {
				seen[i] = noPosition
			}
			for k := range i {
				for _, a := range seen[i] {
					for _, b := range seen[k] {
						distance := a.Pos() - b.Pos()
						if distance < 0 {
							distance = -distance
						}
						if distance == 0 {
							if !bare[i] && !bare[k] {
								continue
							}
							distance = types.MaxTSPosition + 1
						}
						cur := float32(math.Sqrt(float64(w[a.Weight()] * w[b.Weight()] * collocation(distance))))
						if res < 0 {
							res = cur
						} else {
							res = float32(1 - (1-float64(res))*(1-float64(cur)))
						}
					}
				}
			}
		}
	}
	return res
}

func rankOr(w [4]float32, v types.TSVector, q *types.TSNode) float32 {
	operands := uniqueOperands(q)
	res := float32(0)
	for _, o := range operands {
		for _, e := range entries(v, o) {
			pos := e.Pos
			if len(pos) == 0 {
				pos = []types.TSPos{0}
			}
			sum, best, at := float32(0), float32(-1), 0
			for j, p := range pos {
				x := w[p.Weight()]
				sum += x / float32((j+1)*(j+1))
				if x > best {
					best, at = x, j
				}
			}
			// The sum of 1/n² is π²/6.
			res = float32(float64(res) + float64(best+sum-best/float32((at+1)*(at+1)))/1.64493406685)
		}
	}
	if len(operands) > 0 {
		res /= float32(len(operands))
	}
	return res
}

package planner

import (
	"math"
	"slices"
	"sort"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ordered lists the types whose values ANALYZE compares: their most common ones and their distribution are kept, as text.
var ordered = map[types.Oid]bool{types.BoolOid: true, types.Int2Oid: true, types.Int4Oid: true, types.Int8Oid: true, types.OidOid: true,
	types.Float4Oid: true, types.Float8Oid: true, types.NumericOid: true, types.TextOid: true, types.VarcharOid: true,
	types.BpcharOid: true, types.NameOid: true, types.ByteaOid: true, types.UuidOid: true, types.DateOid: true, types.TimeOid: true,
	types.TimestampOid: true, types.TimestamptzOid: true, types.IntervalOid: true}

// maxStatBytes is the width from which on a value is not kept: pg's WIDTH_THRESHOLD.
const maxStatBytes = 1024

// ColumnStatistics describes a column of a table of totalRows rows by a sample of its values in the order of the rows. It
// is compute_scalar_stats of PostgreSQL's analyze.c; target is the statistics target.
func ColumnStatistics(num catalog.AttNum, t types.Type, sample []types.Datum, totalRows int64, target int) catalog.ColumnStats {
	out := catalog.ColumnStats{Num: num}
	type item struct {
		d  types.Datum
		at int
	}
	var vals []item
	width, nonNull, wide := 0, 0, 0
	for _, d := range sample {
		if d.IsNull() {
			continue
		}
		nonNull++
		w := typeWidth(t)
		if info := types.Lookup(t.Oid); d.Kind() == types.KString && (info == nil || info.Len < 0) {
			w = len(d.Str()) + 1
		}
		if width += w; w > maxStatBytes {
			wide++
			continue
		}
		vals = append(vals, item{d, len(vals)})
	}
	if len(sample) == 0 {
		return out
	}
	out.NullFrac = float64(len(sample)-nonNull) / float64(len(sample))
	if nonNull == 0 {
		if info := types.Lookup(t.Oid); info != nil && info.Len > 0 {
			out.Width = int(info.Len)
		}
		return out
	}
	out.Width = width / nonNull
	text := func(i int) string { return string(types.AppendText(nil, t.Oid, vals[i].d, types.DefaultIOEnv)) }
	if !ordered[t.Oid] {
		if n := min(target, len(vals)); keyenc.DefaultGinClass(t.Oid) != 0 {
			for i := range n {
				out.Sample = append(out.Sample, text(i*len(vals)/n))
			}
		}
		return out
	}
	if len(vals) == 0 {
		out.Distinct = -(1 - out.NullFrac)
		return out
	}
	slices.SortStableFunc(vals, func(a, b item) int { return types.Compare(t.Oid, a.d, b.d) })
	type run struct{ from, n int }
	var runs, repeated []run
	xy := 0.0
	for i, v := range vals {
		xy += float64(i) * float64(v.at)
		if i > 0 && types.Compare(t.Oid, vals[i-1].d, v.d) == 0 {
			runs[len(runs)-1].n++
		} else {
			runs = append(runs, run{i, 1})
		}
	}
	for _, r := range runs {
		if r.n > 1 {
			repeated = append(repeated, r)
		}
	}
	d := haasStokes(len(sample), nonNull, len(runs), len(repeated), wide, float64(totalRows), out.NullFrac)
	out.Distinct = d

	sort.SliceStable(repeated, func(a, b int) bool { return repeated[a].n > repeated[b].n })
	common := repeated
	if len(repeated) == len(runs) && wide == 0 && d > 0 && len(repeated) <= target {
		// All values there are: the list is complete.
	} else {
		common = common[:min(target, len(common))]
		counts := make([]int, len(common))
		for i, r := range common {
			counts[i] = r.n
		}
		common = common[:commonEnough(counts, d, out.NullFrac, float64(len(sample)), float64(totalRows))]
	}
	skip := map[int]bool{}
	for _, r := range common {
		out.Common, out.Freqs = append(out.Common, text(r.from)), append(out.Freqs, float64(r.n)/float64(len(sample)))
		skip[r.from] = true
	}
	var rest []int
	for _, r := range runs {
		for i := r.from; i < r.from+r.n && !skip[r.from]; i++ {
			rest = append(rest, i)
		}
	}
	if n := min(len(runs)-len(common), target+1); n >= 2 {
		for i := range n {
			out.Bounds = append(out.Bounds, text(rest[i*(len(rest)-1)/(n-1)]))
		}
	}
	if n := float64(len(vals)); n > 1 {
		sum := n * (n - 1) / 2
		sum2 := n * (n - 1) * (2*n - 1) / 6
		out.Correlation = (n*xy - sum*sum) / (n*sum2 - sum*sum)
	}
	return out
}

// haasStokes estimates the number of values in the table (negative: per row) from those in the sample.
func haasStokes(sample, nonNull, distinct, repeated, wide int, total, nullFrac float64) float64 {
	if repeated == 0 {
		return -(1 - nullFrac)
	}
	d := float64(distinct + wide)
	if wide > 0 || repeated != distinct {
		f1 := float64(distinct - repeated + wide)
		n, all := float64(nonNull), total*(1-nullFrac)
		est := d
		if all > 0 {
			est = n * d / (n - f1 + f1*n/all)
		}
		d = math.Floor(min(max(est, d), max(all, d)) + 0.5)
	}
	if d > 0.1*total {
		return -d / total
	}
	return d
}

// commonEnough is analyze_mcv_list: how many of the most common values of the sample are certain to be more common than the
// average of those that would not be in the list.
func commonEnough(counts []int, distinct, nullFrac, sample, total float64) int {
	n := len(counts)
	if sample >= total || total <= 1 {
		return n
	}
	if distinct < 0 {
		distinct *= -total
	}
	sum := 0.0
	for _, c := range counts[:max(0, n-1)] {
		sum += float64(c)
	}
	for n > 0 {
		sel := min(1, max(0, 1-sum/sample-nullFrac))
		if others := distinct - float64(n-1); others > 1 {
			sel /= others
		}
		last := float64(counts[n-1])
		k := total * last / sample
		dev := math.Sqrt(sample * k * (total - k) * (total - sample) / (total * total * (total - 1)))
		if last > sel*sample+2*dev+0.5 {
			break
		}
		if n--; n > 0 {
			sum -= float64(counts[n-1])
		}
	}
	return n
}

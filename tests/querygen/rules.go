package querygen

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A rule explains differences that are no fault of either server.
type rule struct {
	name string
	// explains tells whether the outcomes may differ.
	explains func(s *Statement, kind string, want, got *Outcome) bool
	// share is the most of all statements that it may explain: a rule that explains more hides something.
	share float64
}

var rules = []rule{
	// What pgmqdb answers as unsupported it names as a feature; those are counted, and listed in docs/COMPATIBILITY.md. What
	// PostgreSQL answers so is an error as any other.
	{"unsupported", func(s *Statement, kind string, want, got *Outcome) bool {
		return got.failed != nil && got.failed.Code == "0A000" && !theirs.MatchString(got.failed.Message) && (kind == onlyWeFail || kind == differentError)
	}, 0.002},
	// Of several rows that violate a constraint, which one the error names depends on the order in which they are met.
	{"which of the rows that violate a constraint", func(s *Statement, kind string, want, got *Outcome) bool {
		w, g := firstDifference(want, got)
		if w == nil || !violation(w) || !violation(g) || oneRow.MatchString(w.rows[0]) {
			return false
		}
		return w.failed.Code == g.failed.Code && w.failed.Message == g.failed.Message && w.failed.ConstraintName == g.failed.ConstraintName && w.failed.Detail != g.failed.Detail
	}, 0.003},
	// Of several rows that violate several constraints, so does which of these it names.
	{"which of the constraints that several rows violate", func(s *Statement, kind string, want, got *Outcome) bool {
		w, g := firstDifference(want, got)
		if w == nil || !violation(w) || !violation(g) || oneRow.MatchString(w.rows[0]) {
			return false
		}
		return w.failed.Code != g.failed.Code || w.failed.ConstraintName != g.failed.ConstraintName
	}, 0.0005},
	// A key may move to where another row's was, or is still: rows that are updated in another order collide or don't. So do those
	// that MERGE deletes and inserts.
	{"whether keys collide that move", func(s *Statement, kind string, want, got *Outcome) bool {
		w, g := firstDifference(want, got)
		if w == nil || (w.failed == nil) == (g.failed == nil) || oneRow.MatchString(w.rows[0]) {
			return false
		}
		return (code(w) == "23505" || code(g) == "23505") && moves.MatchString(w.rows[0])
	}, 0.0005},
	// A statement that takes a server longer than the tests want to wait says nothing.
	{timeout, func(s *Statement, kind string, want, got *Outcome) bool {
		return code(want) == "57014" || code(got) == "57014"
	}, 0.005},
	// Of a query over rows, SQL leaves open which expressions are evaluated, for which rows and in what order: an error of
	// evaluation may come first, later, or not at all. Statements without FROM have no such freedom.
	{"order of evaluation", func(s *Statement, kind string, want, got *Outcome) bool {
		if w, g := firstDifference(want, got); w != nil {
			return dataError(w) != dataError(g) && (w.failed == nil || g.failed == nil)
		}
		return s.many && (kind == onlyWeFail && dataError(got) || kind == onlyTheyFail && dataError(want) || (kind == differentError || kind == differentField) && dataError(want) && dataError(got))
	}, 0.015},
	// Where PostgreSQL has a function in SQL (interval + timestamp, some overlaps) and does not inline it, an error tells so.
	{"context of a function in SQL", func(s *Statement, kind string, want, got *Outcome) bool {
		if kind != differentField || !strings.HasPrefix(want.failed.Where, "SQL function ") {
			return false
		}
		w, g := want.failed, got.failed
		return w.Detail == g.Detail && w.Hint == g.Hint && w.Position == g.Position && g.Where == ""
	}, 0.001},
	// A known fault: ILIKE and regular expressions know letters beyond ASCII in the collation C too.
	{"letters in collation C", func(s *Statement, kind string, want, got *Outcome) bool {
		return kind == differentRows && asciiLetters.MatchString(s.root.String())
	}, 0.0005},
	// The modifier of a CASE or COALESCE is that of the branch which folding constants leaves, that of a UNION ALL that of the
	// arms which can have rows, that of timestamptz(x, 6) 6 since the planner knows that it changes nothing, and PostgreSQL tells it of the plan, pgmqdb of the query as it was analysed, as PostgreSQL
	// itself does of prepared statements.
	{"modifier of a folded expression", func(s *Statement, kind string, want, got *Outcome) bool {
		if kind != differentColumns || !folds.MatchString(s.root.String()) {
			return false
		}
		return slices.EqualFunc(want.columns, got.columns, func(a, b string) bool {
			a, _, _ = strings.Cut(a, " mod ")
			b, _, _ = strings.Cut(b, " mod ")
			return a == b
		})
	}, 0.002},
	// The last digits of what the C library computes: IEEE 754 defines no sine. The digits that print differ where a function
	// is steep, as the cotangent of a cotangent is, and the deviation of values that are all the same is what their last
	// digits leave, instead of zero.
	{"last digits of a function of the C library", func(s *Statement, kind string, want, got *Outcome) bool {
		sql := s.root.String()
		nothing := 0.0
		if deviation.MatchString(sql) {
			nothing = 1e-12
		}
		return kind == differentRows && transcendental.MatchString(sql) && slices.EqualFunc(want.rows, got.rows, func(a, b string) bool { return sameToDigits(a, b, nothing) })
	}, 0.001},
	// Timestamps 292,000 years apart: PostgreSQL's difference wraps around, pgmqdb's is out of range.
	{"difference of timestamps that wraps around", func(s *Statement, kind string, want, got *Outcome) bool {
		return code(got) == "22008" && got.failed.Message == "interval out of range" && farApart.MatchString(s.root.String())
	}, 0.0005},
}

// timeout is also the rule for the statements that PostgreSQL does not even stop in time.
const timeout = "timeout"

// violation: the error is that of a constraint or of a view's check option.
func violation(o *Outcome) bool {
	switch code(o) {
	case "23502", "23503", "23505", "23514", "44000":
		return true
	}
	return false
}

var (
	theirs = regexp.MustCompile(`^(unit "\w+" not supported for type|cannot convert (infinity|NaN) to|searching for elements in multidimensional arrays)`)
	moves  = regexp.MustCompile(`UPDATE .*SET (\(?(id|u|k1|p)\b|.*, (id|u|k1|p)\b)|^MERGE .*THEN DELETE.*THEN INSERT|^MERGE .*THEN INSERT.*THEN DELETE`)
	// oneRow are statements that write a single row.
	oneRow         = regexp.MustCompile(`^(UPDATE|DELETE)[^;]* WHERE m\.id = \d+( RETURNING|$)|^INSERT[^;]* VALUES \([^()]*\)( ON CONFLICT| RETURNING|$)`)
	folds          = regexp.MustCompile(`CASE|COALESCE|UNION ALL|\b(timestamp|timestamptz|time|timetz|interval|varchar|numeric|varbit)"?\(`)
	transcendental = regexp.MustCompile(`\b(a?sin|a?cos|a?tan|cot|a?sinh|a?cosh|a?tanh|exp|ln|log|log10|power|pow|dpow|dexp|dlog1|dlog10|cbrt|dcbrt|atan2)d?\(|\^`)
	asciiLetters   = regexp.MustCompile(`(?i)(regexp|~|ilike|iclike|similar).*COLLATE "(C|POSIX)"|COLLATE "(C|POSIX)".*(regexp|~|ilike|iclike|similar)`)
	deviation      = regexp.MustCompile(`\b(stddev|var)(iance)?(_pop|_samp)?\(`)
	farApart       = regexp.MustCompile(`BC'::timestamp\b.*294276|294276.*BC'::timestamp\b`)
	number         = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?`)
)

// sameToDigits reports whether rows are equal but for the last digits of numbers, those up to nothing being as good as zero,
// and for an interval's seconds: the last digits of a factor are those of all its days.
func sameToDigits(a, b string, nothing float64) bool {
	x, y := number.FindAllStringIndex(a, -1), number.FindAllStringIndex(b, -1)
	if number.ReplaceAllString(a, "") != number.ReplaceAllString(b, "") || len(x) != len(y) {
		return false
	}
	largest := 0.0
	for i := range x {
		v, err := strconv.ParseFloat(a[x[i][0]:x[i][1]], 64)
		w, err2 := strconv.ParseFloat(b[y[i][0]:y[i][1]], 64)
		most := max(1e-12*math.Abs(v), nothing)
		if x[i][0] > 0 && a[x[i][0]-1] == ':' {
			most = 1.5e-6 + 1e-15*86400*largest
		}
		if err != nil || err2 != nil || math.Abs(v-w) > most {
			return false
		}
		largest = max(largest, math.Abs(v))
	}
	return true
}

func code(o *Outcome) string {
	if o.failed == nil {
		return ""
	}
	return o.failed.Code
}

// dataError: the error is about a value and came up in evaluation (data exception, cardinality violation, a domain's
// constraint), not in analysis.
func dataError(o *Outcome) bool {
	c := code(o)
	return len(c) == 5 && o.failed.Position == 0 && (c[:2] == "22" || c[:2] == "21" || c == "0A000" || c == "23514" || c == "23502" || c == "54000" || c == "42601" ||
		c == "XX000" && strings.HasPrefix(o.failed.Message, "expected ")) // a transition function's state of another shape
}

// explanation is the first rule that explains the difference; empty: none does.
func explanation(s *Statement, kind string, want, got *Outcome) string {
	for _, r := range rules {
		if r.explains(s, kind, want, got) {
			return r.name
		}
	}
	return ""
}

package querygen

// A rule explains differences that are no fault of either server.
type rule struct {
	name string
	// explains tells whether the outcomes may differ. many: the statement reads rows.
	explains func(kind string, want, got *Outcome, many bool) bool
}

var rules = []rule{
	// What pgmqdb answers as unsupported it names as a feature; those are counted, and listed in docs/COMPATIBILITY.md.
	{"unsupported", func(kind string, want, got *Outcome, many bool) bool {
		return got.failed != nil && got.failed.Code == "0A000" && (kind == onlyWeFail || kind == differentError)
	}},
	// A statement that takes a server longer than the tests want to wait says nothing.
	{"timeout", func(kind string, want, got *Outcome, many bool) bool {
		return code(want) == "57014" || code(got) == "57014"
	}},
	// Of a query over rows, SQL leaves open which expressions are evaluated, for which rows and in what order: an error of
	// evaluation may come first, later, or not at all. Statements without FROM have no such freedom.
	{"order of evaluation", func(kind string, want, got *Outcome, many bool) bool {
		return many && (kind == onlyWeFail && dataError(got) || kind == onlyTheyFail && dataError(want) || kind == differentError && dataError(want) && dataError(got))
	}},
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
	return len(c) == 5 && o.failed.Position == 0 && (c[:2] == "22" || c[:2] == "21" || c == "23514" || c == "23502" || c == "54000")
}

// explanation is the first rule that explains the difference; empty: none does.
func explanation(kind string, want, got *Outcome, many bool) string {
	for _, r := range rules {
		if r.explains(kind, want, got, many) {
			return r.name
		}
	}
	return ""
}

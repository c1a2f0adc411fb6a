package checker

import (
	"strconv"
	"strings"
	"testing"
)

var schema = Schema{
	{Name: "p", Columns: []string{"id", "code", "n"}, Key: []string{"id"}, Unique: [][]string{{"code"}}, NotNull: []string{"n"},
		Checks: []Check{{"n > 0", func(v func(string) (string, bool)) bool {
			text, ok := v("n")
			n, _ := strconv.Atoi(text)
			return !ok || n > 0
		}}}},
	{Name: "c", Columns: []string{"id", "p"}, Key: []string{"id"},
		Foreign: []Foreign{{[]string{"p"}, "p", []string{"id"}}}},
}

func row(values ...string) Row {
	r := make(Row, len(values))
	for i := range values {
		if values[i] != "null" {
			r[i] = &values[i]
		}
	}
	return r
}

// The judge itself: each violation is found, and nothing else is.
func TestViolationsAreFound(t *testing.T) {
	fine := func() Dump {
		return Dump{"p": {row("1", "a", "1"), row("2", "null", "7"), row("3", "null", "7")}, "c": {row("1", "2"), row("2", "null")}}
	}
	for _, x := range []struct {
		table string
		row   Row
		want  string
	}{
		{"p", row("2", "b", "1"), "p(id) is not unique"},
		{"p", row("4", "a", "1"), "p(code) is not unique"},
		{"p", row("4", "null", "0"), "n > 0 does not hold"},
		{"p", row("4", "null", "null"), "p.n is null"},
		{"p", row("null", "b", "1"), "p.id is null"},
		{"c", row("3", "4"), "orphan in c"},
		{"c", row("3", "1"), ""},
	} {
		d := fine()
		d[x.table] = append(d[x.table], x.row)
		got := schema.Violations(d)
		switch {
		case x.want == "" && len(got) > 0:
			t.Errorf("%s in %s: %v", x.row, x.table, got)
		case x.want != "" && (len(got) != 1 || !strings.Contains(got[0].Error(), x.want)):
			t.Errorf("%s in %s: %v, want %q", x.row, x.table, got, x.want)
		}
		if diff := schema.Differences(fine(), d); len(diff) != 1 {
			t.Errorf("%s in %s: differences %v", x.row, x.table, diff)
		}
	}
	if diff := schema.Differences(fine(), fine()); diff != nil {
		t.Error(diff)
	}
}

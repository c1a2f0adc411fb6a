package types

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
)

// randomPath writes a path expression, or a predicate, of a depth.
func randomPath(r *rand.Rand, depth int, pred bool) string {
	sub := func(p bool) string { return randomPath(r, depth-1, p) }
	if pred {
		if depth <= 0 {
			return "$ == 1"
		}
		return []func() string{
			func() string { return "(" + sub(true) + " && " + sub(true) + ")" },
			func() string { return "(" + sub(true) + ") || (" + sub(true) + ")" },
			func() string { return "!(" + sub(true) + ")" },
			func() string { return "(" + sub(true) + ") is unknown" },
			func() string { return "exists(" + sub(false) + ")" },
			func() string {
				return "(" + sub(false) + ") " + []string{"==", "<>", "<", ">="}[r.Intn(4)] + " (" + sub(false) + ")"
			},
			func() string { return "(" + sub(false) + ") starts with \"a\\\"b\"" },
			func() string { return "(" + sub(false) + ") like_regex \"^a\" flag \"iq\"" },
		}[r.Intn(8)]()
	}
	if depth <= 0 {
		return []string{"$", "1", "-2.50", `"x\ty"`, "$v", "null", "true", `$"a b"`}[r.Intn(8)]
	}
	return []func() string{
		func() string {
			return "(" + sub(false) + ")" + []string{"+", " - ", "*", "/", " % "}[r.Intn(5)] + "(" + sub(false) + ")"
		},
		func() string { return "-(" + sub(false) + ")" },
		func() string { return "(" + sub(false) + ").key.\"other key\"" },
		func() string { return "(" + sub(false) + ")[*].**{1 to last}" },
		func() string { return "(" + sub(false) + ")[" + fmt.Sprint(r.Intn(9)) + ", 1 to last]" },
		func() string { return "(" + sub(false) + ") ? (" + sub(true) + ")" },
		func() string { return "(" + sub(false) + ").size().datetime(\"HH24\").*" },
	}[r.Intn(7)]()
}

func TestHeldPathsReadBackAsTheyAre(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 20000 {
		path := randomPath(r, r.Intn(5), r.Intn(2) == 0)
		if r.Intn(2) == 0 {
			path = "strict " + path
		}
		once, err := NormalizeJSONPath(path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		twice, err := NormalizeJSONPath(once)
		if err != nil || once != twice {
			t.Fatalf("%s is held as %s, which is held as %s (%v)", path, once, twice, err)
		}
		a, _ := ParseJSONPath(path)
		b, _ := ParseJSONPath(once)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%s is held as %s, which is another path", path, once)
		}
	}
}

func TestNoTextMakesThePathParserPanic(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	pieces := []string{"$", ".", "a", "[", "]", "(", ")", "?", "@", "*", "**", "{", "}", "1", "0x", "1e", "\"", "\\", "\\u", "&&", "||", "!", "==", "to", "last",
		"is unknown", "exists", "like_regex", "flag", "starts with", " ", "/*", "*/", "datetime", "-", "é", ","}
	for range 50000 {
		var b strings.Builder
		for range r.Intn(8) {
			b.WriteString(pieces[r.Intn(len(pieces))])
		}
		if p, err := ParseJSONPath(b.String()); err == nil && p.Root == nil {
			t.Fatalf("%q has no root", b.String())
		}
	}
	if _, err := ParseJSONPath(strings.Repeat("(", 100000)); err == nil || !strings.Contains(err.Error(), "stack depth") {
		t.Fatalf("100000 parentheses: %v", err)
	}
}

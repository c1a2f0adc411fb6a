package expr

import (
	"context"
	"errors"
	"math/rand"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// randomARE makes an expression that both matchers know.
func randomARE(r *rand.Rand, depth int) string {
	atoms := []string{"a", "b", ".", "[ab]", "[^a]", "\\w", "^", "$", "c"}
	var b strings.Builder
	for range 1 + r.Intn(3) {
		atom := atoms[r.Intn(len(atoms))]
		if depth > 0 && r.Intn(3) == 0 {
			atom = []string{"(", "(?:"}[r.Intn(2)] + randomARE(r, depth-1) + ")"
		}
		b.WriteString(atom)
		// What repeats something empty is nobody's standard.
		if empty, err := regexp.MatchString("^(?:"+atom+")$", ""); err == nil && !empty {
			b.WriteString([]string{"", "", "", "*", "+", "?", "*?", "+?", "??", "{1,2}", "{2}", "{0,1}?"}[r.Intn(12)])
		}
		if depth > 0 && r.Intn(6) == 0 {
			b.WriteString("|c")
		}
	}
	return b.String()
}

// Without what RE2 does not have, both matchers find the same.
func TestBacktrackerMatchesAsRE2Does(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 20000 {
		p := randomARE(r, 2)
		text, err := translateEscapes(p)
		if err != nil {
			t.Fatal(p, err)
		}
		re, err := regexp.Compile("(?s)" + text)
		if err != nil {
			continue
		}
		bt, err := compileBacktracker(p, "s")
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		s := strings.Repeat("abcab", 2)[r.Intn(5) : 5+r.Intn(5)]
		got, err := bt.findAll(context.Background(), s, 0, -1)
		if err != nil {
			t.Fatal(p, err)
		}
		are := &areRegexp{re: re, empty: true, behind: regexp.MustCompile("\\A(?s:.)(?:(?s)" + text + ")")}
		want, err := are.all(nil, s, -1)
		if err != nil {
			t.Fatal(p, err)
		}
		if !slices.EqualFunc(got, want, func(a, b []int) bool { return a[0] == b[0] && a[1] == b[1] }) {
			t.Fatalf("%s on %q: %v instead of %v", p, s, got, want)
		}
	}
}

// A search that would take for ever ends with its statement.
func TestBacktrackerEndsWhenCancelled(t *testing.T) {
	bt, err := compileBacktracker(`^(a+)+(?=b)\1$`, "s")
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("cancelled")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	start := time.Now()
	if _, err = bt.find(ctx, strings.Repeat("a", 64), 0); !errors.Is(err, cause) {
		t.Fatal(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Fatal("took", d)
	}
}

// A long text does not end the process.
func TestBacktrackerBoundsItsDepth(t *testing.T) {
	bt, err := compileBacktracker(`^(a|b)*(?=c)`, "s")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = bt.find(context.Background(), strings.Repeat("ab", 1<<18), 0); err == nil || !strings.Contains(err.Error(), "too complex") {
		t.Fatal(err)
	}
}

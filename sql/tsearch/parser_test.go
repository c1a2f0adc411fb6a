package tsearch

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every state that a rule names exists (readGrammar sees to that), and every state is named.
func TestEveryStateIsReached(t *testing.T) {
	named := map[int]bool{baseState: true, states["urlPathFirst"]: true}
	for _, rules := range grammar {
		for _, r := range rules {
			if r.to != stay {
				named[r.to] = true
			}
		}
	}
	for name, n := range states {
		if !named[n] {
			t.Errorf("nothing leads to state %s", name)
		}
		rules := grammar[n]
		if last := rules[len(rules)-1]; last.class != "else" {
			t.Errorf("state %s ends with a rule for %s only", name, last.class)
		}
	}
}

// Every token is a piece of the text, and they come in order: a part of a token may be a token, but what is blank or a part
// begins where the one before it ended.
func TestTokensArePiecesOfTheText(t *testing.T) {
	pieces := []string{"a", "B", "é", "1", "23", ".", "-", "_", "/", "@", ":", "<", ">", "&", ";", "#", "'", "\"", "\\", " ", "!", "?", "e", "+", "~",
		"http://", "script", "日", "x.com", "=", "%"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom(pieces)).Draw(t, "text"), "")
		end := 0
		for p := newParser(text); p.next(); {
			switch {
			case p.taken <= 0 || p.start+p.taken > len(text):
				t.Fatalf("token at %d of %d bytes in %q", p.start, p.taken, text)
			case p.start > end:
				t.Fatalf("%q is in no token of %q", text[end:p.start], text)
			}
			end = max(end, p.start+p.taken)
		}
		if end != len(text) {
			t.Fatalf("%q is in no token of %q", text[end:], text)
		}
	})
}

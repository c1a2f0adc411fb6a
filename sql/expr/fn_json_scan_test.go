package expr

import (
	"math/rand"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// randomJSON builds a value; its strings are full of what ends values elsewhere.
func randomJSON(r *rand.Rand, depth int) types.JSONNode {
	text := func() string {
		const letters = "ab\"\\{}[],: \n\x01é"
		runes, s := []rune(letters), ""
		for range r.Intn(4) {
			s += string(runes[r.Intn(len(runes))])
		}
		return s
	}
	n := types.JSONNode{Kind: types.JSONNull}
	switch k := r.Intn(7); {
	case depth > 0 && k >= 4:
		n.Kind = types.JSONObject
		for range r.Intn(5) {
			n.Keys, n.Elems = append(n.Keys, text()), append(n.Elems, randomJSON(r, depth-1))
		}
	case depth > 0 && k == 3:
		n.Kind = types.JSONArray
		for range r.Intn(4) {
			n.Elems = append(n.Elems, randomJSON(r, depth-1))
		}
	case k == 0 && r.Intn(2) == 0:
		n.Kind, n.Num = types.JSONNumber, node([]string{"0", "1", "1.0", "-1.50", "10", "-1.5", "1e3"}[r.Intn(7)]).Num
	case k == 0:
		n.Kind, n.Bool = types.JSONBool, r.Intn(2) == 0
	case k < 3:
		n.Kind, n.Str = types.JSONString, text()
	}
	return n
}

func TestMemberOfTextIsMemberOfTree(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	found := 0
	for range 20000 {
		n := randomJSON(r, 4)
		doc, err := types.NormalizeJSONB(string(types.AppendJSONB(nil, &n)))
		if err != nil {
			t.Fatal(err)
		}
		tree := node(doc)
		keys := append([]string{"", "a", "\"", "absent"}, tree.Keys...)
		for _, k := range keys {
			want := ""
			if m := member(tree, k); m != nil {
				found++
				want = string(types.AppendJSONB(nil, m))
			}
			if got := memberText(doc, k); got != want {
				t.Fatalf("%s -> %q: got %s, want %s", doc, k, got, want)
			}
		}
	}
	if found < 10000 {
		t.Fatalf("only %d members found", found)
	}
}

// partOf takes parts of a value away.
func partOf(r *rand.Rand, n types.JSONNode) types.JSONNode {
	out := n
	out.Keys, out.Elems = nil, nil
	for i, e := range n.Elems {
		if r.Intn(3) == 0 {
			continue
		}
		out.Elems = append(out.Elems, partOf(r, e))
		if n.Keys != nil {
			out.Keys = append(out.Keys, n.Keys[i])
		}
	}
	return out
}

func TestContainsByTextIsContainsByTree(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	text := func(n *types.JSONNode) string {
		s, err := types.NormalizeJSONB(string(types.AppendJSONB(nil, n)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	answers := map[bool]int{}
	for range 20000 {
		n, other := randomJSON(r, 3), randomJSON(r, r.Intn(3))
		part := partOf(r, n)
		doc := text(&n)
		for _, b := range []string{text(&part), text(&other), doc} {
			want := contains(node(doc), node(b), true)
			if got := containsText(doc, node(b), true); got != want {
				t.Fatalf("%s @> %s: got %v", doc, b, got)
			}
			answers[want]++
		}
	}
	if answers[false] < 10000 || answers[true] < 10000 {
		t.Fatalf("one-sided: %v", answers)
	}
}

func BenchmarkMember(b *testing.B) {
	const doc = `{"a": 1, "k": "value", "tags": ["x", "y", "z"], "nested": {"p": {"q": [1, 2, 3]}}, "number": 12345.678}`
	b.Run("text", func(b *testing.B) {
		for b.Loop() {
			memberText(doc, "number")
		}
	})
	b.Run("tree", func(b *testing.B) {
		for b.Loop() {
			member(node(doc), "number")
		}
	})
}

package sqldiff

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// textPieces are what the default parser of text search makes something of, alone or next to each other.
var textPieces = strings.Split("a B é 1 23 . - _ / @ : < > & ; # ' \" \\ ! ? e E + ~ http:// script 日 x.com = % foo bar-baz www. .org ß İ ² ½ ا ١ "+
	"/path/ -- <!- -> amp; 3.14 1e5 font style </ /> the cats running quickly naïve \u0301 \u00a0 \u2003 \u200d 🙂 ก ำ ่ , ( ) | \n ", " ")

// tsearchGenerator makes the arguments of the functions of text search.
type tsearchGenerator struct{ *rand.Rand }

func (g tsearchGenerator) text() string {
	var b strings.Builder
	for range 1 + g.IntN(14) {
		if p := textPieces[g.IntN(len(textPieces))]; p != "" {
			b.WriteString(p)
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func (g tsearchGenerator) vector() string {
	var b strings.Builder
	for range g.IntN(6) {
		b.WriteString([]string{"a", "ab", "abc", "b", "ba", "c", "d"}[g.IntN(7)])
		for i := range g.IntN(4) {
			fmt.Fprintf(&b, "%c%d%s", ":,,,"[i], 1+g.IntN(9), []string{"", "A", "B", "C", "", ""}[g.IntN(6)])
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func (g tsearchGenerator) query(depth int) string {
	op := g.IntN(8)
	if depth == 0 {
		op = 0
	}
	switch {
	case op < 2:
		return []string{"a", "ab", "abc", "b", "ba", "c", "d"}[g.IntN(7)] + []string{"", "", "", ":*", ":A", ":BC", ":*A"}[g.IntN(7)]
	case op == 2:
		return "!(" + g.query(depth-1) + ")"
	}
	connective := []string{"&", "|", "<->", "<2>", "<0>"}[op-3]
	return "(" + g.query(depth-1) + ") " + connective + " (" + g.query(depth-1) + ")"
}

// Random texts, vectors and queries give the same tokens, lexemes, matches, ranks, headlines and rewritten queries. ts_rank is
// asked for queries of less than seven words: of more, PostgreSQL's sort chooses which of a word's several spellings (a, a:*)
// counts.
func TestTextSearchOfRandomArguments(t *testing.T) {
	const texts, pairs, batch = 1500, 3000, 300
	g := tsearchGenerator{rand.New(rand.NewPCG(15, 1))}
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	var script strings.Builder
	script.WriteString("set client_min_messages = warning;\n")
	for n := 0; n < texts; n += batch {
		var list []string
		for range batch {
			list = append(list, quote(g.text()))
		}
		from := "from unnest(array[" + strings.Join(list, ",") + "]) with ordinality t(x, i)"
		fmt.Fprintf(&script, "select i, tokid, token %s, ts_parse('default', x);\n", from)
		fmt.Fprintf(&script, "select i, to_tsvector('english', x), plainto_tsquery('english', x), phraseto_tsquery('simple', x), websearch_to_tsquery('english', x) %s;\n", from)
		fmt.Fprintf(&script, "select i, ts_headline('english', x || ' the cats ' || x, websearch_to_tsquery('english', 'cat or run or foo'), 'MaxWords=6,MinWords=2,MaxFragments=' || i %% 3) %s;\n", from)
	}
	for n := 0; n < pairs; n += batch {
		var list []string
		for range batch {
			list = append(list, fmt.Sprintf("(%s::tsvector, %s::tsquery, %s::tsquery)", quote(g.vector()), quote(g.query(3)), quote(g.query(1))))
		}
		fmt.Fprintf(&script, "select v, q, s, v @@ q, ts_rank(v, case when numnode(q) < 13 then q else s end, 1), ts_rank_cd(v, q), ts_rewrite(q, s, 'x | y'), ts_rewrite(q, s, ''), q @> s, q < s, querytree(q), q && s, s <-> q, v || v "+
			"from (values %s) t(v, q, s);\n", strings.Join(list, ","))
		fmt.Fprintf(&script, "select v, q from (values %s) t(v, q, s) order by v, q, v::text, q::text;\n", strings.Join(list, ","))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	want, err := oracle.PSQL(ctx, script.String(), "-qAt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := subject.PSQL(ctx, script.String(), "-qAt")
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("output differs:\n%s", testenv.Diff(want, got))
	}
	if n := strings.Count(want, "\n"); n < texts+pairs {
		t.Errorf("only %d rows", n)
	}
}

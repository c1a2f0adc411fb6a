package types

import (
	"bytes"
	"cmp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawTSVector(t *rapid.T) TSVector {
	v := TSVector{}
	for range rapid.IntRange(0, 4).Draw(t, "lexemes") {
		l := TSLexeme{Word: rapid.StringMatching(`[ab' \\é]{1,3}`).Draw(t, "word")}
		for range rapid.IntRange(0, 3).Draw(t, "positions") {
			l.Pos = append(l.Pos, NewTSPos(rapid.IntRange(1, 5).Draw(t, "pos"), rapid.IntRange(0, 3).Draw(t, "weight")))
		}
		v = append(v, l)
	}
	return v.Normalize()
}

// compareTSVectors is the order as PostgreSQL's function words it.
func compareTSVectors(a, b TSVector) int {
	if c := cmp.Or(cmp.Compare(8+4*len(a)+a.dataBytes(), 8+4*len(b)+b.dataBytes()), cmp.Compare(len(a), len(b))); c != 0 {
		return c
	}
	for i := range a {
		x, y := a[i], b[i]
		if p, q := len(x.Pos) > 0, len(y.Pos) > 0; p != q {
			if p {
				return -1
			}
			return 1
		}
		if c := cmp.Or(strings.Compare(x.Word, y.Word), cmp.Compare(len(y.Pos), len(x.Pos))); c != 0 {
			return c
		}
		for j := range x.Pos {
			if c := cmp.Or(cmp.Compare(y.Pos[j].Pos(), x.Pos[j].Pos()), cmp.Compare(y.Pos[j].Weight(), x.Pos[j].Weight())); c != 0 {
				return c
			}
		}
	}
	return 0
}

func TestTSVectorFormsAndKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawTSVector(t), drawTSVector(t)
		a, b := NewTSVector(x), NewTSVector(y)
		text := Text(TsvectorOid, a, DefaultIOEnv)
		again, err := ParseText(T(TsvectorOid), text, DefaultIOEnv)
		if err != nil || again.Str() != a.Str() {
			t.Fatalf("%s reads back as %s, %v", text, Text(TsvectorOid, again, DefaultIOEnv), err)
		}
		sent, err := ParseBinary(T(TsvectorOid), AppendBinary(nil, TsvectorOid, a, DefaultIOEnv), DefaultIOEnv)
		if err != nil || sent.Str() != a.Str() {
			t.Fatalf("%s arrives as %s, %v", text, Text(TsvectorOid, sent, DefaultIOEnv), err)
		}
		if got, want := Compare(TsvectorOid, a, b), compareTSVectors(x, y); got != want {
			t.Fatalf("%s, %s: order %d, want %d", text, Text(TsvectorOid, b, DefaultIOEnv), got, want)
		}
		if back, ok := TSVectorFromKey(TSVectorKey(a.Str())); !ok || back.Str() != a.Str() {
			t.Fatalf("the key of %s is that of %s", text, Text(TsvectorOid, back, DefaultIOEnv))
		}
	})
}

func drawTSNode(t *rapid.T, depth int) *TSNode {
	op := TSOperand
	if depth > 0 {
		op = TSOp(rapid.IntRange(0, 4).Draw(t, "op"))
	}
	if op == TSOperand {
		return &TSNode{Word: rapid.StringMatching(`[ab' \\é]{1,2}`).Draw(t, "word"), Weight: rapid.Uint8Range(0, 15).Draw(t, "weight"),
			Prefix: rapid.Bool().Draw(t, "prefix")}
	}
	n := &TSNode{Op: op, Right: drawTSNode(t, depth-1)}
	if op == TSPhrase {
		n.Distance = rapid.IntRange(0, 3).Draw(t, "distance")
	}
	if op != TSNot {
		n.Left = drawTSNode(t, depth-1)
	}
	return n
}

// compareTSQueries is the order as PostgreSQL's function words it.
func compareTSQueries(a, b *TSNode) int {
	return cmp.Or(cmp.Compare(a.Nodes(), b.Nodes()), cmp.Compare(a.operandBytes(), b.operandBytes()), compareTSNodes(a, b))
}

func compareTSNodes(a, b *TSNode) int {
	x, y := a.Op == TSOperand, b.Op == TSOperand
	switch {
	case x && y:
		return cmp.Or(cmp.Compare(WordCRC(b.Word), WordCRC(a.Word)), strings.Compare(a.Word, b.Word))
	case x:
		return 1
	case y:
		return -1
	case a.Op != b.Op:
		return cmp.Compare(b.Op, a.Op)
	}
	if c := compareTSNodes(a.Right, b.Right); c != 0 || a.Op == TSNot {
		return c
	}
	return cmp.Or(compareTSNodes(a.Left, b.Left), cmp.Compare(b.Distance, a.Distance))
}

func TestTSQueryFormsAndKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawTSNode(t, 3), drawTSNode(t, 3)
		a, b := NewTSQuery(x), NewTSQuery(y)
		text := Text(TsqueryOid, a, DefaultIOEnv)
		again, err := ParseText(T(TsqueryOid), text, DefaultIOEnv)
		if err != nil || Text(TsqueryOid, again, DefaultIOEnv) != text {
			t.Fatalf("%s reads back as %s, %v", text, Text(TsqueryOid, again, DefaultIOEnv), err)
		}
		sent, err := ParseBinary(T(TsqueryOid), AppendBinary(nil, TsqueryOid, a, DefaultIOEnv), DefaultIOEnv)
		if err != nil || sent.Str() != a.Str() {
			t.Fatalf("%s arrives as %s, %v", text, Text(TsqueryOid, sent, DefaultIOEnv), err)
		}
		order := compareTSQueries(x, y)
		if got := Compare(TsqueryOid, a, b); got != order {
			t.Fatalf("%s, %s: order %d, want %d", text, Text(TsqueryOid, b, DefaultIOEnv), got, order)
		}
		if order == 0 && (!Equal(TsqueryOid, a, b) || Hash(TsqueryOid, a) != Hash(TsqueryOid, b)) {
			t.Fatalf("%s and %s are equal, but not to Equal and Hash", text, Text(TsqueryOid, b, DefaultIOEnv))
		}
		key := TSQueryKey(a.Str())
		if back, ok := TSQueryFromKey(key); !ok || !bytes.Equal(TSQueryKey(back.Str()), key) {
			t.Fatalf("the key of %s is that of %s", text, Text(TsqueryOid, back, DefaultIOEnv))
		}
	})
}

// What a client sends is taken or refused, but nothing else happens.
func TestTSBinaryIsRefusedWhereItIsMalformed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		oid := rapid.SampledFrom([]Oid{TsvectorOid, TsqueryOid}).Draw(t, "type")
		b := rapid.SliceOfN(rapid.ByteRange(0, 5), 0, 30).Draw(t, "bytes")
		d, err := ParseBinary(T(oid), b, DefaultIOEnv)
		if err != nil {
			return
		}
		again, err := ParseBinary(T(oid), AppendBinary(nil, oid, d, DefaultIOEnv), DefaultIOEnv)
		if err != nil || again.Str() != d.Str() {
			t.Fatalf("% x is taken, but what is sent of it is not: %v", b, err)
		}
		_ = Text(oid, d, DefaultIOEnv)
		if !Equal(oid, d, d) {
			t.Fatal("it does not equal itself")
		}
	})
}

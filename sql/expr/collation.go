package expr

import (
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// What depends on a collation: letters change case in collations other than C, and where nothing chooses between several
// collations, what needs one fails.

// caseASCII are the functions that the collations C, POSIX and ucs_basic make for ASCII letters alone.
var caseASCII = map[string]func(string) string{
	"lower": func(s string) string { return mapASCII(s, func(byte) bool { return false }) },
	"upper": func(s string) string { return mapASCII(s, func(byte) bool { return true }) },
	"initcap": func(s string) string {
		within := false
		return mapASCII(s, func(c byte) bool {
			first := !within
			within = c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
			return first
		})
	},
}

// mapASCII makes the ASCII letters of s upper case where up says so, and lower case elsewhere.
func mapASCII(s string, up func(c byte) bool) string {
	out := []byte(s)
	for i, c := range out {
		switch upper := up(c); {
		case upper && c >= 'a' && c <= 'z', !upper && c >= 'A' && c <= 'Z':
			out[i] = c ^ 0x20
		}
	}
	return string(out)
}

// collated are the variants of functions, by what they are of.
var collated sync.Map

type collatedKey struct {
	of    *Function
	ascii bool
}

func (f *Function) variant(ascii bool, im impl) *Function {
	key := collatedKey{f, ascii}
	if v, ok := collated.Load(key); ok {
		return v.(*Function)
	}
	out := *f
	out.impl = &im
	v, _ := collated.LoadOrStore(key, &out)
	return v.(*Function)
}

// InASCII returns the function that f is in a collation that knows the letters of ASCII alone; nil where it is f.
func (f *Function) InASCII() *Function {
	change := caseASCII[f.src]
	if change == nil || f.User != nil {
		return nil
	}
	return f.variant(true, str1(change))
}

// needsCollation is what a function needs a collation for, by its source.
var needsCollation = map[string]string{
	"lower": "lower() function", "upper": "upper() function", "initcap": "initcap() function",
	"texticlike": "ILIKE", "texticnlike": "ILIKE", "nameiclike": "ILIKE", "nameicnlike": "ILIKE", "bpchariclike": "ILIKE", "bpcharicnlike": "ILIKE",
}

func init() {
	for _, f := range [...]string{"texteq", "textne", "text_lt", "text_le", "text_gt", "text_ge", "bpchareq", "bpcharne", "bpcharlt", "bpcharle",
		"bpchargt", "bpcharge", "nameeqtext", "namenetext", "namelttext", "nameletext", "namegttext", "namegetext", "texteqname", "textnename",
		"textltname", "textlename", "textgtname", "textgename", "nameeq", "namene", "namelt", "namele", "namegt", "namege", "text_larger", "text_smaller"} {
		needsCollation[f] = "string comparison"
	}
	for _, f := range [...]string{"textregexeq", "textregexne", "texticregexeq", "texticregexne", "nameregexeq", "nameregexne", "nameicregexeq",
		"nameicregexne", "bpcharregexeq", "bpcharregexne", "bpcharicregexeq", "bpcharicregexne"} {
		needsCollation[f] = "regular expression"
	}
}

// WithoutCollation returns the function that f is where its collation cannot be determined: it fails; nil where f needs none.
func (f *Function) WithoutCollation() *Function {
	what := needsCollation[f.src]
	if what == "" || f.User != nil {
		return nil
	}
	return f.variant(false, impl{fn: func(*Call, []types.Datum) (types.Datum, error) {
		return types.Null, pgerr.New(pgerr.IndeterminateCollation, "could not determine which collation to use for %s", what).
			WithHint("Use the COLLATE clause to set the collation explicitly.")
	}})
}

// CollationFor is pg_collation_for of an argument with a collation.
func CollationFor(name string) *Function {
	return &Function{Name: "pg_collation_for", Args: []types.Oid{types.AnyOid}, Result: types.TextOid, Volatility: Stable,
		impl: &impl{f1: func(*Call, types.Datum) (types.Datum, error) { return types.NewString(name), nil }}}
}

// Children returns the direct parts of an expression.
func Children(n Node) []Node {
	var out []Node
	children(n, func(c *Node) { out = append(out, *c) })
	return out
}

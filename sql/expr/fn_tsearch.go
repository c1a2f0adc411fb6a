package expr

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/tsearch"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Functions that make tsvectors and tsqueries of texts, by a text search configuration: the first argument where that is a
// regconfig, otherwise the session's.

// currentConfig is the OID of the configuration that default_text_search_config names.
func currentConfig(c *Call) (types.Datum, error) {
	if c.Session == nil {
		return types.Null, errNoSession
	}
	name, _ := c.Session.ShowSetting("default_text_search_config")
	return types.ParseText(types.T(types.RegconfigOid), name, c.IO())
}

// configured returns the configuration of a call, and the arguments behind it.
func configured(c *Call, a []types.Datum) (*tsearch.Config, []types.Datum, error) {
	oid := a[0]
	if len(c.Types) > 0 && c.Types[0].Oid == types.RegconfigOid {
		a = a[1:]
	} else {
		var err error
		if oid, err = currentConfig(c); err != nil {
			return nil, nil, err
		}
	}
	config, err := tsearch.FindConfig(types.Oid(oid.Int()))
	return config, a, err
}

func toVector(c *Call, a []types.Datum) (types.Datum, error) {
	config, a, err := configured(c, a)
	if err != nil {
		return types.Null, err
	}
	v, err := config.Vector(a[0].Str(), c.IO().Notice)
	if err != nil {
		return types.Null, err
	}
	return types.NewTSVector(v), nil
}

// toQuery makes a query of a text in some syntax; operator connects the lexemes of one operand.
func toQuery(syntax types.TSQuerySyntax, operator types.TSOp) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		config, a, err := configured(c, a)
		if err != nil {
			return types.Null, err
		}
		q, err := config.Query(a[0].Str(), syntax, operator, c.IO().Notice)
		if err != nil {
			return types.Null, err
		}
		return types.NewTSQuery(q), nil
	}}
}

// matchText is @@ of a text with a query, or a plain text of which one is made.
func matchText(c *Call, a, b types.Datum) (types.Datum, error) {
	config, _, err := configured(c, []types.Datum{a})
	if err != nil {
		return types.Null, err
	}
	v, err := config.Vector(a.Str(), c.IO().Notice)
	if err != nil {
		return types.Null, err
	}
	if c.Types[1].Oid == types.TsqueryOid {
		return types.NewBool(tsearch.Match(v, b.TSQuery())), nil
	}
	q, err := config.Query(b.Str(), types.TSQueryPlain, types.TSAnd, c.IO().Notice)
	return types.NewBool(tsearch.Match(v, q)), err
}

// jsonParts says which parts of a document are indexed.
type jsonParts struct{ keys, strings, numbers, booleans bool }

func readJSONParts(d types.Datum) (p jsonParts, err error) {
	bad := func(format string, args ...any) error {
		return pgerr.New(pgerr.InvalidParameterValue, format, args...).
			WithHint("Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\".")
	}
	list := []types.JSONNode{*node(d.Str())}
	switch list[0].Kind {
	case types.JSONArray:
		list = list[0].Elems
	case types.JSONObject:
		return p, pgerr.New(pgerr.InvalidParameterValue, "wrong flag type, only arrays and scalars are allowed")
	}
	for i := range list {
		e := &list[i]
		if e.Kind != types.JSONString {
			return p, bad("flag array element is not a string")
		}
		switch strings.ToLower(e.Str) {
		case "all":
			p = jsonParts{true, true, true, true}
		case "key":
			p.keys = true
		case "string":
			p.strings = true
		case "numeric":
			p.numbers = true
		case "boolean":
			p.booleans = true
		default:
			return p, bad("wrong flag in flag array: \"%s\"", e.Str)
		}
	}
	return p, nil
}

// add indexes the parts of a document; each is apart from the others.
func (p jsonParts) add(d *tsearch.Document, n *types.JSONNode) error {
	text := ""
	switch n.Kind {
	case types.JSONString:
		if !p.strings {
			return nil
		}
		text = n.Str
	case types.JSONNumber:
		if !p.numbers {
			return nil
		}
		text = types.Text(types.NumericOid, n.Num, types.DefaultIOEnv)
	case types.JSONBool:
		if !p.booleans {
			return nil
		}
		text = "false"
		if n.Bool {
			text = "true"
		}
	default:
		for i := range n.Elems {
			if n.Kind == types.JSONObject && p.keys {
				if err := d.AddElement(n.Keys[i]); err != nil {
					return err
				}
			}
			if err := p.add(d, &n.Elems[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return d.AddElement(text)
}

// addWritten indexes the parts of a json text, in the order in which they are written and as they are.
func (p jsonParts) addWritten(d *tsearch.Document, s string) error {
	return types.JSONTokens(s, func(t types.JSONToken) error {
		wanted := false
		switch {
		case t.Key:
			wanted = p.keys
		case t.Kind == types.JSONString:
			wanted = p.strings
		case t.Kind == types.JSONNumber:
			wanted = p.numbers
		case t.Kind == types.JSONBool:
			wanted = p.booleans
		}
		if !wanted {
			return nil
		}
		return d.AddElement(t.Text)
	})
}

// jsonToVector indexes a document: its strings, or with flags the parts that the last argument names.
func jsonToVector(flags bool) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		t := c.Types[len(c.Types)-1].Oid
		parts := jsonParts{strings: true}
		if flags {
			var err error
			if parts, err = readJSONParts(a[len(a)-1]); err != nil {
				return types.Null, err
			}
			t = c.Types[len(c.Types)-2].Oid
		}
		config, a, err := configured(c, a)
		if err != nil {
			return types.Null, err
		}
		d := config.NewDocument(c.IO().Notice)
		if t == types.JsonOid {
			err = parts.addWritten(d, a[0].Str())
		} else {
			err = parts.add(d, node(a[0].Str()))
		}
		if err != nil {
			return types.Null, err
		}
		v, err := d.Vector()
		return types.NewTSVector(v), err
	}}
}

// headlineFn is ts_headline of a text.
func headlineFn(c *Call, a []types.Datum) (types.Datum, error) {
	config, a, err := configured(c, a)
	if err != nil {
		return types.Null, err
	}
	o, err := headlineOptions(a)
	if err != nil {
		return types.Null, err
	}
	s, err := config.Headline(a[0].Str(), a[1].TSQuery(), o, c.IO().Notice)
	return types.NewString(s), err
}

func headlineOptions(a []types.Datum) (tsearch.Options, error) {
	if len(a) > 2 {
		return tsearch.ParseOptions(a[2].Str())
	}
	return tsearch.ParseOptions("")
}

// jsonHeadline replaces every string of a document by its headline.
func jsonHeadline(c *Call, a []types.Datum) (types.Datum, error) {
	t := c.Types[0].Oid
	if t == types.RegconfigOid {
		t = c.Types[1].Oid
	}
	config, a, err := configured(c, a)
	if err != nil {
		return types.Null, err
	}
	o, err := headlineOptions(a)
	if err != nil {
		return types.Null, err
	}
	q := a[1].TSQuery()
	headline := func(s string) (string, error) { return config.Headline(s, q, o, c.IO().Notice) }
	if t == types.JsonOid {
		var b []byte
		err := types.JSONTokens(a[0].Str(), func(t types.JSONToken) (err error) {
			if t.Kind != types.JSONString {
				b = append(b, t.Text...)
				return nil
			}
			if !t.Key {
				if t.Text, err = headline(t.Text); err != nil {
					return err
				}
			}
			b = types.AppendJSONString(b, t.Text)
			return nil
		})
		return types.NewBytes(b), err
	}
	n := node(a[0].Str())
	if err := headlineStrings(n, headline); err != nil {
		return types.Null, err
	}
	return nodeText(n), nil
}

func headlineStrings(n *types.JSONNode, headline func(string) (string, error)) (err error) {
	if n.Kind == types.JSONString {
		n.Str, err = headline(n.Str)
		return err
	}
	for i := range n.Elems {
		if err := headlineStrings(&n.Elems[i], headline); err != nil {
			return err
		}
	}
	return nil
}

func lexize(_ *Call, dict, word types.Datum) (types.Datum, error) {
	d, err := tsearch.FindDictionary(types.Oid(dict.Int()))
	if err != nil {
		return types.Null, err
	}
	words, err := d.Lexize(word.Str())
	return textArray(words), err
}

func textArray(words []string) types.Datum {
	out := make([]types.Datum, len(words))
	for i, w := range words {
		out[i] = types.NewString(w)
	}
	return types.NewArray1(types.TextOid, out)
}

// parserNamed checks that there is a parser of an OID or name.
func parserNamed(c *Call, d types.Datum) error {
	if c.Types[0].Oid == types.OidOid {
		if types.Oid(d.Int()) != tsearch.ParserOid {
			return pgerr.Internal("cache lookup failed for text search parser %d", d.Int())
		}
		return nil
	}
	if name := d.Str(); name != "default" && name != "pg_catalog.default" {
		return pgerr.New(pgerr.UndefinedObject, "text search parser \"%s\" does not exist", name)
	}
	return nil
}

// tokenTypes yields the types of tokens of a parser.
func tokenTypes(c *Call, a []types.Datum) (SetIterator, error) {
	if err := parserNamed(c, a[0]); err != nil {
		return nil, err
	}
	l := &listIter{}
	for t := tsearch.ASCIIWord; t <= tsearch.LastTokenType; t++ {
		l.rows = append(l.rows, []types.Datum{types.NewInt(int64(t)), types.NewString(t.Alias()), types.NewString(t.Description())})
	}
	return l, nil
}

// parseTokens yields the tokens of a text.
func parseTokens(c *Call, a []types.Datum) (SetIterator, error) {
	if err := parserNamed(c, a[0]); err != nil {
		return nil, err
	}
	l := &listIter{}
	for _, t := range tsearch.Parse(a[1].Str()) {
		l.rows = append(l.rows, []types.Datum{types.NewInt(int64(t.Type)), types.NewString(t.Text)})
	}
	return l, nil
}

// debugTokens yields the tokens of a text with what the configuration does with them.
func debugTokens(c *Call, a []types.Datum) (SetIterator, error) {
	config, a, err := configured(c, a)
	if err != nil {
		return nil, err
	}
	l := &listIter{}
	for _, t := range tsearch.Parse(a[0].Str()) {
		row := []types.Datum{types.NewString(t.Type.Alias()), types.NewString(t.Type.Description()), types.NewString(t.Text),
			types.NewArray(&types.Array{Elem: types.RegdictionaryOid}), types.Null, types.Null}
		if d := config.Dictionary(t.Type); d != nil {
			words, err := d.Lexize(t.Text)
			if err != nil {
				return nil, err
			}
			dict := types.NewInt(int64(d.Oid))
			row[3], row[4], row[5] = types.NewArray1(types.RegdictionaryOid, []types.Datum{dict}), dict, textArray(words)
		}
		l.rows = append(l.rows, row)
	}
	return l, nil
}

// queryRows runs a query for its rows, which must have columns of these types.
func queryRows(c *Call, text string, want []types.Oid, refusal string, row func([]types.Datum) error) error {
	if c.Session == nil {
		return errNoSession
	}
	return c.Session.RunQuery(c.EvalContext, text, func(columns []types.Type) error {
		if len(columns) != len(want) {
			return pgerr.New(pgerr.InvalidParameterValue, "%s", refusal)
		}
		for i, t := range columns {
			if t.Oid != want[i] {
				return pgerr.New(pgerr.InvalidParameterValue, "%s", refusal)
			}
		}
		return nil
	}, row)
}

// rewriteByQuery is ts_rewrite with a query for what is replaced and by what.
func rewriteByQuery(c *Call, a, text types.Datum) (types.Datum, error) {
	if a.TSQuery() == nil {
		return a, nil
	}
	r := tsearch.NewRewriter(a.TSQuery())
	err := queryRows(c, text.Str(), []types.Oid{types.TsqueryOid, types.TsqueryOid}, "ts_rewrite query must return two tsquery columns",
		func(row []types.Datum) error {
			if !row[0].IsNull() && !row[1].IsNull() {
				r.Replace(row[0].TSQuery(), row[1].TSQuery(), true)
			}
			return nil
		})
	return types.NewTSQuery(r.Query()), err
}

// vectorStatistics is ts_stat: of each lexeme of the vectors of a query, in how many of them it is and how often.
func vectorStatistics(c *Call, a []types.Datum) (SetIterator, error) {
	mask := 0
	if len(a) > 1 {
		for _, b := range a[1].Bytes() {
			if w := tsWeight(b); w >= 0 {
				mask |= 1 << w
			}
		}
	}
	type count struct{ documents, entries int64 }
	counts := map[string]*count{}
	err := queryRows(c, a[0].Str(), []types.Oid{types.TsvectorOid}, "ts_stat query must return one tsvector column", func(row []types.Datum) error {
		if row[0].IsNull() {
			return nil
		}
		for _, l := range row[0].TSVector() {
			n := int64(0)
			for _, p := range l.Pos {
				if mask == 0 || mask&(1<<p.Weight()) != 0 {
					n++
				}
			}
			if len(l.Pos) == 0 && mask == 0 {
				n = 1
			}
			if n == 0 {
				continue
			}
			at := counts[l.Word]
			if at == nil {
				at = &count{}
				counts[strings.Clone(l.Word)] = at
			}
			at.documents++
			at.entries += n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	words := make([]string, 0, len(counts))
	for w := range counts {
		words = append(words, w)
	}
	slices.Sort(words)
	slices.Reverse(words) // PostgreSQL's tree has what is greater at the left
	l := &listIter{}
	for _, w := range words {
		l.rows = append(l.rows, []types.Datum{types.NewString(w), types.NewInt(counts[w].documents), types.NewInt(counts[w].entries)})
	}
	return l, nil
}

// notFired is a trigger function that is called as a function.
var notFired = impl{fn: func(*Call, []types.Datum) (types.Datum, error) {
	return types.Null, pgerr.Internal("tsvector_update_trigger: not fired by trigger manager")
}}

var tsearchImpls = func() map[string]impl {
	m := map[string]impl{
		"get_current_ts_config": {f0: currentConfig}, "ts_lexize": {f2: lexize}, "tsquery_rewrite_query": {f2: rewriteByQuery},
		"ts_match_tt": {f2: matchText}, "ts_match_tq": {f2: matchText},
		"tsvector_update_trigger_byid": notFired, "tsvector_update_trigger_bycolumn": notFired,
	}
	for name, im := range map[string]impl{
		"to_tsvector": {fn: toVector}, "to_tsquery": toQuery(types.TSQueryStandard, types.TSPhrase),
		"plainto_tsquery": toQuery(types.TSQueryPlain, types.TSAnd), "phraseto_tsquery": toQuery(types.TSQueryPlain, types.TSPhrase),
		"websearch_to_tsquery":     toQuery(types.TSQueryWeb, types.TSPhrase),
		"json_string_to_tsvector":  jsonToVector(false),
		"jsonb_string_to_tsvector": jsonToVector(false), "json_to_tsvector": jsonToVector(true), "jsonb_to_tsvector": jsonToVector(true),
	} {
		m[name], m[name+"_byid"] = im, im
	}
	for name := range strings.FieldsSeq("ts_headline ts_headline_json ts_headline_jsonb") {
		im := impl{fn: headlineFn}
		if name != "ts_headline" {
			im.fn = jsonHeadline
		}
		m[name], m[name+"_opt"], m[name+"_byid"], m[name+"_byid_opt"] = im, im, im, im
	}
	return m
}()

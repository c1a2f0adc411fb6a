package expr

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// LIKE patterns are matched by hand; regular expressions are PostgreSQL's AREs as far as Go's RE2 has the same: no back
// references and no look-around, which are refused with 0A000.

// likePattern is a LIKE pattern taken apart: literal pieces with what stands before each.
type likePattern struct {
	kind  likeKind
	text  string // of the simple kinds
	full  string
	lower bool
}

type likeKind uint8

const (
	likeGeneric  likeKind = iota
	likeExact             // no wildcards
	likePrefix            // abc%
	likeSuffix            // %abc
	likeContains          // %abc%
)

func compileLike(p string, fold bool) likePattern {
	if fold {
		p = strings.ToLower(p)
	}
	lp := likePattern{full: p, lower: fold}
	body := p
	lead, trail := strings.HasPrefix(body, "%"), strings.HasSuffix(body, "%")
	if lead {
		body = body[1:]
	}
	if trail && len(body) > 0 {
		body = body[:len(body)-1]
	}
	if strings.ContainsAny(body, `%_\`) {
		return lp
	}
	lp.text = body
	switch {
	case lead && trail:
		lp.kind = likeContains
	case lead:
		lp.kind = likeSuffix
	case trail:
		lp.kind = likePrefix
	default:
		lp.kind = likeExact
	}
	return lp
}

var errLikeEscape = pgerr.New(pgerr.InvalidEscapeSequence, "LIKE pattern must not end with escape character")

func (p *likePattern) match(s string) (bool, error) {
	if p.lower {
		s = strings.ToLower(s)
	}
	switch p.kind {
	case likeExact:
		return s == p.text, nil
	case likePrefix:
		return strings.HasPrefix(s, p.text), nil
	case likeSuffix:
		return strings.HasSuffix(s, p.text), nil
	case likeContains:
		return strings.Contains(s, p.text), nil
	}
	return likeMatch(s, p.full)
}

// likeMatch matches with one step back: to the last % seen, which may take one character more.
func likeMatch(s, p string) (bool, error) {
	si, pi := 0, 0
	starP, starS := -1, 0
	for {
		if pi < len(p) {
			switch c := p[pi]; {
			case c == '%':
				starP, starS = pi+1, si
				pi++
				continue
			case c == '_' && si < len(s):
				_, w := utf8.DecodeRuneInString(s[si:])
				si += w
				pi++
				continue
			case c == '\\':
				if si < len(s) && pi+1 >= len(p) {
					return false, errLikeEscape
				}
				if si < len(s) && s[si] == p[pi+1] {
					si++
					pi += 2
					continue
				}
			case c != '_' && si < len(s) && s[si] == c:
				si++
				pi++
				continue
			}
		} else if si == len(s) {
			return true, nil
		}
		if starP < 0 || starS >= len(s) {
			return false, nil
		}
		_, w := utf8.DecodeRuneInString(s[starS:])
		starS += w
		si, pi = starS, starP
	}
}

// like is [NOT] [I]LIKE.
func like(fold, not bool) impl {
	return impl{
		f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			p := compileLike(b.Str(), fold)
			ok, err := p.match(a.Str())
			return types.NewBool(ok != not), err
		},
		prepare: func(r types.Datum) func(*Call, types.Datum) (types.Datum, error) {
			p := compileLike(r.Str(), fold)
			return func(_ *Call, a types.Datum) (types.Datum, error) {
				ok, err := p.match(a.Str())
				return types.NewBool(ok != not), err
			}
		},
	}
}

// likeEscape rewrites a pattern with another escape character to one with a backslash.
func likeEscape(p, esc string) (string, error) {
	if runeLen(esc) > 1 {
		return "", pgerr.New(pgerr.InvalidEscapeSequence, "invalid escape string").WithHint("Escape string must be empty or one character.")
	}
	if esc == `\` {
		return p, nil
	}
	var b strings.Builder
	for i := 0; i < len(p); {
		switch {
		case esc != "" && strings.HasPrefix(p[i:], esc):
			i += len(esc)
			if i >= len(p) {
				return "", errLikeEscape
			}
			_, w := utf8.DecodeRuneInString(p[i:])
			b.WriteByte('\\')
			b.WriteString(p[i : i+w])
			i += w
		case p[i] == '\\':
			b.WriteString(`\\`)
			i++
		default:
			b.WriteByte(p[i])
			i++
		}
	}
	return b.String(), nil
}

type regexpKey struct{ pattern, flags string }

// regexps caches compiled expressions; it is emptied when it is full.
var regexps = struct {
	sync.Mutex
	m map[regexpKey]*regexp.Regexp
}{m: map[regexpKey]*regexp.Regexp{}}

const maxRegexps = 512

func compileRegexp(pattern, flags string) (*regexp.Regexp, error) {
	k := regexpKey{pattern, flags}
	regexps.Lock()
	re := regexps.m[k]
	regexps.Unlock()
	if re != nil {
		return re, nil
	}
	goPattern, err := translateARE(pattern, flags)
	if err != nil {
		return nil, err
	}
	if re, err = regexp.Compile(goPattern); err != nil {
		return nil, pgerr.New(pgerr.InvalidRegularExpression, "invalid regular expression: %s", areError(err))
	}
	regexps.Lock()
	if len(regexps.m) >= maxRegexps {
		clear(regexps.m)
	}
	regexps.m[k] = re
	regexps.Unlock()
	return re, nil
}

// areError words RE2's complaints as PostgreSQL's library does.
func areError(err error) string {
	s := err.Error()
	for _, p := range [...][2]string{{"missing closing ]", "brackets [] not balanced"}, {"missing closing )", "parentheses () not balanced"},
		{"unexpected )", "parentheses () not balanced"}, {"missing argument to repetition", "quantifier operand invalid"},
		{"invalid nested repetition", "quantifier operand invalid"}, {"invalid repeat count", "invalid repetition count(s)"},
		{"invalid character class", "invalid character range"}, {"trailing backslash", "invalid escape \\ sequence"},
		{"invalid escape", "invalid escape \\ sequence"}} {
		if strings.Contains(s, p[0]) {
			return p[1]
		}
	}
	return strings.TrimPrefix(s, "error parsing regexp: ")
}

// translateARE rewrites what ARE and RE2 spell differently.
func translateARE(p, flags string) (string, error) {
	mods := "s"
	for _, f := range flags {
		switch f {
		case 'i':
			mods += "i"
		case 'c':
			mods = strings.ReplaceAll(mods, "i", "")
		case 'n', 'm':
			mods = strings.ReplaceAll(mods, "s", "") + "m"
		case 'p':
			mods = strings.ReplaceAll(mods, "s", "")
		case 'w':
			mods += "m"
		case 's', 't', 'g':
		case 'q':
			return "(?" + mods + ")" + regexp.QuoteMeta(p), nil
		case 'x', 'e', 'b':
			return "", pgerr.NotSupported("regular expression option \"" + string(f) + "\"")
		default:
			return "", pgerr.New(pgerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", f)
		}
	}
	if rest, ok := strings.CutPrefix(p, "***="); ok {
		return "(?" + mods + ")" + regexp.QuoteMeta(rest), nil
	}
	p = strings.TrimPrefix(p, "***:")
	if rest, ok := strings.CutPrefix(p, "(?"); ok {
		if i := strings.IndexByte(rest, ')'); i > 0 && strings.Trim(rest[:i], "abcdefghijklmnopqrstuvwxyz") == "" {
			return translateARE(rest[i+1:], flags+rest[:i])
		}
	}
	body, err := translateEscapes(p)
	return "(?" + mods + ")" + body, err
}

func translateEscapes(p string) (string, error) {
	var b strings.Builder
	inSet := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			i++
			switch e := p[i]; {
			case e >= '1' && e <= '9' && !inSet:
				return "", pgerr.NotSupported("back reference in a regular expression")
			case e == 'b': // a backspace
				b.WriteString(`\x08`)
			case e == 'B':
				b.WriteString(`\\`)
			case e == 'm':
				b.WriteString(`\b`) // at the beginning of a word: what follows decides
			case e == 'M':
				b.WriteString(`\b`)
			case e == 'y':
				b.WriteString(`\b`)
			case e == 'Y':
				b.WriteString(`\B`)
			case e == 'w' && inSet:
				b.WriteString(wordChars)
			case e == 'w':
				b.WriteString("[" + wordChars + "]")
			case e == 'W' && !inSet:
				b.WriteString("[^" + wordChars + "]")
			case e == 'Z':
				b.WriteString(`\z`)
			case e == 'e':
				b.WriteString(`\x1b`)
			case e == 'u' && i+4 < len(p):
				b.WriteString(`\x{` + p[i+1:i+5] + `}`)
				i += 4
			default:
				b.WriteByte('\\')
				b.WriteByte(e)
			}
		case c == '[' && inSet && i+1 < len(p) && (p[i+1] == ':' || p[i+1] == '.' || p[i+1] == '='):
			j := strings.Index(p[i:], string(p[i+1])+"]")
			if j < 0 {
				b.WriteByte(c)
				break
			}
			b.WriteString(characterClass(p[i : i+j+2]))
			i += j + 1
		case c == '[' && inSet:
			b.WriteString(`\[`)
		case c == '[' && strings.HasPrefix(p[i:], "[[:<:]]"), c == '[' && strings.HasPrefix(p[i:], "[[:>:]]"):
			b.WriteString(`\b`)
			i += 6
		case c == '[':
			inSet = true
			b.WriteByte(c)
			if i+1 < len(p) && p[i+1] == '^' {
				i++
				b.WriteByte('^')
			}
			if i+1 < len(p) && p[i+1] == ']' {
				i++
				b.WriteString(`\]`)
			}
		case c == ']' && inSet:
			inSet = false
			b.WriteByte(c)
		case c == '(' && !inSet && (strings.HasPrefix(p[i:], "(?=") || strings.HasPrefix(p[i:], "(?!") || strings.HasPrefix(p[i:], "(?<=") || strings.HasPrefix(p[i:], "(?<!")):
			return "", pgerr.NotSupported("look-around in a regular expression")
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// wordChars are the characters of \w, inside brackets: PostgreSQL's classes are those of Unicode, Go's of ASCII.
const wordChars = `\p{L}\p{M}\p{N}_`

// characterClass translates a class such as [:alpha:], inside brackets.
func characterClass(name string) string {
	switch name {
	case "[:alpha:]":
		return `\p{L}\p{M}`
	case "[:alnum:]":
		return `\p{L}\p{M}\p{N}`
	case "[:word:]":
		return wordChars
	case "[:lower:]":
		return `\p{Ll}`
	case "[:upper:]":
		return `\p{Lu}`
	}
	return name
}

// regexMatch is ~, ~*, !~ and !~*.
func regexMatch(flags string, not bool) impl {
	return impl{
		f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			re, err := compileRegexp(b.Str(), flags)
			if err != nil {
				return types.Null, err
			}
			return types.NewBool(re.MatchString(a.Str()) != not), nil
		},
		prepare: func(r types.Datum) func(*Call, types.Datum) (types.Datum, error) {
			re, err := compileRegexp(r.Str(), flags)
			if err != nil {
				return nil
			}
			return func(_ *Call, a types.Datum) (types.Datum, error) {
				return types.NewBool(re.MatchString(a.Str()) != not), nil
			}
		},
	}
}

// argStr returns argument i as a string, "" if it was not given.
func argStr(a []types.Datum, i int) string {
	if i < len(a) {
		return a[i].Str()
	}
	return ""
}

// noGlobal refuses the flag g for functions that find one match or count all.
func noGlobal(name, flags string) error {
	if strings.Contains(flags, "g") {
		return pgerr.New(pgerr.InvalidParameterValue, "%s() does not support the \"global\" option", name)
	}
	return nil
}

func splitFlags(flags string) (rest string, global bool) {
	return strings.ReplaceAll(flags, "g", ""), strings.Contains(flags, "g")
}

// regexReplacement turns \1 and \& into Go's ${1} and ${0}.
func regexReplacement(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '$':
			b.WriteString("$$")
		case s[i] == '\\' && i+1 < len(s):
			i++
			switch c := s[i]; {
			case c >= '0' && c <= '9':
				b.WriteString("${" + string(c) + "}")
			case c == '&':
				b.WriteString("${0}")
			case c == '\\':
				b.WriteByte('\\')
			default:
				b.WriteByte('\\')
				b.WriteByte(c)
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// regexReplace replaces match nth (0: all) found from start on.
func regexReplace(s, pattern, by, flags string, start, nth int64) (string, error) {
	re, err := compileRegexp(pattern, flags)
	if err != nil {
		return "", err
	}
	if start < 1 {
		return "", pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter \"start\": %d", start)
	}
	if nth < 0 {
		return "", pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter \"n\": %d", nth)
	}
	tmpl := regexReplacement(by)
	off := byteAt(s, start-1)
	out := []byte(s[:off])
	tail := s[off:]
	last := 0
	for i, m := range re.FindAllStringSubmatchIndex(tail, -1) {
		if nth > 0 && int64(i+1) != nth {
			continue
		}
		out = append(out, tail[last:m[0]]...)
		out = re.ExpandString(out, tmpl, tail, m)
		last = m[1]
	}
	return string(append(out, tail[last:]...)), nil
}

func regexReplaceFn(a []types.Datum) (string, error) {
	flags, global := splitFlags(argStr(a, 3))
	nth := int64(1)
	if global {
		nth = 0
	}
	return regexReplace(a[0].Str(), a[1].Str(), a[2].Str(), flags, 1, nth)
}

func regexReplaceExt(a []types.Datum) (string, error) {
	n := int64(1)
	flags, global := splitFlags(argStr(a, 5))
	if len(a) > 4 {
		n = a[4].Int()
	} else if global {
		n = 0
	}
	return regexReplace(a[0].Str(), a[1].Str(), a[2].Str(), flags, a[3].Int(), n)
}

// groups are the captured groups of a match, or all of it where there are none.
func groups(s string, m []int) []types.Datum {
	from := 1
	if len(m) == 2 {
		from = 0
	}
	var out []types.Datum
	for i := from; i < len(m)/2; i++ {
		if m[2*i] < 0 {
			out = append(out, types.Null)
			continue
		}
		out = append(out, types.NewString(s[m[2*i]:m[2*i+1]]))
	}
	return out
}

func regexpMatch(_ *Call, a []types.Datum) (types.Datum, error) {
	flags, global := splitFlags(argStr(a, 2))
	if global {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "regexp_match() does not support the \"global\" option").
			WithHint("Use the regexp_matches function instead.")
	}
	re, err := compileRegexp(a[1].Str(), flags)
	if err != nil {
		return types.Null, err
	}
	m := re.FindStringSubmatchIndex(a[0].Str())
	if m == nil {
		return types.Null, nil
	}
	return types.NewArray1(types.TextOid, groups(a[0].Str(), m)), nil
}

// regexSplit splits as PostgreSQL does: an empty match at the end of the previous one or at the end of the text is none.
func regexSplit(name, s, pattern, flags string) ([]types.Datum, error) {
	if err := noGlobal(name, flags); err != nil {
		return nil, err
	}
	re, err := compileRegexp(pattern, flags)
	if err != nil {
		return nil, err
	}
	var out []types.Datum
	last := 0
	for _, m := range re.FindAllStringIndex(s, -1) {
		if m[0] == m[1] && (m[0] == last && m[0] == 0 || m[0] == len(s) || m[1] == last) {
			continue
		}
		out = append(out, types.NewString(s[last:m[0]]))
		last = m[1]
	}
	return append(out, types.NewString(s[last:])), nil
}

func regexpSubstr(_ *Call, a []types.Datum) (types.Datum, error) {
	start, nth, sub := int64(1), int64(1), int64(0)
	if len(a) > 2 {
		start = a[2].Int()
	}
	if len(a) > 3 {
		nth = a[3].Int()
	}
	if len(a) > 5 {
		sub = a[5].Int()
	}
	switch {
	case start < 1:
		return types.Null, errParameter("start", start)
	case nth < 1:
		return types.Null, errParameter("n", nth)
	case sub < 0:
		return types.Null, errParameter("subexpr", sub)
	}
	if err := noGlobal("regexp_substr", argStr(a, 4)); err != nil {
		return types.Null, err
	}
	re, err := compileRegexp(a[1].Str(), argStr(a, 4))
	if err != nil {
		return types.Null, err
	}
	s := a[0].Str()[byteAt(a[0].Str(), start-1):]
	ms := re.FindAllStringSubmatchIndex(s, int(nth))
	if int64(len(ms)) < nth || int(sub)*2 >= len(ms[nth-1]) || ms[nth-1][2*sub] < 0 {
		return types.Null, nil
	}
	m := ms[nth-1]
	return types.NewString(s[m[2*sub]:m[2*sub+1]]), nil
}

func errParameter(name string, v int64) error {
	return pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": %d", name, v)
}

// regexpInstr is regexp_instr(string, pattern, start, N, endoption, flags, subexpr): where the N-th match begins or ends.
func regexpInstr(_ *Call, a []types.Datum) (types.Datum, error) {
	p := [...]int64{1, 1, 0, 0, 0} // start, N, endoption, (flags), subexpr
	for i := range p {
		if i != 3 && len(a) > 2+i {
			p[i] = a[2+i].Int()
		}
	}
	start, nth, end, sub := p[0], p[1], p[2], p[4]
	switch {
	case start < 1:
		return types.Null, errParameter("start", start)
	case nth < 1:
		return types.Null, errParameter("n", nth)
	case end != 0 && end != 1:
		return types.Null, errParameter("endoption", end)
	case sub < 0:
		return types.Null, errParameter("subexpr", sub)
	}
	if err := noGlobal("regexp_instr", argStr(a, 5)); err != nil {
		return types.Null, err
	}
	re, err := compileRegexp(a[1].Str(), argStr(a, 5))
	if err != nil {
		return types.Null, err
	}
	s := a[0].Str()
	from := byteAt(s, start-1)
	ms := re.FindAllStringSubmatchIndex(s[from:], int(nth))
	if int64(len(ms)) < nth || int(sub)*2 >= len(ms[nth-1]) || ms[nth-1][2*sub] < 0 {
		return types.NewInt(0), nil
	}
	return types.NewInt(int64(runeLen(s[:from+ms[nth-1][2*sub+end]])) + 1), nil
}

func regexpCount(_ *Call, a []types.Datum) (types.Datum, error) {
	start := int64(1)
	if len(a) > 2 {
		start = a[2].Int()
	}
	if start < 1 {
		return types.Null, errParameter("start", start)
	}
	if err := noGlobal("regexp_count", argStr(a, 3)); err != nil {
		return types.Null, err
	}
	re, err := compileRegexp(a[1].Str(), argStr(a, 3))
	if err != nil {
		return types.Null, err
	}
	return types.NewInt(int64(len(re.FindAllStringIndex(a[0].Str()[byteAt(a[0].Str(), start-1):], -1)))), nil
}

// textRegexSubstr is substring(text from pattern): the first group, or the whole match.
func textRegexSubstr(_ *Call, a, b types.Datum) (types.Datum, error) {
	re, err := compileRegexp(b.Str(), "")
	if err != nil {
		return types.Null, err
	}
	m := re.FindStringSubmatchIndex(a.Str())
	if m == nil {
		return types.Null, nil
	}
	return groups(a.Str(), m)[0], nil
}

func boolFn(f func(a []types.Datum) (bool, error)) impl {
	return impl{fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		ok, err := f(a)
		return types.NewBool(ok), err
	}}
}

var regexpImpls = map[string]impl{
	"textlike": like(false, false), "textnlike": like(false, true), "texticlike": like(true, false), "texticnlike": like(true, true),
	"namelike": like(false, false), "namenlike": like(false, true), "nameiclike": like(true, false), "nameicnlike": like(true, true),
	"bpchariclike": like(true, false), "bpcharicnlike": like(true, true),
	"bytealike": like(false, false), "byteanlike": like(false, true),
	"textregexeq": regexMatch("", false), "textregexne": regexMatch("", true),
	"texticregexeq": regexMatch("i", false), "texticregexne": regexMatch("i", true),
	"nameregexeq": regexMatch("", false), "nameregexne": regexMatch("", true),
	"nameicregexeq": regexMatch("i", false), "nameicregexne": regexMatch("i", true),
	"bpcharregexeq": regexMatch("", false), "bpcharregexne": regexMatch("", true),
	"bpcharicregexeq": regexMatch("i", false), "bpcharicregexne": regexMatch("i", true),
	"like_escape":               strN(func(a []types.Datum) (string, error) { return likeEscape(a[0].Str(), a[1].Str()) }),
	"similar_to_escape_1":       strN(func(a []types.Datum) (string, error) { return similarEscape(a[0].Str(), `\`) }),
	"similar_to_escape_2":       strN(func(a []types.Datum) (string, error) { return similarEscape(a[0].Str(), a[1].Str()) }),
	"textregexsubstr":           {f2: textRegexSubstr},
	"textregexreplace":          strN(regexReplaceFn),
	"textregexreplace_noopt":    strN(regexReplaceFn),
	"textregexreplace_extended": strN(regexReplaceExt), "textregexreplace_extended_no_flags": strN(regexReplaceExt),
	"textregexreplace_extended_no_n": strN(regexReplaceExt),
	"regexp_match":                   {fn: regexpMatch}, "regexp_match_no_flags": {fn: regexpMatch},
	"regexp_split_to_array": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		parts, err := regexSplit("regexp_split_to_array", a[0].Str(), a[1].Str(), argStr(a, 2))
		return types.NewArray1(types.TextOid, parts), err
	}},
	"regexp_split_to_array_no_flags": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		parts, err := regexSplit("regexp_split_to_array", a[0].Str(), a[1].Str(), "")
		return types.NewArray1(types.TextOid, parts), err
	}},
	"regexp_like":          boolFn(regexpLike),
	"regexp_like_no_flags": boolFn(regexpLike),
	"regexp_count":         {fn: regexpCount}, "regexp_count_no_flags": {fn: regexpCount}, "regexp_count_no_start": {fn: regexpCount},
	"regexp_instr": {fn: regexpInstr}, "regexp_instr_no_start": {fn: regexpInstr}, "regexp_instr_no_n": {fn: regexpInstr},
	"regexp_instr_no_endoption": {fn: regexpInstr}, "regexp_instr_no_flags": {fn: regexpInstr}, "regexp_instr_no_subexpr": {fn: regexpInstr},
	"regexp_substr": {fn: regexpSubstr}, "regexp_substr_no_start": {fn: regexpSubstr}, "regexp_substr_no_n": {fn: regexpSubstr},
	"regexp_substr_no_flags": {fn: regexpSubstr}, "regexp_substr_no_subexpr": {fn: regexpSubstr},
}

func regexpLike(a []types.Datum) (bool, error) {
	if err := noGlobal("regexp_like", argStr(a, 2)); err != nil {
		return false, err
	}
	re, err := compileRegexp(a[1].Str(), argStr(a, 2))
	if err != nil {
		return false, err
	}
	return re.MatchString(a[0].Str()), nil
}

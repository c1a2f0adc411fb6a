package expr

import (
	"context"
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Regular expressions are PostgreSQL's AREs, matched by Go's RE2 in linear time, the
// longest match at the leftmost position as in PostgreSQL; those with back references or look-around by backtracker. What
// differs: in an expression with a non-greedy quantifier every quantifier takes as much or as little as it says, where
// PostgreSQL lets the first one decide for the whole; and \m, \M are \y to RE2.

type regexpKey struct{ pattern, flags string }

// regexps caches compiled expressions; it is emptied when it is full.
var regexps = struct {
	sync.Mutex
	m map[regexpKey]*areRegexp
}{m: map[regexpKey]*areRegexp{}}

const maxRegexps = 512

// areRegexp is a compiled regular expression: exactly one of re and bt is set.
type areRegexp struct {
	re *regexp.Regexp
	bt *backtracker
	// looksBack is set where re's matches depend on what stands before them, empty where they may be empty. Then behind is re
	// at the beginning of a text, with one character more in front.
	looksBack, empty bool
	behind           *regexp.Regexp
}

// find returns the leftmost match: where it and its groups begin and end; nil for none.
func (r *areRegexp) find(c *Call, s string) ([]int, error) {
	if r.bt != nil {
		return r.bt.find(contextOf(c), s, 0)
	}
	return interruptible(c, len(s), func() []int { return r.re.FindStringSubmatchIndex(s) })
}

func (r *areRegexp) match(c *Call, s string) (bool, error) {
	if r.bt != nil {
		m, err := r.bt.find(contextOf(c), s, 0)
		return m != nil, err
	}
	return interruptible(c, len(s), func() bool { return r.re.MatchString(s) })
}

// longText is how long a text is from which on a search in it is worth interrupting: at worst some 100 ns a byte.
const longText = 256 << 10

// interruptible runs f, whose time is linear in size but which cannot be stopped. When the statement is to end meanwhile, f is
// left to run to its own end.
func interruptible[T any](c *Call, size int, f func() T) (T, error) {
	ctx := contextOf(c)
	if size < longText || ctx == nil || ctx.Done() == nil {
		return f(), nil
	}
	done := make(chan T, 1)
	go func() { done <- f() }()
	select {
	case v := <-done:
		return v, nil
	case <-ctx.Done():
		var none T
		return none, c.cancelled()
	}
}

func contextOf(c *Call) context.Context {
	if c == nil || c.EvalContext == nil {
		return nil
	}
	return c.Context
}

// errBacktrack tells that an expression is not RE2's business.
var errBacktrack = errors.New("back reference or look-around")

// isGreedy reports whether an expression has no non-greedy quantifier.
func isGreedy(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		if re.Flags&syntax.NonGreedy != 0 {
			return false
		}
	}
	return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !isGreedy(s) })
}

func newARE(pattern, flags string) (*areRegexp, error) {
	mods, body, err := areOptions(pattern, flags)
	if err != nil {
		return nil, err
	}
	if err := checkQuantifiers(body); err != nil {
		return nil, err
	}
	text, err := translateEscapes(body)
	if errors.Is(err, errBacktrack) {
		bt, err := compileBacktracker(body, mods)
		return &areRegexp{bt: bt}, err
	}
	if err != nil {
		return nil, err
	}
	text = "(?" + mods + ")" + text
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, errARE(areError(err))
	}
	out := &areRegexp{re: re}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return out, nil
	}
	out.looksBack, out.empty = looksBack(tree), matchesEmpty(tree)
	if out.looksBack || out.empty {
		out.behind = regexp.MustCompile(`\A(?s:.)(?:` + text + ")")
	}
	if isGreedy(tree) {
		re.Longest()
		if out.behind != nil {
			out.behind.Longest()
		}
	}
	return out, nil
}

func compileRegexp(pattern, flags string) (*areRegexp, error) {
	k := regexpKey{pattern, flags}
	regexps.Lock()
	re := regexps.m[k]
	regexps.Unlock()
	if re != nil {
		return re, nil
	}
	re, err := newARE(pattern, flags)
	if err != nil {
		return nil, err
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

// areOptions divides an expression into RE2's flags for its options, those embedded in it included, and what is left.
func areOptions(p, flags string) (mods, body string, err error) {
	mods = "s"
	expanded := false
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
		case 's', 'g':
		case 'x', 't':
			expanded = f == 'x'
		case 'q':
			return mods, quoteARE(p), nil
		case 'e', 'b':
			return "", "", pgerr.NotSupported("regular expression option \"" + string(f) + "\"")
		default:
			return "", "", pgerr.New(pgerr.InvalidParameterValue, "invalid regular expression option: \"%c\"", f)
		}
	}
	if rest, ok := strings.CutPrefix(p, "***="); ok {
		return mods, quoteARE(rest), nil
	}
	p = strings.TrimPrefix(p, "***:")
	if rest, ok := strings.CutPrefix(p, "(?"); ok {
		if i := strings.IndexByte(rest, ')'); i > 0 && strings.Trim(rest[:i], "abcdefghijklmnopqrstuvwxyz") == "" {
			return areOptions(rest[i+1:], flags+rest[:i])
		}
	}
	if expanded || strings.Contains(p, "(?#") {
		p, err = tightARE(p, expanded)
	}
	return mods, p, err
}

// quoteARE makes an expression that matches the text itself.
func quoteARE(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// translateEscapes rewrites what ARE and RE2 spell differently.

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
				return "", errBacktrack
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
			return "", errBacktrack
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
		f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
			re, err := compileRegexp(b.Str(), flags)
			if err != nil {
				return types.Null, err
			}
			ok, err := re.match(c, a.Str())
			return types.NewBool(ok != not), err
		},
		prepare: func(r types.Datum) func(*Call, types.Datum) (types.Datum, error) {
			re, err := compileRegexp(r.Str(), flags)
			if err != nil {
				return nil
			}
			return func(c *Call, a types.Datum) (types.Datum, error) {
				ok, err := re.match(c, a.Str())
				return types.NewBool(ok != not), err
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
func regexReplace(c *Call, s, pattern, by, flags string, start, nth int64) (types.Datum, error) {
	if start < 1 {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter \"start\": %d", start)
	}
	if nth < 0 {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter \"n\": %d", nth)
	}
	re, err := compileRegexp(pattern, flags)
	if err != nil {
		return types.Null, err
	}
	tmpl := regexReplacement(by)
	var out []byte
	last := 0
	matches, err := re.allFrom(c, s, start, -1)
	if err != nil {
		return types.Null, err
	}
	for i, m := range matches {
		if nth > 0 && int64(i+1) != nth {
			continue
		}
		out = append(out, s[last:m[0]]...)
		out = anyRegexp.ExpandString(out, tmpl, s, m)
		last = m[1]
	}
	return types.NewBytes(append(out, s[last:]...)), nil
}

// anyRegexp expands replacements, which name groups by number only.
var anyRegexp = regexp.MustCompile("")

func regexReplaceFn(c *Call, a []types.Datum) (types.Datum, error) {
	if opt := argStr(a, 3); opt != "" && isDigitByte(opt[0]) {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "invalid regular expression option: \"%s\"", opt[:1]).
			WithHint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.")
	}
	flags, global := splitFlags(argStr(a, 3))
	if given := argStr(a, 3); given != "" && given[0] >= '0' && given[0] <= '9' {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "invalid regular expression option: \"%s\"", given[:1]).
			WithHint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.")
	}
	nth := int64(1)
	if global {
		nth = 0
	}
	return regexReplace(c, a[0].Str(), a[1].Str(), a[2].Str(), flags, 1, nth)
}

func regexReplaceExt(c *Call, a []types.Datum) (types.Datum, error) {
	n := int64(1)
	flags, global := splitFlags(argStr(a, 5))
	if len(a) > 4 {
		n = a[4].Int()
	} else if global {
		n = 0
	}
	return regexReplace(c, a[0].Str(), a[1].Str(), a[2].Str(), flags, a[3].Int(), n)
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

func regexpMatch(c *Call, a []types.Datum) (types.Datum, error) {
	flags, global := splitFlags(argStr(a, 2))
	if global {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "regexp_match() does not support the \"global\" option").
			WithHint("Use the regexp_matches function instead.")
	}
	re, err := compileRegexp(a[1].Str(), flags)
	if err != nil {
		return types.Null, err
	}
	m, err := re.find(c, a[0].Str())
	if m == nil || err != nil {
		return types.Null, err
	}
	return types.NewArray1(types.TextOid, groups(a[0].Str(), m)), nil
}

// regexSplit splits as PostgreSQL does: an empty match at the end of the previous one or at the end of the text is none.
func regexSplit(c *Call, name, s, pattern, flags string) ([]types.Datum, error) {
	if err := noGlobal(name, flags); err != nil {
		return nil, err
	}
	re, err := compileRegexp(pattern, flags)
	if err != nil {
		return nil, err
	}
	var out []types.Datum
	last := 0
	matches, err := re.all(c, s, -1)
	if err != nil {
		return nil, err
	}
	for _, m := range matches {
		if m[0] == m[1] && (m[0] == last && m[0] == 0 || m[0] == len(s) || m[1] == last) {
			continue
		}
		out = append(out, types.NewString(s[last:m[0]]))
		last = m[1]
	}
	return append(out, types.NewString(s[last:])), nil
}

func regexpSubstr(c *Call, a []types.Datum) (types.Datum, error) {
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
	s := a[0].Str()
	ms, err := re.allFrom(c, s, start, int(nth))
	if err == nil && sub == 1 && int64(len(ms)) >= nth && len(ms[nth-1]) == 2 {
		sub = 0 // as in regexp_instr
	}
	if err != nil || int64(len(ms)) < nth || int(sub)*2 >= len(ms[nth-1]) || ms[nth-1][2*sub] < 0 {
		return types.Null, err
	}
	m := ms[nth-1]
	return types.NewString(s[m[2*sub]:m[2*sub+1]]), nil
}

func errParameter(name string, v int64) error {
	return pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": %d", name, v)
}

// regexpInstr is regexp_instr(string, pattern, start, N, endoption, flags, subexpr): where the N-th match begins or ends.
func regexpInstr(c *Call, a []types.Datum) (types.Datum, error) {
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
	ms, err := re.allFrom(c, s, start, int(nth))
	if err != nil {
		return types.Null, err
	}
	if sub == 1 && int64(len(ms)) >= nth && len(ms[nth-1]) == 2 {
		sub = 0 // without parentheses the whole is the first subexpression
	}
	if int64(len(ms)) < nth || int(sub)*2 >= len(ms[nth-1]) || ms[nth-1][2*sub] < 0 {
		return types.NewInt(0), nil
	}
	return types.NewInt(int64(runeLen(s[:ms[nth-1][2*sub+end]])) + 1), nil
}

func regexpCount(c *Call, a []types.Datum) (types.Datum, error) {
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
	ms, err := re.allFrom(c, a[0].Str(), start, -1)
	return types.NewInt(int64(len(ms))), err
}

// textRegexSubstr is substring(text from pattern): the first group, or the whole match.
func textRegexSubstr(c *Call, a, b types.Datum) (types.Datum, error) {
	re, err := compileRegexp(b.Str(), "")
	if err != nil {
		return types.Null, err
	}
	m, err := re.find(c, a.Str())
	if m == nil || err != nil {
		return types.Null, err
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
	"textregexreplace":          {fn: regexReplaceFn},
	"textregexreplace_noopt":    {fn: regexReplaceFn},
	"textregexreplace_extended": {fn: regexReplaceExt}, "textregexreplace_extended_no_flags": {fn: regexReplaceExt},
	"textregexreplace_extended_no_n": {fn: regexReplaceExt},
	"regexp_match":                   {fn: regexpMatch}, "regexp_match_no_flags": {fn: regexpMatch},
	"regexp_split_to_array": {fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		parts, err := regexSplit(c, "regexp_split_to_array", a[0].Str(), a[1].Str(), argStr(a, 2))
		return types.NewArray1(types.TextOid, parts), err
	}},
	"regexp_split_to_array_no_flags": {fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		parts, err := regexSplit(c, "regexp_split_to_array", a[0].Str(), a[1].Str(), "")
		return types.NewArray1(types.TextOid, parts), err
	}},
	"regexp_like":          {fn: regexpLike},
	"regexp_like_no_flags": {fn: regexpLike},
	"regexp_count":         {fn: regexpCount}, "regexp_count_no_flags": {fn: regexpCount}, "regexp_count_no_start": {fn: regexpCount},
	"regexp_instr": {fn: regexpInstr}, "regexp_instr_no_start": {fn: regexpInstr}, "regexp_instr_no_n": {fn: regexpInstr},
	"regexp_instr_no_endoption": {fn: regexpInstr}, "regexp_instr_no_flags": {fn: regexpInstr}, "regexp_instr_no_subexpr": {fn: regexpInstr},
	"regexp_substr": {fn: regexpSubstr}, "regexp_substr_no_start": {fn: regexpSubstr}, "regexp_substr_no_n": {fn: regexpSubstr},
	"regexp_substr_no_flags": {fn: regexpSubstr}, "regexp_substr_no_subexpr": {fn: regexpSubstr},
}

func regexpLike(c *Call, a []types.Datum) (types.Datum, error) {
	if err := noGlobal("regexp_like", argStr(a, 2)); err != nil {
		return types.Null, err
	}
	re, err := compileRegexp(a[1].Str(), argStr(a, 2))
	if err != nil {
		return types.Null, err
	}
	ok, err := re.match(c, a[0].Str())
	return types.NewBool(ok), err
}

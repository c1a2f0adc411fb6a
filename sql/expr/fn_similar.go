package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// SQL's own regular expressions: SIMILAR TO and SUBSTRING(… SIMILAR … ESCAPE …).

// similarSteps calls f for every character of a pattern, with a backslash in front where it was escaped, and for the
// separators of SUBSTRING, which are an escaped double quote.
func similarSteps(p, esc string, f func(step string, separator bool) error) error {
	for i := 0; i < len(p); {
		escaped := esc != "" && strings.HasPrefix(p[i:], esc)
		if escaped {
			if i += len(esc); i == len(p) {
				return nil // one that escapes nothing is nothing
			}
		}
		_, n := utf8.DecodeRuneInString(p[i:])
		step := p[i : i+n]
		if i += n; escaped {
			step = `\` + step
		}
		if err := f(step, step == `\"`); err != nil {
			return err
		}
	}
	return nil
}

// similarEscape turns a SIMILAR TO pattern into a regular expression. Two separators make three parts of it, of which
// the middle one is what SUBSTRING returns: the first part then matches as little as it can.
func similarEscape(p, esc string) (string, error) {
	if runeLen(esc) > 1 {
		return "", pgerr.New(pgerr.InvalidEscapeSequence, "invalid escape string").WithHint("Escape string must be empty or one character.")
	}
	separators := 0
	err := similarSteps(p, esc, func(_ string, separator bool) error {
		if separator {
			separators++
		}
		if separators > 2 {
			return pgerr.New(pgerr.InvalidUseOfEscapeCharacter, "SQL regular expression may not contain more than two escape-double-quote separators")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("^(?:")
	inSet, part := false, 0
	_ = similarSteps(p, esc, func(step string, separator bool) error {
		switch {
		case separator:
			b.WriteString([...]string{")(", ")(?:"}[part])
			part++
		case len(step) > 1 && step[0] == '\\':
			b.WriteString(step)
		case inSet:
			inSet = step != "]"
			b.WriteString(step)
		case step == "[":
			inSet = true
			b.WriteString(step)
		case step == "%":
			b.WriteString(".*")
		case step == "_":
			b.WriteByte('.')
		case step == "(":
			b.WriteString("(?:")
		case strings.Contains(`\.^$`, step):
			b.WriteString(`\` + step)
		default:
			b.WriteString(step)
		}
		if part == 0 && separators > 0 && !inSet && strings.Contains("%*+?}", step) {
			b.WriteByte('?')
		}
		return nil
	})
	b.WriteString(")$")
	return b.String(), nil
}

// similarSubstr is SUBSTRING(string SIMILAR pattern ESCAPE character).
func similarSubstr(c *Call, a []types.Datum) (types.Datum, error) {
	re, err := similarEscape(a[1].Str(), a[2].Str())
	if err != nil {
		return types.Null, err
	}
	return textRegexSubstr(c, a[0], types.NewString(re))
}

// inlineSimilar computes the pattern, where it is constant, as PostgreSQL does when it expands the function.
func inlineSimilar(args []Node) error {
	pattern, ok := args[1].(*Const)
	escape, both := args[2].(*Const)
	if !ok || !both {
		return nil
	}
	_, err := similarEscape(pattern.Value.Str(), escape.Value.Str())
	return err
}

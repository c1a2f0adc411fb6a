package tsearch

import (
	"math"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Options are those of ts_headline.
type Options struct {
	MinWords, MaxWords int
	ShortWord          int // words of as many bytes or fewer are no good ends
	MaxFragments       int // 0: one stretch of words
	HighlightAll       bool
	StartSel, StopSel  string
	FragmentDelimiter  string
}

// ParseOptions reads the options of a headline: name = value, with commas between them. "" is the defaults.
func ParseOptions(text string) (Options, error) {
	o := Options{MinWords: 15, MaxWords: 35, ShortWord: 3, StartSel: "<b>", StopSel: "</b>", FragmentDelimiter: " ... "}
	list, err := optionList(text)
	if err != nil {
		return o, err
	}
	for _, e := range list {
		if err := o.set(e.name, e.value); err != nil {
			return o, err
		}
	}
	refuse := func(what string) (Options, error) { return o, pgerr.New(pgerr.InvalidParameterValue, "%s", what) }
	switch {
	case o.HighlightAll: // these do not count then
	case o.MinWords >= o.MaxWords:
		return refuse("MinWords should be less than MaxWords")
	case o.MinWords <= 0:
		return refuse("MinWords should be positive")
	case o.ShortWord < 0:
		return refuse("ShortWord should be >= 0")
	case o.MaxFragments < 0:
		return refuse("MaxFragments should be >= 0")
	}
	for _, e := range []option{{"StartSel", o.StartSel}, {"StopSel", o.StopSel}, {"FragmentDelimiter", o.FragmentDelimiter}} {
		if len(e.value) > math.MaxInt16 {
			return refuse("value for \"" + e.name + "\" is too long")
		}
	}
	return o, nil
}

func (o *Options) set(name, value string) (err error) {
	number := func(to *int) error {
		n, err := types.ParseInt(value, types.Int4Oid)
		*to = int(n)
		return err
	}
	switch strings.ToLower(name) {
	case "maxwords":
		return number(&o.MaxWords)
	case "minwords":
		return number(&o.MinWords)
	case "shortword":
		return number(&o.ShortWord)
	case "maxfragments":
		return number(&o.MaxFragments)
	case "startsel":
		o.StartSel = value
	case "stopsel":
		o.StopSel = value
	case "fragmentdelimiter":
		o.FragmentDelimiter = value
	case "highlightall":
		switch strings.ToLower(value) {
		case "1", "on", "true", "t", "y", "yes":
			o.HighlightAll = true
		default:
			o.HighlightAll = false
		}
	default:
		return pgerr.New(pgerr.InvalidParameterValue, "unrecognized headline parameter: \"%s\"", name)
	}
	return nil
}

type option struct{ name, value string }

// optionReader reads a list of options.
type optionReader struct {
	text string
	at   int
}

func (r *optionReader) errFormat() error {
	return pgerr.New(pgerr.SyntaxError, "invalid parameter list format: \"%s\"", r.text)
}

func (r *optionReader) char() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *optionReader) skipSpace() {
	for r.at < len(r.text) && types.IsWideSpace(rune(r.text[r.at])) {
		r.at++
	}
}

// optionList reads name = value pairs with commas or blanks between them. A name in double quotes and a value in quotes of
// either kind may have anything in it, the quote doubled.
func optionList(text string) (out []option, err error) {
	r := &optionReader{text: text}
	for {
		for r.skipSpace(); r.char() == ','; r.skipSpace() {
			r.at++
		}
		if r.at >= len(r.text) {
			return out, nil
		}
		var o option
		if o.name, err = r.name(); err != nil {
			return nil, err
		}
		if r.skipSpace(); r.char() != '=' {
			return nil, r.errFormat()
		}
		r.at++
		r.skipSpace()
		if o.value, err = r.value(); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
}

func (r *optionReader) name() (string, error) {
	if r.char() == '"' {
		return r.quoted('"')
	}
	from := r.at
	for r.at++; r.at < len(r.text) && r.char() != '=' && !types.IsWideSpace(rune(r.char())); r.at++ {
	}
	return r.text[from:r.at], nil
}

func (r *optionReader) value() (string, error) {
	switch c := r.char(); {
	case r.at >= len(r.text):
		return "", r.errFormat()
	case c == 'E' && strings.HasPrefix(r.text[r.at+1:], "'"):
		r.at++
		return r.quoted('\'')
	case c == '\'' || c == '"':
		return r.quoted(c)
	}
	from := r.at
	for r.at++; r.at < len(r.text) && r.char() != ',' && !types.IsWideSpace(rune(r.char())); r.at++ {
	}
	return r.text[from:r.at], nil
}

// quoted reads up to the quote. Two backslashes between single quotes are one.
func (r *optionReader) quoted(quote byte) (string, error) {
	var b []byte
	for r.at++; r.at < len(r.text); r.at++ {
		c := r.char()
		doubled := r.at+1 < len(r.text) && r.text[r.at+1] == c
		switch {
		case doubled && (c == quote || c == '\\' && quote == '\''):
			r.at++
		case c == quote:
			r.at++
			return string(b), nil
		}
		b = append(b, c)
	}
	return "", r.errFormat()
}

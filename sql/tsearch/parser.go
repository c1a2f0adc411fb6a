package tsearch

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The parser divides a text into tokens. It is an automaton that can try: where a character may begin something longer (a
// dot behind a word may be within a host's name), a rule notes where it is and goes on in another state; if that comes to
// nothing, the parser returns to the note and takes the next rule of the state there. The rules are in grammar.

// verb is what a rule does.
type verb uint8

const (
	vGo     verb = iota // take the character and go on in the state
	vTry                // note where this is, then as vGo
	vBack               // return to the last note and its next rule
	vKeep               // forget the last note, then as vGo
	vMerge              // take what was tried as part of what the last note is about, in its state
	vRerun              // go on in the state without taking the character
	vFound              // the token ends before the character
	vCut                // forget the last note, the token ends
	vSettle             // forget all notes, the token ends
)

var verbs = map[string]verb{"go": vGo, "try": vTry, "back": vBack, "keep": vKeep, "merge": vMerge, "rerun": vRerun,
	"found": vFound, "cut": vCut, "settle": vSettle}

// stay is the state of a rule that leaves the state as it is.
const stay = -1

type rule struct {
	class   string // of the characters to which it applies
	test    func(p *parser) bool
	char    byte // if test is nil, the character to which the rule applies; 0: to any
	do      verb
	to      int
	token   TokenType
	special func(p *parser)
}

func (r *rule) applies(p *parser) bool {
	switch {
	case r.test != nil:
		return r.test(p)
	case r.char != 0:
		return p.size == 1 && p.char == rune(r.char)
	}
	return true
}

// position is where the parser is, or was when it tried something.
type position struct {
	at    int // in the text
	taken int // bytes of the token so far
	state int
	next  int // the rule of the state to continue with
}

type parser struct {
	text  string
	stack []position // the notes, and on top where it is

	ignore   bool // within a script or style element
	wantHost bool // the token to come is a host, and ends before a path

	// of the character at the position
	char rune
	size int // 0 at the end

	start int // of the token
	taken int // its length
	token TokenType
}

func newParser(text string) *parser {
	return &parser{text: text, stack: append(make([]position, 0, 8), position{state: baseState})}
}

func (p *parser) top() *position { return &p.stack[len(p.stack)-1] }

// rest is a parser of the text from the position on.
func (p *parser) rest() *parser { return newParser(p.text[p.top().at:]) }

// next finds the next token, which is p.text[p.start:p.start+p.taken] of type p.token; false: there is none.
func (p *parser) next() bool {
	p.start = p.top().at
	if p.start >= len(p.text) {
		return false
	}
	p.top().next = 0
	for p.top().at <= len(p.text) {
		r := p.rule()
		if r.special != nil {
			r.special(p)
		}
		if r.do >= vFound {
			t := p.top()
			p.token, p.taken, t.taken = r.token, t.taken, 0
		}
		p.apply(r)
		switch {
		case r.do >= vFound:
			return true
		case r.do == vRerun:
			continue
		case p.top().at >= len(p.text):
			return false
		case r.do == vBack:
			continue
		}
		t := p.top()
		t.at += p.size
		t.taken += p.size
	}
	return false
}

// rule finds the first rule of the state, from where it was left, that applies to the character.
func (p *parser) rule() *rule {
	t := p.top()
	p.char, p.size = 0, 0
	if t.at < len(p.text) {
		p.char, p.size = utf8.DecodeRuneInString(p.text[t.at:])
	}
	rules := grammar[t.state]
	i := t.next
	t.next = 0
	for !rules[i].applies(p) {
		i++
	}
	if rules[i].do == vTry {
		p.top().next = i + 1
	}
	return &rules[i]
}

// apply changes the notes and the state as a rule says.
func (p *parser) apply(r *rule) {
	n := len(p.stack)
	switch r.do {
	case vBack:
		p.stack = p.stack[:n-1]
	case vTry:
		p.stack = append(p.stack, p.stack[n-1])
		p.top().next = 0
	case vKeep, vCut:
		p.stack[n-2] = p.stack[n-1]
		p.stack = p.stack[:n-1]
	case vSettle:
		p.stack[0] = p.stack[n-1]
		p.stack = p.stack[:1]
	case vMerge:
		p.stack[n-2].at, p.stack[n-2].taken = p.stack[n-1].at, p.stack[n-1].taken
		p.stack = p.stack[:n-1]
	}
	if r.to != stay {
		p.top().state = r.to
	}
}

// classes are the tests of a rule other than for one character.
var classes = map[string]func(p *parser) bool{
	"eof":      func(p *parser) bool { return p.size == 0 },
	"letter":   func(p *parser) bool { return p.size == 1 && types.IsWideAlpha(p.char) },
	"alpha":    func(p *parser) bool { return p.size > 0 && types.IsWideAlpha(p.char) },
	"digit":    func(p *parser) bool { return p.size == 1 && p.char >= '0' && p.char <= '9' },
	"xdigit":   func(p *parser) bool { return p.size == 1 && strings.ContainsRune("0123456789abcdefABCDEF", p.char) },
	"alnum":    func(p *parser) bool { return p.size > 0 && types.IsWideAlnum(p.char) },
	"notalnum": func(p *parser) bool { return p.size > 0 && !types.IsWideAlnum(p.char) },
	"space":    func(p *parser) bool { return p.size > 0 && types.IsWideSpace(p.char) },
	// Marks are no letters, but do not end a word either.
	"mark": func(p *parser) bool { return p.size > 1 && unicode.In(p.char, unicode.Mn, unicode.Me, unicode.Mc) },
	"urlchar": func(p *parser) bool {
		return p.size == 1 && p.char > ' ' && !strings.ContainsRune("\"<>\\^`{|}\x7f", p.char)
	},
	"ignored": func(p *parser) bool { return p.ignore },
	"urlpath": func(p *parser) bool { return p.path() },
	"host":    func(p *parser) bool { return p.host() },
	// Once asked, it is no more wanted.
	"stophost": func(p *parser) bool {
		want := p.wantHost
		p.wantHost = false
		return want
	},
	"else": nil,
}

// host takes the host that is next; false: there is none.
func (p *parser) host() bool {
	sub := p.rest()
	sub.wantHost = true
	return p.take(sub, Host)
}

// path takes the path of a URL that is next; false: there is none.
func (p *parser) path() bool {
	sub := p.rest()
	sub.stack = append(sub.stack, position{state: states["urlPathFirst"]})
	return p.take(sub, URLPath)
}

func (p *parser) take(sub *parser, t TokenType) bool {
	if !sub.next() || sub.token != t {
		return false
	}
	p.top().at += sub.taken
	p.top().taken += sub.taken
	return true
}

// specials are what rules do besides.
var specials = map[string]func(p *parser){
	// Within script and style all is blank.
	"element": func(p *parser) {
		switch tag := p.text[p.start:min(p.start+p.top().taken, len(p.text))]; strings.ToLower(tag) {
		case "<script", "<style":
			p.ignore = true
		case "</script", "</style":
			p.ignore = false
		}
	},
	// The parts of a URL, and of a word with hyphens, follow as tokens.
	"parts": func(p *parser) { p.top().at -= p.top().taken },
	"hostpart": func(p *parser) {
		p.wantHost = true
		p.top().at -= p.top().taken
	},
	"restart": func(p *parser) {
		p.top().at -= p.top().taken
		p.top().taken = 0
	},
}

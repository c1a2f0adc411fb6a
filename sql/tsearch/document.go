package tsearch

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Token is a token of a text.
type Token struct {
	Type TokenType
	Text string
}

// Parse divides a text into tokens.
func Parse(text string) (out []Token) {
	for p := newParser(text); p.next(); {
		out = append(out, Token{p.token, p.text[p.start : p.start+p.taken]})
	}
	return out
}

// word is a lexeme at its position in a document.
type word struct {
	lexeme string
	pos    int
}

// Document collects the lexemes of texts.
type Document struct {
	config *Config
	notice func(*pgerr.Error) // may be nil
	words  []word
	pos    int
}

// NewDocument returns an empty document. Notices go to notice, which may be nil.
func (c *Config) NewDocument(notice func(*pgerr.Error)) *Document {
	return &Document{config: c, notice: notice}
}

// tokens calls f for the tokens of a text, with their lexemes and whether a dictionary took them.
func (c *Config) tokens(text string, notice func(*pgerr.Error), f func(t Token, lexemes []string, taken bool)) error {
	for p := newParser(text); p.next(); {
		if p.taken >= types.MaxLexemeBytes {
			if notice != nil {
				n := pgerr.Notice("word is too long to be indexed").WithDetail("Words longer than %d characters are ignored.", types.MaxLexemeBytes)
				n.Code = pgerr.ProgramLimitExceeded
				notice(n)
			}
			continue
		}
		t := Token{p.token, p.text[p.start : p.start+p.taken]}
		d := c.Dictionary(t.Type)
		if d == nil {
			f(t, nil, false)
			continue
		}
		lexemes, err := d.Lexize(t.Text)
		if err != nil {
			return err
		}
		f(t, lexemes, true)
	}
	return nil
}

// Add appends a text to the document.
func (d *Document) Add(text string) error {
	return d.config.tokens(text, d.notice, func(_ Token, lexemes []string, taken bool) {
		if taken {
			d.pos++
		}
		for _, l := range lexemes {
			d.words = append(d.words, word{l, min(d.pos, types.MaxTSPosition)})
		}
	})
}

// AddElement appends a text that is not to be next to what is before it and comes after it.
func (d *Document) AddElement(text string) error {
	before := len(d.words)
	err := d.Add(text)
	if len(d.words) > before {
		d.pos++
	}
	return err
}

// maxPositions is how many positions of a lexeme a document keeps.
const maxPositions = 255

// Vector returns the tsvector of the document.
func (d *Document) Vector() (types.TSVector, error) {
	at := make(map[string]int, len(d.words))
	var v types.TSVector
	for _, w := range d.words {
		i, ok := at[w.lexeme]
		if !ok {
			i = len(v)
			at[w.lexeme] = i
			v = append(v, types.TSLexeme{Word: w.lexeme})
		}
		l := &v[i]
		if n := len(l.Pos); n > 0 && (n >= maxPositions || l.Pos[n-1].Pos() >= w.pos) {
			continue
		}
		l.Pos = append(l.Pos, types.NewTSPos(w.pos, 0))
	}
	v = v.Normalize()
	return v, v.CheckSize()
}

// Vector returns the tsvector of a text.
func (c *Config) Vector(text string, notice func(*pgerr.Error)) (types.TSVector, error) {
	d := c.NewDocument(notice)
	if err := d.Add(text); err != nil {
		return nil, err
	}
	return d.Vector()
}

// Query reads a query whose operands are words of a text: each becomes its lexemes, connected by operator where they are
// several.
func (c *Config) Query(text string, syntax types.TSQuerySyntax, operator types.TSOp, notice func(*pgerr.Error)) (*types.TSNode, error) {
	return types.ParseTSQuery(text, syntax, func(b *types.TSQueryBuilder, w string, weight uint8, prefix bool) error {
		d := c.NewDocument(notice)
		if err := d.Add(w); err != nil {
			return err
		}
		return d.operands(b, operator, weight, prefix)
	}, notice)
}

// operands appends the words of the document. Stop words between them leave their places, for the distances in a phrase.
func (d *Document) operands(b *types.TSQueryBuilder, operator types.TSOp, weight uint8, prefix bool) error {
	if len(d.words) == 0 {
		b.Stop()
		return nil
	}
	n, last := 0, 0
	connect := func() {
		if n > 0 {
			b.Operator(operator, 1)
		}
		n++
	}
	for i := 0; i < len(d.words); {
		pos := d.words[i].pos
		for ; last > 0 && last+1 < pos; last++ {
			b.Stop()
			connect()
		}
		last = pos
		for first := i; i < len(d.words) && d.words[i].pos == pos; i++ {
			if err := b.Operand(d.words[i].lexeme, weight, prefix); err != nil {
				return err
			}
			if i > first {
				b.Operator(types.TSAnd, 0)
			}
		}
		connect()
	}
	return nil
}

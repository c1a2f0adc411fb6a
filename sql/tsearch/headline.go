package tsearch

import (
	"math"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Headlines: the part of a document that shows best why it matches a query. The document is a list of its tokens; those
// that the query has are interesting. A cover is a stretch of tokens that satisfies the query.

// headlineWord is a token of a document.
type headlineWord struct {
	kind     TokenType
	text     string
	pos      int           // in the tsvector of the document
	operand  *types.TSNode // of the query that it is; nil: none
	repeated bool          // the token before, once more, for another operand

	in, selected, replaced, skipped bool // in the headline; marked; as a blank; not shown
}

// headline makes one headline.
type headline struct {
	Options
	words []headlineWord
	query *types.TSNode
}

// Headline is ts_headline.
func (c *Config) Headline(text string, q *types.TSNode, o Options, notice func(*pgerr.Error)) (string, error) {
	h := &headline{Options: o, query: q}
	if err := h.read(c, text, notice); err != nil {
		return "", err
	}
	if o.MaxFragments == 0 {
		h.chooseWords()
	} else {
		h.chooseFragments()
	}
	return h.String(), nil
}

// read makes the list of tokens.
func (h *headline) read(c *Config, text string, notice func(*pgerr.Error)) error {
	pos := 0
	return c.tokens(text, notice, func(t Token, lexemes []string, taken bool) {
		if taken {
			pos++
		}
		h.words = append(h.words, headlineWord{kind: t.Type, text: t.Text})
		at := len(h.words) - 1
		for _, l := range lexemes {
			h.words[at].pos = min(pos, types.MaxTSPosition)
			h.query.Operands(func(o *types.TSNode) {
				if o.Word != l && !(o.Prefix && strings.HasPrefix(l, o.Word)) {
					return
				}
				if h.words[at].operand == nil {
					h.words[at].operand = o
					return
				}
				again := h.words[at]
				again.operand, again.repeated = o, true
				h.words = append(h.words, again)
			})
		}
	})
}

// String writes the chosen words.
func (h *headline) String() string {
	var b strings.Builder
	fragments, within := 0, false
	for i := range h.words {
		w := &h.words[i]
		switch {
		case w.repeated:
			continue
		case !w.in:
			within = false
			continue
		case !within:
			within = true
			if fragments++; fragments > 1 {
				b.WriteString(h.FragmentDelimiter)
			}
		}
		switch {
		case w.replaced:
			b.WriteByte(' ')
		case w.skipped:
		case w.selected:
			b.WriteString(h.StartSel)
			b.WriteString(w.text)
			b.WriteString(h.StopSel)
		default:
			b.WriteString(w.text)
		}
	}
	return b.String()
}

// compound says that the parts of the token follow as tokens.
func (w *headlineWord) compound() bool {
	return w.kind == URL || w.kind == NumHyphenWord || w.kind == ASCIIHyphenWord || w.kind == HyphenWord
}

// counts says that the token counts as a word.
func (w *headlineWord) counts() bool { return w.kind != Blank && w.kind != Tag && !w.compound() }

func (w *headlineWord) interesting() bool { return w.operand != nil && !w.repeated }

// badEnd says that a headline should not end at the token.
func (h *headline) badEnd(i int) bool {
	w := &h.words[i]
	switch {
	case w.interesting():
		return false
	case len(w.text) <= h.ShortWord || !w.counts():
		return true
	}
	switch w.kind {
	case ScientificFloat, Version, Float, Int, UnsignedInt, Protocol, Entity:
		return true
	}
	return false
}

// count returns 1 for a token that counts as a word, and 1 for an interesting one.
func (h *headline) count(i int) (word, interesting int) {
	if h.words[i].counts() {
		word = 1
	}
	if h.words[i].interesting() {
		interesting = 1
	}
	return word, interesting
}

// mark takes the tokens from first to last into the headline.
func (h *headline) mark(first, last int) {
	for i := first; i <= last; i++ {
		w := &h.words[i]
		w.selected = w.selected || w.operand != nil
		switch {
		case w.compound():
			w.skipped = true
		case w.kind == Tag && !h.HighlightAll:
			w.replaced = true
		}
		w.in = !w.repeated
	}
}

// markFirst takes the first words, where nothing better is found.
func (h *headline) markFirst() {
	last, n := 0, 0
	for i := 0; i < len(h.words) && n < h.MinWords; i++ {
		w, _ := h.count(i)
		n += w
		last = i
	}
	h.mark(0, min(last, len(h.words)-1))
}

// nextOperand returns the first token from i on that the query has, -1 if there is none.
func (h *headline) nextOperand(i int) int {
	for ; i < len(h.words); i++ {
		if h.words[i].operand != nil {
			return i
		}
	}
	return -1
}

// cover finds the first and shortest cover from a token on.
func (h *headline) cover(from int) (first, last int, ok bool) {
	for first = h.nextOperand(from); first >= 0; first = h.nextOperand(first + 1) {
		for last = first; last >= 0 && last-first < h.maxCover(); last = h.nextOperand(last + 1) {
			if h.satisfied(first, last) {
				return first, last, true
			}
		}
	}
	return 0, 0, false
}

// maxCover bounds how long a cover may be, in tokens.
func (h *headline) maxCover() int { return max(h.MaxWords*10, 100) * max(h.MaxFragments, 1) }

// satisfied reports whether the tokens from first to last satisfy the query.
func (h *headline) satisfied(first, last int) bool {
	return h.query != nil && execute(h.query, func(o *types.TSNode, s *span) ternary {
		result := no
		for i := first; i <= last; i++ {
			w := &h.words[i]
			if w.operand != o {
				continue
			}
			result = yes
			if s == nil {
				break
			}
			if n := len(s.pos); n == 0 || s.pos[n-1] < w.pos {
				s.pos = append(s.pos, w.pos)
			}
		}
		return result
	}) != no
}

// candidate is a headline that was considered.
type candidate struct {
	first, last int
	interesting int
	covers      bool // the whole of a cover is in it
}

// chooseWords takes the best stretch about a cover: one with all of the cover before others, then with more interesting
// words, then with a better end.
func (h *headline) chooseWords() {
	if h.HighlightAll {
		h.mark(0, len(h.words)-1)
		return
	}
	best := candidate{interesting: -1, last: -1}
	for from := 0; ; from++ {
		first, last, ok := h.cover(from)
		if !ok {
			break
		}
		from = first
		c := h.about(first, last)
		switch {
		case c.covers != best.covers:
			if c.covers {
				best = c
			}
		case c.interesting > best.interesting,
			c.interesting == best.interesting && !h.badEnd(c.last) && h.badEnd(best.last):
			best = c
		}
	}
	if best.interesting < 0 {
		h.markFirst()
		return
	}
	h.mark(best.first, best.last)
}

// about makes a headline of a cover: longer at its end, and then at its beginning, until it has the words it should have, or
// shorter.
func (h *headline) about(first, last int) candidate {
	c := candidate{first: first, last: first}
	n, i := 0, first
	add := func(i int) {
		word, interesting := h.count(i)
		n += word
		c.interesting += interesting
	}
	for ; i <= last && n < h.MaxWords; i++ {
		add(i)
		c.last = i
	}
	if n >= h.MaxWords {
		for i = min(i, last); n > h.MinWords && h.badEnd(i); i-- {
			word, interesting := h.count(i)
			n -= word
			c.interesting -= interesting
			c.last = i - 1
		}
		c.covers = c.first <= first && c.last >= last
		return c
	}
	for i--; i < len(h.words) && n < h.MaxWords; i++ {
		if i > last {
			add(i)
		}
		c.last = i
		if !h.badEnd(i) && n >= h.MinWords {
			break
		}
	}
	if n < h.MinWords {
		for i = first - 1; i >= 0; i-- {
			add(i)
			if n >= h.MaxWords || !h.badEnd(i) && n >= h.MinWords {
				break
			}
		}
		c.first = max(i, 0)
	}
	c.covers = c.first <= first && c.last >= last
	return c
}

// fragment is a part of a headline.
type fragment struct {
	first, last        int
	interesting, words int
	used               bool // taken, or it overlaps one that is
}

// fragments divides covers into parts that are not too long, with interesting words at both ends.
func (h *headline) fragments() (out []fragment) {
	for from := 0; ; from++ {
		first, last, ok := h.cover(from)
		if !ok {
			return out
		}
		from = first
		for at := first; at <= last; {
			f := h.fragment(at, last)
			out = append(out, f)
			at = f.last + 1
		}
	}
}

// fragment is the first part of the tokens from first to last.
func (h *headline) fragment(first, last int) fragment {
	f := fragment{first: first, last: last}
	for i := first; i <= last; i++ {
		if f.first = i; h.words[i].interesting() {
			break
		}
	}
	i := f.first
	for ; i <= last && f.words < h.MaxWords; i++ {
		word, interesting := h.count(i)
		f.words += word
		f.interesting += interesting
	}
	if last > i {
		for ; i >= f.first; i-- {
			if f.last = i; h.words[i].interesting() {
				break
			}
			word, _ := h.count(i)
			f.words -= word
		}
	}
	return f
}

// chooseFragments takes the fragments with the most interesting words, and of these the shortest, and makes them as long as
// they should be.
func (h *headline) chooseFragments() {
	all := h.fragments()
	taken := 0
	for ; taken < h.MaxFragments; taken++ {
		best, interesting, words := -1, 0, math.MaxInt
		for i := range all {
			f := &all[i]
			if !f.used && (f.interesting > interesting || f.interesting == interesting && f.words < words) {
				best, interesting, words = i, f.interesting, f.words
			}
		}
		if best < 0 {
			break
		}
		f := &all[best]
		f.used = true
		h.stretch(f)
		h.mark(f.first, f.last)
		for i := range all {
			g := &all[i]
			g.used = g.used || g.first <= f.last && g.last >= f.first
		}
	}
	if taken == 0 {
		h.markFirst()
	}
}

// stretch makes a fragment longer at both sides, up to others that are taken.
func (h *headline) stretch(f *fragment) {
	if f.words >= h.MaxWords {
		return
	}
	room := (h.MaxWords - f.words) / 2
	i, stretched := f.first-1, 0
	for ; i >= 0 && stretched < room && !h.words[i].in; i-- {
		word, _ := h.count(i)
		stretched += word
	}
	f.words += stretched
	for i++; i < f.first && h.badEnd(i); i++ {
		word, _ := h.count(i)
		f.words -= word
	}
	f.first = i
	for i = f.last + 1; i < len(h.words) && f.words < h.MaxWords && !h.words[i].in; i++ {
		word, _ := h.count(i)
		f.words += word
	}
	for i--; i > f.last && h.badEnd(i); i-- {
		word, _ := h.count(i)
		f.words -= word
	}
	f.last = i
}

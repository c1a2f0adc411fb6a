package keyenc

import (
	"slices"
	"strings"
	"unicode"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The trigrams of pg_trgm. A text's words are its longest runs of letters and digits, in lower case; a word's trigrams are
// every three successive characters of it with two blanks in front and one behind. Three characters of ASCII stand for
// themselves, others for three bytes of a checksum, as in PostgreSQL.

// TrigramBounds says that a trigram is the first or the last one of its word.
type TrigramBounds uint8

// The bounds.
const (
	TrigramLeft TrigramBounds = 1 << iota
	TrigramRight
)

// TextEdge stands for the beginning or the end of a text in a part of one: no word goes on beyond it. It is no character of
// any text.
const TextEdge = "\x00"

func isTrigramRune(r rune) bool {
	if r < 0x80 {
		return r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9'
	}
	return unicode.In(r, unicode.L, unicode.Nd, unicode.Nl, unicode.Other_Alphabetic)
}

// trigram is the three bytes that stand for three characters.
func trigram(chars string) string {
	if len(chars) == 3 {
		return chars
	}
	crc := uint32(types.WordCRC(chars))
	return string([]byte{byte(crc), byte(crc >> 8), byte(crc >> 16)})
}

// appendTrigrams appends the trigrams of characters that are in lower case and padded.
func appendTrigrams(out []string, padded string) []string {
	var at [3]int
	n := 0
	for i := range padded {
		if n >= 3 {
			out = append(out, trigram(padded[at[n%3]:i]))
		}
		at[n%3] = i
		n++
	}
	if n >= 3 {
		out = append(out, trigram(padded[at[n%3]:]))
	}
	return out
}

// Trigrams returns all trigrams of a text in their order, with what bounds they are of if that is asked for.
func Trigrams(s string, bounds bool) (out []string, at []TrigramBounds) {
	for s != "" {
		from := strings.IndexFunc(s, isTrigramRune)
		if from < 0 {
			break
		}
		s = s[from:]
		to := strings.IndexFunc(s, func(r rune) bool { return !isTrigramRune(r) })
		if to < 0 {
			to = len(s)
		}
		first := len(out)
		out = appendTrigrams(out, "  "+strings.ToLower(s[:to])+" ")
		if s = s[to:]; bounds {
			at = append(at, make([]TrigramBounds, len(out)-first)...)
			at[first] |= TrigramLeft
			at[len(at)-1] |= TrigramRight
		}
	}
	return out, at
}

// CompareTrigrams orders trigrams as PostgreSQL does on machines on which a char has a sign.
func CompareTrigrams(a, b string) int {
	for i := range 3 {
		if a[i] != b[i] {
			return int(int8(a[i])) - int(int8(b[i]))
		}
	}
	return 0
}

// TrigramSet returns the distinct trigrams of a text, in the order of CompareTrigrams.
func TrigramSet(s string) []string {
	out, _ := Trigrams(s, false)
	slices.SortFunc(out, CompareTrigrams)
	return slices.Compact(out)
}

func ginTrigrams(list []string) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = "g" + t
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// GinTrigramsOf returns what follows for a text from having a part, in which TextEdge stands where the text begins or ends.
// Words at the part's own ends may go on.
func GinTrigramsOf(part string) *GinQuery {
	var list []string
	for from := 0; from < len(part); {
		begin := strings.IndexFunc(part[from:], isTrigramRune)
		if begin < 0 {
			break
		}
		begin += from
		word := part[begin:]
		if to := strings.IndexFunc(word, func(r rune) bool { return !isTrigramRune(r) }); to >= 0 {
			word = word[:to]
		}
		from = begin + len(word)
		padded := strings.ToLower(word)
		if begin > 0 {
			padded = "  " + padded
		}
		if from < len(part) {
			padded += " "
		}
		list = appendTrigrams(list, padded)
	}
	return ginEach(ginTrigrams(list))
}

// GinSimilar returns what follows for a text from having at least the given part of the trigrams of another.
func GinSimilar(s string, part float64) *GinQuery {
	keys := ginTrigrams(TrigramSet(s))
	least := 1
	for least < len(keys) && float64(float32(least)/float32(len(keys))) < part {
		least++
	}
	switch {
	case part <= 0:
		return nil
	case len(keys) == 0:
		return never
	case least == 1:
		return ginAny(keys...)
	case least == len(keys):
		return ginEach(keys)
	}
	out := &GinQuery{Least: least}
	for _, k := range keys {
		out.Parts = append(out.Parts, ginAny(k))
	}
	return out
}

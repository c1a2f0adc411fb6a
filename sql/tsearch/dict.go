package tsearch

import (
	"embed"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/irish"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/tamil"
	"github.com/blevesearch/snowballstem/turkish"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Dictionary is a text search dictionary: simple, or the stemmer of a language.
type Dictionary struct {
	Oid  types.Oid // pg_ts_dict.oid
	Name string
	// Language is that of the stemmer, "" of simple.
	Language string

	stem func(*snowballstem.Env) bool // nil: simple, or not there
	stop func() []string              // the stop words, sorted
}

//go:embed stop/*.stop
var stopFiles embed.FS

// stemmers are those that the library has.
var stemmers = map[string]func(*snowballstem.Env) bool{
	"arabic": arabic.Stem, "danish": danish.Stem, "dutch": dutch.Stem, "english": english.Stem, "finnish": finnish.Stem,
	"french": french.Stem, "german": german.Stem, "hungarian": hungarian.Stem, "irish": irish.Stem, "italian": italian.Stem,
	"norwegian": norwegian.Stem, "portuguese": portuguese.Stem, "romanian": romanian.Stem, "russian": russian.Stem,
	"spanish": spanish.Stem, "swedish": swedish.Stem, "tamil": tamil.Stem, "turkish": turkish.Stem,
}

// newDictionary makes the dictionary of a language, "" for simple.
func newDictionary(oid types.Oid, language string) *Dictionary {
	d := &Dictionary{Oid: oid, Name: "simple", Language: language, stem: stemmers[language]}
	if language != "" {
		d.Name = language + "_stem"
	}
	d.stop = sync.OnceValue(func() []string {
		b, err := stopFiles.ReadFile("stop/" + language + ".stop")
		if err != nil { // the language has none
			return nil
		}
		words := strings.Fields(string(b))
		slices.Sort(words)
		return slices.Compact(words)
	})
	return d
}

// HasStopWords reports whether there is a list of stop words for the language.
func (d *Dictionary) HasStopWords() bool { return len(d.stop()) > 0 }

// maxStemBytes bounds what the stemmers see: nothing longer is a word of a language.
const maxStemBytes = 1000

// Lexize returns the lexemes of a word, none for a stop word. Every word is known to these dictionaries.
func (d *Dictionary) Lexize(word string) ([]string, error) {
	if d.Language != "" && d.stem == nil {
		return nil, pgerr.NotSupported("text search dictionary " + d.Name)
	}
	word = lower(word)
	switch _, isStop := slices.BinarySearch(d.stop(), word); {
	case d.stem != nil && len(word) > maxStemBytes:
		return []string{word}, nil
	case word == "" || isStop:
		return nil, nil
	case d.stem == nil:
		return []string{word}, nil
	}
	return []string{d.stemmed(word)}, nil
}

// lower folds each character by itself.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.Map(unicode.ToLower, s)
		}
	}
	return s
}

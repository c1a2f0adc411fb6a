package tsearch

import (
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
)

// stemmed is the stem of a word. PostgreSQL's stemmers have changed in some details since those of the library were made of
// the same source: the details are here.
func (d *Dictionary) stemmed(word string) string {
	stem := ""
	switch d.Language {
	case "russian":
		stem = d.run(strings.ReplaceAll(word, "ё", "е"))
	case "french":
		stem = d.french(word)
	case "finnish":
		stem = keepFinnishVowel(d.run(word), word)
	default:
		stem = d.run(word)
	}
	if stem == "" { // all of the word was a suffix
		return word
	}
	return stem
}

func (d *Dictionary) run(word string) string {
	env := snowballstem.NewEnv(word)
	d.stem(env)
	return env.Current()
}

const frenchVowels = "aeiouyâàëéêèïîôûù"

// french sets a vowel with a diaeresis off from the one before it by an H, which is no vowel to the stemmer.
func (d *Dictionary) french(word string) string {
	if !strings.ContainsAny(word, "ëï") {
		return d.run(word)
	}
	marked := markDiaereses(word)
	stem := d.run(marked)
	// A suffix of verbs in -ir does not begin with ï, which keeps no s behind it.
	if i := strings.LastIndex(marked, "Hi"); i >= 0 && strings.HasSuffix(stem, "H") && frenchISuffixes[marked[i+1:]] {
		stem = d.run(marked[:i] + "Hû" + marked[i+2:])
	}
	if strings.HasSuffix(stem, "His") {
		stem = stem[:len(stem)-1]
	}
	return strings.NewReplacer("He", "ë", "Hi", "ï", "Hû", "ï", "H", "").Replace(stem)
}

var frenchISuffixes = func() map[string]bool {
	m := map[string]bool{}
	for s := range strings.FieldsSeq(`i ie ies ir ira irai iraient irais irait iras irent irez iriez irions irons iront is issaient issais
		issait issant issante issantes issants isse issent isses issez issiez issions issons it`) {
		m[s] = true
	}
	return m
}()

// markDiaereses writes ë as He and ï as Hi. What is between two vowels is itself none: the stemmer makes capitals of u, i and
// y there, and would not see it any more.
func markDiaereses(word string) string {
	r := []rune(word)
	var b strings.Builder
	for i, c := range r {
		before := i+1 < len(r) && (r[i+1] == 'ë' || r[i+1] == 'ï')
		between := before && i > 0 && strings.ContainsRune(frenchVowels, r[i-1])
		switch {
		case c == 'ë':
			b.WriteString("He")
		case c == 'ï':
			b.WriteString("Hi")
		case between && (c == 'u' || c == 'i'), before && c == 'y':
			b.WriteRune(c - 'a' + 'A')
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// keepFinnishVowel gives a stem the vowel back that is cut after a consonant: š, ž, å and letters of other languages are not
// taken for consonants.
func keepFinnishVowel(stem, word string) string {
	const vowels, consonants = "aeiouyäö", "bcdfghjklmnpqrstvwxz"
	rest, ok := strings.CutPrefix(word, stem)
	if !ok || rest == "" || stem == "" {
		return stem
	}
	r := []rune(stem)
	last := r[len(r)-1]
	foreign := func(c rune) bool { return !strings.ContainsRune(vowels+consonants, c) }
	cut, size := utf8.DecodeRuneInString(rest)
	switch {
	case foreign(last) && (cut == 'a' || cut == 'ä' || cut == 'e' || rest == "i"),
		len(r) > 1 && strings.ContainsRune(vowels, last) && foreign(r[len(r)-2]) && (rest == "a" || rest == "ä"):
		return stem + rest[:size]
	}
	return stem
}

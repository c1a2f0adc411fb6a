package tsearch

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ParserOid is the default parser, the only one there is (pg_ts_parser.oid).
const ParserOid types.Oid = 3722

// Config is a text search configuration: which dictionary takes which tokens.
type Config struct {
	Oid  types.Oid // pg_ts_config.oid
	Name string
	// ASCII takes words of ASCII, Words others; simple takes numbers and what else is indexed.
	ASCII, Words *Dictionary
}

// Simple is the dictionary that folds case.
var Simple = newDictionary(3765, "")

var (
	configs      = []*Config{{Oid: 3748, Name: "simple", ASCII: Simple, Words: Simple}}
	dictionaries = []*Dictionary{Simple}
)

// languages are those of the stemmers, in the order in which PostgreSQL creates dictionary and configuration of each. For a
// language in another script, words of ASCII are taken to be English.
var languages = []struct{ name, ascii string }{
	{"arabic", ""}, {"armenian", ""}, {"basque", ""}, {"catalan", ""}, {"danish", ""}, {"dutch", ""}, {"english", ""}, {"finnish", ""},
	{"french", ""}, {"german", ""}, {"greek", ""}, {"hindi", "english"}, {"hungarian", ""}, {"indonesian", ""}, {"irish", ""},
	{"italian", ""}, {"lithuanian", ""}, {"nepali", ""}, {"norwegian", ""}, {"portuguese", ""}, {"romanian", ""},
	{"russian", "english"}, {"serbian", ""}, {"spanish", ""}, {"swedish", ""}, {"tamil", ""}, {"turkish", ""}, {"yiddish", ""},
}

// firstLanguageOid is the dictionary of the first language; its configuration has the next OID, and so on.
const firstLanguageOid types.Oid = 13151

func init() {
	byLanguage := map[string]*Dictionary{}
	for i, l := range languages {
		oid := firstLanguageOid + types.Oid(2*i)
		d := newDictionary(oid, l.name)
		byLanguage[l.name] = d
		c := &Config{Oid: oid + 1, Name: l.name, ASCII: d, Words: d}
		if l.ascii != "" {
			c.ASCII = byLanguage[l.ascii]
		}
		dictionaries, configs = append(dictionaries, d), append(configs, c)
	}
}

// Configs returns the configurations in the order of their OIDs.
func Configs() []*Config { return configs }

// Dictionaries returns the dictionaries in the order of their OIDs.
func Dictionaries() []*Dictionary { return dictionaries }

// FindConfig returns the configuration of an OID.
func FindConfig(oid types.Oid) (*Config, error) {
	for _, c := range configs {
		if c.Oid == oid {
			return c, nil
		}
	}
	return nil, pgerr.Internal("cache lookup failed for text search configuration %d", oid)
}

// ConfigNamed returns the configuration of a name, or nil.
func ConfigNamed(name string) *Config {
	for _, c := range configs {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// DictionaryNamed returns the dictionary of a name, or nil.
func DictionaryNamed(name string) *Dictionary {
	for _, d := range dictionaries {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// FindDictionary returns the dictionary of an OID.
func FindDictionary(oid types.Oid) (*Dictionary, error) {
	for _, d := range dictionaries {
		if d.Oid == oid {
			return d, nil
		}
	}
	return nil, pgerr.Internal("cache lookup failed for text search dictionary %d", oid)
}

// Dictionary returns what takes tokens of a type; nil: they are not indexed.
func (c *Config) Dictionary(t TokenType) *Dictionary {
	switch t {
	case ASCIIWord, ASCIIHyphenPart, ASCIIHyphenWord:
		return c.ASCII
	case Word, HyphenPart, HyphenWord:
		return c.Words
	case Blank, Tag, Protocol, Entity:
		return nil
	}
	return Simple
}

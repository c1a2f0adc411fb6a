package tsearch

// TokenType is a type of token of the default parser, by PostgreSQL's number.
type TokenType uint8

// The types of tokens.
const (
	ASCIIWord TokenType = iota + 1
	Word
	NumWord
	Email
	URL
	Host
	ScientificFloat
	Version
	NumHyphenPart
	HyphenPart
	ASCIIHyphenPart
	Blank
	Tag
	Protocol
	NumHyphenWord
	ASCIIHyphenWord
	HyphenWord
	URLPath
	File
	Float
	Int
	UnsignedInt
	Entity
)

// LastTokenType is the highest TokenType.
const LastTokenType = Entity

var tokenNames = [...]struct{ alias, description string }{
	ASCIIWord:       {"asciiword", "Word, all ASCII"},
	Word:            {"word", "Word, all letters"},
	NumWord:         {"numword", "Word, letters and digits"},
	Email:           {"email", "Email address"},
	URL:             {"url", "URL"},
	Host:            {"host", "Host"},
	ScientificFloat: {"sfloat", "Scientific notation"},
	Version:         {"version", "Version number"},
	NumHyphenPart:   {"hword_numpart", "Hyphenated word part, letters and digits"},
	HyphenPart:      {"hword_part", "Hyphenated word part, all letters"},
	ASCIIHyphenPart: {"hword_asciipart", "Hyphenated word part, all ASCII"},
	Blank:           {"blank", "Space symbols"},
	Tag:             {"tag", "XML tag"},
	Protocol:        {"protocol", "Protocol head"},
	NumHyphenWord:   {"numhword", "Hyphenated word, letters and digits"},
	ASCIIHyphenWord: {"asciihword", "Hyphenated word, all ASCII"},
	HyphenWord:      {"hword", "Hyphenated word, all letters"},
	URLPath:         {"url_path", "URL path"},
	File:            {"file", "File or path name"},
	Float:           {"float", "Decimal notation"},
	Int:             {"int", "Signed integer"},
	UnsignedInt:     {"uint", "Unsigned integer"},
	Entity:          {"entity", "XML entity"},
}

// Alias is the name of the type in configurations.
func (t TokenType) Alias() string { return tokenNames[t].alias }

// Description says what tokens of the type are.
func (t TokenType) Description() string { return tokenNames[t].description }

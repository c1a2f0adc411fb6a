package tsearch

import "strings"

// grammarText has the states of the parser, each a name and its rules: a class of characters or one character, a verb, a
// state or a type of token (behind a type the state that follows, base if none is named), and after @ what else to do. The
// first rule that applies counts. "." is the state itself.
const grammarText = `
base
	eof go . | < try tagFirst | ignored go blank | letter go asciiWord | alpha go word | digit go uint
	- try intFirst | + try intFirst | & try entityFirst | ~ try homeFile | / try fileFirst | . try dotFirst | else go blank
blank
	eof found blank | < found blank | ignored go . | - found blank | + found blank | & found blank | / found blank
	notalnum go . | else found blank

asciiWord
	letter go . | . try domainFirst | . try fileNext | - try hostPart | - try asciiHyphenFirst | _ try hostPart | @ try email
	: try protocolFirst | / try fileFirst | digit try host | digit go numWord | alpha go word | mark go word | else found asciiword
word
	alpha go . | mark go . | digit go numWord | - try hyphenFirst | else found word
numWord
	alnum go . | mark go . | @ try email | / try fileFirst | . try fileNext | - try numHyphenFirst | else found numword

uint
	digit go . | . try domainFirst | . try udecimalFirst | e try mantissaFirst | E try mantissaFirst | - try hostPart | _ try hostPart
	@ try email | letter try host | alpha go numWord | mark go numWord | / try fileFirst | else found uint
intFirst
	digit keep int | else back
int
	digit go . | . try decimalFirst | e try mantissaFirst | E try mantissaFirst | else found int
udecimalFirst
	digit keep udecimal | else back
udecimal
	digit go . | . try versionFirst | e try mantissaFirst | E try mantissaFirst | else found float
decimalFirst
	digit keep decimal | else back
decimal
	digit go . | . try signedVersion | e try mantissaFirst | E try mantissaFirst | else found float
signedVersion
	digit rerun sign @restart | else back
sign
	eof back | digit settle blank uint | else go .
versionFirst
	digit keep version | else back
version
	digit go . | . try versionFirst | else found version
mantissaFirst
	digit keep mantissa | + go mantissaSign | - go mantissaSign | else back
mantissaSign
	digit keep mantissa | else back
mantissa
	digit go . | else found sfloat

entityFirst
	# go entityNumberFirst | letter go entity | : go entity | _ go entity | else back
entity
	alnum go . | : go . | _ go . | . go . | - go . | ; go entityEnd | else back
entityNumberFirst
	x go entityHexFirst | X go entityHexFirst | digit go entityNumber | else back
entityHexFirst
	xdigit go entityHex | else back
entityNumber
	digit go . | ; go entityEnd | else back
entityHex
	xdigit go . | ; go entityEnd | else back
entityEnd
	else cut entity

tagFirst
	/ try tagCloseFirst | ! try commentFirst | ? try xmlFirst | letter try tagName | : try tagName | _ try tagName | else back
xmlFirst
	x go tag | else back
tagCloseFirst
	letter go tagName | else back
tagName
	/ go tagEmpty | > go tagEnd @element | space go tag @element | alnum go . | : go . | _ go . | . go . | - go . | else back
tagEmpty
	> go tagEnd | else back
tag
	> go tagEnd @element | ' go tagQuoted | " go tagDoubleQuoted | letter go . | digit go . | = go . | - go . | _ go . | # go .
	/ go . | : go . | . go . | & go . | ? go . | % go . | ~ go . | space go . @element | else back
tagQuoted
	eof back | \ try tagEscape | ' go tag | else go .
tagDoubleQuoted
	eof back | \ try tagEscape | " go tag | else go .
tagEscape
	eof back | else merge .
tagEnd
	else settle tag
commentFirst
	- go commentSecond | D go tag | d go tag | else back
commentSecond
	- go comment | else back
comment
	eof back | - go commentDash | else go .
commentDash
	eof back | - go commentDashes | else go comment
commentDashes
	eof back | - go . | > go tagEnd | else go comment

domainFirst
	letter go domainSecond | digit go host | else back
domainSecond
	letter go domain | digit try host | - try hostPart | _ try hostPart | . try domainFirst | @ try email | else back
domain
	eof settle host | letter go . | digit try host | : try portFirst | - try hostPart | _ try hostPart | . try domainFirst | @ try email
	digit back | stophost settle host urlPathStart | / try urlSlash | else settle host
portFirst
	digit go port | else back
port
	eof settle host | digit go . | stophost settle host urlPathStart | / try urlSlash | else settle host
hostPart
	digit go host | letter go host | else back
host
	digit go . | letter go . | @ try email | . try domainFirst | - try hostPart | _ try hostPart | else back
email
	stophost back | host settle email | else back

fileFirst
	letter go file | digit go file | . go pathDot | _ go file | ~ try homeFile | else back
homeFile
	letter go file | digit go file | _ go file | / go fileFirst | else back
pathDot
	letter go file | digit go file | _ go file | . go pathDots | / go fileFirst | else back
dotFirst
	. go pathDots | / go fileFirst | else back
pathDots
	eof cut file | / try fileFirst | / cut file | space cut file | else back
file
	letter go . | digit go . | . try fileNext | _ go . | - go . | / try fileFirst | else found file
fileNext
	letter keep file | digit keep file | _ keep file | else back

urlPathFirst
	urlchar go urlPath | else back
urlPathStart
	else go urlPath
urlPath
	urlchar go . | else found url_path
urlSlash
	eof back | urlpath settle url @hostpart | else back
protocolFirst
	/ go protocolSecond | else back
protocolSecond
	/ go protocolEnd | else back
protocolEnd
	else settle protocol

asciiHyphenFirst
	letter go asciiHyphen | alpha go hyphen | digit go hyphenDigits | else back
asciiHyphen
	letter go . | alpha go hyphen | mark go hyphen | digit go numHyphen | - try asciiHyphenFirst | else settle asciihword parts @parts
hyphenFirst
	alpha go hyphen | digit go hyphenDigits | else back
hyphen
	alpha go . | mark go . | digit go numHyphen | - try hyphenFirst | else settle hword parts @parts
numHyphenFirst
	alpha go numHyphen | digit go hyphenDigits | else back
numHyphen
	alnum go . | mark go . | - try numHyphenFirst | else settle numhword parts @parts
hyphenDigits
	digit go . | alpha go numHyphen | mark go numHyphen | else back

parts
	eof rerun base | letter go asciiPart | alpha go wordPart | digit try numPartFirst | - try partDash | else rerun base
partDash
	alnum cut blank parts | mark cut blank parts | else back
wordPart
	eof found hword_part | alpha go . | mark go . | digit go numPart | else found hword_part parts
asciiPart
	eof found hword_asciipart | letter go . | alpha go wordPart | mark go wordPart | digit go numPart | else found hword_asciipart parts
numPart
	eof found hword_numpart | alnum go . | mark go . | else found hword_numpart parts
numPartFirst
	digit go . | alpha keep numPart | mark keep numPart | else back
`

// states are the numbers of the states, grammar the rules of each.
var (
	states  = map[string]int{}
	grammar [][]rule
)

const baseState = 0

func init() { grammar = readGrammar() }

func readGrammar() [][]rule {
	tokens := map[string]TokenType{}
	for t := ASCIIWord; t <= LastTokenType; t++ {
		tokens[t.Alias()] = t
	}
	for line := range strings.Lines(grammarText) {
		if name := strings.TrimSpace(line); name != "" && line[0] != '\t' {
			states[name] = len(states)
		}
	}
	out := make([][]rule, len(states))
	state := 0
	for line := range strings.Lines(grammarText) {
		text := strings.TrimSpace(line)
		if text == "" {
			continue
		}
		if line[0] != '\t' {
			state = states[text]
			continue
		}
		for _, r := range strings.Split(text, " | ") {
			out[state] = append(out[state], readRule(strings.Fields(r), tokens))
		}
	}
	return out
}

func readRule(f []string, tokens map[string]TokenType) rule {
	do, ok := verbs[f[1]]
	r := rule{class: f[0], do: do, to: stay}
	if len(f[0]) == 1 {
		r.char = f[0][0]
	} else {
		var known bool
		r.test, known = classes[f[0]]
		ok = ok && known
	}
	for _, word := range f[2:] {
		t, isToken := tokens[word]
		s, isState := states[word]
		switch special := strings.TrimPrefix(word, "@"); {
		case word != special:
			r.special = specials[special]
			ok = ok && r.special != nil
		case word == ".":
		case r.do >= vFound && r.token == 0:
			r.token, r.to = t, baseState
			ok = ok && isToken
		default:
			r.to = s
			ok = ok && isState
		}
	}
	if !ok {
		panic("tsearch: bad rule: " + strings.Join(f, " "))
	}
	return r
}

package types

// JSONToken is a token of a json text: a scalar, a key of an object, or punctuation.
type JSONToken struct {
	Kind JSONKind // JSONNull to JSONBool of scalars and keys; another of punctuation
	Key  bool
	Text string // as it is written; of a string and a key without its escapes
}

// JSONTokens calls f for the tokens of a json text in the order in which they are written, where a tree has lost that.
func JSONTokens(s string, f func(t JSONToken) error) error {
	r := jsonReader{in: s, typeName: "json", build: true}
	for {
		if err := r.next(); err != nil {
			return err
		}
		t := JSONToken{Kind: r.tok, Text: s[r.start:r.end]}
		switch r.tok {
		case jsonEnd:
			return nil
		case JSONString:
			t.Text = r.str
			i := spanWhile(s, r.end, isJSONSpace)
			t.Key = i < len(s) && s[i] == ':'
		}
		if err := f(t); err != nil {
			return err
		}
	}
}

func isJSONSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

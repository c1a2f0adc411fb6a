package expr

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Unicode's normal forms.

// normalForm is the one that the second argument names, by default NFC.
func normalForm(args []types.Datum) (norm.Form, error) {
	if len(args) < 2 {
		return norm.NFC, nil
	}
	name := args[1].Str()
	switch strings.ToUpper(name) {
	case "NFC":
		return norm.NFC, nil
	case "NFD":
		return norm.NFD, nil
	case "NFKC":
		return norm.NFKC, nil
	case "NFKD":
		return norm.NFKD, nil
	}
	return 0, pgerr.New(pgerr.InvalidParameterValue, "invalid normalization form: %s", name)
}

var normalizeImpls = map[string]impl{
	"unicode_normalize_func": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		f, err := normalForm(a)
		if err != nil {
			return types.Null, err
		}
		return types.NewString(f.String(a[0].Str())), nil
	}},
	"unicode_is_normalized": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		f, err := normalForm(a)
		if err != nil {
			return types.Null, err
		}
		return types.NewBool(f.IsNormalString(a[0].Str())), nil
	}},
}

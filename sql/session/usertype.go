package session

import (
	"regexp"
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// enumConstant is how a plan, which is made without a catalog at hand, prints a value of an enum.
var enumConstant = regexp.MustCompile("'(\x01[0-9A-Za-z]+)'::\x01([0-9]+)\x01")

// withTypeNames puts the names of user types, and the labels of their values, into a line of EXPLAIN.
func (s *Session) withTypeNames(line string) string {
	line = enumConstant.ReplaceAllStringFunc(line, func(constant string) string {
		m := enumConstant.FindStringSubmatch(constant)
		n, _ := strconv.ParseUint(m[2], 10, 32)
		t := types.T(types.Oid(n))
		d, err := types.ParseText(t, m[1], s.io())
		if err != nil {
			return constant
		}
		return expr.QuoteLiteral(types.Text(t.Oid, d, s.io())) + "::" + types.FormatType(t)
	})
	return s.snapshot().ExpandTypeNames(s.searchPath(), line)
}

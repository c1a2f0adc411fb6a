package session

import (
	"regexp"
	"strconv"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
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

// domainCast makes values read for a column of a domain values of the domain; nil for other types.
func (s *Session) domainCast(t types.Type) (*planner.Scalar, error) {
	if t.Domain == 0 {
		return nil, nil
	}
	n, err := sema.ToDomain(t, s.semaEnv(s.snapshot(), ""))
	if err != nil {
		return nil, err
	}
	return planner.CompileOver(n, []types.Type{{Oid: t.Oid, Mod: t.Mod}})
}

// checkDomain verifies the value of a parameter that was declared to be of a domain.
func (s *Session) checkDomain(t types.Type, d types.Datum) (types.Datum, error) {
	cast, err := s.domainCast(t)
	if err != nil || cast == nil {
		return d, err
	}
	return cast.EvalRow(&expr.EvalContext{IOEnv: s.io(), Session: (*functions)(s)}, []types.Datum{d})
}

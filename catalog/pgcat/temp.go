package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// myTemp is the session's temporary schema, 0 for none.
func (s *scope) myTemp() catalog.Oid {
	if sc := s.snap.SchemaByName(catalog.TempSchema(s.env.SearchPath)); sc != nil {
		return sc.OID
	}
	return 0
}

// othersTemp reports whether a schema is the temporary one of another session.
func (s *scope) othersTemp(schema catalog.Oid) bool {
	sc := s.snap.Schema(schema)
	return sc != nil && sc.Temporary() && schema != s.myTemp()
}

func myTempSchema(c *call) (types.Datum, error) { return num(c.myTemp()), nil }

func isOtherTempSchema(c *call) (types.Datum, error) { return flag(c.othersTemp(c.oid(0))), nil }

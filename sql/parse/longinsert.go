package parse

// parseLongInsert recognises a long INSERT … VALUES of literals; false means
// the general parser must see it.
func parseLongInsert(sql string, opts Options) ([]RawStmt, bool) { return nil, false }

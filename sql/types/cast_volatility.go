package types

// stableIO are the types whose text depends on settings, of DateStyle, TimeZone and the like, or on the catalog, for input
// (1), output (2) or both.
var stableIO = map[Oid]uint8{
	MoneyOid: 3, DateOid: 3, TimeOid: 1, TimetzOid: 1, TimestampOid: 3, TimestamptzOid: 3, IntervalOid: 3,
}

// stableCasts are the casts by a function that settings decide.
var stableCasts = map[[2]Oid]bool{
	{MoneyOid, NumericOid}: true, {NumericOid, MoneyOid}: true, {Int4Oid, MoneyOid}: true, {Int8Oid, MoneyOid}: true,
	{DateOid, TimestamptzOid}: true, {TimeOid, TimetzOid}: true, {TimestampOid, TimestamptzOid}: true, {TimestamptzOid, DateOid}: true,
	{TimestamptzOid, TimeOid}: true, {TimestamptzOid, TimestampOid}: true, {TimestamptzOid, TimetzOid}: true,
}

// ImmutableCast reports whether what a cast between types that are no arrays makes of a value depends on the value alone, as
// PostgreSQL sees it: by pg_proc.provolatile of the cast's function or, where the cast goes by text, of the output or the
// input function.
func ImmutableCast(from, to Oid) bool {
	if from == to {
		return Lookup(from) != nil // at most a modifier is applied
	}
	if castByTypes[[2]Oid{from, to}] != nil {
		return !stableCasts[[2]Oid{from, to}] && !isReg(to)
	}
	// Through the text of one of them.
	other, way := from, uint8(2)
	if isStringCategory(from) {
		other, way = to, 1
	}
	in := Lookup(other)
	return in != nil && in.Type == 'b' && ElemOf(other) == 0 && other != UnknownOid && !isReg(other) && stableIO[other]&way == 0
}

// isReg reports whether values of a type print as names of the catalog.
func isReg(oid Oid) bool { return oid != OidOid && isOidAlias(oid) }

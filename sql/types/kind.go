package types

// Oid is the object identifier of a type (pg_type.oid).
type Oid uint32

// Type is a type with its modifier.
type Type struct {
	Oid Oid
	Mod int32 // pg_attribute.atttypmod: -1 none; lengths and precisions as PostgreSQL packs them
	// Domain is the domain, or the array type over a domain, whose constraints the values satisfy; 0 for none. Oid and Mod
	// are its base type's then.
	Domain Oid `json:",omitempty"`
}

// Declared returns the OID under which the type is declared: the domain's, where it is one.
func (t Type) Declared() Oid {
	if t.Domain != 0 {
		return t.Domain
	}
	return t.Oid
}

// T returns the type with no modifier.
func T(oid Oid) Type { return Type{Oid: oid, Mod: -1} }

// Kind is the physical representation of a type's values.
type Kind uint8

// The kinds. The zero Kind is that of a NULL Datum.
const (
	KNull       Kind = iota
	KInt             // bool (0, 1), int2, int4, int8, oid, xid, cid, tid, reg*, date (days), time, timestamp, timestamptz (µs), timetz (see timetz.go), money (cents), "char", pg_lsn
	KFloat           // float4, float8
	KString          // text, varchar, bpchar, name, bytea, uuid (16 raw bytes), inet, cidr, macaddr, macaddr8 (see network.go, macaddr.go), bit, varbit (see bit.go), json, jsonb (normalised text), unknown, cstring, enums (see usertype.go) and all else
	KNumeric         // numeric
	KInterval        // interval
	KArray           // every array type, int2vector, oidvector
	KRecord          // record and composite types
	KRange           // range types (see range.go)
	KMultirange      // multirange types
)

// String returns the kind's name for messages to developers.
func (k Kind) String() string {
	return [...]string{"null", "int", "float", "string", "numeric", "interval", "array", "record", "range", "multirange"}[k]
}

// builtinOids bounds the OIDs that kindOf covers; arrays of the catalogue end at 6157.
const builtinOids = 6400

var kindOf = makeKinds()

func makeKinds() (k [builtinOids]Kind) {
	for i := range k {
		k[i] = KString
	}
	for i := range catalogue {
		if catalogue[i].Category == 'A' && catalogue[i].ElemOid != 0 {
			k[catalogue[i].Oid] = KArray
		}
	}
	for _, o := range [...]Oid{BoolOid, Int2Oid, Int4Oid, Int8Oid, OidOid, XidOid, CidOid, TidOid, Xid8Oid, CharOid,
		RegprocOid, RegprocedureOid, RegoperOid, RegoperatorOid, RegclassOid, RegtypeOid, RegroleOid, RegnamespaceOid,
		RegconfigOid, RegdictionaryOid, RegcollationOid, DateOid, TimeOid, TimestampOid, TimestamptzOid, TimetzOid, MoneyOid, PgLsnOid} {
		k[o] = KInt
	}
	k[Float4Oid], k[Float8Oid] = KFloat, KFloat
	k[NumericOid] = KNumeric
	k[IntervalOid] = KInterval
	for _, r := range RangeTypes {
		k[r.Range], k[r.Multirange] = KRange, KMultirange
	}
	k[RecordOid], k[RecordArrayOid] = KRecord, KArray
	return k
}

// Kind returns the physical representation of the type's values. Types that
// this package does not know are KString.
func (o Oid) Kind() Kind {
	if o < builtinOids {
		return kindOf[o]
	}
	return userKind(o)
}

// Kind returns the physical representation of the type's values.
func (t Type) Kind() Kind { return t.Oid.Kind() }

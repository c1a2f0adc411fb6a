package types

import (
	"strconv"
	"strings"
)

// Info is a row of pg_type.
type Info struct {
	Oid       Oid
	Name      string // pg_type.typname
	SQLName   string // format_type(oid, NULL)
	Len       int16  // bytes; -1 varlena, -2 cstring
	ByVal     bool
	Category  byte // pg_type.typcategory
	Preferred bool
	ElemOid   Oid  // 0 none; also set for name and point, which are subscriptable but no arrays
	ArrayOid  Oid  // 0 none
	Type      byte // pg_type.typtype: 'b' base, 'p' pseudo
	Align     byte
	Storage   byte
	Input     string // names of the I/O functions, "" none
	Output    string
	Receive   string
	Send      string
	ModIn     string
	ModOut    string
	Collation Oid
}

var (
	infoByOid  [builtinOids]*Info
	infoByName = map[string]*Info{}
)

func init() {
	for i := range catalogue {
		in := &catalogue[i]
		infoByOid[in.Oid] = in
		infoByName[in.Name] = in
	}
	for alias, name := range map[string]string{
		"boolean": "bool", "smallint": "int2", "integer": "int4", "int": "int4", "bigint": "int8", "real": "float4",
		"double precision": "float8", "float": "float8", "decimal": "numeric", "dec": "numeric",
		"character varying": "varchar", "character": "bpchar", "bit varying": "varbit",
		"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
		"time without time zone": "time", "time with time zone": "timetz", `"char"`: "char",
	} {
		infoByName[alias] = infoByName[name]
	}
}

// Lookup returns the built-in type with this OID, or what the OID of a user type tells; nil for any other number.
func Lookup(oid Oid) *Info {
	if oid < builtinOids {
		return infoByOid[oid]
	}
	return userInfo(oid)
}

// ByName returns the built-in type of this pg_type.typname or SQL name in lower
// case, with "[]" after it for its array; nil if there is none. "char" is
// PostgreSQL's one-byte type, as typname has it; the parser maps CHAR to bpchar.
func ByName(name string) *Info {
	if base, isArray := strings.CutSuffix(name, "[]"); isArray {
		in := infoByName[base]
		if in == nil || in.ArrayOid == 0 {
			return nil
		}
		return Lookup(in.ArrayOid)
	}
	return infoByName[name]
}

// All returns every built-in type in OID order. The caller must not change it.
func All() []Info { return catalogue[:] }

// Supported reports whether values of the type can be stored and computed with,
// as opposed to being only listed in pg_type. Pseudo types are not.
func Supported(oid Oid) bool {
	in := Lookup(oid)
	if in == nil {
		return false
	}
	if oid.Class() != NotUser {
		return true
	}
	if oid.Kind() == KArray {
		return oid == Int2vectorOid || oid == OidvectorOid || Supported(in.ElemOid)
	}
	switch oid {
	case ByteaOid, NameOid, TextOid, BpcharOid, VarcharOid, UuidOid, JsonOid, JsonbOid, JsonpathOid, UnknownOid, PgNodeTreeOid, AclitemOid, RefcursorOid,
		TsvectorOid, TsqueryOid,
		InetOid, CidrOid, MacaddrOid, Macaddr8Oid, BitOid, VarbitOid:
		return true
	case RecordOid:
		return true
	}
	return oid.Kind() != KString
}

// ArrayOf returns the array type over elem, 0 if there is none.
func ArrayOf(elem Oid) Oid {
	if elem.IsUser() && elem&userArray == 0 {
		return elem | userArray
	}
	if in := Lookup(elem); in != nil {
		return in.ArrayOid
	}
	return 0
}

// ElemOf returns the element type of an array type, int2vector or oidvector; 0 for other types.
func ElemOf(array Oid) Oid {
	if array.Kind() != KArray {
		return 0
	}
	if array.IsUser() {
		return array &^ userArray
	}
	return Lookup(array).ElemOid
}

// IsArray reports whether t is an array type proper: int2vector and oidvector are scalars to array constructors.
func IsArray(t Oid) bool { return ElemOf(t) != 0 && t != Int2vectorOid && t != OidvectorOid }

// FormatType returns what PostgreSQL's format_type prints for a built-in type, a
// reference that ExpandNames replaces for a user type, and "???" for others. Modifier -1 is format_type's NULL; SQL's format_type(1042,
// -1) differs ("bpchar", where NULL gives "character"), likewise for bit.
func FormatType(t Type) string {
	if t.Domain != 0 {
		return userInfo(t.Domain).SQLName
	}
	in := Lookup(t.Oid)
	if in == nil {
		return "???"
	}
	if t.Oid.Kind() == KArray && t.Oid != Int2vectorOid && t.Oid != OidvectorOid {
		return FormatType(Type{Oid: in.ElemOid, Mod: t.Mod}) + "[]"
	}
	if t.Mod < 0 {
		return in.SQLName
	}
	switch t.Oid {
	case BpcharOid, VarcharOid:
		if t.Mod < 4 {
			return in.SQLName
		}
		return in.SQLName + "(" + strconv.Itoa(int(t.Mod-4)) + ")"
	case NumericOid:
		if t.Mod < 4 {
			return in.SQLName
		}
		p, s := NumericMod(t.Mod)
		return in.SQLName + "(" + strconv.Itoa(int(p)) + "," + strconv.Itoa(int(s)) + ")"
	case TimestampOid, TimestamptzOid, TimeOid, TimetzOid:
		word, rest, _ := strings.Cut(in.SQLName, " ")
		return word + "(" + strconv.Itoa(int(t.Mod)) + ") " + rest
	case IntervalOid:
		return in.SQLName + intervalModSuffix(t.Mod)
	case BitOid, VarbitOid:
		return in.SQLName + "(" + strconv.Itoa(int(t.Mod)) + ")"
	}
	return in.SQLName
}

// NumericMod unpacks the modifier of numeric(precision, scale); scale may be negative.
func NumericMod(mod int32) (precision, scale int32) {
	m := mod - 4
	scale = m & 0x7ff
	return m >> 16 & 0xffff, (scale ^ 1024) - 1024
}

// MakeNumericMod packs the modifier of numeric(precision, scale).
func MakeNumericMod(precision, scale int32) int32 { return precision<<16 | scale&0x7ff + 4 }

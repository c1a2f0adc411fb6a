package types

import (
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// How types that users create work.
//
// Their definitions are in the catalog, which this package does not know, and differ between the snapshots that run
// side by side. So nothing is registered here. What every layer must know of a type without its definition, how its
// values are laid out, its OID says by itself:
//
//	bit 30      set for the array type over the type that the other bits name
//	bits 27-29  the class: enum, composite, domain, range or multirange, or a base type of an extension
//	bits 0-26   the serial: the number by which the catalog knows the object
//
// So Kind, ElemOf and ArrayOf are pure functions of the OID for these types too, and all code for arrays and records
// works on them.
//
// An enum's value is its key: a string of letters and digits whose byte order is the labels' order. A key never changes
// and a new label's lies between those of its neighbours (KeyBetween), so that rows, indexes and hashes of enums stay
// valid whatever is added or renamed, and compare as the plain strings that they are. Only its text form takes the
// definition, which IOEnv.UserType finds in the statement's snapshot.
//
// A composite's value is a Record of its attributes by number; attributes added since are missing at the end, and are
// NULL.
//
// A range's bounds are values of its subtype, which nothing but its definition tells (subtypes, in range.go).
//
// A domain's values are those of its base type, and so is Type.Oid; Type.Domain says that they are known to satisfy the
// domain. Operators and functions thereby see the base type, as in PostgreSQL, and drop the domain.

// UserClass is what kind of type a user created.
type UserClass uint8

// The classes of user types; they are part of stored OIDs.
const (
	NotUser UserClass = iota
	EnumClass
	CompositeClass
	DomainClass
	RangeClass
	MultirangeClass // of the range type with the same serial
	RoutineClass    // no type: a reference to a user's function in a stored text
	ExtensionClass  // a base type of an extension, whose serial is the same in all databases
)

// textCollation is pg_type.typcollation of what has a collation: the default one.
const textCollation Oid = 100

// The types of extensions.
const (
	CitextOid      = Oid(ExtensionClass)<<userShift | 1 // citext: text that is compared without regard to case
	CitextArrayOid = CitextOid | userArray
)

const (
	userShift        = 27
	userArray    Oid = 1 << 30
	userClasses  Oid = 7 << userShift
	maxSerialOid Oid = 1<<userShift - 1

	// MaxSerial is the highest OID of an object that a type's OID can be made from.
	MaxSerial = int64(maxSerialOid)
)

// UserOid returns the OID of the user type of a class with a serial.
func UserOid(c UserClass, serial Oid) Oid { return Oid(c)<<userShift | serial }

// Class returns the class of a user type; NotUser for built-in types and for arrays.
func (o Oid) Class() UserClass {
	if o&userArray != 0 {
		return NotUser
	}
	return UserClass(o & userClasses >> userShift)
}

// Serial returns the number by which the catalog knows a user type, or the element type of a user array type.
func (o Oid) Serial() Oid { return o & maxSerialOid }

// IsUser reports whether the type, or its element type, was created by a user.
func (o Oid) IsUser() bool { return o&userClasses != 0 }

func userKind(o Oid) Kind {
	switch {
	case o&userArray != 0 && o.IsUser():
		return KArray
	case o.Class() == CompositeClass:
		return KRecord
	case o.Class() == RangeClass:
		return KRange
	case o.Class() == MultirangeClass:
		return KMultirange
	}
	return KString
}

// userInfo is the row of pg_type of a user type as far as its OID tells; nil for an OID that is none.
func userInfo(o Oid) *Info {
	in := &Info{Oid: o, SQLName: nameRef(o), Len: -1, Align: 'i', Storage: 'x', Type: 'b'}
	switch {
	case !o.IsUser():
		return nil
	case o&userArray != 0:
		in.SQLName = nameRef(o&^userArray) + "[]"
		in.Category, in.ElemOid = 'A', o&^userArray
		in.Input, in.Output, in.Receive, in.Send = "array_in", "array_out", "array_recv", "array_send"
		if o == CitextArrayOid {
			in.Collation = textCollation
		}
		return in
	case o.Class() == EnumClass:
		in.Len, in.ByVal, in.Category, in.Type, in.Storage = 4, true, 'E', 'e', 'p'
		in.Input, in.Output, in.Receive, in.Send = "enum_in", "enum_out", "enum_recv", "enum_send"
	case o.Class() == CompositeClass:
		in.Category, in.Type, in.Align = 'C', 'c', 'd'
		in.Input, in.Output, in.Receive, in.Send = "record_in", "record_out", "record_recv", "record_send"
	case o.Class() == RangeClass:
		in.Category, in.Type, in.Align = 'R', 'r', rangeAlign(o)
		in.Input, in.Output, in.Receive, in.Send = "range_in", "range_out", "range_recv", "range_send"
	case o.Class() == MultirangeClass:
		in.Category, in.Type, in.Align = 'R', 'm', rangeAlign(RangeOf(o))
		in.Input, in.Output, in.Receive, in.Send = "multirange_in", "multirange_out", "multirange_recv", "multirange_send"
	case o == CitextOid:
		in.Category, in.Collation = 'S', textCollation
		in.Input, in.Output, in.Receive, in.Send = "textin", "textout", "textrecv", "textsend"
	default:
		in.Category, in.Type = 'U', 'd'
	}
	in.Name, in.ArrayOid = in.SQLName, o|userArray
	return in
}

// nameRef stands for a user type's name in a text that is made where no catalog is; ExpandNames puts the name in.
func nameRef(o Oid) string { return "\x01" + strconv.FormatUint(uint64(o), 10) + "\x01" }

// NameRef is the reference by which stored texts name a type or routine.
func NameRef(o Oid) string { return nameRef(o) }

// ExpandNames replaces what FormatType left in a text for the names of user types.
func ExpandNames(s string, name func(Oid) string) string {
	i := strings.IndexByte(s, '\x01')
	if i < 0 {
		return s
	}
	var b strings.Builder
	for i >= 0 {
		rest := s[i+1:]
		j := strings.IndexByte(rest, '\x01')
		if j < 0 {
			break
		}
		n, err := strconv.ParseUint(rest[:j], 10, 32)
		if err != nil || !Oid(n).IsUser() {
			b.WriteString(s[:i+1])
			s = rest
		} else {
			b.WriteString(s[:i])
			b.WriteString(name(Oid(n)))
			s = rest[j+1:]
		}
		i = strings.IndexByte(s, '\x01')
	}
	b.WriteString(s)
	return b.String()
}

// ParseNameRef reads back the name that FormatType gives a user type; false for any other text.
func ParseNameRef(s string) (Oid, bool) {
	if len(s) < 3 || s[0] != '\x01' || s[len(s)-1] != '\x01' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:len(s)-1], 10, 32)
	return Oid(n), err == nil && Oid(n).IsUser()
}

// UserType is the definition of an enum or composite type in one snapshot of the catalog. It is immutable.
type UserType struct {
	Oid    Oid
	Name   string      // pg_type.typname
	Labels []EnumLabel // of an enum, in order
	Fields []Attribute // of a composite, by number; dropped ones keep their place

	once    sync.Once
	byLabel map[string]*EnumLabel
}

// EnumLabel is a value of an enum.
type EnumLabel struct {
	Oid   Oid // pg_enum.oid
	Label string
	Key   string  // the value as it is stored and compared
	Order float32 // pg_enum.enumsortorder
	// Unsafe is set, in the transaction that adds the label alone: it may not be used yet.
	Unsafe bool `json:"-"`
}

// Attribute is a field of a composite type.
type Attribute struct {
	Name    string
	Type    Type
	Dropped bool
}

// Label returns the label of a text; nil if there is none.
func (u *UserType) Label(text string) *EnumLabel {
	u.once.Do(func() {
		u.byLabel = make(map[string]*EnumLabel, len(u.Labels))
		for i := range u.Labels {
			u.byLabel[u.Labels[i].Label] = &u.Labels[i]
		}
	})
	return u.byLabel[text]
}

// ByKey returns the label of a value; nil if there is none.
func (u *UserType) ByKey(key string) *EnumLabel {
	i := sort.Search(len(u.Labels), func(i int) bool { return u.Labels[i].Key >= key })
	if i < len(u.Labels) && u.Labels[i].Key == key {
		return &u.Labels[i]
	}
	return nil
}

// Use checks that a label may be used: 55P04 where it was added by the running transaction.
func (u *UserType) Use(l *EnumLabel) error {
	if !l.Unsafe {
		return nil
	}
	return pgerr.New(pgerr.UnsafeNewEnumValueUsage, "unsafe use of new value \"%s\" of enum type %s", l.Label, nameRef(u.Oid)).
		WithHint("New enum values must be committed before they can be used.")
}

// storedKey marks an enum's key where its text form is expected: in stored expressions, which a renamed label must not
// break, and wherever no definition is at hand.
const storedKey = "\x01"

func parseEnum(oid Oid, s string, env *IOEnv) (Datum, error) {
	var u *UserType
	if env.UserType != nil {
		u = env.UserType(oid)
	}
	if key, stored := strings.CutPrefix(s, storedKey); stored && (u == nil || u.ByKey(key) != nil) {
		return NewString(key), nil
	}
	if u == nil {
		return Null, pgerr.Internal("cache lookup failed for enum %d", oid)
	}
	l := u.Label(s)
	if l == nil {
		return Null, pgerr.New(pgerr.InvalidTextRepresentation, "invalid input value for enum %s: \"%s\"", nameRef(oid), s)
	}
	return NewString(l.Key), u.Use(l)
}

func appendEnum(buf []byte, oid Oid, key string, env *IOEnv) []byte {
	if env.UserType != nil {
		if u := env.UserType(oid); u != nil {
			if l := u.ByKey(key); l != nil {
				return append(buf, l.Label...)
			}
		}
	}
	return append(append(buf, storedKey...), key...)
}

// keyDigits are the digits of enum keys in byte order. The first never ends a key, so that there is always a key below.
const keyDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func keyDigit(s string) int {
	if s == "" {
		return 0
	}
	return strings.IndexByte(keyDigits, s[0])
}

// FirstKeys returns the keys of a new enum's n labels.
func FirstKeys(n int) []string {
	width, room := 1, len(keyDigits)-1
	for room < n {
		width, room = width+1, room*(len(keyDigits)-1)
	}
	out := make([]string, n)
	for i := range out {
		key := make([]byte, width)
		for j, k := width-1, i; j >= 0; j, k = j-1, k/(len(keyDigits)-1) {
			key[j] = keyDigits[1+k%(len(keyDigits)-1)]
		}
		out[i] = string(key)
	}
	return out
}

// KeyBetween returns a key above a and below b. Empty means no bound on that side.
func KeyBetween(a, b string) string {
	if b != "" || a == "" {
		return midKey(a, b)
	}
	last := len(a) - 1 // labels are mostly added at the end: one digit up
	if d := keyDigit(a[last:]) + 1; d < len(keyDigits) {
		return a[:last] + keyDigits[d:d+1]
	}
	return a + keyDigits[1:2]
}

func midKey(a, b string) string {
	n := 0
	for n < len(b) && (n < len(a) && a[n] == b[n] || n >= len(a) && b[n] == keyDigits[0]) {
		n++
	}
	if n > 0 {
		return b[:n] + midKey(a[min(n, len(a)):], b[n:])
	}
	lo, hi := keyDigit(a), len(keyDigits)
	if b != "" {
		hi = keyDigit(b)
	}
	switch {
	case hi-lo > 1:
		mid := (lo + hi) / 2
		return keyDigits[mid : mid+1]
	case len(b) > 1:
		return b[:1]
	}
	rest := ""
	if a != "" {
		rest = a[1:]
	}
	return keyDigits[lo:lo+1] + midKey(rest, "")
}

// Package keyenc turns values into bytes: keys whose byte order is PostgreSQL's
// order of the values, canonical bytes and the slot they hash to, and stored rows.
//
// # Keys
//
// A column of a key is a tag, 0x01 for a value and 0xff for NULL, and then:
//
//	ints, dates, ...    8 bytes big-endian with the sign bit flipped, so that int2, int4 and int8 agree
//	pg_lsn, xid8        8 bytes big-endian
//	floats              IEEE 754 bits, all flipped if negative, else the sign flipped; one zero, one NaN
//	strings, inet, ...  bytes, 0x00 as 00 ff, then 00 01; bpchar without the blanks at its end
//	numeric             class, exponent, digits in base 100, 00; see numeric.go
//	interval            days (a month is 30) and microseconds, 8 bytes each
//	arrays              02 and the element's column, each; 01; dimensions; lower bounds
//	enums               as strings: their values are keys in the labels' order
//	records             02 and the field's column, each; 01
//	jsonb               a tree of kinds, counts and the above; see jsonb.go
//
// A descending column is the ascending one with all bits flipped; so NULLs come
// last in ascending and first in descending order, as in PostgreSQL.
//
// A key keeps what decides order and equality and may lose how the value is
// displayed (the scale of 1.00, the months of an interval). KeyLossless tells
// which types come back whole; the row keeps the original of all.
//
// These forms, CanonicalBytes and SlotOf are stored on disk and agreed between
// nodes. They must never change; golden tests hold them.
package keyenc

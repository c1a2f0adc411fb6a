package types

import "unicode"

// The classes of characters of the locale C.UTF-8, which is glibc's Unicode, as text search asks for them.

// IsWideSpace is iswspace.
func IsWideSpace(r rune) bool {
	switch {
	case r < 0x80:
		return isSpace(byte(r))
	case r == 0x1680, r == 0x2028, r == 0x2029, r == 0x205f, r == 0x3000:
		return true
	}
	return r >= 0x2000 && r <= 0x200a && r != 0x2007 // no-break spaces are none
}

// IsWideAlpha is iswalpha: digits beyond ASCII are letters to it.
func IsWideAlpha(r rune) bool {
	if r < 0x80 {
		return r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	return unicode.IsLetter(r) || unicode.In(r, unicode.Nl, unicode.Nd, unicode.Other_Alphabetic)
}

// IsWideAlnum is iswalnum.
func IsWideAlnum(r rune) bool { return IsWideAlpha(r) || r >= '0' && r <= '9' }

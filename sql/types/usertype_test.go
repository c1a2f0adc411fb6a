package types_test

import (
	"slices"
	"testing"

	. "github.com/pgmqdb/pgmqdb/sql/types"
	"pgregory.net/rapid"
)

// Keys of enum labels keep the labels' order wherever a label is added, and never change.
func TestEnumKeysOrderLabelsHoweverTheyAreAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := FirstKeys(rapid.IntRange(0, 200).Draw(t, "first"))
		for range rapid.IntRange(1, 150).Draw(t, "added") {
			at := rapid.IntRange(0, len(keys)).Draw(t, "at")
			var below, above string
			if at > 0 {
				below = keys[at-1]
			}
			if at < len(keys) {
				above = keys[at]
			}
			keys = slices.Insert(keys, at, KeyBetween(below, above))
		}
		for i := 1; i < len(keys); i++ {
			if keys[i-1] >= keys[i] {
				t.Fatalf("key %q of label %d is not below %q", keys[i-1], i, keys[i])
			}
		}
	})
}

// Two hundred labels, each added before the one before it, leave keys that an index can bear.
func TestEnumKeysStayShort(t *testing.T) {
	below, above := FirstKeys(2)[0], FirstKeys(2)[1]
	for range 200 {
		above = KeyBetween(below, above)
	}
	if len(above) > 60 {
		t.Fatalf("a key of %d bytes", len(above))
	}
}

func TestUserOidsTellTheLayout(t *testing.T) {
	color, row := UserOid(EnumClass, 16400), UserOid(CompositeClass, 16400)
	if color.Kind() != KString || row.Kind() != KRecord || ArrayOf(color).Kind() != KArray || ArrayOf(row).Kind() != KArray {
		t.Fatal("wrong kinds")
	}
	if ElemOf(ArrayOf(color)) != color || ArrayOf(ArrayOf(color)) != 0 || color.Serial() != 16400 || color.Class() != EnumClass {
		t.Fatal("an array type does not lead back to its element")
	}
	if ArrayOf(color).Class() != NotUser || Oid(16400).IsUser() || Lookup(16400) != nil {
		t.Fatal("an object's number is taken for a type")
	}
}

func TestExpandNamesReplacesReferencesAlone(t *testing.T) {
	color := UserOid(EnumClass, 16400)
	got := ExpandNames("\x01x\x01 "+FormatType(T(ArrayOf(color)))+", "+FormatType(T(color))+"\x01", func(o Oid) string { return "color" })
	if got != "\x01x\x01 color[], color\x01" {
		t.Fatalf("%q", got)
	}
}

func TestEnumTextNeedsTheDefinition(t *testing.T) {
	color := UserOid(EnumClass, 16400)
	def := &UserType{Oid: color, Labels: []EnumLabel{{Label: "red", Key: "1"}, {Label: "green", Key: "2", Unsafe: true}}}
	env := *DefaultIOEnv
	env.UserType = func(Oid) *UserType { return def }
	d, err := ParseText(T(color), "red", &env)
	if err != nil || Text(color, d, &env) != "red" {
		t.Fatal(d.Str(), err)
	}
	stored := Text(color, d, DefaultIOEnv)
	if back, err := ParseText(T(color), stored, &env); err != nil || back.Str() != "1" {
		t.Fatal("the stored form does not read back", err)
	}
	if _, err := ParseText(T(color), "green", &env); err == nil {
		t.Fatal("a label that is not committed was used")
	}
	if _, err := ParseText(T(color), "\x019", &env); err == nil {
		t.Fatal("a key that no label has was read")
	}
}

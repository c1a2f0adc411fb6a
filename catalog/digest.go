package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// Digest identifies the snapshot's content: two nodes that read the same entries of the catalog group have the same one.
func (s *Snapshot) Digest() string {
	h := sha256.New()
	s.EachDatabase(func(v *Snapshot) bool {
		v.hashContents(h)
		if v.database == DefaultDatabase {
			v.Roles(func(o *Role) bool { return hashObject(h, o) })
			v.Databases(func(o *Database) bool { return hashObject(h, o) })
		}
		v.Types(func(o *Type) bool { return hashObject(h, o) })
		return true
	})
	if s.slotMap != nil {
		h.Write(EncodeSlotMap(s.slotMap))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (s *Snapshot) hashContents(h hash.Hash) {
	s.Schemas(func(o *Schema) bool { return hashObject(h, o) })
	s.Tables(func(o *Table) bool { return hashObject(h, o) })
	s.Sequences(func(o *Sequence) bool { return hashObject(h, o) })
	s.Views(func(o *View) bool { return hashObject(h, o) })
}

// hashObject hashes a descriptor behind its key, whose length is fixed, and before its length.
func hashObject(h hash.Hash, o Object) bool {
	b := Encode(o)
	h.Write(DescriptorKey(o.ObjectID()))
	h.Write(b)
	n := len(b)
	h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	return true
}

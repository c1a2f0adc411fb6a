package catalog

import (
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Plans outlive what sessions do to their temporary objects, and nothing else.
func TestSnapshotsAreAlikeButForTemporaryObjects(t *testing.T) {
	session := topo.TxnID{Node: 1, Epoch: 1, Seq: 7}
	base := NewSnapshot().Put(&Schema{OID: PublicSchema, Name: "public"}).Put(&Table{OID: 20000, SchemaID: PublicSchema, Name: "t"})
	temp := base.Put(&Schema{OID: 20001, Name: TempSchemaName(20001), Session: session}).
		Put(&Table{OID: 20002, SchemaID: 20001, Name: "t", Persistence: Temporary}).
		Put(&Sequence{OID: 20003, SchemaID: 20001, Name: "s", Persistence: Temporary}).
		Put(&View{OID: 20004, SchemaID: 20001, Name: "v", Persistence: Temporary})
	if temp == base || !temp.Alike(base) || !base.Alike(temp) {
		t.Error("temporary objects make another shape")
	}
	if !temp.Remove(ObjectID{Class: ClassTable, OID: 20002}).Alike(base) || !temp.Remove(ObjectID{Class: ClassSchema, OID: 20001}).Alike(base) {
		t.Error("their removal does")
	}
	if !base.WithVersion(9).Alike(base) {
		t.Error("a version does")
	}
	for what, other := range map[string]*Snapshot{
		"a table":    base.Put(&Table{OID: 20005, SchemaID: PublicSchema, Name: "u"}),
		"a change":   base.Put(&Table{OID: 20000, SchemaID: PublicSchema, Name: "t", Comment: "changed"}),
		"a removal":  temp.Remove(ObjectID{Class: ClassTable, OID: 20000}),
		"a slot map": base.WithSlotMap(new(topo.SlotMap)),
		"a role":     base.Put(&Role{OID: 20006, Name: "r"}),
		"a schema":   base.Put(&Schema{OID: 20007, Name: "s"}),
	} {
		if other.Alike(base) || other.Alike(temp) {
			t.Errorf("%s leaves the shape as it was", what)
		}
	}
	if path := []string{TempSchemaName(20001), "public"}; temp.SchemaNamed(path, TempAlias) == nil || temp.SchemaNamed(nil, TempAlias) != nil {
		t.Error("pg_temp is not the path's temporary schema")
	}
}

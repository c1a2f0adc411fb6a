package catalog

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The persistent map against a plain one, old versions included.
func TestMapAgainstPlainMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := pmap[int, int]{compare: cmp.Compare[int]}
	plain := map[int]int{}
	type version struct {
		m    pmap[int, int]
		keys []int
	}
	var old []version
	for i := range 5000 {
		k := r.IntN(500)
		if r.IntN(3) == 0 {
			m = m.remove(k)
			delete(plain, k)
		} else {
			m = m.put(k, i)
			plain[k] = i
		}
		if v, ok := m.get(k); ok != (plain[k] != 0 || i == 0) || ok && v != plain[k] {
			t.Fatalf("step %d: key %d is %d, %v", i, k, v, ok)
		}
		if i%500 == 0 {
			old = append(old, version{m, sortedKeys(plain)})
		}
	}
	for i, v := range append(old, version{m, sortedKeys(plain)}) {
		var got []int
		v.m.all(func(k, _ int) bool { got = append(got, k); return true })
		if !slices.Equal(got, v.keys) || v.m.len() != len(v.keys) {
			t.Errorf("version %d: %d keys, want %d", i, len(got), len(v.keys))
		}
		from := 250
		at, _ := slices.BinarySearch(v.keys, from)
		got = nil
		v.m.ascend(from, func(k, _ int) bool { got = append(got, k); return true })
		if !slices.Equal(got, v.keys[at:]) {
			t.Errorf("version %d: ascend from %d is wrong", i, from)
		}
	}
	if d, n := depth(m.root), m.len(); d > 20 {
		t.Errorf("depth %d for %d keys", d, n)
	}
}

func depth[K, V any](n *pnode[K, V]) int {
	if n == nil {
		return 0
	}
	return 1 + max(depth(n.left), depth(n.right))
}

func sortedKeys(m map[int]int) []int {
	var out []int
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Every field of every descriptor survives storage: encoding what was decoded gives the same bytes.
func TestDescriptorsRoundTrip(t *testing.T) {
	table := &Table{
		OID: 16384, SchemaID: 2200, Name: "t", Owner: 10, Version: 7, RowStorage: 300, KeyColumns: []AttNum{1}, DistColumns: []AttNum{1},
		Columns: []Column{{Num: 1, Name: "a", Type: types.Type{Oid: types.NumericOid, Mod: 655366}, NotNull: true, Default: "1", Missing: "", HasMissing: true},
			{Num: 2, Name: "b", Type: types.T(types.TextOid), Identity: IdentityAlways, Sequence: 16390, DefaultDeps: []Oid{16390}, Hidden: true},
			{Num: 3, Name: "c", Type: types.T(types.NumericOid), Default: "a + 1", Generated: true, Uses: []AttNum{1}}},
		Indexes: []*Index{{OID: 16385, Name: "t_pkey", Storage: 300, Unique: true, Primary: true, RowKey: true, Constraint: 16386,
			Columns: []IndexColumn{{Num: 1, Desc: true, NullsFirst: true}}, Method: "hash"}},
		Constraints: []*Constraint{{OID: 16386, Name: "t_pkey", Type: PrimaryKey, Columns: []AttNum{1}, Index: 16385, Validated: true},
			{OID: 16387, Name: "f", Type: Foreign, Columns: []AttNum{2}, Deferrable: true, Deferred: true,
				FK: &ForeignKey{RefTable: 16384, RefColumns: []AttNum{1}, RefIndex: 16385, Match: MatchFull, OnDelete: SetNull, OnUpdate: Cascade, SetColumns: []AttNum{2}}}},
		Inbound: []InboundFK{{Table: 16384, Constraint: 16387}}, Options: []string{"fillfactor=70"}, ACL: []ACLItem{{Grantee: 0, Grantor: 10, Privileges: PrivSelect}},
	}
	objects := []Object{table, &Schema{OID: 1, Name: "s", ACL: []ACLItem{}, Comment: "é"}, &Sequence{OID: 2, Min: -1 << 63, Max: 1<<63 - 1, First: 5, Cycle: true},
		&View{OID: 3, Query: "SELECT 1", Deps: []ViewDep{{Relation: 4, Columns: []AttNum{1}, Schema: "public", Name: "t", Names: []string{"a"}}}}, &Role{OID: 5, MemberOf: []Membership{{Role: 6, Grantor: 10, Admin: true}}}, &Database{OID: 7, ACL: []ACLItem{}},
		&DefaultPrivileges{OID: 8, Role: 10, Kind: ACLRelation, ACL: []ACLItem{{Grantee: 5, Grantor: 10, Privileges: PrivSelect}}}}
	for _, o := range objects {
		b := Encode(o)
		id, ok := ParseDescriptorKey(DescriptorKey(o.ObjectID()))
		if !ok || id != o.ObjectID() {
			t.Errorf("key of %v reads as %v", o.ObjectID(), id)
		}
		back, err := Decode(id.Class, b)
		if err != nil || !bytes.Equal(Encode(back), b) {
			t.Errorf("%T: %v\n%s\n%s", o, err, b[1:], Encode(back)[1:])
		}
	}
	for class, later := range map[Class]byte{ClassTable: formatVersionExclude + 1, ClassView: formatVersionGin, ClassRole: formatVersionTriggers,
		ClassFunction: formatVersionMore, ClassSchema: formatVersion + 1} {
		if _, err := Decode(class, append([]byte{later}, '{', '}')); err == nil {
			t.Error("a later format is read as this one")
		}
	}
	triggers := []Trigger{{OID: 9, Name: "t", Type: TriggerRow | TriggerUpdate, State: TriggerFiresOrigin, When: "old.a < new.a"}}
	for _, o := range []Object{&Table{OID: 1, Triggers: triggers}, &View{OID: 2, Triggers: triggers}} {
		b := Encode(o)
		if back, err := Decode(o.ObjectID().Class, b); err != nil || b[0] != formatVersionTriggers || !bytes.Equal(Encode(back), b) {
			t.Errorf("%T with triggers: %v, format %d", o, err, b[0])
		}
	}
	gin := &Table{OID: 1, Indexes: []*Index{{OID: 2, Method: "gin"}}, Triggers: triggers}
	if back, err := Decode(ClassTable, Encode(gin)); err != nil || Encode(gin)[0] != formatVersionGin || !bytes.Equal(Encode(back), Encode(gin)) {
		t.Errorf("a table with a GIN index: %v, format %d", err, Encode(gin)[0])
	}
	text := &Table{OID: 1, Columns: []Column{{Num: 1, Type: types.T(types.TsvectorOid)}}, Triggers: triggers,
		Indexes: []*Index{{OID: 2, Method: "gin", Columns: []IndexColumn{{Num: 1}}}}}
	if back, err := Decode(ClassTable, Encode(text)); err != nil || Encode(text)[0] != formatVersionText || !bytes.Equal(Encode(back), Encode(text)) {
		t.Errorf("a table with a GIN index of text: %v, format %d", err, Encode(text)[0])
	}
	exclusive := &Table{OID: 1, Indexes: []*Index{{OID: 2, Method: "gist", Constraint: 3, Marks: 4}}, Triggers: triggers,
		Constraints: []*Constraint{{OID: 3, Type: Exclusion, Index: 2, Operators: []string{"=", "&&"}}}}
	if back, err := Decode(ClassTable, Encode(exclusive)); err != nil || Encode(exclusive)[0] != formatVersionExclude || !bytes.Equal(Encode(back), Encode(exclusive)) {
		t.Errorf("a table with an exclusion constraint: %v, format %d", err, Encode(exclusive)[0])
	}
	init := "0"
	for _, o := range []Object{
		&Table{OID: 1, Triggers: triggers, Inbound: []InboundFK{{Table: 1, Constraint: 2, Inactive: true}}},
		&Table{OID: 1, Rules: []Rule{{OID: 2, Name: "r", Event: RuleOnInsert, Where: "SELECT new.a > 1"}}},
		&Table{OID: 1, Rules: []Rule{{OID: 2, Name: "r", Event: RuleOnInsert, Also: true}}},
		&View{OID: 1, Rules: []Rule{{OID: 2, Name: "r", Event: RuleOnInsert, Comment: "c"}}},
		&Table{OID: 1, Constraints: []*Constraint{{OID: 2, Type: Foreign, FK: &ForeignKey{Unchecked: true}}}},
		&Function{OID: 3, Kind: AggregateFunction, Aggregate: &Aggregate{Transition: 4, Final: 5, Combine: 6, Serial: 7, Deserial: 8,
			FinalExtra: true, FinalModify: ModifiesState, SortOp: 9, State: types.T(types.Int4Oid), Space: 10, Init: &init}},
		&Role{OID: BootstrapRole, Everyone: []Setting{{Name: "work_mem", Value: "1MB"}}},
	} {
		b := Encode(o)
		if back, err := Decode(o.ObjectID().Class, b); err != nil || b[0] != formatVersionOff || !bytes.Equal(Encode(back), b) {
			t.Errorf("%T: %v, format %d", o, err, b[0])
		}
	}
	if b := Encode(&Table{OID: 1}); b[0] != formatVersion {
		t.Error("a table that every program knows is not in format 1")
	}
	m := topo.NewSlotMap(3)
	if back, err := DecodeSlotMap(EncodeSlotMap(m)); err != nil || *back != *m {
		t.Error("slot map", err)
	}
}

// A name may pass from one object to another in one step, in whichever order the entries are applied.
func TestNamesPassBetweenObjects(t *testing.T) {
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		s := NewSnapshot().Put(&Table{OID: 1, SchemaID: 9, Name: "a"}).Put(&Table{OID: 2, SchemaID: 9, Name: "b"})
		swapped := []Object{&Table{OID: 1, SchemaID: 9, Name: "b"}, &Table{OID: 2, SchemaID: 9, Name: "a"}}
		for _, i := range order {
			s = s.Put(swapped[i])
		}
		a, _ := s.Relation(9, "a")
		b, _ := s.Relation(9, "b")
		if a.OID() != 2 || b.OID() != 1 {
			t.Errorf("order %v: a is %d, b is %d", order, a.OID(), b.OID())
		}
	}
}

func BenchmarkPutTable(b *testing.B) {
	s := NewSnapshot()
	for i := range 10000 {
		s = s.Put(&Table{OID: Oid(i + 1), SchemaID: 9, Name: fmt.Sprint("t", i)})
	}
	b.ResetTimer()
	for range b.N {
		s.Put(&Table{OID: 20000, SchemaID: 9, Name: "new"})
	}
}

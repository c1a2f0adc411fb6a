package ddl

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// What ALTER TABLE notes for tools to read: the index to cluster on, the identity for replicas, and how a column is to be
// sampled, stored and compressed. The storage here does none of it by these, but catalogs and dumps show them.

// clusterOn is CLUSTER ON, and with an empty name SET WITHOUT CLUSTER.
func (x *Tx) clusterOn(ctx context.Context, t *catalog.Table, name string) error {
	if name != "" {
		i, err := x.indexOf(t, name)
		switch {
		case err != nil:
			return err
		case i.Method != "":
			return pgerr.New(pgerr.FeatureNotSupported, "cannot cluster on index %q because access method does not support clustering", name)
		case i.Predicate != "":
			return pgerr.New(pgerr.FeatureNotSupported, "cannot cluster on partial index %q", name)
		}
	}
	for _, i := range t.Indexes {
		i.Clustered = i.Name == name
	}
	return x.putTable(ctx, t)
}

// indexOf finds an index of a table by name.
func (x *Tx) indexOf(t *catalog.Table, name string) (*catalog.Index, error) {
	if i := t.IndexByName(name); i != nil {
		return i, nil
	}
	return nil, pgerr.New(pgerr.UndefinedObject, "index %q for table %q does not exist", name, t.Name)
}

// replicaIdentity is REPLICA IDENTITY.
func (x *Tx) replicaIdentity(ctx context.Context, t *catalog.Table, kind byte, name string) error {
	if kind == 'i' {
		if err := x.canIdentify(t, name); err != nil {
			return err
		}
	}
	t.ReplicaIdentity = kind
	if kind == 'd' {
		t.ReplicaIdentity = 0
	}
	for _, i := range t.Indexes {
		i.ReplicaIdentity = kind == 'i' && i.Name == name
	}
	return x.putTable(ctx, t)
}

// canIdentify judges an index as a replica identity.
func (x *Tx) canIdentify(t *catalog.Table, name string) error {
	i, err := x.indexOf(t, name)
	if err != nil {
		return err
	}
	c := t.ConstraintByOID(i.Constraint)
	switch {
	case !i.Unique:
		return pgerr.New(pgerr.WrongObjectType, "cannot use non-unique index %q as replica identity", name)
	case c != nil && c.Deferrable:
		return pgerr.New(pgerr.FeatureNotSupported, "cannot use non-immediate index %q as replica identity", name)
	case !i.OnColumns() && i.Predicate == "":
		return pgerr.New(pgerr.FeatureNotSupported, "cannot use expression index %q as replica identity", name)
	case i.Predicate != "":
		return pgerr.New(pgerr.FeatureNotSupported, "cannot use partial index %q as replica identity", name)
	}
	for _, k := range i.Columns {
		if col := t.Column(k.Num); !col.NotNull {
			return pgerr.New(pgerr.WrongObjectType, "index %q cannot be used as replica identity because column %q is nullable", name, col.Name)
		}
	}
	return nil
}

// maxStatistics is the highest statistics target.
const maxStatistics = 10000

func (x *Tx) setStatistics(ctx context.Context, t *catalog.Table, col *catalog.Column, target int) error {
	if target < -1 {
		return pgerr.New(pgerr.InvalidParameterValue, "statistics target %d is too low", target)
	}
	if target > maxStatistics {
		x.notice(pgerr.NewWarning(pgerr.InvalidParameterValue, "lowering statistics target to %d", maxStatistics))
		target = maxStatistics
	}
	col.Statistics = nil
	if target >= 0 {
		col.Statistics = &target
	}
	return x.putTable(ctx, t)
}

// setStorage is SET STORAGE.
func (x *Tx) setStorage(ctx context.Context, t *catalog.Table, col *catalog.Column, method string) error {
	kind := map[string]byte{"plain": 'p', "external": 'e', "extended": 'x', "main": 'm'}[strings.ToLower(method)]
	in := types.Lookup(col.Type.Oid)
	if kind != 'p' && in != nil && in.Storage == 'p' {
		return pgerr.New(pgerr.FeatureNotSupported, "column data type %s can only have storage PLAIN", types.FormatType(types.T(col.Type.Oid)))
	}
	col.Storage = kind
	return x.putTable(ctx, t)
}

// ValidStorage reports whether SET STORAGE knows a method.
func ValidStorage(method string) bool {
	switch strings.ToLower(method) {
	case "plain", "external", "extended", "main":
		return true
	}
	return false
}

// setCompression is SET COMPRESSION.
func (x *Tx) setCompression(ctx context.Context, t *catalog.Table, col *catalog.Column, method string) error {
	kind, err := Compression(col.Type, method)
	if err != nil {
		return err
	}
	col.Compression = kind
	return x.putTable(ctx, t)
}

// Compression returns pg_attribute.attcompression of a method for a type.
func Compression(t types.Type, method string) (byte, error) {
	if method == "" || method == "default" {
		return 0, nil
	}
	if in := types.Lookup(t.Oid); in != nil && in.Storage == 'p' {
		return 0, pgerr.New(pgerr.FeatureNotSupported, "column data type %s does not support compression", types.FormatType(types.T(t.Oid)))
	}
	switch method {
	case "pglz":
		return 'p', nil
	case "lz4":
		return 'l', nil
	}
	return 0, pgerr.New(pgerr.InvalidParameterValue, "invalid compression method %q", method)
}

// Reindex fills an index, or all of a table, anew: new storages are built from the rows and take the place of the old ones.
func (x *Tx) Reindex(ctx context.Context, n Name, index bool) error {
	x.refresh()
	rel, err := x.find(n)
	if err != nil {
		return err
	}
	switch {
	case index && rel.Kind != catalog.KindIndex:
		return pgerr.New(pgerr.WrongObjectType, "%q is not an index", rel.Name())
	case !index && rel.Kind != catalog.KindTable && rel.Kind != catalog.KindMatView:
		return pgerr.New(pgerr.WrongObjectType, "%q is not a table or materialized view", rel.Name())
	}
	if err := x.mustOwn(rel); err != nil {
		return err
	}
	table := rel.Table.OID
	if err := x.lock(ctx, table, ShareLock); err != nil {
		return err
	}
	t, err := x.alter(ctx, table)
	if err != nil {
		return err
	}
	var rebuilt []*catalog.Index
	for _, i := range t.Indexes {
		if i.RowKey || index && i.OID != rel.Index.OID {
			continue // the rows themselves are the row key's index
		}
		if err := x.garbage(ctx, catalog.GarbageRows, i.Storage); err != nil {
			return err
		}
		if i.Storage, err = x.newStorage(ctx); err != nil {
			return err
		}
		rebuilt = append(rebuilt, i)
	}
	if len(rebuilt) == 0 {
		return nil
	}
	return x.buildIndexes(ctx, t, rebuilt...)
}

// SetIndexOptions is ALTER INDEX … SET and RESET of storage parameters: those named in reset go, those of set come.
func (x *Tx) SetIndexOptions(ctx context.Context, n Name, missingOK bool, reset, set []string) error {
	rel, ok, err := x.findOwned(ctx, catalog.KindIndex, n, missingOK, false)
	if err != nil || !ok {
		return err
	}
	t, err := x.annotate(ctx, rel.Table.OID)
	if err != nil {
		return err
	}
	i := t.IndexByOID(rel.Index.OID)
	i.Options = slices.DeleteFunc(slices.Clone(i.Options), func(o string) bool {
		name, _, _ := strings.Cut(o, "=")
		return slices.Contains(reset, name)
	})
	i.Options = append(i.Options, set...)
	return x.putTable(ctx, t)
}

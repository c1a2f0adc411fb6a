package pgcat

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// serverFunctions are the functions about the server's state and about what relations take and can do.
func serverFunctions() map[string]function {
	return map[string]function{
		"pg_relation_size": relationSize, "pg_table_size": relationSize, "pg_indexes_size": relationSize,
		"pg_total_relation_size": relationSize, "pg_database_size": databaseSize, "pg_tablespace_size": databaseSize,
		"pg_size_pretty": sizePretty,

		"pg_encoding_to_char": func(c *call) (types.Datum, error) { return str(encodingName(int(c.args[0].Int()))), nil },
		"pg_char_to_encoding": func(c *call) (types.Datum, error) { return num(encodingNumber(c.args[0].Str())), nil },
		"pg_client_encoding":  constant(str("UTF8")), "getdatabaseencoding": constant(str("UTF8")),
		"pg_encoding_max_length": constant(num(4)),

		"pg_is_in_recovery": constant(no), "pg_is_other_temp_schema": isOtherTempSchema, "pg_my_temp_schema": myTempSchema,
		"pg_jit_available": constant(no), "row_security_active": rowSecurityActive, "pg_trigger_depth": constant(num(0)),
		"pg_is_wal_replay_paused": constant(no), "pg_last_wal_receive_lsn": constant(null), "pg_last_wal_replay_lsn": constant(null),
		"pg_last_xact_replay_timestamp": constant(null), "inet_server_addr": serverAddr, "inet_server_port": serverPort,
		"inet_client_addr": clientAddr, "inet_client_port": clientPort,
		"pg_tablespace_location": constant(str("")), "pg_collation_actual_version": constant(null),
		"pg_database_collation_actual_version": constant(null), "pg_reload_conf": constant(yes),

		"pg_postmaster_start_time": func(c *call) (types.Datum, error) { return instant(c.sys.cfg.Started), nil },
		"pg_conf_load_time":        func(c *call) (types.Datum, error) { return instant(c.sys.cfg.Started), nil },

		"pg_get_triggerdef": triggerDef, "pg_get_partkeydef": partKeyDef,
		"pg_partition_ancestors": partitionAncestors, "pg_partition_tree": partitionTree, "pg_partition_root": partitionRoot,
		"pg_get_partition_constraintdef": partitionConstraintDef, "pg_get_statisticsobjdef": constant(null),
		"pg_get_statisticsobjdef_columns": constant(null), "pg_get_statisticsobjdef_expressions": constant(null),
		"pg_get_replica_identity_index": func(c *call) (types.Datum, error) {
			if t := c.scope.snap.Table(c.oid(0)); t != nil && t.PrimaryIndex() != nil {
				return num(t.PrimaryIndex().OID), nil
			}
			return null, nil
		},
		"pg_relation_is_publishable": publishable, "pg_relation_is_updatable": updatable, "pg_column_is_updatable": columnUpdatable,
		"pg_relation_filenode": filenode, "pg_relation_filepath": constant(null), "pg_filenode_relation": constant(null),
		"pg_sequence_last_value":       sequenceLast,
		"pg_index_column_has_property": indexColumnProperty, "pg_index_has_property": indexProperty,
		"pg_indexam_has_property": methodProperty,
		"pg_blocking_pids":        blockingPIDs, "pg_safe_snapshot_blocking_pids": constant(types.NewArray1(types.Int4Oid, nil)),
		"pg_isolation_test_session_is_blocked": sessionBlocked,
		"pg_stat_get_live_tuples":              liveTuples,
		"pg_stat_get_numscans":                 constant(num(0)), "pg_stat_get_tuples_inserted": constant(num(0)),
		"pg_stat_reset": constant(str("")), "pg_stat_clear_snapshot": constant(str("")),
		"pg_size_bytes": sizeBytes,
		"current_query": currentQuery, "pg_collation_for": collationFor,
	}
}

// encodings are PostgreSQL's encodings that clients name, by number.
var encodings = map[int]string{0: "SQL_ASCII", encodingUTF8: "UTF8", 8: "LATIN1", 24: "WIN1252"}

func encodingName(n int) string { return encodings[n] }

func encodingNumber(name string) int {
	clean := strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(name))
	if clean == "UNICODE" {
		return encodingUTF8
	}
	for n, e := range encodings {
		if strings.ReplaceAll(e, "_", "") == clean {
			return n
		}
	}
	return -1
}

func (c *call) stored(id topo.StorageID) int64 {
	if c.sys.cfg.Size == nil || id == 0 {
		return 0
	}
	return c.sys.cfg.Size(id)
}

// relationSize is the bytes of a table's rows, of its indexes, or of both; row keys serve as the index of a primary key
// that needs none of its own.
func relationSize(c *call) (types.Datum, error) {
	snap := c.scope.snap
	rel, ok := snap.RelationByOID(c.oid(0))
	if !ok {
		if relationsOID[c.oid(0)] != nil {
			return num(0), nil
		}
		return null, nil
	}
	if len(c.args) > 1 && c.args[1].Str() != "main" {
		return num(0), nil
	}
	switch rel.Kind {
	case catalog.KindIndex:
		if rel.Index.RowKey || c.name == "pg_indexes_size" {
			return num(0), nil
		}
		return num(c.stored(rel.Index.Storage)), nil
	case catalog.KindTable, catalog.KindMatView:
		size := int64(0)
		if c.name != "pg_indexes_size" {
			size = c.stored(rel.Table.RowStorage)
		}
		if c.name == "pg_indexes_size" || c.name == "pg_total_relation_size" {
			for _, i := range rel.Table.Indexes {
				if !i.RowKey {
					size += c.stored(i.Storage)
				}
			}
		}
		return num(size), nil
	}
	return num(0), nil
}

func databaseSize(c *call) (types.Datum, error) {
	size := int64(0)
	c.scope.snap.Tables(func(t *catalog.Table) bool {
		size += c.stored(t.RowStorage)
		for _, i := range t.Indexes {
			if !i.RowKey {
				size += c.stored(i.Storage)
			}
		}
		return true
	})
	return num(size), nil
}

// sizePretty is pg_size_pretty: each unit is used up to 10240 of it, with half a unit rounded up.
func sizePretty(c *call) (types.Datum, error) {
	var size int64
	if c.types[0].Oid == types.NumericOid {
		t, err := types.NumericTrunc(c.args[0], 0)
		if err != nil {
			return null, err
		}
		if size, err = types.NumericToInt(t, types.Int8Oid); err != nil {
			return null, pgerr.NotSupported("pg_size_pretty of numbers beyond bigint")
		}
	} else {
		size = c.args[0].Int()
	}
	abs := func(n int64) int64 { return max(n, -n) }
	if abs(size) < 10*1024 {
		return str(itoa(size) + " bytes"), nil
	}
	size /= 512 // halves of a kB from here on
	units := []string{"kB", "MB", "GB", "TB", "PB"}
	for i, u := range units {
		if i == len(units)-1 || abs(size) < 20*1024-1 {
			half := int64(1)
			if size < 0 {
				half = -1
			}
			return str(itoa((size+half)/2) + " " + u), nil
		}
		size /= 1024
	}
	return null, nil
}

// sizeBytes is pg_size_bytes: a number with an optional unit, rounded to whole bytes.
func sizeBytes(c *call) (types.Datum, error) {
	in := c.args[0].Str()
	t := strings.TrimSpace(in)
	i := strings.LastIndexAny(t, "0123456789.") + 1
	invalid := pgerr.New(pgerr.InvalidParameterValue, "invalid size: \"%s\"", in)
	n, err := types.ParseNumeric(t[:i])
	if err != nil {
		return null, invalid
	}
	unit := strings.ToLower(strings.TrimSpace(t[i:]))
	shift, ok := map[string]int{"": 0, "bytes": 0, "kb": 10, "mb": 20, "gb": 30, "tb": 40, "pb": 50}[unit]
	if !ok {
		return null, invalid.WithDetail("Invalid size unit: \"%s\".", strings.TrimSpace(t[i:])).
			WithHint("Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".")
	}
	if n, err = types.NumericMul(n, types.NumericFromInt(1<<shift)); err != nil {
		return null, err
	}
	v, err := types.NumericToInt(n, types.Int8Oid)
	return num(v), err
}

// currentQuery is the text that the session runs.
func currentQuery(c *call) (types.Datum, error) {
	if c.env.Activity != nil {
		for _, a := range c.env.Activity() {
			if a.PID == c.env.PID {
				return str(a.Query), nil
			}
		}
	}
	return null, nil
}

// collationFor knows the collation of a type only: columns declared with another are not told apart.
func collationFor(c *call) (types.Datum, error) {
	if in := types.Lookup(c.types[0].Oid); in != nil && in.Collation != 0 {
		return str(catalog.QuoteIdent(collationName(in.Collation))), nil
	}
	if o := c.types[0].Oid; o != types.UnknownOid {
		return null, pgerr.New(pgerr.DatatypeMismatch, "collations are not supported by type %s", types.FormatType(types.T(o)))
	}
	return null, nil
}

func publishable(c *call) (types.Datum, error) {
	f, ok := c.relation(c.oid(0))
	if !ok {
		return null, nil
	}
	return flag(f.rel.Kind == catalog.KindTable), nil
}

// updatable is the bitmask of INSERT, UPDATE and DELETE (8, 4, 16) that a relation allows.
func updatable(c *call) (types.Datum, error) {
	if t := c.scope.snap.Table(c.oid(0)); t != nil && t.MatView == nil {
		return num(28), nil
	}
	if v := c.scope.snap.View(c.oid(0)); v != nil {
		events, _ := sema.ViewEvents(v, c.viewEnv())
		return num(events), nil
	}
	return num(0), nil
}

// viewEnv is what views are analysed in to see what can be written to them.
func (c *call) viewEnv() *sema.Env {
	return &sema.Env{Catalog: c.scope.snap, Virtual: c.sys}
}

func columnUpdatable(c *call) (types.Datum, error) {
	n := int(c.args[1].Int())
	if v := c.scope.snap.View(c.oid(0)); v != nil && n > 0 && n <= len(v.Columns) {
		_, columns := sema.ViewEvents(v, c.viewEnv())
		return flag(columns[n-1]), nil
	}
	return flag(n > 0 && c.scope.snap.Table(c.oid(0)) != nil), nil
}

func filenode(c *call) (types.Datum, error) {
	f, ok := c.relation(c.oid(0))
	if !ok || f.kind == 'v' {
		return null, nil
	}
	return num(f.oid), nil
}

func sequenceLast(c *call) (types.Datum, error) {
	q := c.scope.snap.Sequence(c.oid(0))
	if q == nil {
		return null, pgerr.New(pgerr.WrongObjectType, "OID %d is not a sequence", c.oid(0))
	}
	if c.env.SequenceState == nil {
		return null, nil
	}
	last, called, err := c.env.SequenceState(q)
	if err != nil || !called {
		return null, err
	}
	return num(last), nil
}

func indexColumnProperty(c *call) (types.Datum, error) {
	_, i := c.scope.snap.Index(c.oid(0))
	n := int(c.args[1].Int())
	if i == nil || n < 1 || n > len(i.Columns) {
		return null, nil
	}
	col, btree := i.Columns[n-1], indexMethod(i) == amBtree
	switch strings.ToLower(c.args[2].Str()) {
	case "asc":
		return flag(btree && !col.Desc), nil
	case "desc":
		return flag(btree && col.Desc), nil
	case "nulls_first":
		return flag(btree && col.NullsFirst), nil
	case "nulls_last":
		return flag(btree && !col.NullsFirst), nil
	case "orderable", "returnable", "search_array", "search_nulls":
		return flag(btree), nil
	case "distance_orderable":
		return no, nil
	}
	return null, nil
}

func indexProperty(c *call) (types.Datum, error) {
	_, i := c.scope.snap.Index(c.oid(0))
	if i == nil {
		return null, nil
	}
	switch strings.ToLower(c.args[1].Str()) {
	case "clusterable":
		return flag(indexMethod(i) == amBtree), nil
	case "index_scan", "backward_scan":
		return flag(!i.Gin()), nil
	case "bitmap_scan":
		return yes, nil
	}
	return null, nil
}

func methodProperty(c *call) (types.Datum, error) {
	am := c.oid(0)
	if am != amBtree && am != amHash && am != amGin {
		return null, nil
	}
	switch strings.ToLower(c.args[1].Str()) {
	case "can_order", "can_unique", "can_include":
		return flag(am == amBtree), nil
	case "can_multi_col":
		return flag(am != amHash), nil
	case "can_exclude":
		return flag(am != amGin), nil
	}
	return null, nil
}

func (c *call) blockers(pid int32) []int32 {
	if c.sys.cfg.Blockers == nil {
		return nil
	}
	return c.sys.cfg.Blockers(pid)
}

func blockingPIDs(c *call) (types.Datum, error) {
	var out []types.Datum
	for _, p := range c.blockers(int32(c.args[0].Int())) {
		out = append(out, num(p))
	}
	return types.NewArray1(types.Int4Oid, out), nil
}

// sessionBlocked reports whether one of the given sessions keeps a session waiting.
func sessionBlocked(c *call) (types.Datum, error) {
	interesting := c.args[1].Array()
	for _, p := range c.blockers(int32(c.args[0].Int())) {
		for _, d := range interesting.Elems {
			if d.Int() == int64(p) {
				return yes, nil
			}
		}
	}
	return no, nil
}

func liveTuples(c *call) (types.Datum, error) {
	if t := c.scope.snap.Table(c.oid(0)); t != nil {
		return num(max(c.sys.RowCount(t), 0)), nil
	}
	return num(0), nil
}

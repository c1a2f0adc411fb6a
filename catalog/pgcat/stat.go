package pgcat

import (
	"net/netip"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// statSources are the views of the server's state.
func statSources() map[string]*source {
	const tables = "relid schemaname relname seq_scan seq_tup_read idx_scan idx_tup_fetch n_tup_ins n_tup_upd n_tup_del " +
		"n_tup_hot_upd n_live_tup n_dead_tup n_mod_since_analyze n_ins_since_vacuum vacuum_count autovacuum_count analyze_count autoanalyze_count"
	const indexes = "relid indexrelid schemaname relname indexrelname idx_scan idx_tup_read idx_tup_fetch"
	return map[string]*source{
		"pg_catalog.pg_settings": {columns: "name setting unit category short_desc extra_desc context vartype source min_val max_val enumvals boot_val reset_val pending_restart",
			live: settingRows},
		"pg_catalog.pg_stat_activity": {columns: "datid datname pid usesysid usename application_name client_addr client_port " +
			"backend_start xact_start query_start state_change state query backend_type", live: activityRows},
		"pg_catalog.pg_locks": {columns: "locktype database relation transactionid classid objid objsubid virtualtransaction pid " +
			"mode granted fastpath waitstart", live: lockRows},
		"pg_catalog.pg_stats": {columns: "schemaname tablename attname inherited null_frac avg_width n_distinct most_common_vals " +
			"most_common_freqs histogram_bounds correlation", live: statsRows},
		"pg_catalog.pg_stat_user_tables":  {columns: tables, rows: statTables},
		"pg_catalog.pg_stat_all_tables":   {columns: tables, rows: statTables},
		"pg_catalog.pg_stat_user_indexes": {columns: indexes, rows: statIndexes},
		"pg_catalog.pg_stat_all_indexes":  {columns: indexes, rows: statIndexes},
		"pg_catalog.pg_stat_database":     {columns: "datid datname numbackends temp_files temp_bytes", live: statDatabases},
		"pg_catalog.pg_prepared_statements": {columns: "name statement prepare_time parameter_types from_sql generic_plans custom_plans",
			live: preparedRows},
		"pg_catalog.pg_cursors":        {columns: "name statement is_holdable is_binary is_scrollable creation_time", live: cursorRows},
		"pg_catalog.pg_timezone_names": {columns: "name abbrev utc_offset is_dst", live: zoneRows},
	}
}

func settingRows(b *builder) error {
	if b.env.Settings == nil {
		return nil
	}
	for _, s := range b.env.Settings() {
		enum := types.Null
		if s.Enum != nil {
			values := make([]types.Datum, len(s.Enum))
			for i, v := range s.Enum {
				values[i] = str(v)
			}
			enum = types.NewArray1(types.TextOid, values)
		}
		b.add(str(s.Name), str(s.Value), text(s.Unit), str(s.Category), str(s.Short), text(s.Extra), str(s.Context), str(s.VarType),
			str(s.Source), text(s.Min), text(s.Max), enum, str(s.Boot), str(s.Reset), no)
	}
	return nil
}

func preparedRows(b *builder) error {
	if b.env.Prepared == nil {
		return nil
	}
	for _, p := range b.env.Prepared() {
		b.add(str(p.Name), str(p.Statement), instant(p.At), oids(types.RegtypeOid, p.Params), flag(p.FromSQL), num(p.Generic), num(p.Custom))
	}
	return nil
}

func cursorRows(b *builder) error {
	if b.env.Cursors == nil {
		return nil
	}
	for _, c := range b.env.Cursors() {
		b.add(str(c.Name), str(c.Statement), flag(c.Hold), flag(c.Binary), flag(c.Scroll), instant(c.At))
	}
	return nil
}

func instant(t time.Time) types.Datum {
	if t.IsZero() {
		return null
	}
	return num(types.TimestampFromTime(t))
}

// endpoint splits "host:port" into an inet and a port; NULLs for what is no internet address.
func endpoint(s string) (addr, port types.Datum) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return null, null
	}
	ip := ap.Addr().Unmap()
	a := types.Inet{V6: ip.Is6(), Bits: ip.BitLen()}
	copy(a.Addr[:], ip.AsSlice())
	return types.NewInet(a), num(int(ap.Port()))
}

func clientAddr(c *call) (types.Datum, error) {
	addr, _ := endpoint(c.env.Remote)
	return addr, nil
}

func clientPort(c *call) (types.Datum, error) {
	_, port := endpoint(c.env.Remote)
	return port, nil
}

func serverAddr(c *call) (types.Datum, error) {
	addr, _ := endpoint(c.env.Local)
	return addr, nil
}

func serverPort(c *call) (types.Datum, error) {
	_, port := endpoint(c.env.Local)
	return port, nil
}

func activityRows(b *builder) error {
	for _, a := range b.activity() {
		db, user, xact := null, null, null
		if d := b.snap.DatabaseByName(a.Database); d != nil {
			db = num(d.OID)
		}
		if r := b.snap.RoleByName(a.User); r != nil {
			user = num(r.OID)
		}
		addr, port := endpoint(a.Remote)
		if port.IsNull() {
			port = num(-1)
		}
		if a.State != "idle" {
			xact = instant(a.QueryAt)
		}
		if r := b.snap.RoleByName(a.User); b.env.Role != 0 && (r == nil || !b.owns(r.OID)) && !b.owns(catalog.RoleReadStats) {
			b.add(db, text(a.Database), num(a.PID), user, text(a.User), str(a.ApplicationName), null, null, null, null, null, null,
				null, str("<insufficient privilege>"), null)
			continue
		}
		b.add(db, text(a.Database), num(a.PID), user, text(a.User), str(a.ApplicationName), addr, port, instant(a.Started), xact,
			instant(a.QueryAt), instant(a.QueryAt), text(a.State), str(a.Query), str("client backend"))
	}
	return nil
}

// activity lists the sessions of all nodes.
func (b *builder) activity() []Activity {
	switch {
	case b.sys.cfg.Activity != nil:
		list, missing := b.sys.cfg.Activity()
		b.warnMissing(missing)
		return list
	case b.env.Activity != nil:
		return b.env.Activity()
	}
	return nil
}

// Activity lists the sessions of all nodes; missing are the nodes that did not answer.
func (s *System) Activity(env *Env) (sessions []Activity, missing []topo.NodeID) {
	if s.cfg.Activity != nil {
		return s.cfg.Activity()
	}
	return env.Activity(), nil
}

// SessionUser returns the role that a session of any node logged in as.
func (s *System) SessionUser(env *Env, pid int32) (user string, ok bool) {
	b := &builder{scope: &scope{sys: s, env: env, snap: env.Snapshot}}
	for _, a := range b.activity() {
		if a.PID == pid {
			return a.User, true
		}
	}
	return "", false
}

// warnMissing says which nodes' rows are left out.
func (b *builder) warnMissing(nodes []topo.NodeID) {
	if b.env.Warn == nil {
		return
	}
	for _, id := range nodes {
		b.env.Warn(pgerr.NewWarning(pgerr.Warning, "node %d does not answer: its rows are left out", id))
	}
}

func lockRows(b *builder) error {
	if b.sys.cfg.Locks == nil {
		return nil
	}
	owner := map[catalog.Oid]catalog.Oid{}
	b.snap.EachDatabase(func(v *catalog.Snapshot) bool {
		v.Tables(func(t *catalog.Table) bool { owner[t.OID] = v.DatabaseID(); return true })
		return true
	})
	locks, missing := b.sys.cfg.Locks()
	b.warnMissing(missing)
	for _, l := range locks {
		db, rel, xid, class, obj, sub, pid := null, null, null, null, null, null, null
		switch l.Type {
		case "transactionid":
			xid = num(l.TransactionID)
		case "advisory":
			db, class, obj, sub = num(l.Database), num(l.ClassID), num(l.ObjID), num(l.ObjSubID)
		default:
			if db, rel = num(b.snap.DatabaseID()), num(l.Relation); owner[l.Relation] != 0 {
				db = num(owner[l.Relation])
			}
		}
		if l.PID != 0 {
			pid = num(l.PID)
		}
		b.add(str(l.Type), db, rel, xid, class, obj, sub, text(l.VirtualTransaction), pid, str(l.Mode), flag(l.Granted), no,
			instant(l.WaitStart))
	}
	return nil
}

func statDatabases(b *builder) error {
	counts := map[string]int{}
	for _, a := range b.activity() {
		counts[a.Database]++
	}
	b.snap.Databases(func(d *catalog.Database) bool {
		var files, bytes int64
		if b.sys.cfg.TempFiles != nil {
			files, bytes = b.sys.cfg.TempFiles(d.Name)
		}
		b.add(num(d.OID), str(d.Name), num(counts[d.Name]), num(files), num(bytes))
		return true
	})
	return nil
}

// zoneRows lists UTC only: which other zones exist is known to the host's zone files alone.
func zoneRows(b *builder) error {
	b.add(str("UTC"), str("UTC"), types.NewInterval(types.Interval{}), no)
	return nil
}

package expr

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// systemFunctions are the functions that Session.SystemFunction computes, by pg_proc.proname.
var systemFunctions = wordSet([]string{
	"format_type", "pg_get_constraintdef", "pg_get_indexdef", "pg_get_viewdef", "pg_get_expr", "pg_get_functiondef", "pg_get_function_arguments",
	"pg_get_function_result", "pg_get_function_identity_arguments", "pg_get_function_sqlbody", "pg_get_triggerdef", "pg_get_ruledef",
	"pg_get_partkeydef", "pg_get_partition_constraintdef", "pg_partition_root", "pg_get_statisticsobjdef", "pg_get_statisticsobjdef_columns",
	"pg_get_serial_sequence", "pg_get_userbyid", "pg_get_function_arg_default", "pg_get_replica_identity_index",
	"pg_table_is_visible", "pg_type_is_visible", "pg_function_is_visible", "pg_operator_is_visible", "pg_opclass_is_visible",
	"pg_opfamily_is_visible", "pg_collation_is_visible", "pg_conversion_is_visible", "pg_statistics_obj_is_visible",
	"pg_ts_parser_is_visible", "pg_ts_dict_is_visible", "pg_ts_template_is_visible", "pg_ts_config_is_visible",
	"obj_description", "col_description", "shobj_description", "pg_describe_object", "pg_identify_object",
	"has_table_privilege", "has_column_privilege", "has_any_column_privilege", "has_schema_privilege", "has_database_privilege",
	"has_sequence_privilege", "has_function_privilege", "has_language_privilege", "has_tablespace_privilege", "has_type_privilege",
	"has_foreign_data_wrapper_privilege", "has_server_privilege", "has_parameter_privilege", "pg_has_role", "row_security_active",
	"pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size", "pg_database_size", "pg_tablespace_size",
	"pg_size_pretty", "pg_size_bytes", "pg_relation_filenode", "pg_relation_filepath", "pg_filenode_relation",
	"pg_relation_is_publishable", "pg_relation_is_updatable", "pg_column_is_updatable", "pg_index_column_has_property",
	"pg_index_has_property", "pg_indexam_has_property", "pg_tablespace_location", "pg_tablespace_databases", "pg_conf_load_time",
	"pg_postmaster_start_time", "pg_is_in_recovery", "pg_is_wal_replay_paused", "pg_current_wal_lsn", "pg_last_wal_receive_lsn",
	"pg_cancel_backend", "pg_terminate_backend", "pg_reload_conf", "pg_my_temp_schema", "pg_is_other_temp_schema",
	"to_regclass", "to_regtype", "to_regproc", "to_regprocedure", "to_regoper", "to_regoperator", "to_regnamespace", "to_regrole",
	"to_regcollation", "inet_client_addr", "inet_client_port", "inet_server_addr", "inet_server_port", "pg_blocking_pids",
	"pg_safe_snapshot_blocking_pids", "pg_isolation_test_session_is_blocked", "pg_sequence_last_value", "pg_xact_status",
	"current_query", "pg_notify", "pg_listening_channels", "pg_notification_queue_usage", "pg_stat_get_numscans",
	"pg_stat_get_tuples_inserted", "pg_stat_get_live_tuples", "pg_export_snapshot", "pg_char_to_encoding", "pg_client_encoding",
	"pg_trigger_depth", "pg_jit_available", "pg_collation_actual_version", "pg_collation_for", "pg_stat_get_backend_pid",
	"txid_status", "acldefault", "pg_get_object_address", "pg_stat_reset", "pg_stat_clear_snapshot",
})

// withSession refuses to run where there is no session, which also stops constant folding.
func withSession(f func(c *Call, s Session, a []types.Datum) (types.Datum, error)) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		if c.Session == nil {
			return types.Null, errNoSession
		}
		return f(c, c.Session, a)
	}}
}

func systemImpl(name string) *impl {
	im := withSession(func(c *Call, s Session, a []types.Datum) (types.Datum, error) {
		return s.SystemFunction(c.EvalContext, name, c.Types, a)
	})
	return &im
}

func nameFn(f func(s Session) string) impl {
	return withSession(func(_ *Call, s Session, _ []types.Datum) (types.Datum, error) { return types.NewString(f(s)), nil })
}

func schemas(c *Call, s Session, a []types.Datum) (types.Datum, error) {
	var out []types.Datum
	for _, n := range s.CurrentSchemas(a[0].Bool()) {
		out = append(out, types.NewString(n))
	}
	return types.NewArray1(types.NameOid, out), nil
}

func showSetting(_ *Call, s Session, a []types.Datum) (types.Datum, error) {
	v, ok := s.ShowSetting(a[0].Str())
	if ok {
		return types.NewString(v), nil
	}
	if len(a) > 1 && a[1].Bool() {
		return types.Null, nil
	}
	return types.Null, pgerr.New(pgerr.UndefinedObject, "unrecognized configuration parameter %q", a[0].Str())
}

func setConfig(_ *Call, s Session, a []types.Datum) (types.Datum, error) {
	if a[0].IsNull() {
		return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "SET requires parameter name")
	}
	v, err := s.SetSetting(a[0].Str(), a[1].Str(), !a[2].IsNull() && a[2].Bool())
	return types.NewString(v), err
}

// advisory makes one of the pg_[try_]advisory_[xact_]lock[_shared] functions.
func advisory(req AdvisoryRequest, unlock, void bool) impl {
	return withSession(func(c *Call, s Session, a []types.Datum) (types.Datum, error) {
		r := req
		if r.Key = a[0].Int(); len(a) == 2 {
			r.TwoKey = true
			r.Key = a[0].Int()<<32 | int64(uint32(a[1].Int()))
		}
		var ok bool
		var err error
		if unlock {
			ok, err = s.AdvisoryUnlock(r)
		} else {
			ok, err = s.AdvisoryLock(c.Context, r)
		}
		if void {
			return types.NewString(""), err
		}
		return types.NewBool(ok), err
	})
}

func sleep(c *Call, d time.Duration) (types.Datum, error) {
	if c.Session == nil {
		return types.Null, errNoSession
	}
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.Context.Done():
			return types.Null, pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
		}
	}
	return types.NewString(""), nil
}

func txnID(assign bool) impl {
	return withSession(func(_ *Call, s Session, _ []types.Datum) (types.Datum, error) {
		n, err := s.TxnID(assign)
		if n == 0 && !assign {
			return types.Null, err
		}
		return types.NewInt(n), err
	})
}

func setval(c *Call, s Session, a []types.Datum) (types.Datum, error) {
	called := len(a) < 3 || a[2].Bool()
	return a[1], s.SetVal(c.Context, types.Oid(a[0].Int()), a[1].Int(), called)
}

func randomUUID(*Call) (types.Datum, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return types.Null, pgerr.Internal("no random numbers: %v", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return types.NewBytes(b), nil
}

var systemImpls = map[string]impl{
	"current_user": nameFn(Session.CurrentUser), "session_user": nameFn(Session.SessionUser),
	"current_database": nameFn(Session.CurrentDatabase), "pgsql_version": nameFn(Session.ServerVersion),
	"current_schema": withSession(func(_ *Call, s Session, _ []types.Datum) (types.Datum, error) {
		if sp := s.CurrentSchemas(false); len(sp) > 0 {
			return types.NewString(sp[0]), nil
		}
		return types.Null, nil
	}),
	"current_schemas": withSession(schemas),
	"suppress_redundant_updates_trigger": {fn: func(*Call, []types.Datum) (types.Datum, error) {
		return types.Null, pgerr.New(pgerr.TriggerProtocolViolated, "suppress_redundant_updates_trigger: must be called as trigger")
	}},
	"pg_backend_pid": withSession(func(_ *Call, s Session, _ []types.Datum) (types.Datum, error) {
		return types.NewInt(int64(s.BackendPID())), nil
	}),
	"show_config_by_name": withSession(showSetting), "show_config_by_name_missing_ok": withSession(showSetting), "set_config_by_name": withSession(setConfig),
	"nextval_oid": withSession(func(c *Call, s Session, a []types.Datum) (types.Datum, error) {
		n, err := s.NextVal(c.Context, types.Oid(a[0].Int()))
		return types.NewInt(n), err
	}),
	"currval_oid": withSession(func(_ *Call, s Session, a []types.Datum) (types.Datum, error) {
		n, err := s.CurrVal(types.Oid(a[0].Int()))
		return types.NewInt(n), err
	}),
	"lastval": withSession(func(_ *Call, s Session, _ []types.Datum) (types.Datum, error) {
		n, err := s.LastVal()
		return types.NewInt(n), err
	}),
	"setval_oid": withSession(setval), "setval3_oid": withSession(setval),
	"pg_current_xact_id": txnID(true), "pg_current_xact_id_if_assigned": txnID(false),
	"pg_typeof": {f1: func(c *Call, _ types.Datum) (types.Datum, error) {
		return types.NewInt(int64(c.Types[0].Declared())), nil
	}},
	"gen_random_uuid": {f0: randomUUID},
	"pg_sleep": {f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return sleep(c, time.Duration(a.Float()*float64(time.Second)))
	}},
	"pg_sleep_for(interval)": {f1: func(c *Call, a types.Datum) (types.Datum, error) {
		iv := a.Interval()
		return sleep(c, time.Duration(iv.Micros)*time.Microsecond+time.Duration(iv.Days)*24*time.Hour)
	}},
	"getdatabaseencoding": {f0: func(*Call) (types.Datum, error) { return types.NewString("UTF8"), nil }},
	"PG_encoding_to_char": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		switch a.Int() {
		case 6:
			return types.NewString("UTF8"), nil
		case 0:
			return types.NewString("SQL_ASCII"), nil
		}
		return types.NewString(""), nil
	}},
	"pg_advisory_lock_int8": advisory(AdvisoryRequest{}, false, true), "pg_advisory_lock_int4": advisory(AdvisoryRequest{}, false, true),
	"pg_advisory_lock_shared_int8":          advisory(AdvisoryRequest{Shared: true}, false, true),
	"pg_advisory_lock_shared_int4":          advisory(AdvisoryRequest{Shared: true}, false, true),
	"pg_try_advisory_lock_int8":             advisory(AdvisoryRequest{Try: true}, false, false),
	"pg_try_advisory_lock_int4":             advisory(AdvisoryRequest{Try: true}, false, false),
	"pg_try_advisory_lock_shared_int8":      advisory(AdvisoryRequest{Try: true, Shared: true}, false, false),
	"pg_try_advisory_lock_shared_int4":      advisory(AdvisoryRequest{Try: true, Shared: true}, false, false),
	"pg_advisory_unlock_int8":               advisory(AdvisoryRequest{}, true, false),
	"pg_advisory_unlock_int4":               advisory(AdvisoryRequest{}, true, false),
	"pg_advisory_unlock_shared_int8":        advisory(AdvisoryRequest{Shared: true}, true, false),
	"pg_advisory_unlock_shared_int4":        advisory(AdvisoryRequest{Shared: true}, true, false),
	"pg_advisory_xact_lock_int8":            advisory(AdvisoryRequest{Xact: true}, false, true),
	"pg_advisory_xact_lock_int4":            advisory(AdvisoryRequest{Xact: true}, false, true),
	"pg_advisory_xact_lock_shared_int8":     advisory(AdvisoryRequest{Xact: true, Shared: true}, false, true),
	"pg_advisory_xact_lock_shared_int4":     advisory(AdvisoryRequest{Xact: true, Shared: true}, false, true),
	"pg_try_advisory_xact_lock_int8":        advisory(AdvisoryRequest{Xact: true, Try: true}, false, false),
	"pg_try_advisory_xact_lock_int4":        advisory(AdvisoryRequest{Xact: true, Try: true}, false, false),
	"pg_try_advisory_xact_lock_shared_int8": advisory(AdvisoryRequest{Xact: true, Try: true, Shared: true}, false, false),
	"pg_try_advisory_xact_lock_shared_int4": advisory(AdvisoryRequest{Xact: true, Try: true, Shared: true}, false, false),
	"pg_advisory_unlock_all": withSession(func(_ *Call, s Session, _ []types.Datum) (types.Datum, error) {
		s.AdvisoryUnlockAll()
		return types.NewString(""), nil
	}),
}

// NextIdentity is nextval as the default of an identity column calls it; nil where nextval is missing.
var NextIdentity = sync.OnceValue(func() *Function {
	r, err := LookupFunction("nextval", []types.Oid{types.RegclassOid}, nil, false, UserNames{})
	if err != nil || r == nil || r.Fn == nil {
		return nil
	}
	f := *r.Fn
	next := withSession(func(c *Call, s Session, a []types.Datum) (types.Datum, error) {
		n, err := s.NextIdentity(c.Context, types.Oid(a[0].Int()))
		return types.NewInt(n), err
	})
	f.impl = &next
	return &f
})

// CursorKeyName is the name of the functions that CursorKey makes.
const CursorKeyName = "current of"

// CursorKey makes the function that returns the k-th column, of a type, of the key of the row of a table that a cursor is
// on. It stays the same during a statement. With an argument, that is the cursor's name.
func CursorKey(cursor string, table types.Oid, tableName string, k int, result types.Oid) *Function {
	im := withSession(func(_ *Call, s Session, args []types.Datum) (types.Datum, error) {
		name := cursor
		if len(args) > 0 {
			name = args[0].Str()
		}
		return s.CursorKey(name, table, tableName, k)
	})
	return &Function{Name: CursorKeyName, Result: result, Volatility: Stable, impl: &im}
}

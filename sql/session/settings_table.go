package session

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
)

// The table of run-time parameters (PostgreSQL calls them GUCs) is PostgreSQL 15's pg_settings, in pgdata/settings.txt,
// with what this server says of them. The rule:
//
//   - A parameter that steers how PostgreSQL gets at a result, but not the result (the planner's switches and costs, the
//     memory of parts that this server does not have), is accepted, validated and shown as PostgreSQL does, with its
//     default; it has no effect.
//   - One whose effect somebody may rely on is honoured, or has its only value or values in refusals: a SET to another is
//     refused with 0A000.
//   - One that PostgreSQL reads from its configuration file or when it starts is shown with its default and cannot be
//     set, as in PostgreSQL.
//   - One about files that this server does not have (data_directory, config_file…) is unknown.

//go:embed pgdata/settings.txt
var settingData string

// settingKind says how a setting's text is read.
type settingKind uint8

const (
	boolSetting settingKind = iota
	intSetting              // with a unit
	realSetting             // with a unit
	stringSetting
	enumSetting
)

var settingKinds = map[string]settingKind{"bool": boolSetting, "integer": intSetting, "real": realSetting,
	"string": stringSetting, "enum": enumSetting}

// String is pg_settings.vartype.
func (k settingKind) String() string {
	return [...]string{"bool", "integer", "real", "string", "enum"}[k]
}

// setting describes a run-time parameter.
type setting struct {
	name     string // PostgreSQL's spelling
	kind     settingKind
	def      string
	unit     string  // of an intSetting or realSetting: "ms", "kB", "8kB", "s", "min"… or ""
	min, max float64 // of an intSetting or realSetting
	values   []string
	report   bool     // sent as ParameterStatus
	context  string   // pg_settings.context: who may change it, and when
	only     []string // the only values whose effect this server has; others are refused with 0A000
	category string
	short    string // pg_settings.short_desc
	extra    string // pg_settings.extra_desc
	flags    string // pg_settings_get_flags, separated by commas
}

// bounds are pg_settings.min_val and max_val, empty for what is no number.
func (d *setting) bounds() (lo, hi string) {
	if d.kind != intSetting && d.kind != realSetting {
		return "", ""
	}
	return formatG(d.kind, d.min), formatG(d.kind, d.max)
}

func formatG(kind settingKind, f float64) string {
	if kind == intSetting {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 6, 64)
}

// reported are the parameters whose changes are sent to the client as ParameterStatus.
var reported = []string{"application_name", "client_encoding", "datestyle", "default_transaction_read_only", "in_hot_standby",
	"integer_datetimes", "intervalstyle", "is_superuser", "server_encoding", "server_version", "session_authorization",
	"standard_conforming_strings", "timezone"}

// ownDefaults are the values of this server where they differ from PostgreSQL's.
var ownDefaults = map[string]string{
	"client_connection_check_interval": "2000",
	"client_encoding":                  "UTF8",
	"default_text_search_config":       "pg_catalog.english",
	"jit":                              "off",
	"lc_collate":                       "C.UTF-8",
	"lc_ctype":                         "C.UTF-8",
	"lc_messages":                      "C.UTF-8",
	"lc_monetary":                      "C.UTF-8",
	"lc_numeric":                       "C.UTF-8",
	"lc_time":                          "C.UTF-8",
	"max_connections":                  "500",
	"max_stack_depth":                  "2048",
	"server_encoding":                  "UTF8",
	"server_version":                   ServerVersion,
	"timezone":                         "UTC",
	"timezone_abbreviations":           "Default",
}

var localeC = []string{"C", "C.UTF-8", "C.utf8", "POSIX"}

// refusals are the values that are true of this server, for parameters whose other values would have an effect.
var refusals = map[string][]string{
	"allow_in_place_tablespaces":        {"off"},
	"allow_system_table_mods":           {"off"},
	"array_nulls":                       {"on"},
	"backtrace_functions":               {""},
	"compute_query_id":                  {"auto", "off"},
	"deadlock_timeout":                  {"1000"},
	"debug_print_parse":                 {"off"},
	"debug_print_plan":                  {"off"},
	"debug_print_rewritten":             {"off"},
	"default_table_access_method":       {"heap"},
	"default_tablespace":                {""},
	"default_toast_compression":         {"pglz"},
	"dynamic_library_path":              {"$libdir"},
	"exit_on_error":                     {"off"},
	"idle_session_timeout":              {"0"},
	"ignore_checksum_failure":           {"off"},
	"jit":                               {"off"},
	"lc_messages":                       append([]string{"en_US.UTF-8", ""}, localeC...),
	"lc_monetary":                       localeC,
	"lc_numeric":                        localeC,
	"lc_time":                           localeC,
	"lo_compat_privileges":              {"off"},
	"local_preload_libraries":           {""},
	"log_duration":                      {"off"},
	"log_error_verbosity":               {"default"},
	"log_executor_stats":                {"off"},
	"log_lock_waits":                    {"off"},
	"log_min_duration_sample":           {"-1"},
	"log_min_duration_statement":        {"-1"},
	"log_min_error_statement":           {"error"},
	"log_min_messages":                  {"warning"},
	"log_parameter_max_length":          {"-1"},
	"log_parameter_max_length_on_error": {"0"},
	"log_parser_stats":                  {"off"},
	"log_planner_stats":                 {"off"},
	"log_replication_commands":          {"off"},
	"log_statement":                     {"none"},
	"log_statement_sample_rate":         {"1"},
	"log_statement_stats":               {"off"},
	"log_transaction_sample_rate":       {"0"},
	"max_stack_depth":                   {"2048"},
	"password_encryption":               {"scram-sha-256"},
	"quote_all_identifiers":             {"off"},
	"session_preload_libraries":         {""},
	"standard_conforming_strings":       {"on"},
	"synchronous_commit":                {"on"},
	"tcp_keepalives_count":              {"0"},
	"tcp_keepalives_idle":               {"0"},
	"tcp_keepalives_interval":           {"0"},
	"tcp_user_timeout":                  {"0"},
	"temp_tablespaces":                  {""},
	"timezone_abbreviations":            {"Default"},
	"trace_notify":                      {"off"},
	"trace_sort":                        {"off"},
	"track_activities":                  {"on"},
	"track_functions":                   {"none"},
	"track_io_timing":                   {"off"},
	"track_wal_io_timing":               {"off"},
	"transform_null_equals":             {"off"},
	"wal_consistency_checking":          {""},
	"zero_damaged_pages":                {"off"},
}

// settingTable lists all parameters, by lower-case name.
var settingTable = loadSettings()

func loadSettings() map[string]*setting {
	m := map[string]*setting{
		"is_superuser":          {name: "is_superuser", kind: boolSetting, def: "on", context: "internal"},
		"role":                  {name: "role", kind: stringSetting, def: "none", context: "user"},
		"session_authorization": {name: "session_authorization", kind: stringSetting, context: "user"},
	}
	for line := range strings.Lines(settingData) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		kind, ok := settingKinds[f[1]]
		if !ok || len(f) != 12 {
			panic("session: bad line in the table of settings: " + line)
		}
		d := &setting{name: f[0], kind: kind, unit: f[2], def: f[5], context: f[7], category: f[8], short: f[9], extra: f[10], flags: f[11]}
		if kind == intSetting || kind == realSetting {
			d.min, _ = strconv.ParseFloat(f[3], 64)
			d.max, _ = strconv.ParseFloat(f[4], 64)
		}
		if kind == enumSetting {
			d.values = strings.Split(f[6], ",")
		}
		m[strings.ToLower(d.name)] = d
	}
	for i := range plSettings {
		m[plSettings[i].name] = &plSettings[i]
	}
	for i := range trgmSettings {
		m[trgmSettings[i].name] = &trgmSettings[i]
	}
	for name, v := range ownDefaults {
		m[name].def = v
	}
	for name, values := range refusals {
		m[name].only = values
	}
	for name, d := range m {
		d.report = slices.Contains(reported, name)
	}
	return m
}

package session

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// settingKind says how a setting's text is read.
type settingKind uint8

const (
	boolSetting settingKind = iota
	intSetting              // with a unit
	realSetting
	stringSetting
	enumSetting
)

// setting describes a run-time parameter (PostgreSQL calls it a GUC).
type setting struct {
	name     string // PostgreSQL's spelling
	kind     settingKind
	def      string
	unit     string // of an intSetting: "ms", "kB", "8kB", "s", "min" or ""
	min, max int64
	values   []string // of an enumSetting
	report   bool     // sent as ParameterStatus
	readOnly bool
	only     []string // the only values whose effect this server has; others are refused with 0A000
	short    string   // pg_settings.short_desc
}

// ServerVersion is the PostgreSQL version whose behaviour this server has; clients choose their queries by it.
const (
	ServerVersion    = "15.18"
	ServerVersionNum = 150018
)

var isolationNames = []string{"serializable", "repeatable read", "read committed", "read uncommitted"}

// settingTable lists all parameters, by lower-case name. Values in a setting's only list are those that are true of
// this server; a SET to another value is refused rather than ignored.
var settingTable = indexSettings([]setting{
	{name: "application_name", kind: stringSetting, report: true},
	{name: "backslash_quote", kind: enumSetting, def: "safe_encoding", values: []string{"safe_encoding", "on", "off"}},
	{name: "bytea_output", kind: enumSetting, def: "hex", values: []string{"escape", "hex"}},
	{name: "check_function_bodies", kind: boolSetting, def: "on"},
	{name: "client_connection_check_interval", kind: intSetting, def: "2000", unit: "ms", max: 1<<31 - 1},
	{name: "client_encoding", kind: stringSetting, def: "UTF8", report: true},
	{name: "client_min_messages", kind: enumSetting, def: "notice", values: []string{"debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"}},
	{name: "constraint_exclusion", kind: enumSetting, def: "partition", values: []string{"partition", "on", "off"}},
	{name: "cursor_tuple_fraction", kind: realSetting, def: "0.1"},
	{name: "DateStyle", kind: stringSetting, def: "ISO, MDY", report: true},
	{name: "deadlock_timeout", kind: intSetting, def: "1000", unit: "ms", min: 1, max: 1<<31 - 1, readOnly: true},
	{name: "default_table_access_method", kind: stringSetting, def: "heap", only: []string{"heap"}},
	{name: "default_tablespace", kind: stringSetting, def: "", only: []string{""}},
	{name: "default_text_search_config", kind: stringSetting, def: "pg_catalog.simple"},
	{name: "default_toast_compression", kind: enumSetting, def: "pglz", values: []string{"pglz"}},
	{name: "default_transaction_deferrable", kind: boolSetting, def: "off"},
	{name: "default_transaction_isolation", kind: enumSetting, def: "read committed", values: isolationNames},
	{name: "default_transaction_read_only", kind: boolSetting, def: "off", report: true},
	{name: "escape_string_warning", kind: boolSetting, def: "on"},
	{name: "extra_float_digits", kind: intSetting, def: "1", min: -15, max: 3},
	{name: "idle_in_transaction_session_timeout", kind: intSetting, def: "0", unit: "ms", max: 1<<31 - 1},
	{name: "idle_session_timeout", kind: intSetting, def: "0", unit: "ms", max: 1<<31 - 1, only: []string{"0"}},
	{name: "in_hot_standby", kind: boolSetting, def: "off", report: true, readOnly: true},
	{name: "integer_datetimes", kind: boolSetting, def: "on", report: true, readOnly: true},
	{name: "IntervalStyle", kind: enumSetting, def: "postgres", report: true, values: []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}},
	{name: "is_superuser", kind: boolSetting, def: "on", report: true, readOnly: true},
	{name: "jit", kind: boolSetting, def: "off", only: []string{"off"}},
	{name: "lc_collate", kind: stringSetting, def: "C.UTF-8", readOnly: true},
	{name: "lc_ctype", kind: stringSetting, def: "C.UTF-8", readOnly: true},
	{name: "lc_messages", kind: stringSetting, def: "C.UTF-8", only: []string{"C.UTF-8", "C", "en_US.UTF-8", "POSIX", ""}},
	{name: "lc_monetary", kind: stringSetting, def: "C.UTF-8"},
	{name: "lc_numeric", kind: stringSetting, def: "C.UTF-8"},
	{name: "lc_time", kind: stringSetting, def: "C.UTF-8"},
	{name: "lock_timeout", kind: intSetting, def: "0", unit: "ms", max: 1<<31 - 1},
	{name: "maintenance_work_mem", kind: intSetting, def: "65536", unit: "kB", min: 1024, max: 1<<31 - 1},
	{name: "max_connections", kind: intSetting, def: "500", max: 262143, readOnly: true},
	{name: "max_identifier_length", kind: intSetting, def: "63", max: 63, readOnly: true},
	{name: "max_index_keys", kind: intSetting, def: "32", max: 32, readOnly: true},
	{name: "max_stack_depth", kind: intSetting, def: "2048", unit: "kB", min: 100, max: 1<<31 - 1, readOnly: true},
	{name: "password_encryption", kind: enumSetting, def: "scram-sha-256", values: []string{"scram-sha-256"}},
	{name: "plan_cache_mode", kind: enumSetting, def: "auto", values: []string{"auto", "force_generic_plan", "force_custom_plan"}},
	{name: "role", kind: stringSetting, def: "none"},
	{name: "row_security", kind: boolSetting, def: "on"},
	{name: "search_path", kind: stringSetting, def: `"$user", public`},
	{name: "server_encoding", kind: stringSetting, def: "UTF8", report: true, readOnly: true},
	{name: "server_version", kind: stringSetting, def: ServerVersion, report: true, readOnly: true},
	{name: "server_version_num", kind: intSetting, def: strconv.Itoa(ServerVersionNum), readOnly: true, max: 1 << 30},
	{name: "session_authorization", kind: stringSetting, report: true},
	{name: "session_replication_role", kind: enumSetting, def: "origin", values: []string{"origin"}},
	{name: "standard_conforming_strings", kind: boolSetting, def: "on", report: true, only: []string{"on"}},
	{name: "statement_timeout", kind: intSetting, def: "0", unit: "ms", max: 1<<31 - 1},
	{name: "synchronize_seqscans", kind: boolSetting, def: "on"},
	{name: "synchronous_commit", kind: enumSetting, def: "on", values: []string{"on"}},
	{name: "TimeZone", kind: stringSetting, def: "UTC", report: true},
	{name: "transaction_deferrable", kind: boolSetting, def: "off"},
	{name: "transaction_isolation", kind: enumSetting, def: "read committed", values: isolationNames},
	{name: "transaction_read_only", kind: boolSetting, def: "off"},
	{name: "work_mem", kind: intSetting, def: "4096", unit: "kB", min: 64, max: 1<<31 - 1},
	{name: "xmloption", kind: enumSetting, def: "content", values: []string{"content", "document"}},
})

func indexSettings(list []setting) map[string]*setting {
	m := make(map[string]*setting, len(list))
	for i := range list {
		m[strings.ToLower(list[i].name)] = &list[i]
	}
	return m
}

// Settings is a session's run-time parameters. It is copied on write: a savepoint keeps the old pointer and a rollback
// puts it back, so that SET is as transactional as PostgreSQL's.
type Settings struct {
	session map[string]string // values set with SET, by lower-case name; absent: the default
	local   map[string]string // values set with SET LOCAL, until the transaction's end
	base    map[string]string // what RESET returns to: defaults from the start-up packet

	// Decoded values of what statements need at each execution.
	IO         types.IOEnv
	SearchPath []string // as written, "$user" included
	// Role and SessionRole are those of SET ROLE (0: none) and SET SESSION AUTHORIZATION (0: who logged in).
	Role, SessionRole catalog.Oid
	StatementLimit    time.Duration
	// ConnectionCheck is how often a running statement's client is looked for; 0: never.
	ConnectionCheck time.Duration
	LockLimit       time.Duration
	MinMessages     string
	WorkMem         int64 // bytes
}

func newSettings(base map[string]string) *Settings {
	s := &Settings{session: map[string]string{}, base: base}
	for k, v := range base {
		s.session[k] = v
	}
	s.decode()
	return s
}

// Get returns the value as SHOW prints it; ok is false for an unknown name.
func (s *Settings) Get(name string) (value string, ok bool) {
	raw, d, ok := s.raw(name)
	if !ok {
		return "", false
	}
	if d != nil && d.kind == intSetting && d.unit != "" {
		return showWithUnit(raw, d.unit), true
	}
	return raw, true
}

func (s *Settings) raw(name string) (string, *setting, bool) {
	key := strings.ToLower(name)
	d := settingTable[key]
	if v, ok := s.local[key]; ok {
		return v, d, true
	}
	if v, ok := s.session[key]; ok {
		return v, d, true
	}
	if d == nil {
		return "", nil, false
	}
	return d.def, d, true
}

func (s *Settings) clone() *Settings {
	n := &Settings{session: make(map[string]string, len(s.session)), base: s.base}
	for k, v := range s.session {
		n.session[k] = v
	}
	if s.local != nil {
		n.local = make(map[string]string, len(s.local))
		for k, v := range s.local {
			n.local[k] = v
		}
	}
	return n
}

// customName is what the name of a customized option must look like.
var customName = regexp.MustCompile(`^[A-Za-z_\x{80}-\x{10FFFF}][\w$\x{80}-\x{10FFFF}]*(\.[A-Za-z_\x{80}-\x{10FFFF}][\w$\x{80}-\x{10FFFF}]*)+$`)

// with returns the settings after SET [LOCAL] name = value; a nil value means DEFAULT.
func (s *Settings) with(name string, value *string, local bool) (*Settings, error) {
	key := strings.ToLower(name)
	d := settingTable[key]
	if d == nil && !strings.Contains(key, ".") {
		return nil, pgerr.New(pgerr.UndefinedObject, "unrecognized configuration parameter \"%s\"", name)
	}
	if d == nil && !customName.MatchString(name) {
		return nil, pgerr.New(pgerr.InvalidName, "invalid configuration parameter name \"%s\"", name).
			WithDetail("Custom parameter names must be two or more simple identifiers separated by dots.")
	}
	if d != nil && d.readOnly {
		return nil, pgerr.New(pgerr.CantChangeRuntimeParam, "parameter \"%s\" cannot be changed", d.name)
	}
	n := s.clone()
	if value == nil {
		delete(n.local, key)
		delete(n.session, key)
		if v, ok := s.base[key]; ok {
			n.session[key] = v
		} else if _, placeholder, known := s.raw(key); d == nil && known && placeholder == nil {
			n.session[key] = "" // a customized option stays known
		}
	} else {
		v := *value
		if d != nil {
			var err error
			current, _, _ := s.raw(key)
			if v, err = d.check(v, current); err != nil {
				return nil, err
			}
		}
		if local {
			if n.local == nil {
				n.local = map[string]string{}
			}
			n.local[key] = v
		} else {
			delete(n.local, key)
			n.session[key] = v
		}
	}
	n.decode()
	return n, nil
}

// resetAll returns the settings of RESET ALL, which leaves the roles as they are.
func (s *Settings) resetAll() *Settings {
	n := newSettings(s.base)
	for _, key := range []string{"role", "session_authorization"} {
		if v, ok := s.session[key]; ok {
			n.session[key] = v
		} else {
			delete(n.session, key)
		}
		if v, ok := s.local[key]; ok {
			if n.local == nil {
				n.local = map[string]string{}
			}
			n.local[key] = v
		}
	}
	n.decode()
	return n
}

// endLocal drops what SET LOCAL set.
func (s *Settings) endLocal() *Settings {
	if len(s.local) == 0 {
		return s
	}
	n := s.clone()
	n.local = nil
	n.decode()
	return n
}

func invalidValue(d *setting, v string) *pgerr.Error {
	return pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": \"%s\"", d.name, v)
}

// check validates a value and returns its canonical form.
func (d *setting) check(v, current string) (string, error) {
	out := v
	switch d.kind {
	case boolSetting:
		b, ok := parseBool(v)
		if !ok {
			return "", pgerr.New(pgerr.InvalidParameterValue, "parameter \"%s\" requires a Boolean value", d.name)
		}
		out = onOff(b)
	case enumSetting:
		out = strings.ToLower(v)
		found := false
		for _, e := range d.values {
			found = found || e == out
		}
		if !found {
			return "", invalidValue(d, v).WithHint("Available values: %s.", strings.Join(d.values, ", "))
		}
	case intSetting:
		n, err := d.parseInt(v)
		if err != nil {
			return "", err
		}
		out = strconv.FormatInt(n, 10)
	case realSetting:
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return "", invalidValue(d, v)
		}
	case stringSetting:
		var err error
		if out, err = d.checkString(v, current); err != nil {
			return "", err
		}
	}
	if d.only != nil {
		for _, o := range d.only {
			if o == out {
				return out, nil
			}
		}
		return "", pgerr.NotSupported(fmt.Sprintf("setting \"%s\" to \"%s\"", d.name, v))
	}
	return out, nil
}

func (d *setting) checkString(v, current string) (string, error) {
	switch d.name {
	case "client_encoding":
		switch name, ok := encodingName(v); {
		case !ok:
			return "", invalidValue(d, v)
		case name != "UTF8":
			return "", pgerr.New(pgerr.FeatureNotSupported, "conversion between %s and UTF8 is not supported", name)
		}
		return "UTF8", nil
	case "DateStyle":
		return canonicalDateStyle(d, v, current)
	case "TimeZone":
		loc, err := loadZone(v)
		if err != nil {
			return "", invalidValue(d, v)
		}
		return loc.String(), nil
	}
	return v, nil
}

// unitScale maps a unit suffix to its size in the base of its family (µs or bytes).
var unitScale = map[string]float64{"us": 1, "ms": 1e3, "s": 1e6, "min": 60e6, "h": 3600e6, "d": 86400e6,
	"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40, "8kB": 8 << 10}

func (d *setting) parseInt(v string) (int64, error) {
	t := strings.TrimSpace(v)
	i := len(t)
	for i > 0 && (t[i-1] < '0' || t[i-1] > '9') && t[i-1] != '.' {
		i--
	}
	num, suffix := t[:i], strings.TrimSpace(t[i:])
	f, err := strconv.ParseFloat(num, 64)
	if err != nil {
		return 0, invalidValue(d, v)
	}
	if suffix != "" {
		from, okFrom := unitScale[suffix]
		to, okTo := unitScale[d.unit]
		if !okFrom || !okTo {
			return 0, invalidValue(d, v).WithHint("%s", unitsHint(d.unit))
		}
		f = f * from / to
	}
	n := int64(f + 0.5)
	if f < 0 {
		n = int64(f - 0.5)
	}
	if n < d.min || n > d.max {
		unit := d.unit
		if unit != "" {
			unit = " " + unit
		}
		return 0, pgerr.New(pgerr.InvalidParameterValue, "%d%s is outside the valid range for parameter \"%s\" (%d .. %d)",
			n, unit, d.name, d.min, d.max)
	}
	return n, nil
}

// unitsHint lists the units of a setting's family.
func unitsHint(unit string) string {
	switch unit {
	case "ms", "s", "min":
		return `Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`
	}
	return `Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`
}

// encodingName returns PostgreSQL's name of a client encoding; ok is false for a name that is none.
func encodingName(v string) (name string, ok bool) {
	plain := strings.ToUpper(strings.NewReplacer("-", "", "_", "", " ", "").Replace(v))
	switch plain {
	case "UNICODE":
		plain = "UTF8"
	case "ISO88591":
		plain = "LATIN1"
	case "ISO885915":
		plain = "LATIN9"
	case "WINDOWS1252":
		plain = "WIN1252"
	}
	for _, e := range []string{"UTF8", "SQL_ASCII", "LATIN1", "LATIN2", "LATIN3", "LATIN4", "LATIN5", "LATIN6", "LATIN7", "LATIN8",
		"LATIN9", "LATIN10", "WIN1250", "WIN1251", "WIN1252", "WIN1253", "WIN1254", "WIN1255", "WIN1256", "WIN1257", "WIN1258",
		"WIN866", "WIN874", "KOI8R", "KOI8U", "ISO_8859_5", "ISO_8859_6", "ISO_8859_7", "ISO_8859_8", "EUC_JP", "EUC_CN",
		"EUC_KR", "EUC_TW", "EUC_JIS_2004", "SJIS", "SHIFT_JIS_2004", "BIG5", "GBK", "GB18030", "UHC", "JOHAB", "MULE_INTERNAL"} {
		if strings.ReplaceAll(e, "_", "") == plain {
			return e, true
		}
	}
	return "", false
}

// showWithUnit prints an integer with the largest unit that divides it, as SHOW does.
func showWithUnit(raw, unit string) string {
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || n <= 0 {
		return raw
	}
	var ladder []string
	switch unit {
	case "ms", "s", "min":
		ladder = []string{"d", "h", "min", "s", "ms"}
	default:
		ladder = []string{"TB", "GB", "MB", "kB"}
	}
	base := int64(unitScale[unit]) * n
	for _, u := range ladder {
		if size := int64(unitScale[u]); base%size == 0 {
			return strconv.FormatInt(base/size, 10) + u
		}
	}
	return raw + unit
}

func parseBool(v string) (value, ok bool) {
	switch v = strings.ToLower(v); {
	case v == "on" || v == "1":
		return true, true
	case v == "off" || v == "0" || v == "of":
		return false, true
	case v != "" && (strings.HasPrefix("true", v) || strings.HasPrefix("yes", v)):
		return true, true
	case v != "" && (strings.HasPrefix("false", v) || strings.HasPrefix("no", v)):
		return false, true
	}
	return false, false
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// canonicalDateStyle reads a DateStyle; what it does not say stays as it is in current.
func canonicalDateStyle(d *setting, v, current string) (string, error) {
	style, order, _ := strings.Cut(current, ", ")
	ordered := false
	for _, part := range strings.Split(v, ",") {
		switch p := strings.ToUpper(strings.TrimSpace(part)); p {
		case "ISO":
			style = "ISO"
		case "SQL":
			style = "SQL"
		case "POSTGRES":
			style = "Postgres"
		case "GERMAN":
			style = "German"
			if !ordered {
				order = "DMY"
			}
		case "YMD", "DMY", "MDY":
			order, ordered = p, true
		case "US", "NONEURO", "NONEUROPEAN":
			order, ordered = "MDY", true
		case "EURO", "EUROPEAN":
			order, ordered = "DMY", true
		case "DEFAULT":
			style, order, _ = strings.Cut(d.def, ", ")
		default:
			return "", invalidValue(d, v).WithDetail("Unrecognized key word: \"%s\".", strings.ToLower(p))
		}
	}
	return style + ", " + order, nil
}

// loadZone finds a time zone by IANA name, by UTC and its synonyms, or by a number of hours east.
func loadZone(v string) (*time.Location, error) {
	name := strings.Trim(v, "'")
	switch strings.ToUpper(name) {
	case "UTC", "GMT", "Z", "ETC/UTC", "LOCAL", "DEFAULT":
		if strings.EqualFold(name, "etc/utc") {
			return time.LoadLocation("Etc/UTC")
		}
		if strings.EqualFold(name, "gmt") {
			return time.FixedZone("GMT", 0), nil
		}
		return time.UTC, nil
	}
	if _, posix, ok := strings.Cut(name, ">"); ok && strings.HasPrefix(name, "<") { // as made below: hours west
		if h, err := strconv.ParseFloat(posix, 64); err == nil {
			return time.FixedZone(name, int(-h*3600)), nil
		}
	}
	if h, err := strconv.ParseFloat(name, 64); err == nil && h >= -15.99 && h <= 15.99 {
		secs := int(h * 3600)
		sign, abs := "-", secs
		if secs < 0 {
			sign, abs = "+", -secs
		}
		label := fmt.Sprintf("<%s%02d>%s%02d", map[string]string{"-": "+", "+": "-"}[sign], abs/3600, sign, abs/3600)
		return time.FixedZone(label, secs), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		if m := posixZone.FindStringSubmatch(name); m != nil {
			return posixOffset(name, m)
		}
	}
	return loc, err
}

// posixZone is a POSIX time zone without daylight saving time: an abbreviation, and an offset west of Greenwich.
var posixZone = regexp.MustCompile(`^(?:[A-Za-z]{3,}|<[^>]+>)?([+-]?)(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?$`)

func posixOffset(name string, m []string) (*time.Location, error) {
	secs := 0
	for i, unit := range []int{3600, 60, 1} {
		n, _ := strconv.Atoi(m[2+i])
		secs += n * unit
	}
	if secs > 24*3600 {
		return nil, fmt.Errorf("unknown time zone %s", name)
	}
	if m[1] != "-" {
		secs = -secs
	}
	return time.FixedZone(name, secs), nil
}

// decode refreshes the typed copies.
func (s *Settings) decode() {
	get := func(n string) string { v, _, _ := s.raw(n); return v }
	num := func(n string) int64 { v, _ := strconv.ParseInt(get(n), 10, 64); return v }
	s.IO = *types.DefaultIOEnv
	style, order, _ := strings.Cut(get("datestyle"), ", ")
	s.IO.DateStyle, s.IO.DateOrder = style, order
	if loc, err := loadZone(get("timezone")); err == nil {
		s.IO.TimeZone = loc
	}
	s.IO.ExtraFloatDigits = int(num("extra_float_digits"))
	s.IO.ByteaOutput = get("bytea_output")
	s.IO.IntervalStyle = get("intervalstyle")
	s.SearchPath = splitIdentifiers(get("search_path"))
	s.StatementLimit = time.Duration(num("statement_timeout")) * time.Millisecond
	s.ConnectionCheck = time.Duration(num("client_connection_check_interval")) * time.Millisecond
	s.LockLimit = time.Duration(num("lock_timeout")) * time.Millisecond
	s.MinMessages = get("client_min_messages")
	s.WorkMem = num("work_mem") << 10
	s.Role, s.SessionRole = catalog.Oid(num("role")), catalog.Oid(num("session_authorization"))
}

// isolation maps an isolation level's name.
func isolation(name string) txn.Isolation {
	switch name {
	case "serializable":
		return txn.Serializable
	case "repeatable read":
		return txn.RepeatableRead
	}
	return txn.ReadCommitted
}

// splitIdentifiers splits a search_path: names are folded to lower case unless quoted.
func splitIdentifiers(v string) []string {
	var out []string
	for i := 0; i < len(v); {
		switch {
		case v[i] == ' ' || v[i] == ',' || v[i] == '\t' || v[i] == '\n':
			i++
		case v[i] == '"':
			var b strings.Builder
			for i++; i < len(v); i++ {
				if v[i] == '"' {
					if i+1 < len(v) && v[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				b.WriteByte(v[i])
			}
			i++
			out = append(out, b.String())
		default:
			j := i
			for j < len(v) && v[j] != ',' {
				j++
			}
			out = append(out, strings.ToLower(strings.TrimSpace(v[i:j])))
			i = j
		}
	}
	return out
}

// SettingRow is one row of pg_settings.
type SettingRow struct {
	Name, Setting, Unit, VarType, Short, Context string
}

// All lists every parameter for SHOW ALL and pg_settings, in name order.
func (s *Settings) All() []SettingRow {
	kinds := map[settingKind]string{boolSetting: "bool", intSetting: "integer", realSetting: "real",
		stringSetting: "string", enumSetting: "enum"}
	var out []SettingRow
	for key, d := range settingTable {
		raw, _, _ := s.raw(key)
		context := "user"
		if d.readOnly {
			context = "internal"
		}
		out = append(out, SettingRow{d.name, raw, d.unit, kinds[d.kind], d.short, context})
	}
	sort.Slice(out, func(i, j int) bool { return strings.ToLower(out[i].Name) < strings.ToLower(out[j].Name) })
	return out
}

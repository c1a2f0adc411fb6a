package session

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ServerVersion is the PostgreSQL version whose behaviour this server has; clients choose their queries by it.
const (
	ServerVersion    = "15.18"
	ServerVersionNum = 150018
)

// Settings is a session's run-time parameters. It is copied on write: a savepoint keeps the old pointer and a rollback
// puts it back, so that SET is as transactional as PostgreSQL's.
type Settings struct {
	session map[string]string // values set with SET, by lower-case name; absent: the default
	local   map[string]string // values set with SET LOCAL, until the transaction's end
	base    map[string]string // what RESET returns to: of the role, the database and the start-up packet
	sources map[string]string // of those in base that are not the start-up packet's: pg_settings.source

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
	NoViews         bool
	Methods         planner.Methods
	NoRowSecurity   bool
	WorkMem         int64 // bytes
	// StatisticsTarget is default_statistics_target.
	StatisticsTarget int
	// PlanCacheMode is plan_cache_mode.
	PlanCacheMode string
	// HashMemMultiplier is how many times that a hash table may have.
	HashMemMultiplier float64
	// TempFileLimit and LogTempFiles are in kB; -1: no limit, and nothing is logged.
	TempFileLimit, LogTempFiles int64
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
	if d != nil {
		return d.shown(raw), true
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
	n := &Settings{session: make(map[string]string, len(s.session)), base: s.base, sources: s.sources}
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

// changer is who sets a parameter.
type changer struct{ superuser, starting bool }

// with returns the settings after SET [LOCAL] name = value; a nil value means DEFAULT.
func (s *Settings) with(by changer, name string, value *string, local bool) (*Settings, error) {
	key := strings.ToLower(name)
	d := settingTable[key]
	if d == nil && !strings.Contains(key, ".") {
		return nil, pgerr.New(pgerr.UndefinedObject, "unrecognized configuration parameter \"%s\"", name)
	}
	if d == nil && !customName.MatchString(name) {
		return nil, pgerr.New(pgerr.InvalidName, "invalid configuration parameter name \"%s\"", name).
			WithDetail("Custom parameter names must be two or more simple identifiers separated by dots.")
	}
	if prefix, _, _ := strings.Cut(key, "."); d == nil && (prefix == "plpgsql" || prefix == "pg_trgm") {
		return nil, pgerr.New(pgerr.InvalidName, "invalid configuration parameter name \"%s\"", name).
			WithDetail("\"%s\" is a reserved prefix.", prefix)
	}
	if d != nil {
		if err := d.changeable(by.superuser, by.starting); err != nil {
			return nil, err
		}
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
	n.sources = s.sources
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
	case "plpgsql.extra_errors", "plpgsql.extra_warnings":
		return v, checkPLChecks(d, v)
	case "DateStyle":
		return canonicalDateStyle(d, v, current)
	case "TimeZone":
		loc, err := loadZone(v)
		switch _, number := strconv.ParseFloat(strings.Trim(v, "'"), 64); {
		case err != nil && number == nil:
			return "", invalidValue(d, v).WithDetail("UTC timezone offset is out of range.")
		case err != nil:
			return "", invalidValue(d, v)
		}
		return loc.String(), nil
	case "default_text_search_config":
		if name, ok := pgcat.TextSearchConfig(v); ok {
			return name, nil
		}
		return "", invalidValue(d, v)
	case "restrict_nonsystem_relation_kind":
		for _, kind := range splitIdentifiers(v) {
			if kind != "view" && kind != "foreign-table" { // there are no foreign tables
				return "", invalidValue(d, v).WithDetail("Unrecognized key word: \"%s\".", kind)
			}
		}
	}
	return v, nil
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
	if h, err := strconv.ParseFloat(name, 64); err == nil {
		secs := int(h * 3600)
		if h > 167 || h < -167 {
			return nil, fmt.Errorf("unknown time zone %s", name)
		}
		return types.OffsetZone(secs), nil
	}
	if loc, ok := types.LoadTimeZone(name); ok {
		return loc, nil
	}
	return nil, fmt.Errorf("unknown time zone %s", name)
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
	s.Methods = planner.Methods{NoHashJoin: get("enable_hashjoin") == "off", NoMergeJoin: get("enable_mergejoin") == "off",
		NoNestLoop: get("enable_nestloop") == "off"}
	s.NoRowSecurity = get("row_security") == "off"
	s.NoViews = slices.Contains(splitIdentifiers(get("restrict_nonsystem_relation_kind")), "view")
	s.StatementLimit = time.Duration(num("statement_timeout")) * time.Millisecond
	s.ConnectionCheck = time.Duration(num("client_connection_check_interval")) * time.Millisecond
	s.LockLimit = time.Duration(num("lock_timeout")) * time.Millisecond
	s.MinMessages = get("client_min_messages")
	s.WorkMem = num("work_mem") << 10
	s.PlanCacheMode = get("plan_cache_mode")
	s.StatisticsTarget = int(num("default_statistics_target"))
	s.HashMemMultiplier, _ = strconv.ParseFloat(get("hash_mem_multiplier"), 64)
	s.TempFileLimit, s.LogTempFiles = num("temp_file_limit"), num("log_temp_files")
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
	*setting
	Value, Source, Reset string
}

// All lists every parameter for SHOW ALL and pg_settings, in name order.
func (s *Settings) All() []SettingRow {
	var out []SettingRow
	for key, d := range settingTable {
		r := SettingRow{setting: d, Source: "default", Reset: d.def}
		r.Value, _, _ = s.raw(key)
		if v, ok := s.base[key]; ok {
			if r.Source, r.Reset = "client", v; s.sources[key] != "" {
				r.Source = s.sources[key]
			}
		}
		_, session := s.session[key]
		if _, local := s.local[key]; local || session && r.Value != r.Reset {
			r.Source = "session"
		}
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return strings.ToLower(out[i].name) < strings.ToLower(out[j].name) })
	return out
}

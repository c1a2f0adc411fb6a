package session

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func invalidValue(d *setting, v string) *pgerr.Error {
	return pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter \"%s\": \"%s\"", d.name, v)
}

// changeable tells whether a session may change the parameter now; starting says that it is about to begin.
func (d *setting) changeable(superuser, starting bool) error {
	refuse := func(format string) error { return pgerr.New(pgerr.CantChangeRuntimeParam, format, d.name) }
	switch d.context {
	case "internal":
		return refuse("parameter \"%s\" cannot be changed")
	case "postmaster":
		return refuse("parameter \"%s\" cannot be changed without restarting the server")
	case "sighup":
		return refuse("parameter \"%s\" cannot be changed now")
	case "backend", "superuser-backend":
		if !starting {
			return refuse("parameter \"%s\" cannot be set after connection start")
		}
		return pgerr.NotSupported("setting \"" + d.name + "\"")
	case "superuser":
		if !superuser {
			return pgerr.New(pgerr.InsufficientPrivilege, "permission denied to set parameter \"%s\"", d.name)
		}
	}
	return nil
}

// check validates a value and returns its canonical form.
func (d *setting) check(v, current string) (string, error) {
	out := v
	var err error
	switch d.kind {
	case boolSetting:
		b, ok := parseBool(v)
		if !ok {
			return "", pgerr.New(pgerr.InvalidParameterValue, "parameter \"%s\" requires a Boolean value", d.name)
		}
		out = onOff(b)
	case enumSetting:
		at := slices.IndexFunc(d.values, func(e string) bool { return strings.EqualFold(e, v) })
		if out, err = d.enumValue(v, at); err != nil {
			return "", err
		}
	case intSetting, realSetting:
		out, err = d.parseNumber(v)
	case stringSetting:
		out, err = d.checkString(v, current)
	}
	if err != nil {
		return "", err
	}
	if d.only != nil && !slices.Contains(d.only, out) {
		return "", pgerr.NotSupported(fmt.Sprintf("setting \"%s\" to \"%s\"", d.name, v))
	}
	return out, nil
}

// enumBooleans are the enums that also take the spellings of a Boolean, which PostgreSQL does not mention in its hint.
var enumBooleans = map[string]bool{"backslash_quote": true, "compute_query_id": true, "constraint_exclusion": true,
	"force_parallel_mode": true, "synchronous_commit": true, "wal_compression": true}

func (d *setting) enumValue(v string, at int) (string, error) {
	if at >= 0 {
		return d.values[at], nil
	}
	if enumBooleans[strings.ToLower(d.name)] {
		switch strings.ToLower(v) {
		case "true", "yes", "1":
			return "on", nil
		case "false", "no", "0":
			return "off", nil
		}
	}
	return "", invalidValue(d, v).WithHint("Available values: %s.", strings.Join(d.values, ", "))
}

// unitScale maps a unit suffix to its size in the base of its family (µs or bytes).
var unitScale = map[string]float64{"us": 1, "ms": 1e3, "s": 1e6, "min": 60e6, "h": 3600e6, "d": 86400e6,
	"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40, "8kB": 8 << 10}

func isTimeUnit(unit string) bool {
	switch unit {
	case "us", "ms", "s", "min", "h", "d":
		return true
	}
	return false
}

// splitNumber divides a value into its number and what follows: decimal, or hexadecimal or octal as C's strtol reads them.
func (d *setting) splitNumber(v string) (f float64, suffix string, ok bool) {
	t := strings.TrimSpace(v)
	i := 0
	for i < len(t) && strings.IndexByte("+-.0123456789", t[i]) >= 0 {
		i++
	}
	if i == 1 && t[0] == '0' && len(t) > 2 && t[1]|0x20 == 'x' && d.kind == intSetting {
		for i = 2; i < len(t) && strings.IndexByte("0123456789abcdefABCDEF", t[i]) >= 0; i++ {
		}
		n, err := strconv.ParseInt(t[:i], 0, 64)
		return float64(n), strings.TrimSpace(t[i:]), err == nil
	}
	if i < len(t)-1 && t[i]|0x20 == 'e' && strings.IndexByte("+-0123456789", t[i+1]) >= 0 {
		for i += 2; i < len(t) && t[i] >= '0' && t[i] <= '9'; i++ {
		}
	}
	num := t[:i]
	if d.kind == intSetting && len(num) > 1 && num[0] == '0' && strings.Trim(num, "01234567") == "" {
		n, err := strconv.ParseInt(num, 8, 64)
		return float64(n), strings.TrimSpace(t[i:]), err == nil
	}
	f, err := strconv.ParseFloat(num, 64)
	return f, strings.TrimSpace(t[i:]), err == nil
}

// parseNumber reads the value of an intSetting or realSetting in its unit.
func (d *setting) parseNumber(v string) (string, error) {
	f, suffix, ok := d.splitNumber(v)
	if !ok || suffix != "" && d.unit == "" {
		return "", invalidValue(d, v)
	}
	if suffix != "" {
		from, known := unitScale[suffix]
		if !known || isTimeUnit(suffix) != isTimeUnit(d.unit) || suffix == "8kB" {
			return "", invalidValue(d, v).WithHint("%s", unitsHint(d.unit))
		}
		f = f * from / unitScale[d.unit]
	}
	if d.kind == intSetting {
		if f = math.RoundToEven(f); f > math.MaxInt32 || f < math.MinInt32 {
			return "", invalidValue(d, v).WithHint("Value exceeds integer range.")
		}
	}
	if f < d.min || f > d.max || f != f {
		unit := d.unit
		if unit != "" {
			unit = " " + unit
		}
		lo, hi := d.bounds()
		return "", pgerr.New(pgerr.InvalidParameterValue, "%s%s is outside the valid range for parameter \"%s\" (%s .. %s)",
			formatG(d.kind, f), unit, d.name, lo, hi)
	}
	return formatG(d.kind, f), nil
}

// unitsHint lists the units of a setting's family.
func unitsHint(unit string) string {
	if isTimeUnit(unit) {
		return `Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`
	}
	return `Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`
}

var (
	timeUnits   = []string{"d", "h", "min", "s", "ms", "us"}
	memoryUnits = []string{"TB", "GB", "MB", "kB", "B"}
)

// showWithUnit prints a number with the largest unit that divides it, as SHOW does.
func (d *setting) showWithUnit(raw string) string {
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || f <= 0 || d.unit == "" {
		return raw
	}
	ladder := memoryUnits
	if isTimeUnit(d.unit) {
		ladder = timeUnits
	}
	base := unitScale[d.unit] * f
	for _, u := range ladder {
		if d.kind == intSetting && unitScale[u] < unitScale[d.unit] && u != "kB" {
			break
		}
		if n := base / unitScale[u]; n == math.Trunc(n) {
			return strconv.FormatFloat(n, 'f', 0, 64) + u
		}
	}
	return raw + d.unit
}

// shown prints a raw value as SHOW does.
func (d *setting) shown(raw string) string {
	switch d.name {
	case "data_directory_mode", "log_file_mode", "unix_socket_permissions":
		n, _ := strconv.Atoi(raw)
		return fmt.Sprintf("%04o", n)
	}
	return d.showWithUnit(raw)
}

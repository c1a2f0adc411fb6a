package types

import "strconv"

// intervalParts is an interval split into the units that text forms name; all
// parts of the time have the sign of Micros.
type intervalParts struct {
	years, months, days        int
	hours                      int64
	minutes, seconds, fraction int
}

func splitInterval(iv Interval) intervalParts {
	us := iv.Micros
	return intervalParts{int(iv.Months / 12), int(iv.Months % 12), int(iv.Days),
		us / microsPerHour, int(us / microsPerMinute % 60), int(us / MicrosPerSecond % 60), int(us % MicrosPerSecond)}
}

func absInt(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// appendInterval appends an interval in the session's style.
func appendInterval(buf []byte, iv Interval, style string) []byte {
	p := splitInterval(iv)
	switch style {
	case "iso_8601":
		return appendISOInterval(buf, p)
	case "sql_standard":
		return appendSQLInterval(buf, p)
	case "postgres_verbose":
		return appendVerboseInterval(buf, p)
	}
	start, negative := len(buf), false
	for _, u := range [...]struct {
		n    int
		name string
	}{{p.years, "year"}, {p.months, "mon"}, {p.days, "day"}} {
		if u.n == 0 {
			continue
		}
		if len(buf) > start {
			buf = append(buf, ' ')
		}
		if negative && u.n > 0 {
			buf = append(buf, '+')
		}
		buf = append(append(strconv.AppendInt(buf, int64(u.n), 10), ' '), u.name...)
		if u.n != 1 {
			buf = append(buf, 's')
		}
		negative = u.n < 0
	}
	if iv.Micros == 0 && len(buf) > start {
		return buf
	}
	if len(buf) > start {
		buf = append(buf, ' ')
	}
	if iv.Micros < 0 {
		buf = append(buf, '-')
	} else if negative {
		buf = append(buf, '+')
	}
	return appendSpan(buf, p, 2)
}

// appendSpan appends hh:mm:ss without a sign, hours padded to a width.
func appendSpan(buf []byte, p intervalParts, width int) []byte {
	h := p.hours
	if h < 0 {
		h = -h
	}
	if h < 10 && width == 2 {
		buf = append(buf, '0')
	}
	buf = strconv.AppendInt(buf, h, 10)
	buf = pad2(append(buf, ':'), absInt(p.minutes))
	buf = pad2(append(buf, ':'), absInt(p.seconds))
	return appendFraction(buf, absInt(p.fraction))
}

func appendVerboseInterval(buf []byte, p intervalParts) []byte {
	buf = append(buf, '@')
	first, ago := true, false
	unit := func(n int64, name string) {
		if n == 0 {
			return
		}
		if first {
			first, ago = false, n < 0
		}
		if ago {
			n = -n
		}
		buf = append(append(strconv.AppendInt(append(buf, ' '), n, 10), ' '), name...)
		if n != 1 {
			buf = append(buf, 's')
		}
	}
	unit(int64(p.years), "year")
	unit(int64(p.months), "mon")
	unit(int64(p.days), "day")
	unit(p.hours, "hour")
	unit(int64(p.minutes), "min")
	if p.seconds != 0 || p.fraction != 0 {
		neg := p.seconds < 0 || p.fraction < 0
		if first {
			first, ago = false, neg
		}
		buf = append(buf, ' ')
		if neg != ago {
			buf = append(buf, '-')
		}
		buf = appendFraction(strconv.AppendInt(buf, int64(absInt(p.seconds)), 10), absInt(p.fraction))
		buf = append(buf, " sec"...)
		if absInt(p.seconds) != 1 || p.fraction != 0 {
			buf = append(buf, 's')
		}
	}
	if first {
		return append(buf, " 0"...)
	}
	if ago {
		buf = append(buf, " ago"...)
	}
	return buf
}

func appendISOInterval(buf []byte, p intervalParts) []byte {
	if p == (intervalParts{}) {
		return append(buf, "PT0S"...)
	}
	unit := func(n int64, u byte) {
		if n != 0 {
			buf = append(strconv.AppendInt(buf, n, 10), u)
		}
	}
	buf = append(buf, 'P')
	unit(int64(p.years), 'Y')
	unit(int64(p.months), 'M')
	unit(int64(p.days), 'D')
	if p.hours == 0 && p.minutes == 0 && p.seconds == 0 && p.fraction == 0 {
		return buf
	}
	buf = append(buf, 'T')
	unit(p.hours, 'H')
	unit(int64(p.minutes), 'M')
	if p.seconds != 0 || p.fraction != 0 {
		if p.seconds < 0 || p.fraction < 0 {
			buf = append(buf, '-')
		}
		buf = appendFraction(strconv.AppendInt(buf, int64(absInt(p.seconds)), 10), absInt(p.fraction))
		buf = append(buf, 'S')
	}
	return buf
}

func appendSQLInterval(buf []byte, p intervalParts) []byte {
	timeSign := p.hours < 0 || p.minutes < 0 || p.seconds < 0 || p.fraction < 0
	hasTime := p.hours != 0 || p.minutes != 0 || p.seconds != 0 || p.fraction != 0
	hasYM, hasDT := p.years != 0 || p.months != 0, p.days != 0 || hasTime
	negative := p.years < 0 || p.months < 0 || p.days < 0 || timeSign
	positive := p.years > 0 || p.months > 0 || p.days > 0 || hasTime && !timeSign
	sign := func(neg bool) {
		if neg {
			buf = append(buf, '-')
		} else {
			buf = append(buf, '+')
		}
	}
	ym := func() {
		buf = strconv.AppendInt(buf, int64(absInt(p.years)), 10)
		buf = strconv.AppendInt(append(buf, '-'), int64(absInt(p.months)), 10)
	}
	switch {
	case !negative && !positive:
		return append(buf, '0')
	case negative && positive || hasYM && hasDT:
		sign(p.years < 0 || p.months < 0)
		ym()
		buf = append(buf, ' ')
		sign(p.days < 0)
		buf = append(strconv.AppendInt(buf, int64(absInt(p.days)), 10), ' ')
		sign(timeSign)
		return appendSpan(buf, p, 1)
	}
	if negative {
		buf = append(buf, '-')
	}
	if hasYM {
		ym()
		return buf
	}
	if p.days != 0 {
		buf = append(strconv.AppendInt(buf, int64(absInt(p.days)), 10), ' ')
	}
	return appendSpan(buf, p, 1)
}

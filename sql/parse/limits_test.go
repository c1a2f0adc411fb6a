package parse

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// deepShapes are the ways to make a deep tree, by the number of levels.
var deepShapes = map[string]func(n int) string{
	"plus":       func(n int) string { return "SELECT 1" + strings.Repeat("+1", n) },
	"concat":     func(n int) string { return "SELECT a" + strings.Repeat("||a", n) },
	"minus":      func(n int) string { return "SELECT " + strings.Repeat("- ", n) + "a" },
	"not":        func(n int) string { return "SELECT " + strings.Repeat("NOT ", n) + "a" },
	"cast":       func(n int) string { return "SELECT a" + strings.Repeat("::int", n) },
	"collate":    func(n int) string { return "SELECT a" + strings.Repeat(" COLLATE c", n) },
	"attimezone": func(n int) string { return "SELECT a" + strings.Repeat(" AT TIME ZONE b", n) },
	"and-mixed": func(n int) string {
		return "SELECT " + strings.Repeat("a AND (b OR (", n) + "a" + strings.Repeat("))", n)
	},
	"parens":     func(n int) string { return "SELECT " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
	"rows":       func(n int) string { return "SELECT " + strings.Repeat("(1,", n) + "1" + strings.Repeat(")", n) },
	"arrays":     func(n int) string { return "SELECT ARRAY" + strings.Repeat("[", n) + "1" + strings.Repeat("]", n) },
	"subscripts": func(n int) string { return "SELECT " + strings.Repeat("a[", n) + "1" + strings.Repeat("]", n) },
	"calls":      func(n int) string { return "SELECT " + strings.Repeat("f(", n) + "1" + strings.Repeat(")", n) },
	"case": func(n int) string {
		return "SELECT " + strings.Repeat("CASE WHEN a THEN ", n) + "1" + strings.Repeat(" END", n)
	},
	"case-else": func(n int) string {
		return "SELECT " + strings.Repeat("CASE WHEN a THEN 1 ELSE ", n) + "1" + strings.Repeat(" END", n)
	},
	"scalar": func(n int) string { return strings.Repeat("SELECT (", n) + "SELECT 1" + strings.Repeat(")", n) },
	"subselects": func(n int) string {
		return strings.Repeat("SELECT * FROM (", n) + "SELECT 1" + strings.Repeat(") a", n)
	},
	"in-select": func(n int) string {
		return strings.Repeat("SELECT 1 WHERE 1 IN (", n) + "SELECT 1" + strings.Repeat(")", n)
	},
	"with": func(n int) string {
		return strings.Repeat("WITH a AS (", n) + "SELECT 1" + strings.Repeat(") SELECT 1", n)
	},
	"unions":      func(n int) string { return "SELECT 1" + strings.Repeat(" UNION SELECT 1", n) },
	"union-right": func(n int) string { return strings.Repeat("SELECT 1 UNION (", n) + "SELECT 1" + strings.Repeat(")", n) },
	"joins":       func(n int) string { return "SELECT 1 FROM a" + strings.Repeat(" CROSS JOIN a", n) },
	"join-parens": func(n int) string {
		return "SELECT 1 FROM " + strings.Repeat("(", n) + "a" + strings.Repeat(" JOIN a ON b)", n)
	},
	"join-right": func(n int) string {
		return "SELECT 1 FROM a" + strings.Repeat(" JOIN a", n) + strings.Repeat(" ON b", n)
	},
	"is-null": func(n int) string { return "SELECT " + strings.Repeat("(", n) + "a" + strings.Repeat(" IS NULL)", n) },
	"between": func(n int) string {
		return "SELECT " + strings.Repeat("a BETWEEN (", n) + "1" + strings.Repeat(") AND 2", n)
	},
	"group-sets": func(n int) string {
		return "SELECT 1 GROUP BY " + strings.Repeat("GROUPING SETS (", n) + "a" + strings.Repeat(")", n)
	},
	"operator()": func(n int) string { return "SELECT a" + strings.Repeat(" OPERATOR(s.+) a", n) },
	"window": func(n int) string {
		return "SELECT " + strings.Repeat("f() OVER (ORDER BY ", n) + "1" + strings.Repeat(")", n)
	},
	"filter": func(n int) string {
		return "SELECT " + strings.Repeat("f() FILTER (WHERE ", n) + "true" + strings.Repeat(")", n)
	},
	"from-func": func(n int) string {
		return strings.Repeat("SELECT 1 FROM f((", n) + "SELECT 1" + strings.Repeat("))", n)
	},
	"typmod": func(n int) string { return "SELECT " + strings.Repeat("a::b(", n) + "1" + strings.Repeat(")", n) },
	"explicit-row-field": func(n int) string {
		return "SELECT " + strings.Repeat("(ROW(", n) + "1" + strings.Repeat(")).f1", n)
	},
}

// TestCParserLimits finds, when PARSE_LIMITS is set, the levels of each shape
// at which the C parser ends a process of its own.
func TestCParserLimits(t *testing.T) {
	if shape := os.Getenv("PARSE_SHAPE"); shape != "" {
		n, _ := strconv.Atoi(os.Getenv("PARSE_LEVELS"))
		_, err := rawParse(deepShapes[shape](n), PLStatement, 0)
		if err != nil {
			fmt.Println("PARSE_ERROR", err)
		}
		return
	}
	if os.Getenv("PARSE_LIMITS") == "" {
		t.Skip("set PARSE_LIMITS to measure")
	}
	for name := range deepShapes {
		lo, hi := 0, 200000
		msg := ""
		for hi-lo > 200+lo/20 {
			mid := (lo + hi) / 2
			cmd := exec.Command(os.Args[0], "-test.run=TestCParserLimits")
			cmd.Env = append(os.Environ(), "PARSE_SHAPE="+name, "PARSE_LEVELS="+strconv.Itoa(mid))
			out, err := cmd.CombinedOutput()
			if err != nil {
				hi = mid
			} else {
				lo = mid
				if i := strings.Index(string(out), "PARSE_ERROR"); i >= 0 {
					msg = strings.SplitN(string(out)[i:], "\n", 2)[0]
				}
			}
		}
		if len(msg) > 90 {
			msg = msg[:90]
		}
		t.Logf("%-20s survives %d %s", name, lo, msg)
	}
}

// TestDeepTextsDoNotEndTheProcess proves that no depth of any shape gets past
// the checks to overflow the C parser's stack.
func TestDeepTextsDoNotEndTheProcess(t *testing.T) {
	for name, shape := range deepShapes {
		for _, n := range []int{100, 1500, 1900, 2400, 3900, 7900, 9500, 60000, 100000} {
			_, err := Parse(shape(n))
			if err == nil {
				continue
			}
			e := pgerr.From(err)
			exhausted := strings.HasPrefix(e.Message, "memory exhausted at or near")
			if e.Code != pgerr.StatementTooComplex && !exhausted {
				t.Errorf("%s, %d levels: %v", name, n, err)
			}
		}
		if _, err := Parse(shape(200)); err != nil {
			t.Errorf("%s, 200 levels: %v", name, err)
		}
	}
}

// TestDeepestPassing runs the deepest texts that the checks let through.
func TestDeepestPassing(t *testing.T) {
	for _, name := range []string{"plus", "concat", "unions", "joins", "cast", "minus"} {
		if _, err := Parse(deepShapes[name](3800)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := Parse(deepShapes[name](60000))
		if !pgerr.HasCode(err, pgerr.StatementTooComplex) || pgerr.From(err).Hint == "" {
			t.Errorf("%s of 60,000: %v", name, err)
		}
	}
}

// TestLongFlatTextsPass proves that width is not taken for depth.
func TestLongFlatTextsPass(t *testing.T) {
	for name, sql := range map[string]string{
		"IN list":      "SELECT 1 WHERE a IN (1" + strings.Repeat(",2", 100000) + ")",
		"VALUES":       "VALUES (1)" + strings.Repeat(",(a+1)", 100000),
		"AND chain":    "SELECT 1 WHERE a = 1" + strings.Repeat(" AND b = 2", 20000),
		"OR of ANDs":   "SELECT 1 WHERE a = 1" + strings.Repeat(" OR b = -2 AND c LIKE 'x'", 20000),
		"statements":   strings.Repeat("SELECT 1+1;", 20000),
		"CASE of many": "SELECT CASE" + strings.Repeat(" WHEN a = 1 THEN b + 1", 20000) + " END",
		"select list":  "SELECT 1" + strings.Repeat(", a + b AS c", 20000),
	} {
		if _, err := Parse(sql); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConcurrentParses proves that parses on many threads, deep ones on
// threads of their own among them, do not disturb each other or standard
// error.
func TestConcurrentParses(t *testing.T) {
	var before, after syscall.Stat_t
	if err := syscall.Fstat(2, &before); err != nil {
		t.Skip(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if _, err := Parse("SELECT 1" + strings.Repeat("+1", (i*g)%700)); err != nil {
					t.Error(err)
				}
				if _, err := Parse("SELEC 1"); !pgerr.HasCode(err, pgerr.SyntaxError) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := syscall.Fstat(2, &after); err != nil || before.Ino != after.Ino {
		t.Errorf("standard error moved: %v", err)
	}
}

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// printDifferences prints the first differences of a file.
func printDifferences(w io.Writer, s *score) {
	shown := 0
	for _, v := range s.verdicts {
		if v.equal || v.rule != "" {
			continue
		}
		if shown++; shown > 3 && !*verbose {
			return
		}
		fmt.Fprintf(w, "%s.sql:%d: %s\n  cause: %s\n", s.file, v.unit.line, v.unit.title(), v.cause)
		for _, l := range differingLines(v.unit.output, v.got) {
			fmt.Fprintf(w, "  %s\n", l)
		}
	}
}

// differingLines shows the lines of two outputs that differ, at most a few.
func differingLines(want, got []string) []string {
	start := 0
	for start < len(want) && start < len(got) && want[start] == got[start] {
		start++
	}
	endW, endG := len(want), len(got)
	for endW > start && endG > start && want[endW-1] == got[endG-1] {
		endW, endG = endW-1, endG-1
	}
	var out []string
	for _, side := range []struct {
		sign  string
		lines []string
	}{{"- ", want[start:endW]}, {"+ ", got[start:endG]}} {
		for i, l := range side.lines {
			if i == 8 && !*verbose {
				out = append(out, side.sign+"…")
				break
			}
			out = append(out, side.sign+l)
		}
	}
	return out
}

func keepOutput(path string, s *score) error {
	var b strings.Builder
	for _, v := range s.verdicts {
		state := "EQUAL"
		if v.rule != "" {
			state = "OUT " + v.rule
		} else if !v.equal {
			state = "DIFFERS " + v.cause
		}
		fmt.Fprintf(&b, "==== %d line %d %s\n%s\n", v.unit.number, v.unit.line, state, strings.Join(v.unit.lines, "\n"))
		if !v.equal {
			fmt.Fprintf(&b, "---- expected\n%s\n", strings.Join(v.unit.output, "\n"))
		}
		fmt.Fprintf(&b, "---- got\n%s\n", strings.Join(v.got, "\n"))
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// scoreTable is the table of docs/COMPATIBILITY.md.
func scoreTable(results map[string][]*score) string {
	pg := map[string]*score{}
	for _, s := range results["postgresql"] {
		pg[s.file] = s
	}
	scores := results["pgmqdb"]
	if scores == nil {
		scores = results["postgresql"]
	}
	var b strings.Builder
	b.WriteString("| file | statements | left out | counted | equal | share | goal | PostgreSQL 15 |\n|---|---|---|---|---|---|---|---|\n")
	var allEqual, allCounted, allOut int
	for _, s := range scores {
		e, c, o := s.counts()
		allEqual, allCounted, allOut = allEqual+e, allCounted+c, allOut+o
		goal, oracle := "", ""
		if g := goals[s.file]; g > 0 {
			goal = fmt.Sprintf("%d %%", g)
		}
		if p := pg[s.file]; p != nil {
			pe, pc, _ := p.counts()
			oracle = percent(pe, pc)
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %s | %s | %s |\n", s.file, c+o, o, c, e, percent(e, c), goal, oracle)
	}
	fmt.Fprintf(&b, "| all | %d | %d | %d | %d | %s | | |\n", allCounted+allOut, allOut, allCounted, allEqual, percent(allEqual, allCounted))
	return b.String()
}

func percent(a, b int) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", float64(a)*100/float64(b))
}

// causeTable lists why statements differ, the most frequent first.
func causeTable(scores []*score, limit int) string {
	type entry struct {
		n     int
		files map[string]int
		first string
	}
	all := map[string]*entry{}
	for _, s := range scores {
		for _, v := range s.verdicts {
			if v.rule != "" || v.equal {
				continue
			}
			e := all[v.cause]
			if e == nil {
				e = &entry{files: map[string]int{}, first: fmt.Sprintf("%s.sql:%d", s.file, v.unit.line)}
				all[v.cause] = e
			}
			e.n++
			e.files[s.file]++
		}
	}
	var keys []string
	for k := range all {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if all[a].n != all[b].n {
			return all[b].n - all[a].n
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for i, k := range keys {
		if i == limit {
			fmt.Fprintf(&b, "… and %d causes more\n", len(keys)-limit)
			break
		}
		e := all[k]
		var fs []string
		for f := range e.files {
			fs = append(fs, f)
		}
		slices.SortFunc(fs, func(a, b string) int {
			if e.files[a] != e.files[b] {
				return e.files[b] - e.files[a]
			}
			return strings.Compare(a, b)
		})
		for j, f := range fs {
			fs[j] = fmt.Sprintf("%s %d", f, e.files[f])
		}
		if len(fs) > 8 {
			fs = append(fs[:8], fmt.Sprintf("and %d files more", len(fs)-8))
		}
		fmt.Fprintf(&b, "%5d  %s\n         first %s; %s\n", e.n, k, e.first, strings.Join(fs, ", "))
	}
	return b.String()
}

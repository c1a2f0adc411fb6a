package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// The table stands between these lines of docs/COMPATIBILITY.md.
const (
	tableBegins = "<!-- written by go run ./tests/pgxsuite -write -->"
	tableEnds   = "<!-- end of what is written about pgx -->"
)

func pagePath() string {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "docs", "COMPATIBILITY.md")
}

// writePage puts the table into the page.
func writePage(table string) error {
	b, err := os.ReadFile(pagePath())
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(b), tableBegins)
	_, after, ok2 := strings.Cut(rest, tableEnds)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the table", pagePath())
	}
	return os.WriteFile(pagePath(), []byte(before+tableBegins+"\n\n"+table+"\n"+tableEnds+after), 0o644)
}

// readPage returns for each package how many tests pass on pgmqdb by the page's table.
func readPage() (map[string]int, error) {
	b, err := os.ReadFile(pagePath())
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(b), tableBegins)
	table, _, ok := strings.Cut(rest, tableEnds)
	if !ok {
		return nil, fmt.Errorf("%s has no table", pagePath())
	}
	rows := map[string]int{}
	for _, line := range strings.Split(table, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 4 {
			if n, err := strconv.Atoi(strings.TrimSpace(cells[3])); err == nil {
				rows[strings.TrimSpace(cells[1])] = n
			}
		}
	}
	return rows, nil
}

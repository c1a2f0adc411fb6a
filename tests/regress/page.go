package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The table of scores stands between these lines of docs/COMPATIBILITY.md.
const (
	tableBegins = "<!-- written by go run ./tests/regress -write -->"
	tableEnds   = "<!-- end of what is written -->"
)

func pagePath() string { return filepath.Join(moduleRoot(), "docs", "COMPATIBILITY.md") }

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

// recorded is a row of the table in the page.
type recorded struct{ out, counted, equal int }

// readPage returns the table in the page.
func readPage() (map[string]recorded, error) {
	b, err := os.ReadFile(pagePath())
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(b), tableBegins)
	table, _, ok := strings.Cut(rest, tableEnds)
	if !ok {
		return nil, fmt.Errorf("%s has no table", pagePath())
	}
	rows := map[string]recorded{}
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 6 {
			continue
		}
		n := make([]int, 3)
		for i := range n {
			if n[i], err = strconv.Atoi(strings.TrimSpace(cells[3+i])); err != nil {
				break
			}
		}
		if err == nil {
			rows[strings.TrimSpace(cells[1])] = recorded{n[0], n[1], n[2]}
		}
	}
	return rows, nil
}

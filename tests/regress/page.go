package main

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// scores is the table's place.
var scores = testenv.Page{
	Path:   "docs/COMPATIBILITY.md",
	Begins: "<!-- written by go run ./tests/regress -write -->",
	Ends:   "<!-- end of what is written -->",
}

// recorded is a row of the table in the page.
type recorded struct{ out, counted, equal int }

// readPage returns the table in the page.
func readPage() (map[string]recorded, error) {
	table, err := scores.Read()
	if err != nil {
		return nil, err
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

package main

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// scores is the table's place.
var scores = testenv.Page{
	Path:   "docs/COMPATIBILITY.md",
	Begins: "<!-- written by go run ./tests/pgxsuite -write -->",
	Ends:   "<!-- end of what is written about pgx -->",
}

// readPage returns for each package how many tests pass on pgmqdb by the page's table.
func readPage() (map[string]int, error) {
	table, err := scores.Read()
	if err != nil {
		return nil, err
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

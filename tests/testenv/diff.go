package testenv

import (
	"fmt"
	"strings"
)

// Diff prints the lines in which two texts differ, each run with a few lines before it.
func Diff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out strings.Builder
	shown := 0
	for i, j := 0, 0; i < len(a) || j < len(b); {
		if i < len(a) && j < len(b) && a[i] == b[j] {
			i, j = i+1, j+1
			continue
		}
		if shown++; shown > 25 {
			out.WriteString("… and more\n")
			break
		}
		ni, nj := resync(a, b, i, j)
		for k := max(0, i-4); k < i; k++ {
			fmt.Fprintf(&out, "    %s\n", a[k])
		}
		for ; i < ni; i++ {
			fmt.Fprintf(&out, "  - %s\n", a[i])
		}
		for ; j < nj; j++ {
			fmt.Fprintf(&out, "  + %s\n", b[j])
		}
		out.WriteString("\n")
	}
	return out.String()
}

// resync finds the nearest lines after i and j that are equal again.
func resync(a, b []string, i, j int) (int, int) {
	for d := 1; d < 400; d++ {
		for k := 0; k <= d; k++ {
			if x, y := i+k, j+d-k; x < len(a) && y < len(b) && a[x] == b[y] && a[x] != "" {
				return x, y
			}
		}
	}
	return len(a), len(b)
}

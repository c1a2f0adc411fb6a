package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Page is a part of a document that a tool writes: what stands between two marks, each a line of its own.
type Page struct {
	Path         string // from the module's root
	Begins, Ends string
}

// ModuleRoot is the directory of go.mod.
func ModuleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// Read returns the part.
func (p Page) Read() (string, error) {
	_, text, _, err := p.cut()
	return text, err
}

// Write replaces the part.
func (p Page) Write(text string) error {
	before, _, after, err := p.cut()
	if err != nil {
		return err
	}
	root, err := ModuleRoot()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, p.Path), []byte(before+p.Begins+"\n\n"+text+"\n"+p.Ends+after), 0o644)
}

func (p Page) cut() (before, text, after string, err error) {
	root, err := ModuleRoot()
	if err != nil {
		return "", "", "", err
	}
	b, err := os.ReadFile(filepath.Join(root, p.Path))
	if err != nil {
		return "", "", "", err
	}
	before, rest, ok := strings.Cut(string(b), p.Begins)
	text, after, ok2 := strings.Cut(rest, p.Ends)
	if !ok || !ok2 {
		return "", "", "", fmt.Errorf("%s has no place for what stands behind %q", p.Path, p.Begins)
	}
	return before, text, after, nil
}

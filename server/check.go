package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pgmqdb/pgmqdb/shard/disk"
)

// Check verifies the state files of a node that is not running: the order, checksums and counts of every entry. It returns
// a line for each file, and an error when one is damaged.
func Check(ctx context.Context, dir string) ([]string, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%s is no data directory: %w", dir, err)
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, errors.New("the node is running: stop it first")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no state files", dir)
	}
	var report []string
	var bad error
	for _, f := range files {
		line, err := checkFile(ctx, f)
		if err != nil {
			line = fmt.Sprintf("%s: DAMAGED: %v", filepath.Base(f), err)
			bad = errors.Join(bad, err)
		}
		report = append(report, line)
	}
	return report, bad
}

func checkFile(ctx context.Context, path string) (string, error) {
	db, err := disk.Open(path, disk.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := db.Check(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: ok, applied index %d, %d bytes", filepath.Base(path), db.Meta().Index, db.Size()), nil
}

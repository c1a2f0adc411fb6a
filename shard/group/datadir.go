package group

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The files of a data directory. The groups' state files are beside them, see stateFile.
const (
	lockFile     = "LOCK"
	identityFile = "node.json"
	raftDir      = "raft"
	reserveFile  = "RESERVE"
	flagFile     = "dragonboat.ds" // in raftDir: raft's own, of the host, the cluster and its formats
)

// ErrInUse says that another process has the data directory open.
var ErrInUse = errors.New("group: the data directory is in use by another process")

// identity is what a node knows of itself before it knows anything else. Incarnation counts the processes that opened the
// directory: one that restarts is its own successor.
type identity struct {
	Format      int         `json:"format"`
	Node        topo.NodeID `json:"node"`
	Incarnation uint64      `json:"incarnation"`
	RaftAddress string      `json:"raft_address"`
	ClusterID   uint64      `json:"cluster_id,omitempty"`
}

const identityFormat = 1

// dataDir is a locked data directory.
type dataDir struct {
	path string
	lock *os.File
	id   identity
}

// InUse returns ErrInUse when another process has the data directory open now. Open looks again, and keeps it.
func InUse(path string) error {
	f, err := os.Open(filepath.Join(path, lockFile))
	if err != nil {
		return nil // a directory without the file was never opened
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		return nil
	}
	pid, _ := os.ReadFile(f.Name())
	return fmt.Errorf("%w: %s (process %s)", ErrInUse, path, strings.TrimSpace(string(pid)))
}

// openDataDir creates or opens the directory, locks it for this process, and counts the incarnation.
func openDataDir(path string, want identity) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(f.Name())
		f.Close()
		return nil, fmt.Errorf("%w: %s (process %s)", ErrInUse, path, strings.TrimSpace(string(pid)))
	}
	d := &dataDir{path: path, lock: f}
	if err := d.begin(want); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *dataDir) begin(want identity) error {
	if err := d.lock.Truncate(0); err != nil {
		return err
	}
	if _, err := d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return err
	}
	name := filepath.Join(d.path, identityFile)
	data, err := os.ReadFile(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.id = want
		d.id.Format = identityFormat
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(data, &d.id); err != nil {
			return fmt.Errorf("group: %s is damaged: %w", name, err)
		}
	}
	if d.id.Format != identityFormat {
		return fmt.Errorf("group: %s has format %d, this program reads %d", name, d.id.Format, identityFormat)
	}
	if d.id.Node != want.Node {
		return fmt.Errorf("group: %s belongs to node %d, not to node %d", d.path, d.id.Node, want.Node)
	}
	if d.id.RaftAddress != want.RaftAddress {
		return fmt.Errorf("group: %s was created with the raft address %q, not %q", d.path, d.id.RaftAddress, want.RaftAddress)
	}
	if d.id.ClusterID != want.ClusterID {
		return fmt.Errorf("group: %s belongs to cluster %d, not to cluster %d", d.path, d.id.ClusterID, want.ClusterID)
	}
	d.id.Incarnation++
	data, err = json.MarshalIndent(&d.id, "", "  ")
	if err != nil {
		return err
	}
	return WriteFileDurably(name, append(data, '\n'))
}

// adoptRaft takes raft's directory over from another host: raft keeps its logs by host name, and refuses those of another. It
// makes its own mark (flagFile) anew where there is none.
func (d *dataDir) adoptRaft() error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	root := filepath.Join(d.path, raftDir)
	logs, err := filepath.Glob(filepath.Join(root, "*", fmt.Sprintf("%020d", d.id.ClusterID)))
	if err != nil || len(logs) != 1 || filepath.Base(filepath.Dir(logs[0])) == host {
		return err
	}
	if err := os.Remove(filepath.Join(root, flagFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(filepath.Dir(logs[0]), filepath.Join(root, host)); err != nil {
		return err
	}
	return SyncDir(root)
}

// StateFile is where a replica's state machine lives in a data directory.
func StateFile(dir string, g topo.GroupID, replica uint64) string {
	return filepath.Join(dir, fmt.Sprintf("group-%d-%d.db", g, replica))
}

func (d *dataDir) stateFile(g topo.GroupID, replica uint64) string {
	return StateFile(d.path, g, replica)
}

// learnerFile marks a replica that began without a vote.
func (d *dataDir) learnerFile(g topo.GroupID, replica uint64) string {
	return filepath.Join(d.path, fmt.Sprintf("group-%d-%d.learner", g, replica))
}

func (d *dataDir) close() { d.lock.Close() }

// WriteFileDurably replaces a file by way of a temporary one: after a crash there is the old content or the new.
func WriteFileDurably(name string, data []byte) error {
	f, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(name))
}

// SyncDir makes the names in a directory durable.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

package cluster

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// Scenario 2 as a script that anybody can run.
func TestExample(t *testing.T) {
	abreast(t)
	bin, err := testenv.Binary()
	if err != nil {
		t.Fatal(err)
	}
	limit, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(limit, "../../examples/rebalance/run.sh", bin)
	cmd.Env = append(cmd.Environ(), "TMPDIR="+t.TempDir())
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := strings.Count(string(out), "children removed: 21 of 21"); n != 4 {
		t.Errorf("21 of 21 children removed through %d nodes, want 4:\n%s", n, out)
	}
	if n := strings.Count(string(out), "FOREIGN KEY (post_id) REFERENCES posts(id) ON DELETE CASCADE"); n != 4 {
		t.Errorf("the foreign key is shown on %d nodes, want 4:\n%s", n, out)
	}
}

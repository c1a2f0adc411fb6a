package cluster

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// groupOps are the requests to groups. Others are the nodes' own: timestamps, signs of life.
var groupOps = []string{"get", "scan", "lock", "unlock", "propose", "batch"}

// messages counts the messages with requests to groups that a node has sent, by the other's address.
func (c *cluster) messages(node int) map[string]int {
	c.t.Helper()
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", c.Nodes[node].HTTP))
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]int{}
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "pgmqdb_node_requests_total{")
		if !ok {
			continue
		}
		for _, op := range groupOps {
			if strings.Contains(rest, `op="`+op+`"`) {
				_, to, _ := strings.Cut(rest, `to="`)
				to, _, _ = strings.Cut(to, `"`)
				var n float64
				if _, err := fmt.Sscan(rest[strings.LastIndex(rest, " ")+1:], &n); err != nil {
					c.t.Fatal(err)
				}
				out[to] += int(n)
			}
		}
	}
	return out
}

// quiet waits until a node sends nothing to groups any more, and returns what it has sent.
func (c *cluster) quiet(node int) map[string]int {
	c.t.Helper()
	before := c.messages(node)
	for began := time.Now(); time.Since(began) < 10*time.Second; {
		time.Sleep(150 * time.Millisecond)
		after := c.messages(node)
		if fmt.Sprint(after) == fmt.Sprint(before) {
			return after
		}
		before = after
	}
	c.t.Fatal("the node does not come to rest")
	return nil
}

// TestAScatterSendsOneMessageANode: what a statement asks of 16 groups on three nodes in one step is one message to each of
// the two other nodes, whichever groups they lead.
func TestAScatterSendsOneMessageANode(t *testing.T) {
	c := start(t, 3, "--groups", "16")
	c.must(0, "create table posts (id int primary key, title text)")
	c.must(0, "create table comments (id int primary key, post_id int references posts on delete cascade, body text)")
	c.must(0, "create index on comments (post_id)")
	c.must(0, "create table likes (id int primary key, comment_id int references comments on delete cascade)")
	c.must(0, "create index on likes (comment_id)")
	c.must(0, "create table tags (id int primary key, post_id int references posts)")
	c.must(0, "create index on tags (post_id)")
	c.must(0, "insert into posts select i, 'post ' || i from generate_series(1, 50) i")
	c.must(0, "insert into comments select i, i % 5 + 1, 'comment' from generate_series(1, 100) i")
	c.must(0, "insert into likes select i, i % 100 + 1 from generate_series(1, 200) i")
	c.must(0, "insert into tags select i, i % 25 + 26 from generate_series(1, 100) i")
	// A commit has prepares, the record and the resolves; later, all is forgotten.
	const scan, lock, commit, rollback = 1, 1, 4, 1
	for _, s := range []struct {
		sql   string
		steps int
	}{
		{"select * from comments", scan},
		{"select * from comments order by id", scan},
		{"select * from comments where id in (3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)", scan},
		// The index's entries, then the rows.
		{"select * from comments where post_id = 1", scan + scan},
		{"select * from comments where post_id in (1, 2, 3)", scan + scan},
		{"insert into posts select i from generate_series(101, 150) i", lock + commit},
		// With the posts.
		{"insert into comments select i, i % 50 + 1 from generate_series(101, 150) i", lock + lock + commit},
		{"update comments set body = 'changed' where id between 20 and 60", scan + lock + commit},
		// The posts; comments and their likes; and tags, which forbid it, but there are none of these posts.
		{"delete from posts where id <= 5", scan + lock + scan + lock + scan + lock + scan + commit},
		{"delete from posts where id between 30 and 40", scan + lock + scan + lock + scan + scan + lock + rollback},
	} {
		before := c.quiet(0)
		if _, err := c.dbs[0].Exec(ctx, s.sql, pgx.QueryExecModeSimpleProtocol); err != nil && code(err) != "23503" {
			t.Fatalf("%s: %v", s.sql, err)
		}
		after := c.quiet(0)
		most := 0
		for to := range after {
			most = max(most, after[to]-before[to])
		}
		t.Logf("%d messages at most: %s", most, s.sql)
		if most > s.steps {
			t.Errorf("%s: %d messages to one node in %d steps", s.sql, most, s.steps)
		}
	}
}

package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// usage is what the processes of a cluster have used up to a moment. On a machine that others share, what an operation
// costs says more than how many of them were done.
type usage struct {
	cpu      time.Duration
	messages float64 // requests that nodes sent to each other, raft's not counted
	batched  float64 // requests to groups that travelled several to a message
}

// clockTick is the unit of the times in /proc/PID/stat.
const clockTick = 10 * time.Millisecond

func used(nodes []*testenv.Server) (u usage) {
	for _, s := range nodes {
		u.cpu += cpuOf(s.PID())
		sent, batched := messagesOf(s)
		u.messages += sent
		u.batched += batched
	}
	return u
}

// each is what one of n operations since before has cost.
func (u usage) each(before usage, n float64) string {
	return fmt.Sprintf("%.3f ms of CPU, %.1f messages between nodes (with %.1f requests that shared one)",
		float64((u.cpu-before.cpu).Microseconds())/1000/n, (u.messages-before.messages)/n, (u.batched-before.batched)/n)
}

func cpuOf(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The fields after the name, which is in parentheses: state is the first, utime and stime the 12th and the 13th.
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	var user, system int64
	fmt.Sscan(f[11], &user)
	fmt.Sscan(f[12], &system)
	return time.Duration(user+system) * clockTick
}

// messagesOf sums the requests that a node has sent to others.
func messagesOf(s *testenv.Server) (sent, batched float64) {
	if s.HTTP == 0 {
		return 0, 0
	}
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", s.HTTP))
	if err != nil {
		return 0, 0
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		var v float64
		fmt.Sscan(value, &v)
		switch {
		case strings.HasPrefix(name, "pgmqdb_node_requests_total{"):
			sent += v
		case strings.HasPrefix(name, "pgmqdb_node_batched_requests_total{"):
			batched += v
		}
	}
	return sent, batched
}

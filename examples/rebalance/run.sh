#!/usr/bin/env bash
# A fourth node joins a cluster of three, receives shards, and every constraint holds through it.
#
# Three nodes are started, posts and comments are made, and a fourth node joins. Then the script deletes all posts through
# it, and fresh ones through each other node, and shows that their comments are gone on every node. It needs bash, psql and pg_isready,
# and takes the program's path as its argument (default: bin/pgmqdb). Ports are free ones and data is in a temporary
# directory; both are given up at the end.
set -euo pipefail

pgmqdb=${1:-$(dirname "$0")/../../bin/pgmqdb}
data=$(mktemp -d "${TMPDIR:-/tmp}/pgmqdb-rebalance.XXXXXX")
pids=()
ports=()

cleanup() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done; done
  rm -rf "$data"
}
trap cleanup EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }

# A port that nobody listens on, below those that the kernel gives to outgoing connections.
free_port() {
  local port
  while :; do
    port=$((10000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# sql NODE STATEMENT: runs a statement through a node.
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "${ports[$1]}" -U postgres -d postgres -c "$2"; }

# refused NODE SQLSTATE STATEMENT: the statement must fail so.
refused() {
  local out
  if out=$(psql -X -q -v VERBOSITY=verbose -h 127.0.0.1 -p "${ports[$1]}" -U postgres -d postgres -c "$3" 2>&1); then
    fail "node $1 took: $3"
  fi
  [[ $out == *"$2"* ]] || fail "node $1: $3: $out"
}

# write_rows: ten posts and their 21 comments.
write_rows() {
  sql 1 "INSERT INTO posts SELECT g, 'title ' || g, 'me', 'body' FROM generate_series(1, 10) g"
  sql 2 "INSERT INTO comments SELECT g, g % 10 + 1, 'nice' FROM generate_series(1, 21) g"
}

# start_node NODE: starts it, joining node 1 if it is another, and waits until it serves.
start_node() {
  local node=$1 join=()
  ports[node]=$(free_port)
  cluster[node]=$(free_port)
  [[ $node == 1 ]] || join=(--join "127.0.0.1:${cluster[1]}")
  "$pgmqdb" start --data "$data/n$node" --listen "127.0.0.1:${ports[node]}" \
    --cluster-listen "127.0.0.1:${cluster[node]}" --http "" "${join[@]}" >"$data/n$node.log" 2>&1 &
  pids+=($!)
  disown # bash need not tell how it ended
  for _ in $(seq 600); do
    pg_isready -q -h 127.0.0.1 -p "${ports[node]}" && return
    kill -0 "${pids[-1]}" 2>/dev/null || fail "node $node ended: $(tail -5 "$data/n$node.log")"
    sleep 0.1
  done
  fail "node $node does not serve: $(tail -5 "$data/n$node.log")"
}

# settle NODES: waits until all data groups have three replicas, each of so many nodes holds some, and nothing moves.
settle() {
  local state
  for _ in $(seq 600); do
    state=$(sql 1 "SELECT (SELECT count(*) FROM pgmqdb.shards WHERE state = 'ok' AND kind = 'data' AND array_length(replicas, 1) = 3)
                     = (SELECT count(*) FROM pgmqdb.shards WHERE kind = 'data')
                   AND (SELECT count(DISTINCT n.node_id) FROM pgmqdb.nodes n, pgmqdb.shards s WHERE s.kind = 'data' AND n.node_id = ANY (s.replicas)) = $1
                   AND NOT EXISTS (SELECT FROM pgmqdb.rebalance WHERE state = 'copying')" 2>&1) || true
    [[ $state == t ]] && return
    sleep 0.1
  done
  fail "the cluster does not settle: $(sql 1 'TABLE pgmqdb.shards')"
}

cluster=()
echo "starting three nodes"
for node in 1 2 3; do start_node "$node"; done
settle 3

sql 1 "CREATE TABLE posts (id int PRIMARY KEY, title text UNIQUE, author text, body text)"
sql 1 "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE, text text)"
write_rows

echo "a fourth node joins"
start_node 4
settle 4

echo
echo "where the shards are:"
psql -X -h 127.0.0.1 -p "${ports[4]}" -U postgres -d postgres -c \
  "SELECT group_id, kind, leader, replicas FROM pgmqdb.shards ORDER BY group_id"

echo "the constraints, as each node has them:"
psql -X -h 127.0.0.1 -p "${ports[4]}" -U postgres -d postgres -c \
  "SELECT node, \"table\", \"constraint\", definition FROM pgmqdb.constraints_by_node ORDER BY 1, 2, 3"

for node in 4 1 2 3; do
  [[ $node == 4 ]] || write_rows # through node 4 those from before it joined are deleted
  [[ $(sql "$node" "SELECT count(*) FROM posts") == 10 ]] || fail "node $node does not show 10 posts"
  before=$(sql "$node" "SELECT count(*) FROM comments")
  for i in $(seq 10); do refused "$node" 23505 "INSERT INTO posts VALUES (100 + $i, 'title $i', 'x', 'y')"; done
  refused "$node" 23503 "INSERT INTO comments VALUES (99, 42, 'orphan')"
  sql "$node" "DELETE FROM posts"
  for other in 1 2 3 4; do
    posts=$(sql "$other" "SELECT count(*) FROM posts")
    left=$(sql "$other" "SELECT count(*) FROM comments")
    [[ $posts == 0 && $left == 0 ]] || fail "after deleting through node $node, node $other shows $posts posts and $left comments"
  done
  echo "through node $node: 10 of 10 duplicate titles refused, the orphan refused, children removed: $((before - left)) of $before"
done

package main

import (
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/spf13/cobra"
)

// node has the commands that administer a running cluster; they do what the SQL functions of the schema pgmqdb do.
func node() *cobra.Command {
	var url string
	cmd := &cobra.Command{Use: "node", Short: "List, drain and remove the nodes of a running cluster"}
	cmd.PersistentFlags().StringVar(&url, "url", "postgres://postgres@127.0.0.1:5432/postgres", "connection string of any node")
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "List the nodes", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listNodes(cmd, url) }})
	for _, c := range [...]struct{ name, short string }{
		{"drain", "Move all replicas and leases off a node; it goes on serving clients"},
		{"remove", "Empty a node and take it out of the cluster for ever"},
		{"activate", "Undo drain"},
	} {
		cmd.AddCommand(&cobra.Command{Use: c.name + " NODE", Short: c.short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				id, err := strconv.ParseInt(args[0], 10, 32)
				if err != nil {
					return fmt.Errorf("%q is no node id", args[0])
				}
				return changeNode(cmd, url, c.name, id)
			}})
	}
	return cmd
}

// cancelPatience is how long a statement that was interrupted may take to end.
const cancelPatience = 5 * time.Second

func connect(cmd *cobra.Command, url string) (*pgx.Conn, error) {
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	conf.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { fmt.Fprintln(os.Stderr, n.Message) }
	conf.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelPatience}
	}
	return pgx.ConnectConfig(cmd.Context(), conf)
}

func listNodes(cmd *cobra.Command, url string) error {
	conn, err := connect(cmd, url)
	if err != nil {
		return err
	}
	defer conn.Close(cmd.Context())
	rows, err := conn.Query(cmd.Context(), "SELECT node_id, state, address, sql_address, replicas, leases FROM pgmqdb.nodes ORDER BY node_id")
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "node\tstate\taddress\tsql\treplicas\tleases")
	var id, replicas, leases int64
	var state string
	var address, sql *string
	_, err = pgx.ForEachRow(rows, []any{&id, &state, &address, &sql, &replicas, &leases}, func() error {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%d\n", id, state, shown(address), shown(sql), replicas, leases)
		return nil
	})
	if err != nil {
		return err
	}
	return w.Flush()
}

func shown(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func changeNode(cmd *cobra.Command, url, what string, id int64) error {
	conn, err := connect(cmd, url)
	if err != nil {
		return err
	}
	defer conn.Close(cmd.Context())
	_, err = conn.Exec(cmd.Context(), "SELECT pgmqdb."+what+"($1)", id)
	return err
}

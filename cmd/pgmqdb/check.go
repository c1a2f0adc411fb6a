package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/pgmqdb/pgmqdb/server"
)

// check verifies a running cluster through any of its nodes, or the files of a stopped node.
func check() *cobra.Command {
	var dir, url string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Recompute every constraint, index entry and mark of a running cluster, or verify the files of a stopped node",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url != "" {
				return checkCluster(cmd, url)
			}
			report, err := server.Check(cmd.Context(), dir)
			for _, line := range report {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "data", "", "data directory of a node that is stopped")
	f.StringVar(&url, "url", "", "connection string of any node of a running cluster")
	cmd.MarkFlagsMutuallyExclusive("data", "url")
	cmd.MarkFlagsOneRequired("data", "url")
	return cmd
}

// checkCluster reads pgmqdb.check; an interrupt cancels it at the server, too.
func checkCluster(cmd *cobra.Command, url string) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	conn, err := connect(cmd, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(cmd.Context()))
	return printCheck(ctx, conn, cmd.OutOrStdout())
}

// printCheck prints a line for each row of pgmqdb.check; an error says how many problems there were.
func printCheck(ctx context.Context, conn *pgx.Conn, w io.Writer) error {
	rows, err := conn.Query(ctx, `SELECT status, schema, "table", object, problem, key FROM pgmqdb.check`)
	if err != nil {
		return err
	}
	var status, text string
	var schema, table, object, key *string
	problems, summaries := 0, 0
	_, err = pgx.ForEachRow(rows, []any{&status, &schema, &table, &object, &text, &key}, func() error {
		switch status {
		case "problem":
			problems++
		case "summary":
			summaries++
		}
		_, err := fmt.Fprintln(w, checkLine(status, schema, table, object, text, key))
		return err
	})
	switch {
	case err != nil:
		return err
	case problems > 0:
		return fmt.Errorf("the check found problems: %d lines", problems)
	case summaries == 0:
		return errors.New("the check did not come to its end")
	}
	return nil
}

// checkLine is "status: schema.table object: problem: key", without what is not known.
func checkLine(status string, schema, table, object *string, text string, key *string) string {
	if status == "summary" {
		return text
	}
	var where []string
	if table != nil {
		where = append(where, shown(schema)+"."+*table)
	}
	if object != nil {
		where = append(where, *object)
	}
	parts := []string{status}
	if len(where) > 0 {
		parts = append(parts, strings.Join(where, " "))
	}
	parts = append(parts, text)
	if key != nil {
		parts = append(parts, *key)
	}
	return strings.Join(parts, ": ")
}

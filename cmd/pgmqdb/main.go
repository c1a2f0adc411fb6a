// Command pgmqdb runs a node of a pgmqdb cluster, administers the cluster, checks it or a stopped node's files, and makes a new
// cluster of the survivors of one that is lost.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pgmqdb/pgmqdb/server"
)

func main() {
	if err := root().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "pgmqdb: "+err.Error())
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "pgmqdb",
		Short:         "A distributed SQL server that speaks PostgreSQL",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(start(), node(), check(), recoverCluster(), version())
	return cmd
}

func start() *cobra.Command {
	var cfg server.Config
	var level, password string
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run a node",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLogger(level)
			if err != nil {
				return err
			}
			cfg.Log = log
			if password != "" {
				data, err := os.ReadFile(password)
				if err != nil {
					return fmt.Errorf("reading the superuser's password: %w", err)
				}
				cfg.SuperuserPassword = strings.TrimRight(string(data), "\r\n")
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return run(ctx, cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.DataDir, "data", "", "data directory (created when missing)")
	f.StringVar(&cfg.Listen, "listen", "127.0.0.1:5432", "address for SQL clients")
	f.StringVar(&cfg.ClusterListen, "cluster-listen", "127.0.0.1:5433", "address for the other nodes")
	f.StringVar(&cfg.HTTPListen, "http", "127.0.0.1:8432", "address of /healthz, /metrics and /debug/pprof; empty: none")
	f.IntVar(&cfg.Groups, "groups", 4, "number of data groups; fixed when the cluster is created")
	f.StringVar(&cfg.Advertise, "advertise", "", "address given to the other nodes, where it is not --cluster-listen")
	f.StringVar(&cfg.ClusterCert, "cluster-cert", "", "certificate for connections between nodes, which are then mutual TLS")
	f.StringVar(&cfg.ClusterKey, "cluster-key", "", "key of --cluster-cert")
	f.StringVar(&cfg.ClusterCA, "cluster-ca", "", "certificate authority of the nodes' certificates")
	f.DurationVar(&cfg.ReplaceAfter, "replace-after", 5*time.Minute, "how long a dead node's replicas are left to it")
	f.StringVar(&cfg.Join, "join", "", "cluster address of a node of the cluster to join, at the first start")
	f.StringVar(&cfg.Auth, "auth", "trust", "how clients authenticate: trust or scram-sha-256")
	f.StringVar(&password, "superuser-password-file", "", "file with the password that user postgres gets at start")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "certificate for clients' TLS connections")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "key of --tls-cert")
	f.IntVar(&cfg.MaxConnections, "max-connections", 500, "concurrent sessions")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	_ = cmd.MarkFlagRequired("data")
	return cmd
}

func newLogger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l})), nil
}

func run(ctx context.Context, cfg server.Config) error {
	s, err := server.Start(ctx, cfg)
	if err != nil {
		return err
	}
	host, port := s.SQLAddress()
	fmt.Printf("pgmqdb is ready. Connect with:\n\n    psql -h %s -p %s -U postgres postgres\n\n", host, port)
	select {
	case <-ctx.Done():
	case err = <-s.Failed():
	}
	stopErr := s.Stop()
	if err == nil {
		err = stopErr
	}
	return err
}

func version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Println(server.Version) },
	}
}

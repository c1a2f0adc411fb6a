package main

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pgmqdb/pgmqdb/server"
)

// recoverCluster makes a new cluster of what survives of one whose majority is lost for good.
func recoverCluster() *cobra.Command {
	var cfg server.RecoverConfig
	var level string
	cmd := &cobra.Command{
		Use:   "recover --data DIR [--data DIR …] --out DIR",
		Short: "Make a new cluster of the survivors, when the majority of a group's replicas is lost for good",
		Long: `Reads the data directories of the stopped survivors, prints what can be made of them and what may be lost, and with --apply
writes a new data directory: the first node of a new cluster, which has the data. The survivors' directories are not changed, but
for a file RECOVERED that keeps them from being started. Give the directories of all survivors: copy them to one machine.
See docs/operations.md first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLogger(level)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			cfg.Log, cfg.Print = log, cmd.OutOrStdout()
			return server.Recover(ctx, cfg)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&cfg.DataDirs, "data", nil, "data directory of a survivor, which is stopped; once for each")
	f.StringVar(&cfg.Out, "out", "", "data directory to be made")
	f.BoolVar(&cfg.Apply, "apply", false, "make it; otherwise the plan is printed and nothing is changed")
	f.BoolVar(&cfg.LoseGroups, "lose-groups", false, "let groups of which nothing is left begin empty")
	f.BoolVar(&cfg.Force, "force", false, "recover although a majority of every group survives")
	f.BoolVar(&cfg.KeepTorn, "keep-torn", false, "keep transactions of which a part is lost, in part, and all that came after them")
	f.StringVar(&cfg.ClusterCert, "cluster-cert", "", "certificate for connections between nodes, if the cluster uses them")
	f.StringVar(&cfg.ClusterKey, "cluster-key", "", "key of --cluster-cert")
	f.StringVar(&cfg.ClusterCA, "cluster-ca", "", "certificate authority of the nodes' certificates")
	f.StringVar(&level, "log-level", "error", "debug, info, warn or error")
	_ = cmd.MarkFlagRequired("data")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

package server

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pgmqdb/pgmqdb/shard/group"
)

// serveHTTP answers /healthz, /metrics and /debug/pprof.
func (s *Server) serveHTTP() error {
	if s.cfg.HTTPListen == "" {
		return nil
	}
	ln, err := net.Listen("tcp", s.cfg.HTTPListen)
	if err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*metrics)(s))
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("/healthz", s.healthz)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		if err := s.http.Serve(ln); err != nil && err != http.ErrServerClosed {
			s.failed <- err
		}
	}()
	return nil
}

// healthz is 200 while the node takes statements.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	if err := s.ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if s.host.DiskFull() {
		http.Error(w, "disk full: writes are refused", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// metrics collects the node's counters when Prometheus asks.
type metrics Server

var (
	sessionsDesc  = prometheus.NewDesc("pgmqdb_sessions", "Authenticated sessions.", nil, nil)
	deadlocksDesc = prometheus.NewDesc("pgmqdb_deadlocks_total", "Deadlocks broken by a victim.", nil, nil)
	diskFullDesc  = prometheus.NewDesc("pgmqdb_disk_full", "1 while writes are refused for want of space.", nil, nil)
	sentDesc      = prometheus.NewDesc("pgmqdb_node_requests_total", "Requests sent to another node, by what they ask for; "+
		"a batch has requests to several groups.", []string{"to", "op"}, nil)
	batchedDesc = prometheus.NewDesc("pgmqdb_node_batched_requests_total", "Requests to groups that were sent to another node in batches.",
		[]string{"to"}, nil)
	deltaDesc    = groupDesc("delta_bytes", "Bytes applied and not yet flushed.")
	fileDesc     = groupDesc("file_bytes", "Size of the state file.")
	appliedDesc  = groupDesc("applied_index", "Log index of the last applied entry.")
	proposedDesc = groupDesc("proposals_total", "Raft proposals made.")
	commandsDesc = groupDesc("commands_total", "Commands carried by proposals.")
	getsDesc     = groupDesc("gets_total", "Point read requests served.")
	scansDesc    = groupDesc("scans_total", "Scan requests served.")
	locksDesc    = groupDesc("lock_requests_total", "Row lock requests served.")
	recoverDesc  = groupDesc("recoveries_total", "Transactions of others that were finished here.")
)

func groupDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("pgmqdb_group_"+name, help, []string{"group"}, nil)
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sessionsDesc, deadlocksDesc, diskFullDesc, sentDesc, batchedDesc, deltaDesc, fileDesc, appliedDesc,
		proposedDesc, commandsDesc, getsDesc, scansDesc, locksDesc, recoverDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if !m.serving.Load() {
		return
	}
	victims, _ := m.detector.Stats()
	gauge(sessionsDesc, float64(m.wire.Connections()))
	ch <- prometheus.MustNewConstMetric(deadlocksDesc, prometheus.CounterValue, float64(victims))
	full := 0.0
	if m.host.DiskFull() {
		full = 1
	}
	gauge(diskFullDesc, full)
	for _, r := range m.client.Requests() {
		for op, n := range r.Sent {
			ch <- prometheus.MustNewConstMetric(sentDesc, prometheus.CounterValue, float64(n), r.Address, op)
		}
		ch <- prometheus.MustNewConstMetric(batchedDesc, prometheus.CounterValue, float64(r.Batched), r.Address)
	}
	for _, r := range m.host.Replicas() {
		m.collectGroup(ch, r)
	}
}

func (m *metrics) collectGroup(ch chan<- prometheus.Metric, r *group.Replica) {
	id := strconv.FormatUint(uint64(r.ID()), 10)
	c := r.Metrics()
	proposals, commands := r.Batches()
	for d, v := range map[*prometheus.Desc]float64{deltaDesc: float64(r.State().DeltaBytes()),
		fileDesc: float64(r.State().DiskBytes()), appliedDesc: float64(r.State().AppliedIndex())} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, id)
	}
	for d, v := range map[*prometheus.Desc]uint64{proposedDesc: proposals, commandsDesc: commands, getsDesc: c.Gets.Load(),
		scansDesc: c.Scans.Load(), locksDesc: c.Locks.Load(), recoverDesc: c.Recoveries.Load()} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), id)
	}
}

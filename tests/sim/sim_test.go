package sim

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "the seed that TestReplay runs")
	quietFlag  = flag.Bool("quiet", false, "TestReplay prints no steps")
	seedsFlag  = flag.Int("seeds", 0, "how many seeds TestSimulation runs")
	firstFlag  = flag.Uint64("first", 1, "the first of them")
	keepFlag   = flag.Bool("keep-going", false, "go on after a seed that fails")
	shadowFlag = flag.Bool("shadow", false, "compare the state machine's answers with the model's")
	modelFlag  = flag.Bool("model", false, "run on the plain model of the state machine")
)

func options(seed uint64, dir string) Options {
	o := Options{Seed: seed, Dir: dir, Groups: 3, Nodes: 3, Clients: 2, Txns: 9, Model: *modelFlag, Shadow: *shadowFlag || (seed%5 == 0 && !*modelFlag),
		Loss: 0.01, Duplicate: 0.02, CrashEvery: 3000, LeaseEvery: 800, PauseEvery: 800, HorizonEvery: 1000, CutEvery: 4000, Drift: true, DDLWeight: 4}
	switch seed % 8 {
	case 0: // calm: nothing but reordering
		o.Loss, o.Duplicate, o.CrashEvery, o.LeaseEvery, o.PauseEvery, o.CutEvery, o.Drift = 0, 0, 0, 0, 0, 0, false
	case 1: // leases move all the time
		o.LeaseEvery = 120
	case 2: // processes die all the time
		o.CrashEvery, o.Loss = 400, 0.03
	case 3: // groups are cut off again and again
		o.CutEvery = 300
	case 4: // processes stand still again and again
		o.PauseEvery = 120
	case 5: // the schema changes all the time
		o.DDLWeight = 30
	case 6: // the schema changes all the time, and everything else goes wrong
		o.DDLWeight, o.CutEvery, o.LeaseEvery, o.CrashEvery, o.Loss = 30, 300, 400, 1000, 0.03
	case 7: // everything goes wrong
		o.CutEvery, o.LeaseEvery, o.PauseEvery, o.CrashEvery, o.Loss = 500, 200, 300, 800, 0.03
	}
	return o
}

func dir(t *testing.T) string {
	// Memory, where there is such a file system: a seed opens half a dozen files and the disk's speed is not the point.
	if d, err := os.MkdirTemp("/dev/shm", "sim"); err == nil {
		t.Cleanup(func() { os.RemoveAll(d) })
		return d
	}
	return t.TempDir()
}

func run(t *testing.T, o Options) (res *Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		if res, err = Run(o); err != nil {
			res = &Result{Failures: []string{err.Error()}}
		}
	})
	if err := judgeRegisters(res.Registers); err != nil && len(res.Failures) == 0 {
		res.Failures = append(res.Failures, err.Error())
	}
	return res
}

// TestReplay runs the seed given by -seed again and prints every step.
func TestReplay(t *testing.T) {
	if *seedFlag == 0 {
		t.Skip("no -seed")
	}
	o := options(*seedFlag, dir(t))
	if *quietFlag {
		o.Verbose = false
	} else {
		o.Verbose, o.Log = true, func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	}
	res := run(t, o)
	t.Logf("seed %d: %d steps, trace %x, %d committed, %d aborted, %d unknown, %v", o.Seed, res.Steps, res.Trace,
		res.Committed, res.Aborted, res.Unknown, res.Errors)
	for _, f := range res.Failures {
		t.Error(f)
	}
}

// seeds says how many seeds a test runs: ci in make test, a tenth with -short, long in make test-long.
func seeds(ci, long int) int {
	switch {
	case *seedsFlag > 0:
		return *seedsFlag
	case os.Getenv("PGMQDB_LONG") != "":
		return long
	case testing.Short():
		return ci / 10
	}
	return ci
}

func TestSimulation(t *testing.T) {
	n := seeds(200, 5000)
	d := dir(t)
	steps, committed, aborted, unknown := 0, 0, 0, 0
	total := map[string]int{}
	for seed := *firstFlag; seed < *firstFlag+uint64(n) && (*keepFlag || !t.Failed()); seed++ {
		res := run(t, options(seed, d))
		for _, f := range res.Failures {
			t.Errorf("seed %d: %s", seed, f)
		}
		if len(res.Failures) > 0 {
			t.Errorf("to replay it: go test ./tests/sim -run TestReplay -seed %d", seed)
		}
		steps += res.Steps
		committed += res.Committed
		aborted += res.Aborted
		unknown += res.Unknown
		for k, n := range res.Errors {
			total[k] += n
		}
	}
	t.Logf("%d seeds, %d steps; writing transactions: %d committed, %d aborted, %d unknown; %v", n, steps, committed, aborted, unknown, total)
}

func TestSeedDecidesARun(t *testing.T) {
	d := dir(t)
	for seed := uint64(1); seed <= 24; seed++ {
		a, b := run(t, options(seed, d+"/a")), run(t, options(seed, d+"/b"))
		if a.Trace != b.Trace {
			t.Errorf("seed %d: two runs differ: %d steps %x, %d steps %x", seed, a.Steps, a.Trace, b.Steps, b.Trace)
		}
	}
}

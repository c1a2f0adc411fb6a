package sim

import (
	"flag"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "run only this seed, verbosely")
	seedsFlag  = flag.Int("seeds", 0, "how many seeds TestSimulation runs (or SIM_SEEDS)")
	shadowFlag = flag.Bool("shadow", false, "compare the state machine's answers with the model's")
	modelFlag  = flag.Bool("model", false, "run on the plain model of the state machine")
)

func options(seed uint64, dir string) Options {
	o := Options{Seed: seed, Dir: dir, Groups: 3, Nodes: 2, Clients: 2, Txns: 12, Model: *modelFlag, Shadow: *shadowFlag || (seed%5 == 0 && !*modelFlag),
		Loss: 0.01, Duplicate: 0.02, CrashEvery: 1500, LeaseEvery: 400, HorizonEvery: 500, CutEvery: 2000}
	switch seed % 4 {
	case 0: // calm: nothing but reordering
		o.Loss, o.Duplicate, o.CrashEvery, o.LeaseEvery, o.CutEvery = 0, 0, 0, 0, 0
	case 1: // leases move all the time
		o.LeaseEvery = 60
	case 2: // coordinators die all the time
		o.CrashEvery, o.Loss = 200, 0.03
	case 3: // groups are cut off again and again
		o.CutEvery = 150
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
			t.Errorf("seed %d: %v", o.Seed, err)
			res = &Result{}
		}
	})
	return res
}

func TestSimulation(t *testing.T) {
	if *seedFlag != 0 {
		o := options(*seedFlag, dir(t))
		o.Verbose, o.Log = true, t.Logf
		res := run(t, o)
		t.Logf("seed %d: %d steps, trace %x, %d committed, %d aborted, %d unknown, %v", o.Seed, res.Steps, res.Trace,
			res.Committed, res.Aborted, res.Unknown, res.Errors)
		for _, f := range res.Failures {
			t.Error(f)
		}
		return
	}
	seeds := 200
	if n, err := strconv.Atoi(os.Getenv("SIM_SEEDS")); err == nil {
		seeds = n
	}
	if *seedsFlag > 0 {
		seeds = *seedsFlag
	}
	if testing.Short() {
		seeds = min(seeds, 40)
	}
	d := dir(t)
	steps, committed, aborted, unknown := 0, 0, 0, 0
	total := map[string]int{}
	for seed := uint64(1); seed <= uint64(seeds) && !t.Failed(); seed++ {
		res := run(t, options(seed, d))
		for _, f := range res.Failures {
			t.Errorf("seed %d: %s", seed, f)
		}
		steps += res.Steps
		committed += res.Committed
		aborted += res.Aborted
		unknown += res.Unknown
		for k, n := range res.Errors {
			total[k] += n
		}
	}
	t.Logf("%d seeds, %d steps; writing transactions: %d committed, %d aborted, %d unknown; %v", seeds, steps, committed, aborted, unknown, total)
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

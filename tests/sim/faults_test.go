package sim

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/txn"
)

var breakFlag = flag.String("break", "", "TestEveryBrokenRuleIsNoticed breaks only the rules whose name has this part")

// breaks are rules that can be switched off, and within how many seeds the simulation has to notice.
var breaks = []struct {
	name   string
	faults Faults
	within uint64
	tune   func(*Options) // raises the chance of what the rule is there for
	long   bool           // it takes hundreds of seeds: only in make test-long
}{
	{"no shared marks in prepares", Faults{Txn: txn.Faults{NoSharedMarks: true}}, 200, moveLeases, false},
	{"no exclusive marks sent ahead", Faults{Txn: txn.Faults{NoExclusiveMarksAhead: true}}, 400, moveLeases, false},
	{"share_ts ignored", Faults{IgnoreShareTS: true}, 200, moveLeases, false},
	{"attempt given up without its tombstone", Faults{Txn: txn.Faults{NoAttemptRule: true}}, 200, cutOff, false},
	{"resolve and forget before the commit record", Faults{Txn: txn.Faults{ResolveBeforeCommitRecord: true}}, 200, killNodes, false},
	{"a new leaseholder starts below its predecessor's reads", Faults{KeepHighestRead: true}, 1500, moveLeases, true},
	{"readers pass prepares in flight", Faults{IgnoreInFlight: true}, 1000, nil, false},
	{"a successor does not wait", Faults{SuccessorDoesNotWait: true}, 200, moveLeases, false},
	{"a data group's successor does not wait", Faults{SuccessorDoesNotWait: true, DataGroupsOnly: true}, 1000, moveLeases, false},
	{"a successor names no index", Faults{UnnamedIndex: true}, 1500, moveLeases, true},
	{"a holder ignores its lease's expiry", Faults{HolderIgnoresExpiry: true}, 200, moveLeases, false},
	{"a data group's holder ignores its lease's expiry", Faults{HolderIgnoresExpiry: true, DataGroupsOnly: true}, 1500, moveLeases, true},
	{"a lease runs from the apply, not from the proposal", Faults{LeaseFromApply: true}, 1500, moveLeases, true},
	{"the oracle serves from a window of a lost lease", Faults{OracleKeepsWindow: true}, 200, moveLeases, false},
	{"schema changes without fences", Faults{NoFence: true}, 200, changeSchemas, false},
	{"prepares without table versions", Faults{NoTableVersions: true}, 200, changeSchemas, false},
	{"no word of where rows went", Faults{Txn: txn.Faults{NoMoves: true}}, 100, nil, false},
	{"a row's second move forgets where it was first", Faults{Txn: txn.Faults{ForgottenOrigins: true}}, 200, nil, false},
}

func moveLeases(o *Options)    { o.LeaseEvery = 80 }
func cutOff(o *Options)        { o.CutEvery = 200 }
func killNodes(o *Options)     { o.CrashEvery = 300 }
func changeSchemas(o *Options) { o.DDLWeight = 30 }

// A simulation that finds nothing proves something only if it finds what is broken on purpose.
func TestEveryBrokenRuleIsNoticed(t *testing.T) {
	d := dir(t)
	for i, b := range breaks {
		if !strings.Contains(b.name, *breakFlag) || b.long && *breakFlag == "" && os.Getenv("PGMQDB_LONG") == "" {
			continue
		}
		found := uint64(0)
		for seed := uint64(1); seed <= b.within && found == 0; seed++ {
			o := options(seed, d)
			o.Seed += uint64(i+1) << 32 // other files, other runs
			o.Faults, o.Shadow = b.faults, false
			if b.tune != nil {
				b.tune(&o)
			}
			if res := run(t, o); len(res.Failures) > 0 {
				found = seed
				t.Logf("%s: noticed by seed %d: %s", b.name, seed, res.Failures[0])
			}
		}
		if found == 0 {
			t.Errorf("%s: not noticed within %d seeds", b.name, b.within)
		}
	}
}

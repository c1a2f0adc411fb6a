package sim

import (
	"flag"
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
}{
	{"no shared marks in prepares", Faults{Txn: txn.Faults{NoSharedMarks: true}}, 200, moveLeases},
	{"no exclusive marks sent ahead", Faults{Txn: txn.Faults{NoExclusiveMarksAhead: true}}, 400, moveLeases},
	{"share_ts ignored", Faults{IgnoreShareTS: true}, 200, moveLeases},
	{"attempt given up without its tombstone", Faults{Txn: txn.Faults{NoAttemptRule: true}}, 200, cutOff},
	{"resolve and forget before the commit record", Faults{Txn: txn.Faults{ResolveBeforeCommitRecord: true}}, 200, killNodes},
	{"a new leaseholder starts below its predecessor's reads", Faults{KeepHighestRead: true}, 400, moveLeases},
	{"readers pass prepares in flight", Faults{IgnoreInFlight: true}, 200, nil},
	{"a successor does not wait", Faults{SuccessorDoesNotWait: true}, 200, moveLeases},
	{"a successor names no index", Faults{UnnamedIndex: true}, 400, moveLeases},
	{"a holder ignores its lease's expiry", Faults{HolderIgnoresExpiry: true}, 200, moveLeases},
	{"the oracle serves from a window of a lost lease", Faults{OracleKeepsWindow: true}, 200, moveLeases},
	{"schema changes without fences", Faults{NoFence: true}, 200, changeSchemas},
	{"prepares without table versions", Faults{NoTableVersions: true}, 200, changeSchemas},
}

func moveLeases(o *Options)    { o.LeaseEvery = 80 }
func cutOff(o *Options)        { o.CutEvery = 200 }
func killNodes(o *Options)     { o.CrashEvery = 300 }
func changeSchemas(o *Options) { o.DDLWeight = 30 }

// A simulation that finds nothing proves something only if it finds what is broken on purpose.
func TestEveryBrokenRuleIsNoticed(t *testing.T) {
	d := dir(t)
	for i, b := range breaks {
		if *breakFlag != "" && !strings.Contains(b.name, *breakFlag) {
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

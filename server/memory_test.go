package server

import (
	"runtime"
	runtimemetrics "runtime/metrics"
	"testing"
	"time"
)

func TestTheCollectorIsPacedByWhatIsLive(t *testing.T) {
	for live, want := range map[uint64][2]int{
		0:         {200, 200},
		60 << 20:  {200, 200},
		101 << 20: {200, 200},
		152 << 20: {200, 120},
		200 << 20: {185, 65},
		300 << 20: {90, 30},
		2 << 30:   {50, 30},
	} {
		if got := [2]int{usualPace.percentFor(live), largePace.percentFor(live)}; got != want {
			t.Errorf("%d MB live: %d %%, want %d", live>>20, got, want)
		}
	}
	p := &pacer{sample: []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.next()
	for range 100 {
		runtime.GC()
		if p.sample[0].Value.Kind() == runtimemetrics.KindUint64 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("no collection called the pacer")
}

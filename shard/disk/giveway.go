package disk

import "runtime"

// giveWayEvery is how many steps of bulk work, of a microsecond or some, a goroutine does before it lets others run.
const giveWayEvery = 64

// GiveWay is called at each step of work in bulk, with the step's number: an apply of many entries, a flush, the building of
// an index. Every now and then it puts the goroutine behind all that are ready to run. Go's scheduler knows no priorities and
// takes a processor away after 10 ms at the earliest. Where the machine is busy, and a processor of this process runs
// for a few milliseconds out of every fifty, a dozen goroutines with work in bulk would make each hand-over on a heartbeat's
// way wait for whole rounds of them: seconds, at the end of which the node is taken for dead.
func GiveWay(step int) {
	if step%giveWayEvery == giveWayEvery-1 {
		runtime.Gosched()
	}
}

package sim

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// register is porcupine's model of one key: reads, and swaps that return what was there. A swap of which nobody knows
// whether it has happened returns nothing.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[uint32][]porcupine.Operation{}
		for _, op := range history {
			k := op.Input.(RegisterOp).Key
			byKey[k] = append(byKey[k], op)
		}
		var parts [][]porcupine.Operation
		for _, p := range byKey {
			parts = append(parts, p)
		}
		return parts
	},
	Init: func() any { return uint32(0) },
	Step: func(state, input, _ any) (bool, any) {
		op := input.(RegisterOp)
		ok := !op.Known || op.Old == state.(uint32)
		if op.Swap {
			state = op.New
		}
		return ok, state
	},
}

// judgeRegisters checks that the operations on each register can be put into one order that fits what the clients saw.
func judgeRegisters(ops []RegisterOp) error {
	history := make([]porcupine.Operation, len(ops))
	for i, op := range ops {
		history[i] = porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Call, Return: op.Return}
	}
	switch porcupine.CheckOperationsTimeout(register, history, 10*time.Second) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("the %d operations on registers could not be judged in time", len(ops))
	}
	return fmt.Errorf("the operations on registers are not linearizable: %+v", ops)
}

func TestTheJudgeOfRegistersKnowsAStaleRead(t *testing.T) {
	swap := RegisterOp{Swap: true, New: 7, Known: true, Call: 1, Return: 2}
	lost := RegisterOp{Swap: true, New: 8, Call: 3, Return: math.MaxInt64}
	read := func(v uint32, call int64) RegisterOp {
		return RegisterOp{Old: v, Known: true, Call: call, Return: call + 1}
	}
	for _, c := range []struct {
		ops []RegisterOp
		ok  bool
	}{
		{[]RegisterOp{swap, read(7, 3)}, true},
		{[]RegisterOp{swap, read(0, 3)}, false},
		{[]RegisterOp{swap, lost, read(7, 5), read(8, 7)}, true},
		{[]RegisterOp{swap, lost, read(7, 5), read(7, 7)}, true},
		{[]RegisterOp{swap, lost, read(8, 5), read(7, 7)}, false},
	} {
		if err := judgeRegisters(c.ops); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.ops, err)
		}
	}
}

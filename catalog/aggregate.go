package catalog

import "github.com/pgmqdb/pgmqdb/sql/types"

// Aggregate is what makes a Function an aggregate: its row of pg_aggregate. Functions are named by OID, those of the system
// and those of users; the latter are among the Function's Deps. It is never changed in place.
type Aggregate struct {
	Transition Oid
	Final      Oid `json:",omitempty"`
	// Combine, Serial and Deserial serve partial aggregation, which no such aggregate needs: they are kept for who asks.
	Combine  Oid `json:",omitempty"`
	Serial   Oid `json:",omitempty"`
	Deserial Oid `json:",omitempty"`
	// FinalExtra says that the final function has arguments of the aggregate's types, too, which are NULL.
	FinalExtra  bool         `json:",omitempty"`
	FinalModify ModifiesType // whether the final function changes the state
	SortOp      Oid          `json:",omitempty"` // pg_operator's
	State       types.Type
	Space       int32   `json:",omitempty"` // SSPACE
	Init        *string `json:",omitempty"` // the state's first value as text; nil: NULL
}

// ModifiesType is pg_aggregate.aggfinalmodify.
type ModifiesType byte

// Whether a final function changes the state that it is given.
const (
	ModifiesNothing   ModifiesType = 'r'
	ModifiesShareable ModifiesType = 's'
	ModifiesState     ModifiesType = 'w'
)

// Supports are the functions that the aggregate is made of.
func (a *Aggregate) Supports() []Oid {
	var out []Oid
	for _, oid := range []Oid{a.Transition, a.Final, a.Combine, a.Serial, a.Deserial} {
		if oid != 0 {
			out = append(out, oid)
		}
	}
	return out
}

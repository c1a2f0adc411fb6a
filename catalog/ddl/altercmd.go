package ddl

import "github.com/pgmqdb/pgmqdb/catalog"

// AlterKind is a subcommand of ALTER TABLE.
type AlterKind uint8

// The subcommands, with the fields of AlterCommand that each reads.
const (
	AddColumn          AlterKind = iota + 1 // Column, Constraints, IfExists (IF NOT EXISTS)
	DropColumn                              // Name, IfExists, Behavior
	AddConstraint                           // Constraints (one)
	DropConstraint                          // Name, IfExists, Behavior
	ValidateConstraint                      // Name
	AlterConstraint                         // Constraints (one): Name, Deferrable, Deferred
	SetDefault                              // Name, Default
	DropDefault                             // Name
	SetNotNull                              // Name
	DropNotNull                             // Name
	AddIdentity                             // Name, Identity, Sequence
	SetIdentity                             // Name, Identity (0: as it is), Sequence
	DropIdentity                            // Name, IfExists
	AlterType                               // Name, Type, Using (nil: a cast), Collation
	ChangeOwner                             // Owner
	SetOptions                              // Options
	SetPersistence                          // Persistence
	DropExpression                          // Name, IfExists
	ClusterOn                               // Name; empty: none
	ReplicaIdentity                         // ReplicaKind, Name
	SetStatistics                           // Name, Target
	SetStorage                              // Name, Method
	SetCompression                          // Name, Method
	AddInherit                              // Parent
	DropInherit                             // Parent
	AddOf                                   // Type
	DropOf
	AttachPartition  // Parent (the partition), Bound
	DetachPartition  // Parent (the partition)
	SetRowSecurity   // On
	ForceRowSecurity // On
	SetTriggers      // Name (empty: all), State, System (those of foreign keys too)
)

// AlterCommand is one subcommand of ALTER TABLE.
type AlterCommand struct {
	Kind        AlterKind
	Name        string
	Column      *ColumnSpec
	Constraints []ConstraintSpec
	Default     *Expression
	Identity    catalog.Identity
	Sequence    *SequenceSpec
	Type        *TypeChange
	Owner       string
	Parent      Name
	Bound       *BoundSpec
	Options     []string
	Persistence catalog.Persistence
	ReplicaKind byte // 'n', 'f', 'd' or 'i'
	Target      int
	Method      string
	IfExists    bool
	On          bool
	State       catalog.TriggerState
	System      bool
	Behavior    Behavior
}

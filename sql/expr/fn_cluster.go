package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// ClusterSchema is the schema of what PostgreSQL does not have. Its functions are looked up by their qualified names only.
const ClusterSchema = "pgmqdb"

// clusterFunctions change the cluster: each takes a node's id. Their OIDs are of a range that PostgreSQL gives to nothing
// that it releases.
var clusterFunctions = []struct {
	oid  types.Oid
	name string
}{{8501, "drain"}, {8502, "remove"}, {8503, "activate"}}

func init() {
	for _, f := range clusterFunctions {
		qualified := ClusterSchema + "." + f.name
		fn := &Function{Oid: f.oid, Name: f.name, Args: []types.Oid{types.Int4Oid}, Result: types.BoolOid,
			Volatility: Volatile, Strict: true, ArgNames: []string{"node"}, src: qualified, impl: systemImpl(qualified)}
		p := &proc{oid: f.oid, name: f.name, kind: 'f', args: fn.Args, ret: fn.Result, names: fn.ArgNames, fn: fn,
			cluster: true}
		procsByName[qualified] = append(procsByName[qualified], p)
		procsByOid[p.oid] = p
	}
}

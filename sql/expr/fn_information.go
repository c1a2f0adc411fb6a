package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// InformationSchema is the schema whose functions clients call by their qualified names.
const InformationSchema = "information_schema"

// expandArray is information_schema._pg_expandarray, by which clients list the columns of keys: an array's elements and their
// numbers from 1. PostgreSQL declares it for any array; here it is for those of the catalogs.
const expandArray = InformationSchema + "._pg_expandarray"

func init() {
	for i, t := range []types.Oid{types.Int2vectorOid, types.OidvectorOid, types.Lookup(types.Int2Oid).ArrayOid, types.Lookup(types.OidOid).ArrayOid} {
		elem := types.ElemOf(t)
		set := &SetFunction{Oid: types.Oid(8511 + i), Name: "_pg_expandarray", Args: []types.Oid{t}, Result: types.RecordOid, Volatility: Immutable,
			Strict: true, Columns: []OutColumn{{Name: "x", Type: elem}, {Name: "n", Type: types.Int4Oid}}, src: expandArray, open: numbered}
		p := &proc{oid: set.Oid, name: set.Name, kind: 'f', args: set.Args, ret: set.Result, set: set, cluster: true}
		procsByName[expandArray] = append(procsByName[expandArray], p)
		procsByOid[p.oid] = p
	}
}

func numbered(_ *Call, a []types.Datum) (SetIterator, error) {
	out := &listIter{}
	for i, e := range a[0].Array().Elems {
		out.rows = append(out.rows, []types.Datum{e, types.NewInt(int64(i + 1))})
	}
	return out, nil
}

package pgcat

import (
	"maps"

	"github.com/pgmqdb/pgmqdb/catalog"
)

// The OIDs of the catalogs that other catalogs refer to by class.
const (
	classType       catalog.Oid = 1247
	classProc       catalog.Oid = 1255
	classClass      catalog.Oid = 1259
	classAuthID     catalog.Oid = 1260
	classDatabase   catalog.Oid = 1262
	classConstraint catalog.Oid = 2606
	classExtension  catalog.Oid = 3079
	classCast       catalog.Oid = 2605
	classOperator   catalog.Oid = 2617
	classOpclass    catalog.Oid = 2616
	classOpfamily   catalog.Oid = 2753
	classPolicy     catalog.Oid = 3256
	classLanguage   catalog.Oid = 2612
	classNamespace  catalog.Oid = 2615
	classAm         catalog.Oid = 2601
	classAttrdef    catalog.Oid = 2604
	classRewrite    catalog.Oid = 2618
)

// PostgreSQL's OIDs of built-in objects that are not descriptors.
const (
	amHeap            catalog.Oid = 2
	amBtree           catalog.Oid = 403
	amHash            catalog.Oid = 405
	amGin             catalog.Oid = 2742
	amGist            catalog.Oid = 783
	amSpgist          catalog.Oid = 4000
	namespaceToast    catalog.Oid = 99
	tablespaceDefault catalog.Oid = 1663
	encodingUTF8                  = 6
)

// synthetic marks OIDs of catalog rows whose objects have no OID of their own (defaults, rules): they lie in the upper
// half, which the allocator does not reach.
const synthetic catalog.Oid = 1 << 31

func attrdefOid(t *catalog.Table, n catalog.AttNum) catalog.Oid {
	return synthetic | (t.OID&0xfffff)<<11 | catalog.Oid(n)
}

func rewriteOid(v *catalog.View) catalog.Oid { return synthetic | v.OID }

// sources returns where the rows of relations come from, by qualified name. Relations without a source hold only what is
// embedded, or nothing.
func sources() map[string]*source {
	all := map[string]*source{}
	for _, part := range []map[string]*source{classSources(), objectSources(), roleSources(), builtinSources(), typeSources(), viewSources(),
		statSources(), informationSources(), infoPrivilegeSources(), infoRoutineSources(), infoTypeSources(), clusterSources(),
		triggerSources(), extensionSources(), textSearchSources()} {
		maps.Copy(all, part)
	}
	return all
}

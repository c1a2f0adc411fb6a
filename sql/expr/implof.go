package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// implOf returns the implementation of a function, or nil.
func implOf(src, name string) *impl {
	for _, t := range [...]map[string]impl{compareImpls} {
		if im, ok := t[src]; ok {
			return &im
		}
	}
	return nil
}

var setImpls = map[string]func(c *Call, args []types.Datum) (SetIterator, error){}
var compareImpls = map[string]impl{}

func bindAggregate(f *AggFunction, key string) {}

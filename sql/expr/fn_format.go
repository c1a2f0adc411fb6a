package expr

var formatImpls = map[string]impl{}

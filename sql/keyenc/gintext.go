package keyenc

import "github.com/pgmqdb/pgmqdb/sql/types"

// What a tsquery says of the lexemes of a document that matches it. Weights and positions are not in the keys: they are left
// to whoever tests the rows.

// ginTextQuery returns what follows from a document's matching a query; nothing matches the empty one.
func ginTextQuery(n *types.TSNode) *GinQuery {
	if n == nil {
		return never
	}
	return ginMatch(n, false)
}

// ginMatch returns what follows from a node's matching or, with not, from its not matching.
func ginMatch(n *types.TSNode, not bool) *GinQuery {
	switch n.Op {
	case types.TSOperand:
		switch {
		case not:
			return nil
		case n.Prefix:
			return &GinQuery{Starts: ginLexemeStarts(n.Word)}
		}
		return ginAny(ginLexeme(n.Word))
	case types.TSNot:
		return ginMatch(n.Right, !not)
	case types.TSPhrase:
		if not {
			return nil
		}
		return GinAll(ginPhrase(n.Left), ginPhrase(n.Right))
	}
	l, r := ginMatch(n.Left, not), ginMatch(n.Right, not)
	if (n.Op == types.TSOr) == not {
		return GinAll(l, r)
	}
	return GinOneOf(l, r)
}

// ginPhrase is ginMatch of a part of a phrase. What is negated there is so at some position, from which nothing follows.
func ginPhrase(n *types.TSNode) *GinQuery {
	switch n.Op {
	case types.TSNot:
		return nil
	case types.TSOr:
		return GinOneOf(ginPhrase(n.Left), ginPhrase(n.Right))
	case types.TSAnd, types.TSPhrase:
		return GinAll(ginPhrase(n.Left), ginPhrase(n.Right))
	}
	return ginMatch(n, false)
}

// Package tsearch is full text search: what becomes of a document or a query in text (the parser, the dictionaries and the
// configurations that connect them), whether a tsvector matches a tsquery, ranking, headlines and rewriting.
//
// A newcomer needs three types. Config is a text search configuration, which makes a tsvector of a text and a tsquery of
// the words of a query; types.TSVector and types.TSNode are these values; Options are those of a headline.
//
// All results are PostgreSQL 15's. The parser is its default parser; the dictionaries are simple and the Snowball stemmers,
// with PostgreSQL's lists of stop words.
package tsearch

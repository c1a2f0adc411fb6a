package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/tsearch"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The catalogs of text search. Parser and templates are embedded; dictionaries and configurations are those of sql/tsearch.

const (
	classTSDict     catalog.Oid = 3600
	classTSParser   catalog.Oid = 3601
	classTSConfig   catalog.Oid = 3602
	classTSTemplate catalog.Oid = 3764

	templateSimple   catalog.Oid = 3727
	templateSnowball catalog.Oid = 13150
)

func textSearchSources() map[string]*source {
	return map[string]*source{
		"pg_catalog.pg_ts_dict":   {columns: "oid dictname dictnamespace dictowner dicttemplate dictinitoption", builtin: dictionaryRows},
		"pg_catalog.pg_ts_config": {columns: "oid cfgname cfgnamespace cfgowner cfgparser", builtin: configRows},
		"pg_catalog.pg_ts_config_map": {columns: "mapcfg maptokentype mapseqno mapdict", builtin: func(b *builder) {
			for _, c := range tsearch.Configs() {
				for t := tsearch.ASCIIWord; t <= tsearch.LastTokenType; t++ {
					if d := c.Dictionary(t); d != nil {
						b.add(num(catalog.Oid(c.Oid)), types.NewInt(int64(t)), types.NewInt(1), num(catalog.Oid(d.Oid)))
					}
				}
			}
		}},
	}
}

func dictionaryRows(b *builder) {
	for _, d := range tsearch.Dictionaries() {
		template, options := templateSimple, null
		if d.Language != "" {
			text := "language = '" + d.Language + "'"
			if d.HasStopWords() {
				text += ", stopwords = '" + d.Language + "'"
			}
			template, options = templateSnowball, str(text)
		}
		b.add(num(catalog.Oid(d.Oid)), str(d.Name), num(catalog.PgCatalogSchema), num(catalog.BootstrapRole), num(template), options)
	}
}

func configRows(b *builder) {
	for _, c := range tsearch.Configs() {
		b.add(num(catalog.Oid(c.Oid)), str(c.Name), num(catalog.PgCatalogSchema), num(catalog.BootstrapRole), num(catalog.Oid(tsearch.ParserOid)))
	}
}

// textSearchDescriptions calls f for every comment on a built-in object of text search.
func textSearchDescriptions(f func(class, oid catalog.Oid, text string)) {
	const simple = "simple dictionary: just lower case and check for stopword"
	f(classTSParser, catalog.Oid(tsearch.ParserOid), "default word parser")
	f(classTSTemplate, templateSimple, simple)
	f(classTSTemplate, 3730, "synonym dictionary: replace word by its synonym")
	f(classTSTemplate, 3733, "ispell dictionary")
	f(classTSTemplate, 3742, "thesaurus dictionary: phrase by phrase substitution")
	f(classTSTemplate, templateSnowball, "snowball stemmer")
	for _, d := range tsearch.Dictionaries() {
		text := simple
		if d.Language != "" {
			text = "snowball stemmer for " + d.Language + " language"
		}
		f(classTSDict, catalog.Oid(d.Oid), text)
	}
	for _, c := range tsearch.Configs() {
		text := "configuration for " + c.Name + " language"
		if c.Name == "simple" {
			text = "simple configuration"
		}
		f(classTSConfig, catalog.Oid(c.Oid), text)
	}
}

// TextSearchConfig returns the qualified name of a text search configuration that a setting names; false: there is none.
func TextSearchConfig(name string) (string, bool) {
	parts, err := splitName(name)
	if err != nil || len(parts) > 2 || len(parts) == 2 && parts[0] != pgCatalog {
		return "", false
	}
	last := parts[len(parts)-1]
	if !HasSystemObject("pg_ts_config", last) {
		return "", false
	}
	return catalog.QualifiedName(pgCatalog, last), true
}

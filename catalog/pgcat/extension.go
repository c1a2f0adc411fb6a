package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// extensionPLpgSQL is the OID that initdb gives the extension plpgsql.
const extensionPLpgSQL catalog.Oid = 13559

// extensionSources are the catalogs of extensions.
func extensionSources() map[string]*source {
	return map[string]*source{
		"pg_catalog.pg_extension": {columns: "oid extname extowner extnamespace extrelocatable extversion",
			builtin: func(b *builder) {
				b.add(num(extensionPLpgSQL), str(catalog.LanguagePLpgSQL), num(catalog.Oid(catalog.BootstrapRole)),
					num(catalog.Oid(catalog.PgCatalogSchema)), no, str("1.0"))
			},
			rows: func(b *builder) {
				b.snap.Extensions(func(e *catalog.Extension) bool {
					b.add(num(e.OID), str(e.Name), num(e.Owner), num(e.SchemaID), yes, str(e.Version))
					return true
				})
			}},
		"pg_catalog.pg_opclass": {columns: "oid opcmethod opcname opcnamespace opcowner opcfamily opcintype opcdefault opckeytype",
			rows: func(b *builder) {
				b.opClasses(func(c *catalog.OpClass, e *catalog.Extension) {
					b.add(num(c.OID), num(methodOid(c.Method)), str(c.Name), num(e.SchemaID), num(e.Owner), num(c.Family), num(c.Input), flag(c.Default), num(c.Key))
				})
			}},
		"pg_catalog.pg_opfamily": {columns: "oid opfmethod opfname opfnamespace opfowner", rows: func(b *builder) {
			b.opClasses(func(c *catalog.OpClass, e *catalog.Extension) {
				b.add(num(c.Family), num(methodOid(c.Method)), str(c.Name), num(e.SchemaID), num(e.Owner))
			})
		}},
		"pg_catalog.pg_cast": {columns: "oid castsource casttarget castfunc castcontext castmethod", rows: func(b *builder) {
			for i := range catalog.ExtensionCasts {
				c := &catalog.ExtensionCasts[i]
				if b.snap.ExtensionNamed(c.Extension) == nil {
					continue
				}
				function := catalog.Oid(0)
				if c.Symbol != "" {
					if f := b.snap.ExtensionFunction(c.Extension, c.Symbol, []catalog.Oid{c.From}); f != nil {
						function = f.OID
					}
				}
				context := map[types.CastContext]byte{types.Implicit: 'i', types.Assignment: 'a', types.Explicit: 'e'}[c.Context]
				b.add(num(c.OID), num(c.From), num(c.To), num(function), char(context), char(c.Method()))
			}
		}},
		"pg_catalog.pg_available_extensions": {columns: "name default_version installed_version comment", rows: func(b *builder) {
			for _, c := range catalog.AvailableExtensions {
				installed := null
				if v := installedVersion(b.snap, c.Name); v != "" {
					installed = str(v)
				}
				b.add(str(c.Name), str(c.Version), installed, str(c.Comment))
			}
		}},
		"pg_catalog.pg_available_extension_versions": {columns: "name version installed superuser trusted relocatable schema comment",
			rows: func(b *builder) {
				for _, c := range catalog.AvailableExtensions {
					var schema types.Datum
					if c.Name == catalog.LanguagePLpgSQL {
						schema = str(catalog.PgCatalogName)
					}
					b.add(str(c.Name), str(c.Version), flag(installedVersion(b.snap, c.Name) == c.Version), yes, yes, flag(schema.IsNull()), schema,
						str(c.Comment))
				}
			}},
	}
}

// opClasses calls f for the operator classes of the database's extensions.
func (b *builder) opClasses(f func(c *catalog.OpClass, e *catalog.Extension)) {
	for i := range catalog.ExtensionOpClasses {
		c := &catalog.ExtensionOpClasses[i]
		if e := b.snap.ExtensionNamed(c.Extension); e != nil {
			f(c, e)
		}
	}
}

// installedVersion is the version of an extension of the database; empty where there is none.
func installedVersion(snap *catalog.Snapshot, name string) string {
	if e := snap.ExtensionNamed(name); e != nil {
		return e.Version
	}
	if name == catalog.LanguagePLpgSQL {
		return "1.0"
	}
	return ""
}

// extensionDepends adds what extensions depend on, and what belongs to them, to pg_depend.
func (b *builder) extensionDepends() {
	b.snap.Extensions(func(e *catalog.Extension) bool {
		b.depend(classExtension, e.OID, 0, classNamespace, e.SchemaID, 0, catalog.Normal)
		for i := range catalog.ExtensionOperators {
			o := &catalog.ExtensionOperators[i]
			if o.Extension != e.Name {
				continue
			}
			b.depend(classOperator, o.OID, 0, classExtension, e.OID, 0, catalog.Member)
		}
		return true
	})
	b.opClasses(func(c *catalog.OpClass, e *catalog.Extension) {
		b.depend(classOpclass, c.OID, 0, classExtension, e.OID, 0, catalog.Member)
		b.depend(classOpfamily, c.Family, 0, classExtension, e.OID, 0, catalog.Member)
		b.depend(classOpclass, c.OID, 0, classOpfamily, c.Family, 0, catalog.Auto)
	})
	for i := range catalog.ExtensionCasts {
		c := &catalog.ExtensionCasts[i]
		if e := b.snap.ExtensionNamed(c.Extension); e != nil {
			b.depend(classCast, c.OID, 0, classExtension, e.OID, 0, catalog.Member)
		}
	}
	b.snap.Types(func(t *catalog.Type) bool {
		if t.Extension != 0 {
			b.depend(classType, t.OID, 0, classExtension, t.Extension, 0, catalog.Member)
		}
		return true
	})
	b.snap.Functions(func(f *catalog.Function) bool {
		if f.Extension != 0 {
			b.depend(classProc, f.OID, 0, classExtension, f.Extension, 0, catalog.Member)
		}
		return true
	})
}

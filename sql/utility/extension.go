package utility

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Extensions. What one makes is in its script, as PostgreSQL's are; the functions in C that scripts create run code of
// package expr. Plpgsql is in every database from the start and stays.

// createExtension is CREATE EXTENSION.
func (e *Env) createExtension(ctx context.Context, s *parse.CreateExtensionStmt) error {
	if e.DDL.Overlay().ExtensionNamed(s.Name) != nil || s.Name == catalog.LanguagePLpgSQL {
		if s.IfNotExists {
			n := pgerr.Notice("extension %q already exists, skipping", s.Name)
			n.Code = pgerr.DuplicateObject
			e.notice(n)
			return nil
		}
		return pgerr.New(pgerr.DuplicateObject, "extension %q already exists", s.Name)
	}
	control := catalog.AvailableExtension(s.Name)
	if control == nil {
		return pgerr.New(pgerr.FeatureNotSupported, "extension %q is not available", s.Name).
			WithHint("The extension must first be installed on the system where PostgreSQL is running.")
	}
	spec := &ddl.ExtensionSpec{Control: control}
	given := map[string]bool{}
	for _, o := range s.Options {
		if given[o.Name] {
			return pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(e.pos(o.Loc()))
		}
		given[o.Name] = true
		switch o.Name {
		case "schema":
			spec.Schema = word(o)
		case "new_version":
			if v := word(o); v != control.Version {
				return pgerr.New(pgerr.InvalidParameterValue, "extension %q has no installation script nor update path for version %q", s.Name, v)
			}
		case "cascade": // none requires another
		}
	}
	if err := e.DDL.CreateExtension(ctx, spec); err != nil {
		return err
	}
	return e.runScript(ctx, control)
}

// runScript makes the functions of an extension's script.
func (e *Env) runScript(ctx context.Context, control *catalog.ExtensionControl) error {
	over := e.DDL.Overlay()
	schema := over.SchemaName(over.ExtensionNamed(control.Name).SchemaID)
	for text := range strings.Lines(control.Script()) {
		if strings.HasPrefix(text, "--") {
			continue
		}
		stmt, err := parse.ParseOne(text)
		if err != nil {
			return err
		}
		inner := *e
		inner.Text, inner.SearchPath, inner.extension = text, []string{catalog.PgCatalogName, schema}, true
		var f *catalog.Function
		switch s := stmt.(type) {
		case *parse.CreateFunctionStmt:
			f, err = inner.newFunction(s)
		case *parse.CreateAggregateStmt:
			f, err = inner.newAggregate(s)
		default:
			err = pgerr.Internal("the script of extension %q makes something else than functions", control.Name)
		}
		if err != nil {
			return err
		}
		if err := e.DDL.AddToExtension(ctx, control.Name, f); err != nil {
			return err
		}
	}
	return nil
}

// dropExtensions is DROP EXTENSION.
func (e *Env) dropExtensions(ctx context.Context, s *parse.DropStmt) error {
	var names []string
	for _, o := range s.Objects {
		if o.Name.Last() == catalog.LanguagePLpgSQL {
			return pgerr.NotSupported("DROP EXTENSION plpgsql")
		}
		names = append(names, o.Name.Last())
	}
	return e.DDL.DropExtensions(ctx, names, s.MissingOk, behavior(s.Behavior))
}

// alterExtension is ALTER EXTENSION … UPDATE: there is one version of each.
func (e *Env) alterExtension(s *parse.AlterExtensionStmt) error {
	version := "1.0"
	if x := e.DDL.Overlay().ExtensionNamed(s.Name); x != nil {
		version = x.Version
	} else if s.Name != catalog.LanguagePLpgSQL {
		return pgerr.New(pgerr.UndefinedObject, "extension %q does not exist", s.Name)
	}
	if s.NewVersion != "" && s.NewVersion != version {
		return pgerr.New(pgerr.InvalidParameterValue, "extension %q has no update path from version %q to version %q", s.Name, version, s.NewVersion)
	}
	e.notice(pgerr.Notice("version %q of extension %q is already installed", version, s.Name))
	return nil
}

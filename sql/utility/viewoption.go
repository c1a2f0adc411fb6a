package utility

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// viewOptions puts options given onto those that a view has.
func viewOptions(have []string, given []*parse.DefElem) (ddl.ViewOptions, error) {
	o := ddl.ViewOptions{Options: slices.Clone(have)}
	seen := map[string]bool{}
	for _, d := range given {
		text := argText(d.Arg)
		if d.Arg == nil {
			text = "true"
		}
		switch {
		case d.Namespace == "toast":
			continue // means nothing to a view, and is none of its options
		case d.Namespace != "":
			return o, pgerr.New(pgerr.InvalidParameterValue, "unrecognized parameter namespace %q", d.Namespace)
		case seen[d.Name]:
			return o, pgerr.New(pgerr.InvalidParameterValue, "parameter %q specified more than once", d.Name)
		}
		seen[d.Name] = true
		o.Options = append(withoutOption(o.Options, d.Name), d.Name+"="+text)
	}
	for _, option := range o.Options {
		name, text, _ := strings.Cut(option, "=")
		switch name {
		case "check_option":
			if l := strings.ToLower(text); l != "local" && l != "cascaded" {
				return o, pgerr.New(pgerr.InvalidParameterValue, "invalid value for enum option %q: %s", name, text).
					WithDetail("Valid values are \"local\" and \"cascaded\".")
			}
		case "security_barrier", "security_invoker":
			on, err := types.ParseText(types.T(types.BoolOid), text, types.DefaultIOEnv)
			if err != nil {
				return o, pgerr.New(pgerr.InvalidParameterValue, "invalid value for boolean option %q: %s", name, text)
			}
			if name == "security_barrier" {
				o.Barrier = on.Bool()
			} else {
				o.Invoker = on.Bool()
			}
		default:
			return o, pgerr.New(pgerr.InvalidParameterValue, "unrecognized parameter %q", name)
		}
	}
	return o, nil
}

func withoutOption(options []string, name string) []string {
	return slices.DeleteFunc(options, func(o string) bool { return strings.HasPrefix(o, name+"=") })
}

// checkOptionAllowed refuses WITH CHECK OPTION on a view that nobody can write to.
func checkOptionAllowed(q *sema.Query) error {
	if why := sema.ViewRefusal(q); why != "" {
		return pgerr.New(pgerr.FeatureNotSupported, "WITH CHECK OPTION is supported only on automatically updatable views").WithHint("%s", why)
	}
	return nil
}

// createOptions settles the options of CREATE VIEW.
func createOptions(s *parse.ViewStmt, q *sema.Query) (ddl.ViewOptions, error) {
	opts := s.Options
	if s.WithCheckOption != parse.NoCheckOption {
		value := "local"
		if s.WithCheckOption == parse.CascadedCheckOption {
			value = "cascaded"
		}
		opts = append(slices.Clone(opts), &parse.DefElem{Name: "check_option", Arg: parse.NameArg(value)})
	}
	o, err := viewOptions(nil, opts)
	if err == nil && hasCheckOption(o.Options) {
		err = checkOptionAllowed(q)
	}
	return o, err
}

func hasCheckOption(options []string) bool {
	return slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "check_option=") })
}

// alterActions are PostgreSQL's names of the subcommands that views do not have.
var alterActions = map[parse.AlterTableType]string{
	parse.ATAddColumn: "ADD COLUMN", parse.ATDropColumn: "DROP COLUMN", parse.ATAddConstraint: "ADD CONSTRAINT",
	parse.ATDropConstraint: "DROP CONSTRAINT", parse.ATSetNotNull: "ALTER COLUMN ... SET NOT NULL",
	parse.ATDropNotNull: "ALTER COLUMN ... DROP NOT NULL", parse.ATAlterColumnType: "ALTER COLUMN ... TYPE",
	parse.ATSetStatistics: "ALTER COLUMN ... SET STATISTICS", parse.ATSetStorage: "ALTER COLUMN ... SET STORAGE",
	parse.ATValidateConstraint: "VALIDATE CONSTRAINT", parse.ATAddIdentity: "ALTER COLUMN ... ADD IDENTITY",
	parse.ATSetLogged: "SET LOGGED", parse.ATSetUnlogged: "SET UNLOGGED", parse.ATEnableRowSecurity: "ENABLE ROW SECURITY",
}

// alterView is ALTER VIEW, and ALTER TABLE of a view: defaults and options.
func (e *Env) alterView(ctx context.Context, s *parse.AlterTableStmt) error {
	name := e.name(s.Relation)
	name.Pos = 0
	for _, c := range s.Cmds {
		var err error
		switch c.Subtype {
		case parse.ATColumnDefault:
			err = e.alterViewDefault(ctx, s, name, c)
		case parse.ATSetRelOptions, parse.ATResetRelOptions:
			err = e.alterViewOptions(ctx, s, name, c)
		default:
			action, ok := alterActions[c.Subtype]
			if !ok {
				return pgerr.NotSupported("this form of ALTER VIEW")
			}
			err = pgerr.New(pgerr.WrongObjectType, "ALTER action %s cannot be performed on relation %q", action, s.Relation.Name).
				WithDetail("This operation is not supported for views.")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) alterViewDefault(ctx context.Context, s *parse.AlterTableStmt, name ddl.Name, c *parse.AlterTableCmd) error {
	v := e.view(s.Relation)
	var def *ddl.Expression
	if v != nil && c.Expr != nil {
		if i := slices.IndexFunc(v.Columns, func(k catalog.Column) bool { return k.Name == c.Name }); i >= 0 {
			scope := sema.ExprScope{Kind: sema.DefaultExpr, Column: c.Name, Type: v.Columns[i].Type}
			var err error
			if def, _, err = e.withoutPositions().expression(c.Expr, c.ExprText, scope); err != nil {
				return err
			}
		}
	}
	return e.DDL.SetViewDefault(ctx, name, s.MissingOk, c.Name, def)
}

func (e *Env) alterViewOptions(ctx context.Context, s *parse.AlterTableStmt, name ddl.Name, c *parse.AlterTableCmd) error {
	return e.DDL.SetViewOptions(ctx, name, s.MissingOk, func(have []string) (ddl.ViewOptions, error) {
		if c.Subtype == parse.ATResetRelOptions {
			have = slices.Clone(have)
			for _, d := range c.Options {
				if d.Arg != nil {
					return ddl.ViewOptions{}, pgerr.New(pgerr.SyntaxError, "RESET must not include values for parameters")
				}
				have = withoutOption(have, d.Name)
			}
			return viewOptions(have, nil)
		}
		o, err := viewOptions(have, c.Options)
		v := e.view(s.Relation)
		if err != nil || v == nil || !hasCheckOption(o.Options) {
			return o, err
		}
		q, err := sema.AnalyzeView(v, e.sema())
		if err != nil {
			return o, err
		}
		return o, checkOptionAllowed(q)
	})
}

// view finds a view by name; nil if there is none.
func (e *Env) view(r *parse.RangeVar) *catalog.View {
	rel, ok := e.DDL.Overlay().LookupRelation(e.SearchPath, r.Schema, r.Name)
	if !ok || rel.Kind != catalog.KindView {
		return nil
	}
	return rel.View
}

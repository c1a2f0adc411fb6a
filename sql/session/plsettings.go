package session

import (
	"strings"
)

const plCategory = "Customized Options"

// plSettings are the parameters of PL/pgSQL.
var plSettings = []setting{
	{name: "plpgsql.check_asserts", kind: boolSetting, def: "on", context: "user", category: plCategory,
		short: "Perform checks given in ASSERT statements."},
	{name: "plpgsql.extra_errors", kind: stringSetting, def: "none", context: "user", category: plCategory,
		short: "List of programming constructs that should produce an error."},
	{name: "plpgsql.extra_warnings", kind: stringSetting, def: "none", context: "user", category: plCategory,
		short: "List of programming constructs that should produce a warning."},
	{name: "plpgsql.print_strict_params", kind: boolSetting, def: "off", context: "user", category: plCategory,
		short: "Print information about parameters in the DETAIL part of the error messages generated on INTO ... STRICT failures."},
	{name: "plpgsql.variable_conflict", kind: enumSetting, def: "error", context: "superuser", category: plCategory,
		values: []string{"error", "use_variable", "use_column"},
		short:  "Sets handling of conflicts between PL/pgSQL variable names and table column names."},
}

// isPLChecks reports whether a setting is a list of extra checks.
func isPLChecks(name string) bool {
	return name == "plpgsql.extra_errors" || name == "plpgsql.extra_warnings"
}

// checkPLChecks is plpgsql_extra_checks_check_hook.
func checkPLChecks(d *setting, v string) error {
	if strings.EqualFold(v, "all") || strings.EqualFold(v, "none") {
		return nil
	}
	for _, word := range strings.Split(v, ",") {
		word = strings.TrimSpace(word)
		switch lower(word) {
		case "shadowed_variables", "too_many_rows", "strict_multi_assignment":
		case "all", "none":
			return invalidValue(d, v).WithDetail("Key word \"%s\" cannot be combined with other key words.", word)
		case "":
			return invalidValue(d, v).WithDetail("List syntax is invalid.")
		default:
			return invalidValue(d, v).WithDetail("Unrecognized key word: \"%s\".", word)
		}
	}
	return nil
}

package catalog

import "strings"

// CheckOption is what WITH CHECK OPTION says of a view.
type CheckOption byte

// The check options.
const (
	NoCheck CheckOption = iota
	LocalCheck
	CascadedCheck
)

// Option returns the value of a WITH parameter, and whether it is set.
func (v *View) Option(name string) (string, bool) {
	for _, o := range v.Options {
		if k, value, _ := strings.Cut(o, "="); k == name {
			return value, true
		}
	}
	return "", false
}

// CheckOption is the view's check option.
func (v *View) CheckOption() CheckOption {
	switch value, _ := v.Option("check_option"); strings.ToLower(value) {
	case "local":
		return LocalCheck
	case "cascaded":
		return CascadedCheck
	}
	return NoCheck
}

// RunsAs is as whom the relations of a view are used: its owner, or with security_invoker whoever uses it, which is 0.
func (v *View) RunsAs() Oid {
	if v.Invoker {
		return 0
	}
	return v.Owner
}

package session

import (
	"slices"
	"strings"
)

// trgmSettings are the parameters of pg_trgm. They are known whether the extension was created or not, and listed where it was.
var trgmSettings = []setting{
	trgmThreshold("similarity_threshold", "0.3", "Sets the threshold used by the % operator."),
	trgmThreshold("strict_word_similarity_threshold", "0.5", "Sets the threshold used by the <<% operator."),
	trgmThreshold("word_similarity_threshold", "0.6", "Sets the threshold used by the <% operator."),
}

func trgmThreshold(name, def, short string) setting {
	return setting{name: "pg_trgm." + name, kind: realSetting, def: def, max: 1, context: "user", category: "Customized Options",
		short: short, extra: "Valid range is 0.0 .. 1.0."}
}

// listedSettings are the parameters that SHOW ALL and pg_settings list.
func (s *Session) listedSettings() []SettingRow {
	all := s.settings.All()
	if s.snapshot().ExtensionNamed("pg_trgm") == nil {
		all = slices.DeleteFunc(all, func(r SettingRow) bool { return strings.HasPrefix(r.name, "pg_trgm.") })
	}
	return all
}

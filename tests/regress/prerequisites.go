package main

import (
	"regexp"
	"strings"
)

// prerequisites are scripts whose objects a file builds upon, beside test_setup, as PostgreSQL's parallel_schedule and the
// files themselves say.
var prerequisites = map[string][]string{
	"aggregates":      {"create_aggregate"},
	"alter_table":     {"create_index"},
	"horology":        {"date", "time", "timetz", "timestamp", "timestamptz", "interval"},
	"join":            {"create_misc"},
	"multirangetypes": {"rangetypes"},
	"with":            {"create_misc"},
}

// files are the scripts that are scored.
var files = strings.Fields(`
	select select_distinct select_having select_implicit select_into case join subselect union with window aggregates
	groupingsets insert insert_conflict update delete returning merge transactions prepare portals portals_p2 limit
	arrays strings text numeric int2 int4 int8 float4 float8 boolean char varchar name oid
	date time timetz timestamp timestamptz interval horology uuid enum json jsonb jsonb_jsonpath jsonpath
	sequence identity generated create_view create_table create_index alter_table constraints foreign_key truncate temp
	domain rowtypes rangetypes multirangetypes bit money inet macaddr privileges tablesample updatable_views matview
	copy2 copyselect combocid hash_func regex expressions numerology bitmapops namespace drop_if_exists advisory_lock
	async guc tid`)

// goals are the shares of equal statements to reach, in percent.
var goals = map[string]int{"create_view": 60}

func init() {
	for _, f := range strings.Fields(`select select_distinct select_having case join subselect union with window aggregates
		groupingsets insert insert_conflict update delete returning merge transactions prepare portals limit arrays strings
		text numeric int2 int4 int8 float4 float8 boolean date time timestamp timestamptz interval uuid enum json jsonb
		sequence identity generated`) {
		goals[f] = 80
	}
}

// serverFile matches COPY from a file of the server's machine, after psql put the name into a variable.
var serverFile = regexp.MustCompile(`(?m)^COPY (\S+) FROM :'filename'(.*);$`)

var setFilename = regexp.MustCompile(`^\\set filename :abs_srcdir '(/data/\S+)'$`)

// prepareScript is a prerequisite's script with its tables loaded by the client: that what a file builds upon is there does
// not hang on COPY from the server's files, which is judged where a scored file uses it.
func prepareScript(script, srcdir string) string {
	lines := strings.Split(script, "\n")
	name := ""
	for i, l := range lines {
		if m := setFilename.FindStringSubmatch(l); m != nil {
			name = srcdir + m[1]
		}
		if m := serverFile.FindStringSubmatch(l); m != nil && name != "" {
			lines[i] = `\copy ` + m[1] + ` from '` + name + `'` + m[2]
		}
	}
	return strings.Join(lines, "\n")
}

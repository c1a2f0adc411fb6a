package querygen

import "strings"

// totalFunctions never fail, whatever their arguments: careful expressions are made of them.
var totalFunctions = map[string]bool{}

func init() {
	for _, names := range []string{
		"lower upper length char_length octet_length bit_length btrim ltrim rtrim reverse left right replace strpos starts_with md5 initcap split_part_ quote_literal quote_ident quote_nullable translate ascii to_hex position",
		"substr_ text varchar bpchar sha256 concat concat_ws",
		"isfinite to_char make_interval_ justify_days_ overlaps",
		"array_length array_ndims array_dims array_lower array_upper cardinality array_to_string string_to_array array_to_json",
		"jsonb_typeof json_typeof to_json to_jsonb jsonb_strip_nulls json_strip_nulls jsonb_pretty jsonb_exists jsonb_contains",
		"host abbrev family masklen network netmask broadcast hostmask inet_same_family",
		"sign ceil floor ceiling numeric_gt scale trim_scale min_scale int4larger bool isempty",
		"count sum bool_and bool_or every min max array_agg string_agg json_agg jsonb_agg avg variance stddev var_pop var_samp stddev_pop stddev_samp regr_count corr covar_pop covar_samp regr_slope bit_and bit_or bit_xor",
		"row_number rank dense_rank percent_rank cume_dist lag lead first_value last_value ntile nth_value",
	} {
		for n := range strings.FieldsSeq(names) {
			totalFunctions[n] = true
		}
	}
}

// totalCasts never fail.
var totalCasts = map[[2]Type]bool{
	{"int2", "int4"}: true, {"int2", "int8"}: true, {"int4", "int8"}: true, {"int2", "numeric"}: true, {"int4", "numeric"}: true, {"int8", "numeric"}: true,
	{"int4", "float8"}: true, {"int2", "float8"}: true, {"int8", "float8"}: true, {"float4", "float8"}: true, {"int2", "float4"}: true, {"int4", "float4"}: true,
	{"bool", "int4"}: true, {"int4", "bool"}: true, {"varchar", "text"}: true, {"text", "varchar"}: true, {"bpchar", "text"}: true, {"text", "bpchar"}: true,
	{"timestamp", "date"}: true, {"timestamp", "time"}: true, {"interval", "time"}: true, {"json", "jsonb"}: true, {"jsonb", "json"}: true, {"posint", "int4"}: true,
	{"inet", "cidr"}: true, {"cidr", "inet"}: true, {"time", "interval"}: true,
}

// total tells whether p fails for none of its arguments.
func (p *Producer) total() bool {
	switch p.kind {
	case "cast":
		return p.typ == "text" || totalCasts[[2]Type{p.args[0], p.typ}]
	case "operator":
		switch p.name {
		case "=", "<>", "<", "<=", ">", ">=":
			return true
		case "||":
			return p.typ == "text" || p.typ == "bytea"
		case "+", "-", "*":
			return p.typ == "numeric" || p.typ == "float8" && p.name != "*" && len(p.args) == 1
		case "@>", "<@", "?", "?|", "?&", "&&", "->", "->>", "#>", "#>>", "<<", "<<=", ">>", ">>=":
			return p.typ == "bool" || strings.HasPrefix(string(p.args[0]), "json")
		case "~~", "!~~", "~", "!~", "~*", "!~*", "~~*", "!~~*":
			return len(p.args) == 2 && p.args[1] == "text" && p.typ == "bool"
		}
		return false
	}
	return totalFunctions[p.name]
}

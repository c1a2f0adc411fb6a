package session

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/pgmqdb/pgmqdb/planner"
)

// The structured formats of EXPLAIN print a tree of properties: ExplainPropertyText and its kin.

// property is a label with a value: a text that is quoted, a bare figure, or groups of properties.
type property struct {
	label  string
	text   string
	bare   bool
	groups [][]property // "Plan" has one, "Plans" a list
	list   bool
	texts  []string // a list of texts
}

// properties are those of the query.
func (e *explanation) properties() []property {
	out := []property{{label: "Plan", groups: [][]property{e.nodeProperties(e.tree, "")}}}
	if e.o.buffers {
		out = append(out, property{label: "Buffers", text: notCounted})
	}
	if e.o.wal {
		out = append(out, property{label: "WAL", text: notCounted})
	}
	if e.settings != nil {
		var set []property
		for _, p := range e.settings {
			set = append(set, property{label: p[0], text: p[1]})
		}
		out = append(out, property{label: "Settings", groups: [][]property{set}})
	}
	if e.planning != nil {
		out = append(out, property{label: "Planning Time", text: millis(*e.planning), bare: true})
	}
	if e.execution != nil {
		out = append(out, e.triggerProperties(), property{label: "Execution Time", text: millis(*e.execution), bare: true})
	}
	return out
}

func (e *explanation) triggerProperties() property {
	out := property{label: "Triggers", list: true}
	for _, t := range e.triggers {
		var one []property
		if t.Trigger != "" {
			one = append(one, property{label: "Trigger Name", text: t.Trigger})
		}
		if t.Constraint != "" {
			one = append(one, property{label: "Constraint Name", text: t.Constraint})
		}
		one = append(one, property{label: "Relation", text: t.Relation})
		if e.o.timing {
			one = append(one, figure("Time", "%.3f", float64(t.Time.Nanoseconds())/1e6))
		}
		out.groups = append(out.groups, append(one, figure("Calls", "%d", t.Calls)))
	}
	return out
}

// nodeProperties are those of a node. What the text format says of a scan in one line are properties of their own.
func (e *explanation) nodeProperties(n *planner.ExplainNode, parent string) []property {
	title, index := n.Title, ""
	title, relation, on := strings.Cut(title, " on ")
	if kind, name, ok := strings.Cut(title, " using "); ok {
		title, index = kind, name
	}
	out := []property{{label: "Node Type", text: title}}
	if parent != "" {
		out = append(out, property{label: "Parent Relationship", text: parent})
	}
	if cte := strings.TrimSuffix(strings.TrimPrefix(n.Prefix, "CTE "), ": "); n.Prefix != "" {
		out = append(out, property{label: "Subplan Name", text: "CTE " + cte})
	}
	out = append(out, property{label: "Parallel Aware", text: "false", bare: true}, property{label: "Async Capable", text: "false", bare: true})
	if index != "" {
		out = append(out, property{label: "Index Name", text: index})
	}
	if on {
		name, alias, aliased := strings.Cut(relation, " ")
		if !aliased {
			alias = name
		}
		label := "Relation Name"
		switch title {
		case "CTE Scan":
			label = "CTE Name"
		case "Function Scan":
			label = "Function Name"
		}
		out = append(out, property{label: label, text: name}, property{label: "Alias", text: alias})
	}
	if e.o.costs {
		out = append(out, figure("Startup Cost", "%.2f", n.StartupCost), figure("Total Cost", "%.2f", n.Cost),
			figure("Plan Rows", "%.0f", n.Rows), figure("Plan Width", "%d", n.Width))
	}
	if e.o.analyze {
		out = append(out, e.actual(n.Stats)...)
	}
	for _, d := range n.Details {
		label, value, _ := strings.Cut(strings.TrimSpace(d), ": ")
		if label == "Output" {
			out = append(out, property{label: label, list: true, texts: strings.Split(value, ", ")})
			continue
		}
		out = append(out, property{label: label, text: value})
	}
	out = append(out, usage(n.Stats)...)
	if len(n.Children) > 0 {
		plans := property{label: "Plans", list: true}
		for i, c := range n.Children {
			rel := "Outer"
			switch {
			case c.Prefix != "":
				rel = "InitPlan"
			case i > 0 && n.Children[i-1].Prefix == "":
				rel = "Inner"
			}
			plans.groups = append(plans.groups, e.nodeProperties(c, rel))
		}
		out = append(out, plans)
	}
	return out
}

func figure(label, format string, v any) property {
	return property{label: label, text: fmt.Sprintf(format, v), bare: true}
}

func (e *explanation) actual(s *planner.NodeStats) (out []property) {
	if s == nil {
		s = &planner.NodeStats{}
	}
	if e.o.timing {
		first, total := s.Millis()
		out = append(out, figure("Actual Startup Time", "%.3f", first), figure("Actual Total Time", "%.3f", total))
	}
	return append(out, figure("Actual Rows", "%.0f", s.LoopRows()), figure("Actual Loops", "%d", s.Loops))
}

// usage says how a sort or a hash table was made.
func usage(s *planner.NodeStats) (out []property) {
	if s == nil {
		return nil
	}
	if s.SortMethod != "" {
		out = append(out, property{label: "Sort Method", text: s.SortMethod}, figure("Sort Space Used", "%d", s.SortKB),
			property{label: "Sort Space Type", text: s.SortSpace()})
	}
	switch {
	case s.Batches > 0 && s.Buckets > 0:
		out = append(out, figure("Hash Buckets", "%d", s.Buckets), figure("Hash Batches", "%d", s.Batches), figure("Peak Memory Usage", "%d", s.MemoryKB))
	case s.Batches > 0:
		out = append(out, figure("HashAgg Batches", "%d", s.Batches), figure("Peak Memory Usage", "%d", s.MemoryKB), figure("Disk Usage", "%d", s.DiskUsedKB))
	}
	return out
}

func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always has a form
	return strings.TrimSuffix(b.String(), "\n")
}

func (e *explanation) json() string {
	var b strings.Builder
	b.WriteString("[\n  {\n")
	writeJSON(&b, e.properties(), 2)
	b.WriteString("\n  }\n]")
	return b.String()
}

func writeJSON(b *strings.Builder, ps []property, depth int) {
	pad := strings.Repeat("  ", depth)
	for i, p := range ps {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(pad + quoteJSON(p.label) + ": ")
		switch {
		case p.texts != nil:
			quoted := make([]string, len(p.texts))
			for k, t := range p.texts {
				quoted[k] = quoteJSON(t)
			}
			b.WriteString("[" + strings.Join(quoted, ", ") + "]")
		case p.list:
			b.WriteString("[\n")
			for k, g := range p.groups {
				if k > 0 {
					b.WriteString(",\n")
				}
				b.WriteString(pad + "  {\n")
				writeJSON(b, g, depth+2)
				b.WriteString("\n" + pad + "  }")
			}
			if len(p.groups) > 0 {
				b.WriteString("\n")
			}
			b.WriteString(pad + "]")
		case p.groups != nil:
			b.WriteString("{\n")
			writeJSON(b, p.groups[0], depth+1)
			b.WriteString("\n" + pad + "}")
		case p.bare:
			b.WriteString(p.text)
		default:
			b.WriteString(quoteJSON(p.text))
		}
	}
}

func (e *explanation) yaml() string {
	var b strings.Builder
	writeYAML(&b, e.properties(), 1, true)
	return strings.TrimSuffix(b.String(), "\n")
}

// writeYAML writes a group whose first line follows the dash of a list's item.
func writeYAML(b *strings.Builder, ps []property, depth int, item bool) {
	pad := strings.Repeat("  ", depth)
	for i, p := range ps {
		if i == 0 && item {
			b.WriteString(pad[2:] + "- ")
		} else {
			b.WriteString(pad)
		}
		b.WriteString(p.label + ": ")
		switch {
		case p.texts != nil:
			b.WriteString("\n")
			for _, t := range p.texts {
				b.WriteString(pad + "  - " + quoteJSON(t) + "\n")
			}
		case p.list || p.groups != nil:
			b.WriteString("\n")
			for _, g := range p.groups {
				if p.list {
					writeYAML(b, g, depth+2, true)
				} else {
					writeYAML(b, g, depth+1, false)
				}
			}
		case p.bare:
			b.WriteString(p.text + "\n")
		default:
			b.WriteString(quoteJSON(p.text) + "\n")
		}
	}
}

func (e *explanation) xml() string {
	var b strings.Builder
	b.WriteString("<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n")
	writeXML(&b, e.properties(), 2)
	b.WriteString("  </Query>\n</explain>")
	return b.String()
}

func writeXML(b *strings.Builder, ps []property, depth int) {
	pad := strings.Repeat("  ", depth)
	escape := func(s string) string {
		var out strings.Builder
		_ = xml.EscapeText(&out, []byte(s))
		return out.String()
	}
	for _, p := range ps {
		tag := xmlTag(p.label)
		switch {
		case p.texts != nil:
			b.WriteString(pad + "<" + tag + ">\n")
			for _, t := range p.texts {
				b.WriteString(pad + "  <Item>" + escape(t) + "</Item>\n")
			}
			b.WriteString(pad + "</" + tag + ">\n")
		case p.list:
			b.WriteString(pad + "<" + tag + ">\n")
			for _, g := range p.groups {
				b.WriteString(pad + "  <Plan>\n")
				writeXML(b, g, depth+2)
				b.WriteString(pad + "  </Plan>\n")
			}
			b.WriteString(pad + "</" + tag + ">\n")
		case p.groups != nil:
			b.WriteString(pad + "<" + tag + ">\n")
			writeXML(b, p.groups[0], depth+1)
			b.WriteString(pad + "</" + tag + ">\n")
		default:
			b.WriteString(pad + "<" + tag + ">" + escape(p.text) + "</" + tag + ">\n")
		}
	}
}

// xmlTag makes a label a tag: what may not be in one becomes a hyphen.
func xmlTag(label string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, label)
}

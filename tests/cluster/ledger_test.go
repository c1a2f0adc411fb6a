package cluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/tests/checker"
)

// What the load writes. Every row but those of account belongs to one worker, whose number is its id modulo idStep; ids are
// never used twice.
const loadDDL = `
create table account (id int primary key, owner text not null unique, amount bigint not null check (amount >= 0));
create table transfer (id bigint primary key, src int not null references account, dst int not null references account, amount bigint not null check (amount > 0));
create table parent (id bigint primary key, title text not null unique, n int not null);
create table child (id bigint primary key, parent_id bigint not null references parent on delete cascade, note text);
create table grandchild (id bigint primary key, child_id bigint not null references child on delete cascade);
create table task (id bigint primary key, position bigint not null unique deferrable initially deferred, parent_id bigint references parent on delete set null);
create table vote (id bigint primary key, parent_id bigint not null references parent on delete cascade);
create table claim (id bigint primary key, name text not null unique);
create index on child (parent_id);
create index on vote (parent_id);
`

const (
	accounts     = 20
	balance      = 1000
	idStep       = 1000
	claimedNames = 12
)

func atLeast(column string, least int64) checker.Check {
	return checker.Check{Name: fmt.Sprintf("%s >= %d", column, least), OK: func(v func(string) (string, bool)) bool {
		text, ok := v(column)
		n, err := strconv.ParseInt(text, 10, 64)
		return !ok || err == nil && n >= least
	}}
}

func foreign(column, parent string) checker.Foreign {
	return checker.Foreign{Columns: []string{column}, Parent: parent, Referenced: []string{"id"}}
}

// loadSchema says the same as loadDDL to the checker.
var loadSchema = checker.Schema{
	{Name: "account", Columns: []string{"id", "owner", "amount"}, Key: []string{"id"}, NotNull: []string{"owner", "amount"},
		Unique: [][]string{{"owner"}}, Checks: []checker.Check{atLeast("amount", 0)}},
	{Name: "transfer", Columns: []string{"id", "src", "dst", "amount"}, Key: []string{"id"}, NotNull: []string{"src", "dst", "amount"},
		Foreign: []checker.Foreign{foreign("src", "account"), foreign("dst", "account")}, Checks: []checker.Check{atLeast("amount", 1)}},
	{Name: "parent", Columns: []string{"id", "title", "n"}, Key: []string{"id"}, NotNull: []string{"title", "n"}, Unique: [][]string{{"title"}}},
	{Name: "child", Columns: []string{"id", "parent_id", "note"}, Key: []string{"id"}, NotNull: []string{"parent_id"},
		Foreign: []checker.Foreign{foreign("parent_id", "parent")}},
	{Name: "grandchild", Columns: []string{"id", "child_id"}, Key: []string{"id"}, NotNull: []string{"child_id"},
		Foreign: []checker.Foreign{foreign("child_id", "child")}},
	{Name: "task", Columns: []string{"id", "position", "parent_id"}, Key: []string{"id"}, NotNull: []string{"position"},
		Unique: [][]string{{"position"}}, Foreign: []checker.Foreign{foreign("parent_id", "parent")}},
	{Name: "vote", Columns: []string{"id", "parent_id"}, Key: []string{"id"}, NotNull: []string{"parent_id"},
		Foreign: []checker.Foreign{foreign("parent_id", "parent")}},
	{Name: "claim", Columns: []string{"id", "name"}, Key: []string{"id"}, NotNull: []string{"name"}, Unique: [][]string{{"name"}}},
}

// rowKey names a row; all tables have the primary key id.
type rowKey struct {
	table string
	id    int64
}

// textRow writes values as the checker writes a dumped row; nil is null.
func textRow(values ...any) string {
	r := make(checker.Row, len(values))
	for i, v := range values {
		if v != nil {
			s := fmt.Sprint(v)
			r[i] = &s
		}
	}
	return r.String()
}

// changes are what a transaction leaves: rows by their text, empty when deleted.
type changes map[rowKey]string

// ledger is what one client knows of its rows. While a transaction's outcome is unknown its rows are left alone, so that
// what they hold at the end tells which it was.
type ledger struct {
	rows    map[rowKey]string // acknowledged
	frozen  map[rowKey]bool
	unknown []changes
	// votes are rows that go when another client deletes their parent: acknowledged, or in doubt.
	votes, doubtful map[int64]int64
	// missing are parents that a refusal said not to be there.
	missing []int64
	// transfers by id: source, destination, amount; those in doubt separately.
	transfers, doubtfulTransfers map[int64][3]int64
}

func newLedger() ledger {
	return ledger{rows: map[rowKey]string{}, frozen: map[rowKey]bool{}, votes: map[int64]int64{}, doubtful: map[int64]int64{},
		transfers: map[int64][3]int64{}, doubtfulTransfers: map[int64][3]int64{}}
}

func (l *ledger) apply(c changes) {
	for k, text := range c {
		if text == "" {
			delete(l.rows, k)
		} else {
			l.rows[k] = text
		}
	}
}

func (l *ledger) doubt(c changes) {
	for k := range c {
		l.frozen[k] = true
	}
	l.unknown = append(l.unknown, maps.Clone(c))
}

// settle decides the transactions in doubt by the rows that are there: each is there whole or not at all.
func (l *ledger) settle(there map[rowKey]string) (problems []error) {
	for _, c := range l.unknown {
		before, after := true, true
		var seen []string
		for k, text := range c {
			before = before && there[k] == l.rows[k]
			after = after && there[k] == text
			seen = append(seen, fmt.Sprintf("%s %d: before %s, after %s, now %s", k.table, k.id, l.rows[k], text, there[k]))
		}
		switch {
		case after:
			l.apply(c)
		case !before:
			problems = append(problems, fmt.Errorf("a transaction of unknown outcome is there in part:\n%s", strings.Join(seen, "\n")))
		}
	}
	return problems
}

// indexed lists a dump's rows by table and id.
func indexed(d checker.Dump) map[rowKey]string {
	out := map[rowKey]string{}
	for table, rows := range d {
		for _, r := range rows {
			id, err := strconv.ParseInt(*r[0], 10, 64)
			if err != nil {
				panic(err)
			}
			out[rowKey{table, id}] = r.String()
		}
	}
	return out
}

// judge compares what clients know with what is there: every acknowledged write, and nothing else.
func judge(ledgers []*ledger, d checker.Dump) error {
	there := indexed(d)
	var problems []error
	known := map[rowKey]string{}
	amounts := map[int64]int64{}
	for i := range int64(accounts) {
		amounts[i+1] = balance
	}
	for _, l := range ledgers {
		problems = append(problems, l.settle(there)...)
		maps.Copy(known, l.rows)
		problems = append(problems, l.settleVotes(there, known)...)
		for id, t := range l.transfers {
			known[rowKey{"transfer", id}] = textRow(id, t[0], t[1], t[2])
		}
		for id, t := range l.doubtfulTransfers {
			if k := (rowKey{"transfer", id}); there[k] != "" {
				known[k] = textRow(id, t[0], t[1], t[2])
			}
		}
		for _, all := range []map[int64][3]int64{l.transfers, l.doubtfulTransfers} {
			for id, t := range all {
				if there[rowKey{"transfer", id}] != "" {
					amounts[t[0]] -= t[2]
					amounts[t[1]] += t[2]
				}
			}
		}
	}
	for id, amount := range amounts {
		known[rowKey{"account", id}] = textRow(id, "owner "+strconv.FormatInt(id, 10), amount)
	}
	for k, text := range known {
		if there[k] != text {
			problems = append(problems, fmt.Errorf("%s %d: clients know %s, there is %s", k.table, k.id, text, orNothing(there[k])))
		}
	}
	for k, text := range there {
		if known[k] == "" {
			problems = append(problems, fmt.Errorf("%s %d: there is %s, clients know of nothing", k.table, k.id, text))
		}
	}
	if len(problems) > 20 {
		problems = append(problems[:20:20], fmt.Errorf("and %d more", len(problems)-20))
	}
	return errors.Join(problems...)
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// settleVotes adds the votes that must be there to known: those whose parent is. A parent that is there at the end always
// was, since ids are not used again.
func (l *ledger) settleVotes(there, known map[rowKey]string) (problems []error) {
	for id, parent := range l.votes {
		if there[rowKey{"parent", parent}] != "" {
			known[rowKey{"vote", id}] = textRow(id, parent)
		}
	}
	for id, parent := range l.doubtful {
		if k := (rowKey{"vote", id}); there[k] != "" {
			known[k] = textRow(id, parent)
		}
	}
	for _, parent := range l.missing {
		if there[rowKey{"parent", parent}] != "" {
			problems = append(problems, fmt.Errorf("a child of parent %d was refused for want of the parent, which is there", parent))
		}
	}
	return problems
}

// ids lists the ids of a table's rows that a client may touch.
func (l *ledger) ids(table string) (out []int64) {
	for k := range l.rows {
		if k.table == table && !l.frozen[k] {
			out = append(out, k.id)
		}
	}
	slices.Sort(out)
	return out
}

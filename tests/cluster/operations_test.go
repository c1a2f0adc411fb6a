package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// The load's transactions. Each builds the changes that it will have made, and notes them by its outcome.

var operations = []struct {
	name  string
	share int // percent
	run   func(*worker, context.Context) error
}{
	{"inserting a family", 20, (*worker).insertFamily},
	{"updating a parent", 8, (*worker).updateParent},
	{"deleting a parent", 10, (*worker).deleteParent},
	{"moving a child", 6, (*worker).moveChild},
	{"inserting a task", 8, (*worker).insertTask},
	{"swapping tasks", 6, (*worker).swapTasks},
	{"a transfer", 14, (*worker).transfer},
	{"a vote", 10, (*worker).vote},
	{"a claim", 8, (*worker).claim},
	{"reading", 10, (*worker).read},
}

func (w *worker) pick(table string) (int64, bool) {
	ids := w.ids(table)
	if len(ids) == 0 {
		return 0, false
	}
	return ids[w.rnd.Intn(len(ids))], true
}

// field reads a column of the ledger's text of an own row.
func (w *worker) field(k rowKey, column int) string {
	text, err := strconv.Unquote(strings.Split(w.rows[k], "|")[column])
	if err != nil {
		return "" // null
	}
	return text
}

func (w *worker) number(k rowKey, column int) int64 {
	n, _ := strconv.ParseInt(w.field(k, column), 10, 64)
	return n
}

// having lists the ids of a table's own rows whose column refers to id, frozen ones too.
func (w *worker) having(table string, column int, id int64) (out []int64) {
	for k := range w.rows {
		if k.table == table && w.number(k, column) == id {
			out = append(out, k.id)
		}
	}
	slices.Sort(out)
	return out
}

func (w *worker) insertFamily(ctx context.Context) error {
	id := w.id()
	title := fmt.Sprint("title ", id)
	c := changes{{"parent", id}: textRow(id, title, 0)}
	var kids, grandkids [][2]int64
	for range w.rnd.Intn(4) {
		kid := w.id()
		kids = append(kids, [2]int64{kid, id})
		c[rowKey{"child", kid}] = textRow(kid, id, nil)
		for range w.rnd.Intn(3) {
			g := w.id()
			grandkids = append(grandkids, [2]int64{g, kid})
			c[rowKey{"grandchild", g}] = textRow(g, kid)
		}
	}
	doubt, err := w.attempt(ctx, func(tx pgx.Tx) error {
		if err := w.exec(ctx, tx, 1, `insert into parent values ($1, $2, 0)`, id, title); err != nil {
			return err
		}
		for _, k := range kids {
			if err := w.exec(ctx, tx, 1, `insert into child values ($1, $2, null)`, k[0], k[1]); err != nil {
				return err
			}
		}
		for _, k := range grandkids {
			if err := w.exec(ctx, tx, 1, `insert into grandchild values ($1, $2)`, k[0], k[1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		w.l.mu.Lock()
		w.l.parents = append(w.l.parents, id)
		w.l.mu.Unlock()
	}
	return w.note(c, doubt, err)
}

func (w *worker) updateParent(ctx context.Context) error {
	id, ok := w.pick("parent")
	if !ok {
		return nil
	}
	n := w.number(rowKey{"parent", id}, 2) + 1
	title := fmt.Sprintf("title %d.%d", id, n)
	doubt, err := w.alone(ctx, 1, `update parent set title = $2, n = n + 1 where id = $1`, id, title)
	return w.note(changes{{"parent", id}: textRow(id, title, n)}, doubt, err)
}

// deleteParent cascades to own children and grandchildren, to votes of others, and nulls tasks.
func (w *worker) deleteParent(ctx context.Context) error {
	id, ok := w.pick("parent")
	if !ok {
		return nil
	}
	c := changes{{"parent", id}: ""}
	for _, kid := range w.having("child", 1, id) {
		c[rowKey{"child", kid}] = ""
		for _, g := range w.having("grandchild", 1, kid) {
			c[rowKey{"grandchild", g}] = ""
		}
	}
	for _, task := range w.having("task", 2, id) {
		c[rowKey{"task", task}] = textRow(task, w.field(rowKey{"task", task}, 1), nil)
	}
	for k := range c {
		if w.frozen[k] {
			return nil
		}
	}
	// What is in doubt might refer to the parent as well.
	for _, u := range w.unknown {
		for _, text := range u {
			if strings.Contains(text, fmt.Sprintf("%q", fmt.Sprint(id))) {
				return nil
			}
		}
	}
	w.l.mu.Lock()
	w.l.parents = slices.DeleteFunc(w.l.parents, func(p int64) bool { return p == id && w.rnd.Intn(2) == 0 }) // others may try still
	w.l.mu.Unlock()
	doubt, err := w.alone(ctx, 1, `delete from parent where id = $1`, id)
	if err == nil {
		w.l.mu.Lock()
		w.l.parents = slices.DeleteFunc(w.l.parents, func(p int64) bool { return p == id })
		w.l.mu.Unlock()
	}
	return w.note(c, doubt, err)
}

func (w *worker) moveChild(ctx context.Context) error {
	kid, ok := w.pick("child")
	if !ok {
		return nil
	}
	to, ok := w.pick("parent")
	if !ok {
		return nil
	}
	note := fmt.Sprint("moved ", w.rnd.Intn(1000))
	doubt, err := w.alone(ctx, 1, `update child set parent_id = $2, note = $3 where id = $1`, kid, to, note)
	return w.note(changes{{"child", kid}: textRow(kid, to, note)}, doubt, err)
}

func (w *worker) insertTask(ctx context.Context) error {
	parent, ok := w.pick("parent")
	if !ok {
		return nil
	}
	id := w.id()
	doubt, err := w.alone(ctx, 1, `insert into task values ($1, $1, $2)`, id, parent)
	return w.note(changes{{"task", id}: textRow(id, id, parent)}, doubt, err)
}

// swapTasks violates the deferrable unique constraint in the middle of a transaction.
func (w *worker) swapTasks(ctx context.Context) error {
	ids := w.ids("task")
	if len(ids) < 2 {
		return nil
	}
	i := w.rnd.Intn(len(ids) - 1)
	c := changes{}
	for _, x := range [2][2]int64{{ids[i], ids[i+1]}, {ids[i+1], ids[i]}} {
		var parent any
		if p := w.field(rowKey{"task", x[0]}, 2); p != "" {
			parent = p
		}
		c[rowKey{"task", x[0]}] = textRow(x[0], w.field(rowKey{"task", x[1]}, 1), parent)
	}
	a, b := w.number(rowKey{"task", ids[i]}, 1), w.number(rowKey{"task", ids[i+1]}, 1)
	doubt, err := w.attempt(ctx, func(tx pgx.Tx) error {
		if err := w.exec(ctx, tx, 1, `update task set position = $2 where id = $1`, ids[i], b); err != nil {
			return err
		}
		return w.exec(ctx, tx, 1, `update task set position = $2 where id = $1`, ids[i+1], a)
	})
	return w.note(c, doubt, err)
}

func (w *worker) transfer(ctx context.Context) error {
	src, dst := int64(w.rnd.Intn(accounts)+1), int64(w.rnd.Intn(accounts)+1)
	if src == dst {
		return nil
	}
	id, amount := w.id(), int64(w.rnd.Intn(50)+1)
	doubt, err := w.attempt(ctx, func(tx pgx.Tx) error {
		if err := w.exec(ctx, tx, 1, `update account set amount = amount - $2 where id = $1`, src, amount); err != nil {
			return err
		}
		if err := w.exec(ctx, tx, 1, `update account set amount = amount + $2 where id = $1`, dst, amount); err != nil {
			return err
		}
		return w.exec(ctx, tx, 1, `insert into transfer values ($1, $2, $3, $4)`, id, src, dst, amount)
	})
	switch {
	case err == nil:
		w.transfers[id] = [3]int64{src, dst, amount}
	case doubt:
		w.doubtfulTransfers[id] = [3]int64{src, dst, amount}
	case code(err) == "23514": // not enough money
		return nil
	}
	return err
}

// vote inserts a child of a parent that another client may delete meanwhile.
func (w *worker) vote(ctx context.Context) error {
	w.l.mu.Lock()
	if len(w.l.parents) == 0 {
		w.l.mu.Unlock()
		return nil
	}
	parent := w.l.parents[w.rnd.Intn(len(w.l.parents))]
	w.l.mu.Unlock()
	id := w.id()
	doubt, err := w.alone(ctx, 1, `insert into vote values ($1, $2)`, id, parent)
	switch {
	case err == nil:
		w.votes[id] = parent
	case doubt:
		w.doubtful[id] = parent
	case code(err) == "23503":
		w.missing = append(w.missing, parent)
		return nil
	}
	return err
}

// claim takes or gives up one of few names.
func (w *worker) claim(ctx context.Context) error {
	if id, ok := w.pick("claim"); ok && w.rnd.Intn(2) == 0 {
		doubt, err := w.alone(ctx, 1, `delete from claim where id = $1`, id)
		return w.note(changes{{"claim", id}: ""}, doubt, err)
	}
	id, name := w.id(), fmt.Sprint("name ", w.rnd.Intn(claimedNames))
	doubt, err := w.alone(ctx, 1, `insert into claim values ($1, $2)`, id, name)
	if code(err) == "23505" {
		return nil
	}
	return w.note(changes{{"claim", id}: textRow(id, name)}, doubt, err)
}

// read checks that an own row is as the client left it, or what holds for all rows in any snapshot.
func (w *worker) read(ctx context.Context) error {
	var n int64
	switch w.rnd.Intn(6) {
	case 0:
		err := w.conn.QueryRow(ctx, `select sum(amount) from account`).Scan(&n)
		if w.done(err) && n != accounts*balance {
			w.l.problem(fmt.Errorf("client %d through node %d: the accounts hold %d, want %d", w.n, w.at+1, n, accounts*balance))
		}
		return err
	case 1:
		var orphans [3]int64
		const sql = `select (select count(*) from child c left join parent p on p.id = c.parent_id where p.id is null),
			(select count(*) from grandchild g left join child c on c.id = g.child_id where c.id is null),
			(select count(*) from vote v left join parent p on p.id = v.parent_id where p.id is null)`
		err := w.conn.QueryRow(ctx, sql).Scan(&orphans[0], &orphans[1], &orphans[2])
		if w.done(err) && orphans != [3]int64{} {
			var again [3]int64
			err := w.conn.QueryRow(ctx, sql).Scan(&again[0], &again[1], &again[2])
			w.l.problem(fmt.Errorf("client %d through node %d: a snapshot has orphans (child, grandchild, vote): %v; a moment later %v, %v; it is %s",
				w.n, w.at+1, orphans, again, err, time.Now().UTC().Format(time.StampMilli)))
		}
		return err
	}
	for _, table := range []string{"grandchild", "task", "parent"} {
		id, ok := w.pick(table)
		if !ok {
			continue
		}
		err := w.conn.QueryRow(ctx, `select count(*) from `+table+` where id = $1`, id).Scan(&n)
		if w.done(err) && n != 1 {
			w.l.problem(fmt.Errorf("client %d through node %d: %s %d, which it wrote, is not there", w.n, w.at+1, table, id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

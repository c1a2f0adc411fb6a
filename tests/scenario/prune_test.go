package scenario

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// Partitions that the conditions rule out are not read: with constants they are not in the plan.
func TestPartitionsThatConditionsRuleOutAreNotInThePlan(t *testing.T) {
	s, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(ctx, `
		create table ranges (a int, b int) partition by range (a);
		create table part_low partition of ranges for values from (0) to (10);
		create table part_high partition of ranges for values from (10) to (20);
		create table caught (a int) partition by range (a);
		create table caught_low partition of caught for values from (0) to (10);
		create table part_other partition of caught default;
		create table lists (a text) partition by list (a);
		create table part_x partition of lists for values in ('x', 'y');
		create table part_null partition of lists for values in (null)`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		`select * from ranges where a = 3`:              "part_low",
		`select * from ranges where a >= 10 and a < 15`: "part_high",
		`select * from ranges where a > 5 and a < 12`:   "part_low part_high",
		`select * from ranges where a in (3, 15)`:       "part_low part_high",
		`select * from caught where a is null`:          "part_other",
		`select * from caught where a = 99`:             "part_other",
		`select * from caught where a = 5`:              "caught_low",
		`select * from ranges where b = 1`:              "part_low part_high",
		`select * from lists where a = 'y'`:             "part_x",
		`select * from lists where a is null`:           "part_null",
		`select * from lists where a is not null`:       "part_x",
	} {
		rows, err := c.Query(ctx, "explain "+query, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		var got []string
		for _, p := range []string{"part_low", "part_high", "caught_low", "part_other", "part_x", "part_null"} {
			if strings.Contains(plan, p) {
				got = append(got, p)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s reads %v, want %s:\n%s", query, got, want, plan)
		}
	}
}

package wire

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// pgx speaks the binary forms of ranges, multiranges and bit strings.
func TestPgxSpeaksRangesAndBitsInBinary(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", node.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "create table spans (id int primary key, r int4range, m int8multirange, ts tstzrange, b varbit)"); err != nil {
		t.Fatal(err)
	}
	four := func(lo, hi int32) pgtype.Range[int32] {
		return pgtype.Range[int32]{Lower: lo, Upper: hi, LowerType: pgtype.Inclusive, UpperType: pgtype.Inclusive, Valid: true}
	}
	eight := func(lo, hi int64) pgtype.Range[int64] {
		return pgtype.Range[int64]{Lower: lo, Upper: hi, LowerType: pgtype.Inclusive, UpperType: pgtype.Exclusive, Valid: true}
	}
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	since := pgtype.Range[time.Time]{Lower: start, LowerType: pgtype.Exclusive, UpperType: pgtype.Unbounded, Valid: true}
	bits := pgtype.Bits{Bytes: []byte{0xa5, 0x80}, Len: 9, Valid: true}
	if _, err := conn.Exec(ctx, "insert into spans values (1, $1, $2, $3, $4)", four(1, 5),
		pgtype.Multirange[pgtype.Range[int64]]{eight(7, 9), eight(1, 3)}, since, bits); err != nil {
		t.Fatal(err)
	}
	var r pgtype.Range[int32]
	var m pgtype.Multirange[pgtype.Range[int64]]
	var ts pgtype.Range[time.Time]
	var b pgtype.Bits
	if err := conn.QueryRow(ctx, "select r, m, ts, b from spans where r = $1", four(1, 5)).Scan(&r, &m, &ts, &b); err != nil {
		t.Fatal(err)
	}
	if want := (pgtype.Range[int32]{Lower: 1, Upper: 6, LowerType: pgtype.Inclusive, UpperType: pgtype.Exclusive, Valid: true}); r != want {
		t.Fatalf("%+v", r)
	}
	if len(m) != 2 || m[0] != eight(1, 3) || m[1] != eight(7, 9) {
		t.Fatalf("%+v", m)
	}
	if !ts.Lower.Equal(start) || ts.LowerType != pgtype.Exclusive || ts.UpperType != pgtype.Unbounded {
		t.Fatalf("%+v", ts)
	}
	if b.Len != 9 || len(b.Bytes) != 2 || b.Bytes[0] != 0xa5 || b.Bytes[1] != 0x80 {
		t.Fatalf("%+v", b)
	}
	var text string
	if err := conn.QueryRow(ctx, "select concat_ws(' ', r, m, b) from spans").Scan(&text); err != nil || text != "[1,6) {[1,3),[7,9)} 101001011" {
		t.Fatal(text, err)
	}
}

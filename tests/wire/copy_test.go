package wire

import (
	"testing"

	"github.com/jackc/pgproto3/v2"
)

// A COPY that fails at its first row is answered though the client has sent many more rows meanwhile, and waits.
func TestFailedCopyIsAnsweredWithRowsLeftOver(t *testing.T) {
	c, f := login(t)
	send := func(ms ...pgproto3.FrontendMessage) {
		t.Helper()
		var out []byte
		for _, m := range ms {
			var err error
			if out, err = m.Encode(out); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Write(out); err != nil {
			t.Fatal(err)
		}
	}
	send(&pgproto3.Query{String: "create table leftover (a int); copy leftover from stdin"})
	until(t, f, func(m pgproto3.BackendMessage) bool { _, ok := m.(*pgproto3.CopyInResponse); return ok })
	rows := []pgproto3.FrontendMessage{&pgproto3.CopyData{Data: []byte("not a number\n")}}
	for range 3000 {
		rows = append(rows, &pgproto3.CopyData{Data: []byte("1\n")})
	}
	send(append(rows, &pgproto3.CopyDone{})...)
	if e := until(t, f, ready); e == nil || e.Code != "22P02" {
		t.Errorf("the COPY ended with %+v, want 22P02", e)
	}
	send(&pgproto3.Query{String: "select 1"})
	if e := until(t, f, ready); e != nil {
		t.Errorf("the next query failed: %+v", e)
	}
}

package daytona

import (
	"encoding/json"
	"testing"

	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

// FuzzFollower: however often and in whatever pieces a log is replayed, each
// byte is handed on once, and what the replays lack comes from the whole log
// at the end.
func FuzzFollower(f *testing.F) {
	f.Add([]byte("one\ntwo\n"), []byte{3, 9, 5}, uint8(2))
	f.Add([]byte("grün €\xff\xc3"), []byte{3, 4, 6}, uint8(1))
	f.Add([]byte("\xf0\x9f\x98"), []byte{1, 2}, uint8(7))
	f.Fuzz(func(t *testing.T, log, replays []byte, step uint8) {
		var got []byte
		fo := &follower{write: func(_ sandbox.Stream, p []byte) error {
			got = append(got, p...)
			return nil
		}}
		most := 0
		for _, n := range replays {
			end := min(int(n), len(log))
			most = max(most, end)
			fo.replay()
			for rest := log[:end]; len(rest) > 0; {
				k := min(int(step)+1, len(rest))
				fo.take(logstream.Stdout, rest[:k])
				rest = rest[k:]
			}
		}
		if string(got) != string(log[:most]) {
			t.Fatalf("replays of %q to %d bytes gave %q", log, most, got)
		}
		if err := fo.complete(asJSON(t, log), "", true); err != nil {
			t.Fatal(err)
		}
		if string(got[:most]) != string(log[:most]) || asJSON(t, got) != asJSON(t, log) {
			t.Fatalf("%q became %q after %d bytes", log, got, most)
		}
	})
}

// asJSON is what is left of bytes that went through a JSON answer.
func asJSON(t *testing.T, p []byte) string {
	t.Helper()
	data, err := json.Marshal(string(p))
	if err != nil {
		t.Fatal(err)
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

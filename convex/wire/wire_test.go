package wire_test

import (
	"encoding/json"
	"math"
	"testing"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/convex/wire"
)

func TestTimestamps(t *testing.T) {
	t.Parallel()
	for ts, want := range map[store.Timestamp]string{0: "AAAAAAAAAAA=", 1: "AQAAAAAAAAA=", 258: "AgEAAAAAAAA=", math.MaxInt64: "/////////38="} {
		if got := wire.FormatTimestamp(ts); got != want {
			t.Errorf("%d = %s, want %s", ts, got, want)
		}
		if got, err := wire.ParseTimestamp(want); err != nil || got != ts {
			t.Errorf("%s = %d, %v; want %d", want, got, err, ts)
		}
	}
	for _, bad := range []string{"", "AAAAAAAAAAA", "AAAA", "//////////8=", "!"} {
		if ts, err := wire.ParseTimestamp(bad); err == nil {
			t.Errorf("%q = %d", bad, ts)
		}
	}
}

func TestClientVersions(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"npm-1.28.0": true, "npm-1.48.0": true, "npm-2.0.0": true, "npm-1.48.0-alpha.1": true,
		"npm-1.27.3": false, "npm-1.28.0-alpha.1": false, "python-1.48.0": false,
	} {
		c, err := wire.ParseClient(header)
		if err != nil || c.AtLeast(1, 28, 0) != want {
			t.Errorf("%s: %+v, %v; at least 1.28.0 should be %v", header, c, err, want)
		}
	}
	if c, err := wire.ParseClient("npm-cli-1.2.3"); err != nil || c.Name != "npm-cli" {
		t.Errorf("npm-cli-1.2.3 = %+v, %v", c, err)
	}
	for _, bad := range []string{"", "npm", "npm-1", "npm-1.2", "npm-a.b.c", "1.2.3"} {
		if c, err := wire.ParseClient(bad); err == nil {
			t.Errorf("%q = %+v", bad, c)
		}
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{`{}`: true, `[{}]`: true, `[{"a":1}]`: true, `[]`: false, `[{},{}]`: false, `1`: false, `null`: false, `{`: false, `[{"$x":1}]`: false} {
		_, isObject := wire.ParseArgs(json.RawMessage(raw)).(value.Object)
		if isObject != ok {
			t.Errorf("%s: an object %v, want %v", raw, isObject, ok)
		}
	}
}

func FuzzTimestamp(f *testing.F) {
	for _, s := range []string{"AAAAAAAAAAA=", "/////////38=", "//////////8=", "AAAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ts, err := wire.ParseTimestamp(s)
		if err == nil && (ts < 0 || wire.FormatTimestamp(ts) != s) {
			t.Fatalf("%q is %d, which is written %q", s, ts, wire.FormatTimestamp(ts))
		}
	})
}

func FuzzClient(f *testing.F) {
	for _, s := range []string{"npm-1.28.0", "npm-cli-1.2.3", "npm-1.48.0-alpha.1", "npm-1.2.3+x", "-1.2.3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := wire.ParseClient(s)
		if err != nil {
			return
		}
		if c.Name == "npm" && c.Prerelease == "" && !c.AtLeast(c.Major, c.Minor, c.Patch) {
			t.Fatalf("%q is older than itself: %+v", s, c)
		}
		if c.Major < 0 || c.Minor < 0 || c.Patch < 0 {
			t.Fatalf("%q is %+v", s, c)
		}
	})
}

func FuzzArgs(f *testing.F) {
	for _, s := range []string{`{}`, `[{"a":1}]`, `[]`, `null`, `[{"$integer":"AQAAAAAAAAA="}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		switch v := wire.ParseArgs(raw).(type) {
		case error:
		case value.Object:
			if _, err := value.Encode(v); err != nil {
				t.Fatalf("%s can't be encoded: %v", raw, err)
			}
		default:
			t.Fatalf("%s gives %T", raw, v)
		}
	})
}

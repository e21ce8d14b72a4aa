// Package wire holds what the doors to clients share: timestamps, arguments and
// client versions in the form in which they travel, and the limits on what
// callers can take before anybody has signed in. The doors are socket (the
// Convex sync protocol over a WebSocket) and api (the HTTP API); package auth
// serves the routes of sign-in.
package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// FormatTimestamp returns a timestamp in its wire form: base64 of 8 bytes, low
// byte first.
func FormatTimestamp(ts store.Timestamp) string {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(ts))
	return base64.StdEncoding.EncodeToString(b[:])
}

// ParseTimestamp is the inverse of FormatTimestamp.
func ParseTimestamp(s string) (store.Timestamp, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 8 {
		return 0, fmt.Errorf("timestamp %q is not 8 bytes in base64", s)
	}
	ts := store.Timestamp(binary.LittleEndian.Uint64(b))
	if ts < 0 {
		return 0, fmt.Errorf("timestamp %q is out of range", s)
	}
	return ts, nil
}

// ParseArgs returns the arguments of a call: one object, bare or as the only
// element of an array. A text that is neither gives an error as the value,
// which the function runner refuses in the function's name.
func ParseArgs(raw json.RawMessage) value.Value {
	v, err := value.Decode(raw)
	if err != nil {
		return err
	}
	if list, ok := v.(value.Array); ok {
		if len(list) != 1 {
			return fmt.Errorf("expected one object, got %d arguments", len(list))
		}
		v = list[0]
	}
	if _, ok := v.(value.Object); !ok {
		return errors.New("arguments must be one object")
	}
	return v
}

// Client is the kind and version of a client's library.
type Client struct {
	Name                string // "npm"; "" when unknown
	Major, Minor, Patch int
	Prerelease          string
}

// ErrClientVersion is returned for a text that is no client version.
var ErrClientVersion = errors.New("InvalidVersion")

// ParseVersion parses a version such as "1.28.0" or "1.48.0-alpha.1".
func ParseVersion(name, version string) (Client, error) {
	c := Client{Name: name}
	numbers, pre, _ := strings.Cut(version, "-")
	numbers, _, _ = strings.Cut(numbers, "+")
	c.Prerelease = pre
	parts := strings.Split(numbers, ".")
	if len(parts) != 3 {
		return Client{}, fmt.Errorf("%w: %q", ErrClientVersion, version)
	}
	for i, p := range []*int{&c.Major, &c.Minor, &c.Patch} {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 {
			return Client{}, fmt.Errorf("%w: %q", ErrClientVersion, version)
		}
		*p = n
	}
	return c, nil
}

// ParseClient parses a Convex-Client header such as "npm-1.28.0".
func ParseClient(header string) (Client, error) {
	for i := range len(header) - 1 {
		if header[i] == '-' && header[i+1] >= '0' && header[i+1] <= '9' {
			return ParseVersion(header[:i], header[i+1:])
		}
	}
	return Client{}, fmt.Errorf("%w: %q", ErrClientVersion, header)
}

// AtLeast reports whether c is an npm client of this version or newer.
// Prereleases count as older than their release; unknown clients as old.
func (c Client) AtLeast(major, minor, patch int) bool {
	if c.Name != "npm" {
		return false
	}
	have, want := [3]int{c.Major, c.Minor, c.Patch}, [3]int{major, minor, patch}
	for i := range have {
		if have[i] != want[i] {
			return have[i] > want[i]
		}
	}
	return c.Prerelease == ""
}

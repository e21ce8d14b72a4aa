package agent

import (
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/model"
)

const secret = "sk-ant-0123456789+/=&x"

func TestSecretsAreHiddenInTheirForms(t *testing.T) {
	t.Parallel()
	r := newRedactor([]string{secret, "short"})
	for _, in := range []string{
		"key=" + secret + ";", `{"key":"sk-ant-0123456789+/=\u0026x"}`, "?k=sk-ant-0123456789%2B%2F%3D%26x", "/sk-ant-0123456789+%2F=&x/",
		"c2stYW50LTAxMjM0NTY3ODkrLz0meA==", "c2stYW50LTAxMjM0NTY3ODkrLz0meA",
	} {
		if got := r.text(in); strings.Contains(got, "0123456789") || !strings.Contains(got, "[redacted]") || strings.Contains(got, "MTIzNDU2") {
			t.Errorf("text(%q) = %q", in, got)
		}
	}
	if got := r.text("a short text"); got != "a short text" {
		t.Errorf("ordinary text = %q", got)
	}
}

// TestNoPieceOfASecretIsShown streams a secret in pieces of every size: not a
// part of it may be seen on the way.
func TestNoPieceOfASecretIsShown(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("word ", 150) + secret + " and sk-ant, which is none, sk-an"
	for size := 1; size < 30; size++ {
		hub := stream.New()
		now := time.Unix(0, 0)
		l := &live{hub: hub, key: "stream/x", redact: newRedactor([]string{secret}), now: func() time.Time { return now }}
		shown := func() string {
			snap, ok := hub.Get("stream/x").(*snapshot)
			if !ok || len(snap.blocks) == 0 {
				return ""
			}
			return strings.Join(snap.blocks[0].pieces, "") + snap.blocks[0].tail
		}
		l.take(model.Start{MessageID: "m"})
		l.take(model.BlockStart{Type: "text"})
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			now = now.Add(time.Second)
			l.take(model.Delta{Text: rest[:n]})
			rest = rest[n:]
			if got := shown(); strings.Contains(got, secret[:8]) {
				t.Fatalf("in pieces of %d: %q is shown", size, got[len(got)-40:])
			}
		}
		l.take(model.BlockStop{})
		if want := strings.ReplaceAll(text, secret, "[redacted]"); shown() != want {
			t.Errorf("in pieces of %d: %q at the end", size, shown())
		}
		l.end()
	}
}

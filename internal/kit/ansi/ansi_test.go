package ansi_test

import (
	"testing"

	"surgent.dev/surgent/internal/kit/ansi"
)

func TestStrip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                           "",
		"plain [31m text":            "plain [31m text",
		"\x1b[1;31merror\x1b[0m: no": "error: no",
		"\x1b[2K\x1b[1Gdone":         "done",
		"\x1b[?25lspinner\x1b[?25h":  "spinner",
		"\x1b]0;title\x07text":       "text",
		"\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\.": "link.",
		"\x1b]8;;http://x/\x07link\x1b]8;;\x07.":     "link.",
		"cut \x1b[3":                                 "cut \x1b[3",
	} {
		if got := ansi.Strip(in); got != want {
			t.Errorf("Strip(%q) = %q, want %q", in, got, want)
		}
	}
}

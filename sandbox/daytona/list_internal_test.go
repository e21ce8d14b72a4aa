package daytona

import (
	"encoding/json"
	"strings"
	"testing"

	"surgent.dev/surgent/sandbox"
)

func TestListIsCutOff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"null": 0, "[]": 0, `[{"name":"a"}]`: 1,
		"[" + strings.Repeat("{},", 50_000) + "{}]": sandbox.MaxEntries,
	} {
		var l list[sandbox.FileInfo]
		if err := json.Unmarshal([]byte(text), &l); err != nil || len(l) != want {
			t.Errorf("%.20s: %d entries, %v", text, len(l), err)
		}
		if (l == nil) != (text == "null") {
			t.Errorf("%.20s: nil is %v", text, l == nil)
		}
	}
	for _, text := range []string{"{}", "3", `["x"]`} {
		var l list[sandbox.FileInfo]
		if err := json.Unmarshal([]byte(text), &l); err == nil {
			t.Errorf("%s is taken for a list of files", text)
		}
	}
}

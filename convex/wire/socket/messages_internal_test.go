package socket

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
)

var update = flag.Bool("update", false, "write the golden frames anew")

func TestGoldenFrames(t *testing.T) {
	t.Parallel()
	ok := function.Result{Value: []byte(`{"a":1}`), Timestamp: 1_700_000_000_000_000_001}
	failed := function.Result{Failure: &function.Failure{Message: "[Request ID: x] Server Error\nUncaught Error: \"no\"", Stable: "no"}}
	rich := function.Result{Failure: &function.Failure{Message: "text", Data: []byte(`{"code":"quota"}`)}}
	transition := &live.Transition{
		Start: live.Version{},
		End:   live.Version{QuerySet: 1, Identity: 2, Timestamp: 258},
		Updates: []live.Update{
			{QueryID: 0, Result: &live.Result{Value: []byte(`[1,"</script>"]`)}},
			{QueryID: 1, Result: &live.Result{Failure: failed.Failure}},
			{QueryID: 2, Result: &live.Result{Failure: rich.Failure}},
			{QueryID: 3, Result: &live.Result{Value: []byte(`{}`), Journal: []string{"end"}}},
			{QueryID: 4},
		},
	}
	frames := map[string][]byte{
		"transition":       encodeTransition(transition),
		"transition_empty": encodeTransition(&live.Transition{}),
		"mutation_ok":      encodeResponse(mutationResponse, 7, ok),
		"mutation_failed":  encodeResponse(mutationResponse, 7, failed),
		"mutation_data":    encodeResponse(mutationResponse, 7, rich),
		"action_ok":        encodeResponse(actionResponse, 8, ok),
		"action_failed":    encodeResponse(actionResponse, 8, failed),
		"auth_error":       encodeAuthError("expired", 3, true),
		"fatal_error":      encodeFatalError("bad \"frame\""),
		"ping":             pingFrame,
	}
	for name, got := range frames {
		if !json.Valid(got) {
			t.Errorf("%s is no JSON: %s", name, got)
		}
		file := filepath.Join("testdata", "frames", name+".json")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != strings.TrimSuffix(string(want), "\n") {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("añ😀\\\"", 100)
	for size := 1; size < 30; size++ {
		var whole strings.Builder
		frames := chunk([]byte(text), size, "id")
		for i, f := range frames {
			var c struct {
				Type         string
				Chunk        string
				PartNumber   int
				TotalParts   int
				TransitionID string `json:"transitionId"`
			}
			if err := json.Unmarshal(f, &c); err != nil {
				t.Fatal(err)
			}
			if c.Type != "TransitionChunk" || c.PartNumber != i || c.TotalParts != len(frames) || c.TransitionID != "id" {
				t.Fatalf("size %d, part %d: %+v", size, i, c)
			}
			whole.WriteString(c.Chunk)
		}
		// Below a character's size the text is sent whole.
		if whole.String() != text {
			t.Errorf("size %d: the parts do not make the text", size)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		`{"type":"Connect","sessionId":"s","connectionCount":0,"lastCloseReason":null,"clientTs":1}`,
		`{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0,"udfPath":"a:b","args":[{}],"journal":null},{"type":"Remove","queryId":1}]}`,
		`{"type":"Mutation","requestId":1,"udfPath":"a:b","args":[{"x":{"$integer":"AQAAAAAAAAA="}}]}`,
		`{"type":"Authenticate","tokenType":"User","value":"x","baseVersion":0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMessage(data)
		if err != nil {
			return
		}
		add, remove, err := m.querySet()
		if err == nil && len(add)+len(remove) != len(m.Modifications) {
			t.Fatalf("%d modifications became %d and %d", len(m.Modifications), len(add), len(remove))
		}
	})
}

func FuzzChunk(f *testing.F) {
	f.Add([]byte("añ😀"), 3)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		text := strings.ToValidUTF8(string(data), "?")
		if size < 4 || size > 1<<20 {
			return
		}
		var whole strings.Builder
		for _, frame := range chunk([]byte(text), size, "x") {
			var c struct{ Chunk string }
			if err := json.Unmarshal(frame, &c); err != nil {
				t.Fatal(err)
			}
			if len(c.Chunk) > size {
				t.Fatalf("a part of %d bytes, at most %d", len(c.Chunk), size)
			}
			whole.WriteString(c.Chunk)
		}
		if whole.String() != text {
			t.Fatal("the parts do not make the text")
		}
	})
}

package main

import (
	"bytes"
	"strings"
	"testing"
)

const recorded = `{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"TestFine"}
{"Action":"output","Package":"a","Test":"TestFine","Output":"=== RUN   TestFine\n"}
{"Action":"output","Package":"a","Test":"TestFine","Output":"    a_test.go:3: chatter\n"}
{"Action":"pass","Package":"a","Test":"TestFine","Elapsed":0}
{"Action":"output","Package":"a","Test":"TestWithout","Output":"=== RUN   TestWithout\n"}
{"Action":"output","Package":"a","Test":"TestWithout","Output":"    a_test.go:9: node is not installed\n"}
{"Action":"output","Package":"a","Test":"TestWithout","Output":"--- SKIP: TestWithout (0.00s)\n"}
{"Action":"skip","Package":"a","Test":"TestWithout","Elapsed":0}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.01s\n"}
{"Action":"pass","Package":"a","Elapsed":0.01}
{"Action":"output","Package":"b","Test":"TestBroken","Output":"    b_test.go:5: wrong\n"}
{"Action":"output","Package":"b","Test":"TestBroken","Output":"--- FAIL: TestBroken (0.00s)\n"}
{"Action":"fail","Package":"b","Test":"TestBroken","Elapsed":0}
{"Action":"output","Package":"b","Output":"FAIL\tb\t0.01s\n"}
{"Action":"fail","Package":"b","Elapsed":0.01}
{"Action":"skip","Package":"c","Elapsed":0}
`

func TestReportPrintsWhatGoTestWould(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	skips, err := report(strings.NewReader(recorded), &out)
	if err != nil {
		t.Fatal(err)
	}
	want := "ok  \ta\t0.01s\n    b_test.go:5: wrong\n--- FAIL: TestBroken (0.00s)\nFAIL\tb\t0.01s\n"
	if out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	if len(skips) != 1 || skips[test{"a", "TestWithout"}] != "a_test.go:9: node is not installed" {
		t.Errorf("skips are %v", skips)
	}
}

func TestAReasonMustBeAccepted(t *testing.T) {
	t.Parallel()
	for why, refused := range map[string]bool{
		"x_test.go:1: node is not installed": true,
		"":                                   true,
		"x_test.go:20: SURGENT_TEST_DAYTONA_URL is not set":   false,
		"x.go:64: this target's apps cannot be run here":      false,
		"x_test.go:3: sandboxes need root":                    true,
		"x_test.go:3: no built binary (make build)":           true,
		"x_test.go:2: SURGENT_TEST_DAYTONA_URL is not set ok": false,
	} {
		var out bytes.Buffer
		if got := list(&out, map[test]string{{"p", "T"}: why}); got != refused {
			t.Errorf("%q refused: %v, want %v", why, got, refused)
		}
		if !strings.Contains(out.String(), "p.T") {
			t.Errorf("%q does not name the test: %s", why, out.String())
		}
	}
}

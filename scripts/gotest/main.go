// Command gotest runs `go test` with its arguments, prints what that prints,
// and after it the tests that were skipped, by reason: a skip that nobody sees
// is a test that nobody has. With CI set in the environment, a skip for any
// reason that is not in the list below fails the run, because a machine of CI
// is set up to run everything.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// accepted are the reasons to skip that hold on a machine that lacks nothing.
var accepted = []*regexp.Regexp{
	regexp.MustCompile(`SURGENT_TEST_DAYTONA_URL is not set`),            // a server of somebody's own
	regexp.MustCompile(`the server does not freeze running sandboxes`),   // an optional ability, met elsewhere
	regexp.MustCompile(`this target's apps cannot be run here`),          // a suite's case that only some drivers have
	regexp.MustCompile(`the host itself does not reach its package reg`), // a machine behind a proxy
	regexp.MustCompile(`this host has no control group for processors`),  // a kernel's choice
}

// event is a line of `go test -json`, as cmd/test2json documents it.
type event struct {
	Action, Package, Test, Output string
}

type test struct{ pkg, name string }

func main() {
	code, err := run(os.Args[1:], os.Stdout, os.Getenv("CI") != "")
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(2)
	}
	os.Exit(code)
}

// run returns the exit code: that of go test, or 1 for a skip that is not accepted.
func run(args []string, out io.Writer, strict bool) (int, error) {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	skips, err := report(pipe, out)
	if err != nil {
		return 0, errors.Join(err, cmd.Wait())
	}
	code := 0
	if err := cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return 0, err
		}
		code = exit.ExitCode()
	}
	if refused := list(out, skips); refused && strict && code == 0 {
		_, _ = fmt.Fprintln(out, "FAIL: with CI set, no test may be skipped for a reason that scripts/gotest does not accept")
		code = 1
	}
	return code, nil
}

// report prints what go test without -json would, and returns the reasons of
// the tests that were skipped.
func report(in io.Reader, out io.Writer) (map[test]string, error) {
	skips := map[test]string{}
	outputs := map[test][]string{}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				_, _ = out.Write(line) // a line of go itself
				continue
			}
			t := test{e.Package, e.Test}
			switch e.Action {
			case "build-output":
				_, _ = io.WriteString(out, e.Output)
			case "output":
				if e.Test != "" {
					outputs[t] = append(outputs[t], e.Output)
				} else if e.Output != "PASS\n" {
					_, _ = io.WriteString(out, e.Output)
				}
			case "fail":
				_, _ = io.WriteString(out, strings.Join(outputs[t], ""))
			case "skip":
				if e.Test != "" { // else a package without tests
					skips[t] = reason(outputs[t])
				}
			}
			if e.Action == "pass" || e.Action == "fail" || e.Action == "skip" {
				delete(outputs, t)
			}
		}
		if errors.Is(err, io.EOF) {
			return skips, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// reason is what the test said, without go test's own lines around it.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

// list prints the skipped tests, and reports whether one had a reason that is
// not accepted.
func list(out io.Writer, skips map[test]string) bool {
	byReason := map[string][]string{}
	for t, why := range skips {
		byReason[why] = append(byReason[why], t.pkg+"."+t.name)
	}
	reasons := make([]string, 0, len(byReason))
	for why := range byReason {
		reasons = append(reasons, why)
	}
	slices.Sort(reasons)
	refused := false
	for _, why := range reasons {
		slices.Sort(byReason[why])
		ok := slices.ContainsFunc(accepted, func(re *regexp.Regexp) bool { return re.MatchString(why) })
		refused = refused || !ok
		_, _ = fmt.Fprintf(out, "skipped: %s\n", why)
		for _, name := range byReason[why] {
			_, _ = fmt.Fprintf(out, "    %s\n", name)
		}
	}
	return refused
}

//go:build linux

package supervise_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"surgent.dev/surgent/sandbox/toolbox/supervise"
)

// roleVar makes this test binary a supervisor, or the server that it runs.
const roleVar = "SUPERVISE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "supervisor":
		err := supervise.Run(supervise.Config{
			Argv: []string{os.Args[0]}, Env: []string{roleVar + "=server"},
			UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
			OwnedDirs: []string{os.Getenv("OWNED")}, State: json.RawMessage(`{"n":0}`), Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			panic(err)
		}
	case "server":
		server()
	default:
		os.Exit(m.Run())
	}
}

// server says what it was given, counts on, and dies twice.
func server() {
	text, err := io.ReadAll(os.NewFile(supervise.StateIn, "in"))
	if err != nil {
		panic(err)
	}
	var state struct {
		N int `json:"n"`
	}
	if err := json.Unmarshal(text, &state); err != nil {
		panic(err)
	}
	state.N++
	if err := json.NewEncoder(os.NewFile(supervise.StateOut, "out")).Encode(state); err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(string(text) + " " + strings.Join(os.Environ(), ",") + "\n")
	if state.N < 3 {
		os.Exit(1)
	}
	time.Sleep(time.Hour)
}

func TestRestartKeepsState(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to set the user of a process")
	}
	owned := t.TempDir() + "/owned"
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{roleVar + "=supervisor", "OWNED=" + owned, "SECRET=x"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	for _, want := range []string{`{"n":0}`, `{"n":1}`, `{"n":2}`} {
		line, err := in.ReadString('\n')
		if err != nil || line != want+" "+roleVar+"=server\n" {
			t.Fatalf("server was given %q, %v; want %s", line, err, want)
		}
	}
	if info, err := os.Stat(owned); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("owned folder: %v, %v", info, err)
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

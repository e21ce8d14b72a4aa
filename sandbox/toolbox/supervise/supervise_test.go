//go:build linux

package supervise_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"surgent.dev/surgent/sandbox/toolbox/supervise"
)

// roleVar makes this test binary a supervisor, or the server that it runs.
const roleVar = "SUPERVISE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "supervisor":
		err := supervise.Run(supervise.Config{
			Argv: []string{os.Getenv("PROGRAM")}, Env: []string{roleVar + "=server"}, Socket: os.NewFile(3, "socket"),
			State: json.RawMessage(`{"n":0}`), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
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

// server says what it was given, counts on, and dies twice; the third answers
// on the socket.
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
	ln, err := net.FileListener(os.NewFile(supervise.Socket, "socket"))
	if err != nil {
		panic(err)
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			panic(err)
		}
		_, _ = conn.Write([]byte("third"))
		_ = conn.Close()
	}
}

func TestRestartKeepsStateAndSocket(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	// A link, so that starting can be made to fail.
	program := filepath.Join(t.TempDir(), "server")
	if err := os.Symlink(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	cmd.Env = []string{roleVar + "=supervisor", "SECRET=x", "PROGRAM=" + program}
	cmd.ExtraFiles = []*os.File{socket}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := bufio.NewReader(errs)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := errors.Join(ln.Close(), socket.Close()); err != nil { // it is the supervisor's now
		t.Fatal(err)
	}
	// Who connects while there is no server waits for the next one.
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	for _, want := range []string{`{"n":0}`, `{"n":1}`, `{"n":2}`} {
		line, err := in.ReadString('\n')
		if err != nil || line != want+" "+roleVar+"=server\n" {
			t.Fatalf("server was given %q, %v; want %s", line, err, want)
		}
		if want == `{"n":1}` {
			// The next start fails for a while, which ends nothing.
			if err := os.Rename(program, program+".away"); err != nil {
				t.Fatal(err)
			}
			for said := ""; !strings.Contains(said, "can't be started"); {
				if said, err = log.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Rename(program+".away", program); err != nil {
				t.Fatal(err)
			}
		}
		if l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr); err == nil {
			_ = l.Close()
			t.Error("the port was free")
		}
	}
	if text, err := io.ReadAll(conn); err != nil || string(text) != "third" {
		t.Errorf("from the socket: %q, %v", text, err)
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

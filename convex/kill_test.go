package convex_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain also is the server that TestKilledServer starts as a process of its
// own: it then serves on the address in the environment until it is killed.
func TestMain(m *testing.M) {
	if addr := os.Getenv("CONVEX_TEST_ADDR"); addr != "" {
		serveForever(addr, os.Getenv("CONVEX_TEST_DIR"))
		return
	}
	os.Exit(m.Run())
}

func serveForever(addr, dir string) {
	s := &server{t: panicker{}, path: filepath.Join(dir, "server.db"), key: filepath.Join(dir, "auth.pem"), addr: addr, conns: map[net.Conn]struct{}{}}
	s.start()
	fmt.Println("ready")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	s.stop()
}

// panicker is a testing.TB for a process without a test.
type panicker struct{ testing.TB }

func (panicker) Helper()                   {}
func (panicker) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (panicker) Errorf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// TestKilledServer kills the server's process in the middle of two clients'
// mutations, several times: each must count once. Clients and server are
// processes of their own.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	node, dir := requireClients(t)
	addr := freeAddr(t)
	data := t.TempDir()
	kill := startProcess(t, addr, data)

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	const clients, kills = 2, 5
	progress := make(chan struct{}, 100) // one from each client for every line
	ended := make(chan error, clients)
	for range clients {
		cmd := clientProcess(ctx, node, dir, "exactly-once.mjs", "http://"+addr, "TOTAL=301")
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				progress <- struct{}{}
			}
			err := cmd.Wait()
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, errs.String())
			}
			ended <- err
		}()
	}
	for killed, done := 0, 0; done < clients; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("after %d kills: %v", killed, err)
			}
			done++
		case <-progress:
			if killed < kills {
				kill()
				kill = startProcess(t, addr, data)
				killed++
			}
		}
	}
}

// A quota holds for clients in several processes at once.
func TestQuotaOverProcesses(t *testing.T) {
	t.Parallel()
	node, dir := requireClients(t)
	s := startServer(t)
	outs := make(chan string, 2)
	for range cap(outs) {
		go func() {
			out, err := clientProcess(t.Context(), node, dir, "quota.mjs", s.url, "CHANNEL=shared").CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			outs <- strings.TrimSpace(string(out))
		}()
	}
	sum := 0
	for range cap(outs) {
		n, err := strconv.Atoi(<-outs)
		if err != nil {
			t.Error(err)
		}
		sum += n
	}
	if sum != 3 {
		t.Errorf("%d creates succeeded, want 3", sum)
	}
}

// clientProcess is a script that uses the newest official client.
func clientProcess(ctx context.Context, node, dir, script, url string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "CONVEX_PACKAGE=convex", "CONVEX_VERSION=1.48.0", "CONVEX_URL="+url), env...)
	return cmd
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// startProcess runs this test binary as a server and returns how to kill it
// the hard way.
func startProcess(t *testing.T, addr, data string) (kill func()) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), os.Args[0])
	cmd.Env = append(os.Environ(), "CONVEX_TEST_ADDR="+addr, "CONVEX_TEST_DIR="+data)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // "signal: killed" is what was asked for
	}
	t.Cleanup(kill)
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the server did not start: %q", lines.Text())
	}
	return kill
}

//go:build linux

package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/sandbox/engine"
)

func TestBoxRunsOneProgram(t *testing.T) {
	t.Parallel()
	sharedEngine(t)
	e := shared.srv.e
	file, _ := hostSecret(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	box, err := e.NewBox(ctx, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	l, inside, err := box.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "from the host")
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	err = box.Start(ctx, boxProgram(inside, file))
	if err != nil {
		t.Fatal(err)
	}
	var conn net.Conn
	eventually(t, "the program listens", func() bool {
		conn, err = box.Dial(ctx, 8080)
		return err == nil
	})
	text, err := bufio.NewReader(conn).ReadString('\n')
	_ = conn.Close()
	if err != nil || text != "from the host host-secret readonly none\n" {
		t.Errorf("the program says %q, %v; output %s", text, err, box.Output())
	}
	select {
	case <-box.Done():
	case <-ctx.Done():
		t.Fatal("the program has not ended")
	}
	if out := box.Output(); !strings.Contains(out, "said it") {
		t.Errorf("output is %q", out)
	}

	// One that never ends is ended by Close.
	endless, err := e.NewBox(ctx, "endless")
	if err != nil {
		t.Fatal(err)
	}
	if err := endless.Start(ctx, endlessProgram()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := endless.Close(); err != nil {
		t.Error(err)
	}
	<-endless.Done()
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("Close took %v", d)
	}
	if err := endless.Close(); err != nil {
		t.Error(err)
	}
}

// boxProgram asks the host's listener, reads its file, tries to write it and
// to reach anything else, and tells the first who connects.
func boxProgram(inside, file string) engine.Program {
	host, port, _ := strings.Cut(inside, ":")
	return engine.Program{
		Args: []string{"/usr/bin/python3", "-u", "-c", fmt.Sprintf(`
import socket, urllib.request
said = urllib.request.urlopen('http://%s:%s/').read().decode()
secret = open('/opt/in/secret').read().rsplit('-', 1)[0]
try:
    open('/opt/in/secret', 'w').write('x'); mode = 'writable'
except OSError:
    mode = 'readonly'
s = socket.socket(); s.settimeout(1)
try:
    s.connect(('1.1.1.1', 443)); out = 'internet'
except OSError:
    out = 'none'
l = socket.create_server(('0.0.0.0', 8080))
c, _ = l.accept()
c.sendall(f'{said} {secret} {mode} {out}\n'.encode())
print('said it')
`, host, port)},
		Files: map[string]string{"/opt/in/secret": file}, Memory: 256 << 20, CPUs: 0.5,
	}
}

func endlessProgram() engine.Program {
	return engine.Program{Args: []string{"/bin/sh", "-c", "while :; do :; done"}, Memory: 128 << 20, CPUs: 0.2}
}

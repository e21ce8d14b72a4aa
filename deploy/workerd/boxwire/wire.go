package boxwire

import (
	"bufio"
	"io"
	"net"
	"sync"
)

// protocol is what the 101 answers upgrade to.
const protocol = "surgent-box"

// startMessage asks to run a program. Mounts are by their path inside.
type startMessage struct {
	Args   []string         `json:"args"`
	Env    []string         `json:"env"`
	Memory int64            `json:"memory"` // bytes
	CPUs   float64          `json:"cpus"`
	Mounts map[string]mount `json:"mounts"`
}

// mount is one file, or a folder of files by their path in it.
type mount struct {
	Hash  string            `json:"hash,omitempty"`
	Files map[string]string `json:"files,omitempty"`
}

type openMessage struct {
	ID   string `json:"id,omitempty"`
	Done bool   `json:"done,omitempty"`
}

type listenMessage struct {
	Inside string `json:"inside"`
}

type errorMessage struct {
	Error string `json:"error"`
}

// readConn is a connection of which some bytes were read ahead.
type readConn struct {
	net.Conn
	in *bufio.Reader
}

func (c *readConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// CloseWrite ends our direction where the connection can.
func (c *readConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// join copies both ways until both directions have ended, then closes both.
func join(a, b net.Conn) {
	var up sync.WaitGroup
	up.Go(func() { pipe(a, b) })
	pipe(b, a)
	up.Wait()
	_ = a.Close() // the copies saw what matters
	_ = b.Close()
}

func pipe(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		// Nobody can tell the other side more gently.
		_ = to.Close()
		_ = from.Close()
	}
}

//go:build linux

package engine

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// lines are the connections from the engine into one life of a sandbox. When
// that ends they are cut: the peer's end of them vanishes with its network and
// nobody would ever say so.
type lines struct {
	rt *http.Transport

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	gone  bool
}

func newLines() *lines {
	l := &lines{conns: map[net.Conn]struct{}{}}
	l.rt = &http.Transport{
		DialContext:         l.dial,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}
	return l
}

var errCut = errors.New("the sandbox is not running")

func (l *lines) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	line := &line{Conn: conn, of: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		_ = conn.Close() // too late
		return nil, errCut
	}
	l.conns[line] = struct{}{}
	return line, nil
}

// rest closes the connections that carry nothing at the moment.
func (l *lines) rest() { l.rt.CloseIdleConnections() }

// cut closes all connections and lets no new ones be made.
func (l *lines) cut() {
	l.mu.Lock()
	l.gone = true
	conns := l.conns
	l.conns = map[net.Conn]struct{}{}
	l.mu.Unlock()
	for c := range conns {
		_ = c.Close() // that is the purpose
	}
	l.rt.CloseIdleConnections()
}

// line is one of the connections.
type line struct {
	net.Conn
	of *lines
}

// Close forgets the connection and closes it.
func (c *line) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite passes a half-close on, which tunnels need.
func (c *line) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

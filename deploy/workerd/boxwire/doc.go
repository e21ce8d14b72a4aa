// Package boxwire carries workerd.Boxes from one process to another on the
// same machine: boxes need root, the server that publishes apps should not
// have it. Handler stands in the process with root, Client in the other.
//
// A box lives as long as the connection that opened it, so a client that dies
// leaves none behind. Every byte stream is a connection of its own: an HTTP
// request that is answered with 101 and is plain bytes from then on.
//
//	GET  /boxes/open?label=L         101; lines of JSON: {"id"}, then {"done":true}; ends the box when it ends
//	POST /boxes/{id}/listen          {"inside"}: the address; listeners are numbered from 0
//	GET  /boxes/{id}/accept/{n}      101, once the program has connected to listener n
//	GET  /boxes/{id}/dial/{port}     101, connected to the program
//	POST /boxes/{id}/start           a start message
//	GET  /boxes/{id}/output          what the program wrote last
//	HEAD, PUT /boxes/files/sha256/{hash}: files are sent once, by their content
//
// All of them want the key as a bearer token. Files come as content and not as
// paths: who holds the key can run confined programs, but read nothing of the
// other user's.
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

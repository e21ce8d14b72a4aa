package workerd

import (
	"context"
	"net"
)

// Boxes makes confined places for single programs. A program in one reaches
// nothing but what Listen opens for it, reads nothing but the files it is
// given, and stays inside its memory and CPU. This package runs untrusted code
// and leaves the confinement to whoever implements Boxes.
type Boxes interface {
	// New makes an empty box. The label is for names and logs.
	New(ctx context.Context, label string) (Box, error)
}

// Box is a place for one program. Its methods are safe for concurrent use.
type Box interface {
	// Listen opens a port that only this box's program can connect to, and
	// says at which address ("host:port") it finds it. Listen comes before
	// Start. Close closes the listener.
	Listen(ctx context.Context) (l net.Listener, inside string, err error)
	// Start runs the program, once. It returns when the program was started,
	// which says nothing about how it does.
	Start(ctx context.Context, p Program) error
	// Dial connects to a TCP port on which the program listens.
	Dial(ctx context.Context, port int) (net.Conn, error)
	// Done is closed when the program has ended or Start failed.
	Done() <-chan struct{}
	// Output returns the last 64 KiB of what the program wrote.
	Output() string
	// Close ends the program at once, whatever it is doing (SIGKILL), and
	// frees all that the box had. Closing twice is a no-op.
	Close() error
}

// Program is what a box runs.
type Program struct {
	Args []string // Args[0] is a path inside
	// Files are the host's files and folders that it sees, by their path
	// inside, read-only. They exist as long as the box.
	Files  map[string]string
	Env    []string
	Memory int64   // bytes, for the program and what confines it
	CPUs   float64 // of one core, e.g. 0.5
}

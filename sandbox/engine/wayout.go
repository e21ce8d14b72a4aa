//go:build linux

package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// errWayOut says that packets of sandboxes don't arrive at the proxy.
var errWayOut = errors.New("what sandboxes send to their proxy does not arrive")

// letIn is the way out of that, for people.
func letIn(gate netip.Addr) string {
	return fmt.Sprintf("a firewall of this host drops it: let it in, for example with `ufw allow proto tcp from 10.192.0.0/10 to %s port %d:%d` "+
		"or `iptables -I INPUT -i %s+ -d %s -j ACCEPT`", gate, proxyPort, lastPort, devicePrefix, gate)
}

// tryWayOut sends what a sandbox would send to its proxy. The engine's own table
// can only forbid more: another one that drops what it doesn't know, as strict
// firewalls do, cuts sandboxes off without a word.
func (nw *network) tryWayOut(ctx context.Context) error {
	s, err := nw.take()
	if err != nil {
		return err
	}
	defer nw.drop(s)
	l, err := s.listen(ctx, proxyPort)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // nothing was accepted
	failed := make(chan error, 1)    // one send by the goroutine below
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this
		failed <- s.knock()
	}()
	return <-failed
}

// knock connects from within the slot's namespace, which the calling thread
// enters for good.
func (s *slot) knock() error {
	ns, err := netns.GetFromName(s.ns)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	if err := netns.Set(ns); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	// Long enough for a second packet, should the first come too early.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 3}); err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: proxyPort, Addr: s.gate.As4()}); err != nil {
		return fmt.Errorf("%w (%w)", errWayOut, err)
	}
	return nil
}

// checkWayOut is tryWayOut without an engine.
func checkWayOut(ctx context.Context) error {
	name := make([]byte, 2)
	_, _ = rand.Read(name) // never fails; the program ends before it does
	in := &instance{Name: hex.EncodeToString(name)}
	if err := in.chooseBlock(); err != nil {
		return err
	}
	defer in.freeBlock()
	var err error
	if in.Gateway, err = chooseGateway(); err != nil {
		return err
	}
	err = newNetwork(in).tryWayOut(ctx)
	if errors.Is(err, errWayOut) {
		err = fmt.Errorf("%w: %s", err, letIn(in.Gateway))
	}
	return err
}

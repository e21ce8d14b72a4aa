//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// gateway is the address under which every sandbox finds the engine's proxy.
// It is the same in all of them (it stands on each host end of a pair, and the
// listeners are bound to their device), so that the processes of a live
// snapshot still find it when they wake elsewhere. The block is reserved for
// documentation: nothing real answers there.
var gateway = netip.MustParseAddr("192.0.2.1")

// slots is how many network namespaces one engine can have.
const slots = 1024

// slot is one network namespace with a pair of virtual Ethernet devices: eth0
// inside, host outside.
type slot struct {
	n    int
	ns   string     // name of the namespace
	veth string     // the host's device
	out  netip.Addr // the host's address
	in   netip.Addr // the sandbox's address
}

// path is where the namespace can be entered.
func (s *slot) path() string { return filepath.Join("/run/netns", s.ns) }

// network makes and keeps the slots of one engine.
type network struct {
	instance string
	block    netip.Prefix // a /20

	mu   sync.Mutex
	used [slots]bool // slots that exist or are being made
	next int

	// ready holds slots made ahead: the filler sends, take receives.
	ready chan *slot
}

func newNetwork(instance string, block netip.Prefix) *network {
	return &network{instance: instance, block: block, ready: make(chan *slot, 3)}
}

// prefix is what the names of the engine's devices begin with.
func (nw *network) prefix() string { return "sg" + nw.instance + "x" }

// slot computes the names and addresses of slot n.
func (nw *network) slot(n int) *slot {
	a := nw.block.Addr().As4()
	start := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	addr := func(i int) netip.Addr {
		v := start + uint32(4*n+i) //nolint:gosec // below 4096
		return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	}
	return &slot{
		n: n, ns: fmt.Sprintf("surgent-%s-%d", nw.instance, n),
		veth: nw.prefix() + strconv.FormatInt(int64(n), 16), out: addr(1), in: addr(2),
	}
}

// reserve marks slot n as in use by a sandbox that was adopted.
func (nw *network) reserve(n int) *slot {
	nw.mu.Lock()
	defer nw.mu.Unlock()
	nw.used[n] = true
	return nw.slot(n)
}

// fill makes slots ahead until ctx is done.
func (nw *network) fill(ctx context.Context, failed func(error)) {
	for {
		s, err := nw.fresh()
		if err != nil {
			failed(err)
			return
		}
		select {
		case nw.ready <- s:
		case <-ctx.Done():
			nw.drop(s)
			return
		}
	}
}

// take returns a new slot, one made ahead when there is one.
func (nw *network) take() (*slot, error) {
	select {
	case s := <-nw.ready:
		return s, nil
	default:
		return nw.fresh()
	}
}

// drain drops the slots made ahead.
func (nw *network) drain() {
	for {
		select {
		case s := <-nw.ready:
			nw.drop(s)
		default:
			return
		}
	}
}

// fresh makes a slot.
func (nw *network) fresh() (*slot, error) {
	nw.mu.Lock()
	n := -1
	for i := range slots {
		// Not the lowest free one: the kernel takes its time to forget a
		// device, and its number should not come back at once.
		if c := (nw.next + i) % slots; !nw.used[c] {
			n = c
			break
		}
	}
	if n < 0 {
		nw.mu.Unlock()
		return nil, fmt.Errorf("make network: all %d networks are in use", slots)
	}
	nw.used[n], nw.next = true, (n+1)%slots
	nw.mu.Unlock()
	s := nw.slot(n)
	if err := s.make(); err != nil {
		nw.drop(s)
		return nil, fmt.Errorf("make network %s: %w", s.ns, err)
	}
	return s, nil
}

// drop removes a slot. What is missing already is fine.
func (nw *network) drop(s *slot) {
	if link, err := netlink.LinkByName(s.veth); err == nil {
		_ = netlink.LinkDel(link) // its peer's namespace may have taken it
	}
	_ = removeNetns(s.ns)
	nw.mu.Lock()
	nw.used[s.n] = false
	nw.mu.Unlock()
}

// sweep removes devices and namespaces of this engine that keep doesn't know.
func (nw *network) sweep(keep func(n int) bool) error {
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list network devices: %w", err)
	}
	for _, l := range links {
		if hex, ok := strings.CutPrefix(l.Attrs().Name, nw.prefix()); ok {
			if n, err := strconv.ParseInt(hex, 16, 32); err == nil && !keep(int(n)) {
				_ = netlink.LinkDel(l) // may be gone by now
			}
		}
	}
	entries, err := os.ReadDir("/run/netns")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if number, ok := strings.CutPrefix(e.Name(), "surgent-"+nw.instance+"-"); ok {
			if n, err := strconv.Atoi(number); err == nil && !keep(n) {
				_ = removeNetns(e.Name()) // the next sweep tries again
			}
		}
	}
	return nil
}

// make creates the namespace and the pair, and configures both ends.
func (s *slot) make() error {
	// What a crash may have left under this name.
	if link, err := netlink.LinkByName(s.veth); err == nil {
		_ = netlink.LinkDel(link)
	}
	_ = removeNetns(s.ns)
	ns, err := makeNetns(s.ns)
	if err != nil {
		return err
	}
	defer ns.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = s.veth
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(ns)}); err != nil {
		return fmt.Errorf("add device: %w", err)
	}
	host, err := netlink.LinkByName(s.veth)
	if err != nil {
		return err
	}
	// No IPv6, and no packets with a source that is not the sandbox's.
	for name, value := range map[string]string{"ipv6": "disable_ipv6", "ipv4": "rp_filter"} {
		knob := filepath.Join("/proc/sys/net", name, "conf", s.veth, value)
		if err := os.WriteFile(knob, []byte("1"), 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, a := range []*net.IPNet{ipNet(s.out, 30), ipNet(gateway, 32)} {
		if err := netlink.AddrAdd(host, &netlink.Addr{IPNet: a}); err != nil {
			return fmt.Errorf("add address %s: %w", a, err)
		}
	}
	if err := netlink.LinkSetUp(host); err != nil {
		return err
	}
	in, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer in.Close()
	eth, err := in.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := in.AddrAdd(eth, &netlink.Addr{IPNet: ipNet(s.in, 30)}); err != nil {
		return err
	}
	if err := in.LinkSetUp(eth); err != nil {
		return err
	}
	lo, err := in.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := in.LinkSetUp(lo); err != nil {
		return err
	}
	return in.RouteAdd(&netlink.Route{LinkIndex: eth.Attrs().Index, Gw: s.out.AsSlice()})
}

func ipNet(a netip.Addr, bits int) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, 32)}
}

// makeNetns creates a named network namespace without moving into it.
func makeNetns(name string) (netns.NsHandle, error) {
	if err := os.MkdirAll("/run/netns", 0o755); err != nil { //nolint:gosec // as ip-netns makes it
		return netns.None(), err
	}
	type result struct {
		ns  netns.NsHandle
		err error
	}
	got := make(chan result, 1) // one send by the goroutine below
	go func() {
		// The thread enters the new namespace; it is not unlocked, so that it
		// ends with this goroutine and no other work ever runs on it.
		runtime.LockOSThread()
		ns, err := netns.NewNamed(name)
		got <- result{ns, err}
	}()
	r := <-got
	if r.err != nil {
		return netns.None(), fmt.Errorf("make network namespace: %w", r.err)
	}
	return r.ns, nil
}

// removeNetns removes a named network namespace.
func removeNetns(name string) error {
	path := filepath.Join("/run/netns", name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// listen opens a port on the gateway address that only the sandbox at the
// other end of the slot's pair can reach.
func (s *slot) listen(ctx context.Context, port int) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var bindErr error
		if err := c.Control(func(fd uintptr) {
			bindErr = unix.BindToDevice(int(fd), s.veth) //nolint:gosec // a descriptor
		}); err != nil {
			return err
		}
		return bindErr
	}}
	l, err := lc.Listen(ctx, "tcp4", netip.AddrPortFrom(gateway, uint16(port)).String()) //nolint:gosec // a port
	if err != nil {
		return nil, fmt.Errorf("listen for sandbox on %s: %w", s.veth, err)
	}
	return l, nil
}

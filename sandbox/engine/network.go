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
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// gateways are the addresses of which one is where every sandbox of an engine
// finds the proxy. It is the same in all of them (it stands on each host end of
// a pair, and the listeners are bound to their device), so that the processes
// of a live snapshot still find it when they wake elsewhere. All are from
// blocks that real networks should not use; where one does, the next is taken:
// an address of the host's own router, put on a device, would cut the host off.
var gateways = []netip.Addr{
	netip.MustParseAddr("192.0.0.8"), netip.MustParseAddr("198.18.75.1"),
	netip.MustParseAddr("169.254.75.1"), netip.MustParseAddr("100.127.75.1"),
}

// devicePrefix begins the names of all devices of all engines.
const devicePrefix = "sg"

// chooseGateway returns the first of the gateways that means nothing to the
// host: no network that it has a route to, no address of its own, no router.
func chooseGateway() (netip.Addr, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list routes: %w", err)
	}
	links, err := netlink.LinkList()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list network devices: %w", err)
	}
	var taken []netip.Prefix
	for _, r := range routes {
		if dst, ok := prefixOf(r.Dst); ok && dst.Bits() > 0 {
			taken = append(taken, dst)
		}
		if via, ok := netip.AddrFromSlice(r.Gw.To4()); ok {
			taken = append(taken, netip.PrefixFrom(via, 32))
		}
	}
	for _, l := range links {
		if ours.MatchString(l.Attrs().Name) {
			continue // of another engine
		}
		addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("list addresses: %w", err)
		}
		for _, a := range addrs {
			if own, ok := prefixOf(a.IPNet); ok {
				taken = append(taken, own.Masked())
			}
		}
	}
	for _, g := range gateways {
		if !slices.ContainsFunc(taken, func(p netip.Prefix) bool { return p.Contains(g) }) {
			return g, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("this host uses all of %v: sandboxes have no address for their way out", gateways)
}

// ours matches the devices of engines.
var ours = regexp.MustCompile("^" + devicePrefix + "[0-9a-f]{4}x[0-9a-f]+$")

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP.To4())
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(a, ones), ok
}

// slots is how many network namespaces one engine can have.
const slots = 1024

// slot is one network namespace with a pair of virtual Ethernet devices: eth0
// inside, host outside.
type slot struct {
	n    int
	ns   string     // name of the namespace
	veth string     // the host's device
	gate netip.Addr // where the sandbox finds the engine
	out  netip.Addr // the host's address
	in   netip.Addr // the sandbox's address
}

// path is where the namespace can be entered.
func (s *slot) path() string { return filepath.Join("/run/netns", s.ns) }

// network makes and keeps the slots of one engine.
type network struct {
	instance string
	block    netip.Prefix // a /20
	gate     netip.Addr

	mu   sync.Mutex
	used [slots]bool // slots that exist or are being made
	next int

	// ready holds slots made ahead: the filler sends, take receives.
	ready chan *slot
}

func newNetwork(in *instance) *network {
	return &network{instance: in.Name, block: in.Block, gate: in.Gateway, ready: make(chan *slot, 3)}
}

// prefix is what the names of the engine's devices begin with.
func (nw *network) prefix() string { return devicePrefix + nw.instance + "x" }

// slot computes the names and addresses of slot n.
func (nw *network) slot(n int) *slot {
	a := nw.block.Addr().As4()
	start := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	addr := func(i int) netip.Addr {
		v := start + uint32(4*n+i)
		return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	}
	return &slot{
		n: n, ns: fmt.Sprintf("surgent-%s-%d", nw.instance, n),
		veth: nw.prefix() + strconv.FormatInt(int64(n), 16), gate: nw.gate, out: addr(1), in: addr(2),
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
	_ = removeNetns(s.ns) // whoever takes the slot next removes what is left
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
	defer func() { _ = ns.Close() }()
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
	if err := netlink.LinkSetUp(host); err != nil {
		return err
	}
	if err := s.route(host.Attrs().Index); err != nil {
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

// route tells the host that the slot's two addresses are its own and where the
// sandbox is. They are routes and no addresses on the device: a browser on
// this host drops its connections whenever an address comes or goes
// (ERR_NETWORK_CHANGED), and would do so with every new sandbox. The routes go
// with the device; all slots have one to the gateway, hence append.
func (s *slot) route(device int) error {
	for _, own := range []netip.Addr{s.out, s.gate} {
		if err := netlink.RouteAppend(&netlink.Route{
			LinkIndex: device, Dst: ipNet(own, 32), Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST,
		}); err != nil {
			return fmt.Errorf("take address %s: %w", own, err)
		}
	}
	if err := netlink.RouteAdd(&netlink.Route{
		LinkIndex: device, Dst: ipNet(s.in, 32), Src: s.out.AsSlice(), Scope: netlink.SCOPE_LINK,
	}); err != nil {
		return fmt.Errorf("add route to %s: %w", s.in, err)
	}
	return nil
}

func ipNet(a netip.Addr, bits int) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, 32)}
}

// makeNetns creates a named network namespace without moving into it.
func makeNetns(name string) (netns.NsHandle, error) {
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
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
			bindErr = unix.BindToDevice(int(fd), s.veth)
		}); err != nil {
			return err
		}
		return bindErr
	}}
	l, err := lc.Listen(ctx, "tcp4", netip.AddrPortFrom(s.gate, uint16(port)).String())
	if err != nil {
		return nil, fmt.Errorf("listen for sandbox on %s: %w", s.veth, err)
	}
	return l, nil
}

package workerd

import (
	"context"
	"net"
	"net/netip"
	"slices"
)

// mailPort is left out: a free place to run code would be used to send it.
const mailPort = 25

// globalV6 is what is handed out of IPv6; all else has a meaning of its own.
var globalV6 = netip.MustParsePrefix("2000::/3")

// special are the blocks that are global by form but not by meaning.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	// A public address that on one cloud is the machine's own host, with its
	// metadata and secrets.
	netip.MustParsePrefix("168.63.129.16/32"),
	// Tunnels and protocols, in which an IPv4 address of any kind can hide.
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("3fff::/20"),
}

// publicAddress tells whether apps may connect to an address.
func publicAddress(to netip.AddrPort) bool {
	ip := to.Addr().Unmap()
	if to.Port() == mailPort || ip.Zone() != "" || !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is6() && !globalV6.Contains(ip) {
		return false
	}
	for _, block := range special {
		if block.Contains(ip) {
			return false
		}
	}
	own, err := net.InterfaceAddrs()
	return err == nil && !among(own, ip)
}

// among tells whether an address is one of this machine's. A public one of its
// own leads past every firewall in front of it, to what listens here.
func among(own []net.Addr, ip netip.Addr) bool {
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip.AsSlice())
	})
}

// lookup asks the host's resolver.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

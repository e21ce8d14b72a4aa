package wire

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Address returns where a request came from, as limits count it: an IPv4
// address, or the first half of an IPv6 address, since whoever has one has 2^64
// of them. Text that is no address gives "unknown".
func (l Limits) Address(r *http.Request) string {
	at, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return "unknown"
	}
	// Each proxy appends whom it heard: the last address that is no proxy of
	// ours is the last that one of ours vouches for.
	heard := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(heard) {
		if !l.isProxy(at) {
			break
		}
		next, ok := parseAddress(strings.TrimSpace(text))
		if !ok {
			break
		}
		at = next
	}
	if at.Is4() {
		return at.String()
	}
	return netip.PrefixFrom(at, 64).Masked().String()
}

func (l Limits) isProxy(a netip.Addr) bool {
	return slices.ContainsFunc(l.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseAddress parses an address with or without a port.
func parseAddress(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}

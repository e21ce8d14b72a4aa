package workerd

import (
	"net"
	"net/netip"
	"testing"
)

func TestAppsReachPublicAddressesAlone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"8.8.8.8:443": true, "[2606:4700::1111]:443": true, "8.8.8.8:25": false, "127.0.0.1:80": false, "[::1]:80": false,
		"10.0.0.1:80": false, "169.254.169.254:80": false, "192.0.0.8:16310": false, "100.64.0.1:80": false,
		"[::ffff:127.0.0.1]:80": false, "[64:ff9b::7f00:1]:80": false, "[fd00::1]:80": false, "0.0.0.0:80": false,
	} {
		if got := publicAddress(netip.MustParseAddrPort(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestThisMachinesPublicAddressesAreItsOwn(t *testing.T) {
	t.Parallel()
	own := []net.Addr{
		&net.IPNet{IP: net.ParseIP("8.8.4.4"), Mask: net.CIDRMask(24, 32)},
		&net.IPNet{IP: net.ParseIP("2606:4700::1"), Mask: net.CIDRMask(64, 128)},
	}
	for text, want := range map[string]bool{"8.8.4.4": true, "2606:4700::1": true, "8.8.4.5": false, "2606:4700::2": false} {
		if got := among(own, netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

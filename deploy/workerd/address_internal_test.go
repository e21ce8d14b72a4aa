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
		"[::ffff:127.0.0.1]:80": false, "[::ffff:8.8.8.8]:80": true, "[64:ff9b::7f00:1]:80": false, "0.0.0.0:80": false,
		"172.16.0.1:80": false, "172.32.0.1:80": true, "192.168.1.1:80": false, "255.255.255.255:80": false, "224.0.0.1:80": false,
		// Where clouds keep metadata.
		"168.63.129.16:80": false, "100.100.100.200:80": false, "192.0.0.192:80": false, "[fd00:ec2::254]:80": false,
		"[fd00::1]:80": false, "[fe80::1]:80": false, "[fe80::1%25eth0]:80": false, "[fec0::1]:80": false, "[ff02::1]:80": false,
		"[::7f00:1]:80": false, "[::]:80": false, "[2002:7f00:1::]:80": false, "[2001:0:7f00:1::]:80": false, "[2001:db8::1]:80": false,
		"[100::1]:80": false, "[3fff::1]:80": false, "[5f00::1]:80": false, "[64:ff9b:1::1]:80": false, "[2a00:1450:4001::1]:443": true,
	} {
		if got := publicAddress(netip.MustParseAddrPort(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestOwnHosts(t *testing.T) {
	t.Parallel()
	rules := egressRules{domain: ".apps.example"}
	for host, want := range map[string]bool{
		"a.apps.example": true, "A.Apps.Example.": true, "a.apps.example:8080": true, "apps.example": true, "x.y.apps.example:1": true,
		"apps.example.org": false, "myapps.example": false, "example": false, "[2606:4700::1]:80": false, "": false,
	} {
		if got := rules.ours(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
	if (egressRules{}).ours("a.b") {
		t.Error("without a domain everything is ours")
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

//go:build linux

package engine

import (
	"net/netip"
	"os"
	"strings"
	"testing"
)

func TestSlotsHaveTheirOwnNamesAndAddresses(t *testing.T) {
	t.Parallel()
	nw := newNetwork(&instance{Name: "ab12", Block: netip.MustParsePrefix("10.200.16.0/20"), Gateway: gateways[0]})
	seen := map[string]bool{}
	for n := range slots {
		s := nw.slot(n)
		for _, name := range []string{s.ns, s.veth, s.in.String(), s.out.String()} {
			if seen[name] {
				t.Fatalf("%s is given twice", name)
			}
			seen[name] = true
		}
		if !nw.block.Contains(s.in) || !nw.block.Contains(s.out) || len(s.veth) > 15 || !strings.HasPrefix(s.veth, nw.prefix()) || !ours.MatchString(s.veth) {
			t.Fatalf("slot %d is %+v", n, s)
		}
	}
	if last := nw.slot(slots - 1); last.in.String() != "10.200.31.254" {
		t.Errorf("the last address is %s", last.in)
	}
}

// BenchmarkNetwork is what a sandbox waits for when no network was made ahead.
func BenchmarkNetwork(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("networks need root")
	}
	in := &instance{Name: "be9c"}
	if err := in.chooseBlock(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = os.Remove(in.markFile())
		_ = in.mark.Close()
	}()
	var err error
	if in.Gateway, err = chooseGateway(); err != nil {
		b.Fatal(err)
	}
	nw := newNetwork(in)
	for b.Loop() {
		s, err := nw.fresh()
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		nw.drop(s)
		b.StartTimer()
	}
}

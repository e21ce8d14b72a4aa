//go:build linux

package engine

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/nftables"
)

// strictVar makes this test binary look at the way out behind a firewall that
// is as strict as it says.
const strictVar = "SURGENT_TEST_FIREWALL"

func TestStrictFirewallIsNoticed(t *testing.T) {
	if mode := os.Getenv(strictVar); mode != "" {
		lookBehindFirewall(t, mode)
		return
	}
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to make a network of its own")
	}
	for _, mode := range []string{"open", "strict"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStrictFirewallIsNoticed$", "-test.v")
		cmd.Env = append(os.Environ(), strictVar+"="+mode)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET} // this host's firewall stays as it is
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "looked") {
			t.Errorf("%s: %v\n%s", mode, err, out)
		}
	}
}

func lookBehindFirewall(t *testing.T, mode string) {
	if mode == "strict" {
		c, err := nftables.New()
		if err != nil {
			t.Fatal(err)
		}
		drop := nftables.ChainPolicyDrop
		table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "strict"})
		c.AddChain(&nftables.Chain{
			Name: "input", Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &drop,
		})
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	err := checkWayOut(t.Context())
	switch {
	case mode == "open" && err != nil:
		t.Errorf("an open host: %v", err)
	case mode == "strict" && (!errors.Is(err, errWayOut) || !strings.Contains(err.Error(), "ufw allow")):
		t.Errorf("a strict host: %v", err)
	}
	t.Log("looked")
}

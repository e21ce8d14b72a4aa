//go:build linux

package engine

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The ports on the gateway address that sandboxes may open connections to.
// Listeners there are bound to one sandbox's device each.
const (
	proxyPort = 16310 // egress
	boxPorts  = 16311 // first of the ports that a Box asks for
	lastPort  = 16318
)

// raiseFirewall replaces the engine's nftables table. From devices with its
// prefix it lets in answers and connections to the ports above, and nothing
// else; it forwards nothing to or from them. What other tables say still
// holds: a table can only forbid more.
func raiseFirewall(table, prefix string, gate netip.Addr) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: table}
	// Adding before deleting makes the deletion of a missing table no error;
	// all of it is one transaction.
	c.AddTable(t)
	c.DelTable(t)
	t = c.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: table})
	priority := nftables.ChainPriority(-10)
	accept := nftables.ChainPolicyAccept
	input := c.AddChain(&nftables.Chain{
		Name: "from_sandboxes", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: &priority, Policy: &accept,
	})
	forward := c.AddChain(&nftables.Chain{
		Name: "through_sandboxes", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: &priority, Policy: &accept,
	})
	rule := func(chain *nftables.Chain, parts ...[]expr.Any) {
		r := &nftables.Rule{Table: t, Chain: chain}
		for _, p := range parts {
			r.Exprs = append(r.Exprs, p...)
		}
		c.AddRule(r)
	}
	from := device(expr.MetaKeyIIFNAME, prefix)
	rule(input, from, established(), verdict(expr.VerdictAccept))
	rule(input, from, toAddress(gate), tcpPorts(proxyPort, lastPort), verdict(expr.VerdictAccept))
	rule(input, from, verdict(expr.VerdictDrop))
	rule(forward, from, verdict(expr.VerdictDrop))
	rule(forward, device(expr.MetaKeyOIFNAME, prefix), verdict(expr.VerdictDrop))
	if err := c.Flush(); err != nil {
		return fmt.Errorf("load nftables table %s (does this kernel have nf_tables?): %w", table, err)
	}
	return nil
}

// lowerFirewall removes the engine's table; a missing one is no error.
func lowerFirewall(table string) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	t := c.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: table})
	c.DelTable(t)
	return c.Flush()
}

// device matches device names that begin with prefix.
func device(key expr.MetaKey, prefix string) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		// Without the closing zero, the comparison is with the beginning.
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte(prefix)},
	}
}

// established matches packets of connections that the host opened.
func established() []expr.Any {
	mask := binary.NativeEndian.AppendUint32(nil, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// toAddress matches IPv4 packets for one address.
func toAddress(a netip.Addr) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.NFPROTO_IPV4}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.AsSlice()},
	}
}

// tcpPorts matches TCP packets for the ports from first to last.
func tcpPorts(first, last uint16) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Range{
			Op: expr.CmpOpEq, Register: 1,
			FromData: binary.BigEndian.AppendUint16(nil, first), ToData: binary.BigEndian.AppendUint16(nil, last),
		},
	}
}

func verdict(kind expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: kind}} }

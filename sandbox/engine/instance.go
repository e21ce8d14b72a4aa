//go:build linux

package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// runDir is where engines keep what lives no longer than the machine runs:
// runsc's state and the marks of address blocks in use.
const runDir = "/run/surgent"

// instance is what sets one engine apart from others on the host. It is kept
// in the data folder, so that a new server finds the old one's sandboxes.
type instance struct {
	Name  string       `json:"name"`  // four hex digits
	Block netip.Prefix `json:"block"` // addresses of its sandboxes
	// Gateway is where its sandboxes find the proxy.
	Gateway netip.Addr `json:"gateway"`

	lock *os.File // held while the engine is open
	mark *os.File // on the address block
}

// openInstance locks the data folder and reads or chooses its instance.
// It waits a moment for a lock that a child of a killed engine, just forked,
// still holds.
func openInstance(ctx context.Context, dataDir string) (*instance, error) {
	for _, dir := range []string{dataDir, runDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open sandboxes: %w", err)
		}
	}
	lock, err := tryLock(filepath.Join(dataDir, "lock"))
	for range 60 {
		if !errors.Is(err, unix.EWOULDBLOCK) || ctx.Err() != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
		lock, err = tryLock(filepath.Join(dataDir, "lock"))
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("the sandboxes in %s belong to another server that is running: stop it, or choose another data folder", dataDir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dataDir, err)
	}
	in := &instance{lock: lock}
	if err := in.load(filepath.Join(dataDir, "engine.json")); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return in, nil
}

func (in *instance) load(name string) error {
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, in)
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		id := make([]byte, 2)
		if _, err := rand.Read(id); err != nil {
			return err
		}
		in.Name = hex.EncodeToString(id)
	case err != nil:
		return fmt.Errorf("read %s: %w", name, err)
	case slices.Contains(gateways, in.Gateway):
		if in.mark, err = tryLock(in.markFile()); err == nil {
			return nil
		}
		// Another engine took our block while we were closed.
	}
	if err := in.chooseBlock(); err != nil {
		return err
	}
	if in.Gateway, err = chooseGateway(); err != nil {
		return err
	}
	return writeJSON(name, in)
}

func (in *instance) markFile() string {
	return filepath.Join(runDir, "block-"+in.Block.Addr().String())
}

// chooseBlock takes a /20 of private addresses that no route of the host
// covers and no other engine has.
func (in *instance) chooseBlock() error {
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return err
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	var taken []netip.Prefix
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		a, ok := netip.AddrFromSlice(r.Dst.IP.To4())
		if ones, _ := r.Dst.Mask.Size(); ok && ones > 0 {
			taken = append(taken, netip.PrefixFrom(a, ones))
		}
	}
	for range 200 {
		n := mathrand.IntN(1024) //nolint:gosec // any free block will do
		block := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(192 + n>>4), byte(n << 4), 0}), 20)
		free := true
		for _, t := range taken {
			free = free && !t.Overlaps(block)
		}
		if !free {
			continue
		}
		in.Block = block
		if in.mark, err = tryLock(in.markFile()); err == nil {
			return nil
		}
	}
	return errors.New("no free block of addresses for sandboxes in 10.192.0.0/10")
}

// close lets go of the data folder, and of the block unless sandboxes are left
// that use its addresses.
func (in *instance) close(left bool) {
	if left {
		_ = in.mark.Close()
	} else {
		in.freeBlock()
	}
	_ = in.lock.Close()
}

// freeBlock lets others have the address block.
func (in *instance) freeBlock() {
	// Still locked: whoever opened it meanwhile sees that it is gone.
	_ = os.Remove(in.markFile())
	_ = in.mark.Close()
}

// tryLock opens a file and takes its lock, which the kernel frees when the
// process ends.
func tryLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		// Its last owner may have removed it between our two steps.
		var mine, there os.FileInfo
		if mine, err = f.Stat(); err == nil {
			if there, err = os.Stat(name); err == nil && !os.SameFile(mine, there) {
				err = unix.EWOULDBLOCK
			}
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

//go:build linux

package base

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// limits bound what an image may unpack to, over all of its layers.
type limits struct {
	entries int
	bytes   int64 // of files' contents
}

// imageLimits are far above any image that people use, and far below what
// would fill a disk's list of files.
var imageLimits = limits{entries: 1_000_000, bytes: 16 << 30}

const (
	whiteout = ".wh."         // before the name of what a layer removes
	opaque   = ".wh..wh..opq" // in a folder of which a layer keeps nothing older
	aufs     = ".wh..wh."     // before names that mean something to aufs alone
)

// layers unpacks an image's layers over one another, from the lowest to the
// highest. An archive may hold anything: what would leave the tree stays in
// it; devices and fifos are left out, and so are set-user-id bits, extended
// attributes and file capabilities, which are of no use in a sandbox, but could
// be to anybody on this machine.
type layers struct {
	tree *tree
	left limits
	// mine is what the present layer wrote, with the folders above it: its
	// own whiteouts spare them.
	mine map[string]bool
}

// apply unpacks one layer.
func (l *layers) apply(ctx context.Context, r io.Reader) error {
	l.mine = map[string]bool{}
	for t := tar.NewReader(r); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		// A path of one entry may have two thousand folders on it.
		l.left.entries -= 1 + l.tree.made
		l.tree.made = 0
		if l.left.entries < 0 {
			return errors.New("the image holds too many files")
		}
		if err := l.entry(h, t); err != nil {
			return fmt.Errorf("unpack %.200q: %w", h.Name, err)
		}
	}
}

func (l *layers) entry(h *tar.Header, content io.Reader) error {
	name := clean(h.Name)
	if name == "." || h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if h.Uid < 0 || h.Gid < 0 {
		return fmt.Errorf("it belongs to nobody: user %d, group %d", h.Uid, h.Gid)
	}
	if len(name) > maxPath || len(h.Linkname) > maxPath {
		return tooLong(name)
	}
	dir, base := path.Split(name)
	if strings.HasPrefix(base, whiteout) {
		return l.whiteOut(dir, base)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return l.folder(name, h)
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return l.file(name, h, content)
	case tar.TypeSymlink:
		if err := l.tree.link(h.Linkname, name); err != nil {
			return err
		}
		return l.own(name, h)
	case tar.TypeLink:
		return l.hardLink(name, h)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return nil // a sandbox has a /dev of its own
	}
	return fmt.Errorf("its kind %q is none of an image's", h.Typeflag)
}

// folder makes a folder, or takes over an older layer's.
func (l *layers) folder(name string, h *tar.Header) error {
	at, err := l.tree.resolve(name)
	if err != nil {
		return err
	}
	info, err := l.tree.root.Lstat(at)
	if err != nil || !info.IsDir() {
		if at, err = l.tree.place(name); err != nil {
			return err
		}
		l.tree.forget()
		if err := l.tree.root.Mkdir(at, 0o755); err != nil {
			return err
		}
	}
	return l.own(name, h)
}

func (l *layers) file(name string, h *tar.Header, content io.Reader) (err error) {
	if l.left.bytes -= h.Size; h.Size < 0 || l.left.bytes < 0 {
		return errors.New("the image is too large")
	}
	f, err := l.tree.create(name, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, content, h.Size)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return l.own(name, h)
}

// hardLink links to a file that this or an older layer holds.
func (l *layers) hardLink(name string, h *tar.Header) error {
	from, err := l.tree.resolve(h.Linkname)
	if err != nil {
		return err
	}
	info, err := l.tree.root.Lstat(from)
	if err != nil {
		return fmt.Errorf("link to %q: %w", h.Linkname, err)
	}
	if !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("link to %q, which is no file", h.Linkname)
	}
	if at, err := l.tree.resolve(name); err != nil {
		return err
	} else if at == from {
		return nil // a link to itself would remove what it links to
	}
	at, err := l.tree.place(name)
	if err != nil {
		return err
	}
	l.mark(at)
	l.tree.forget() // it may be a link to a link
	return l.tree.root.Link(from, at)
}

// mark remembers a resolved path as this layer's.
func (l *layers) mark(at string) {
	for ; at != "." && !l.mine[at]; at = path.Dir(at) {
		l.mine[at] = true
	}
}

// own gives what was just made its owner, mode and time, and remembers it as
// this layer's.
func (l *layers) own(name string, h *tar.Header) error {
	at, err := l.tree.resolve(name)
	if err != nil {
		return err
	}
	l.mark(at)
	root := l.tree.root
	if err := root.Lchown(at, h.Uid, h.Gid); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeSymlink {
		return nil
	}
	mode := h.FileInfo().Mode().Perm()
	if h.Typeflag == tar.TypeDir {
		mode |= h.FileInfo().Mode() & fs.ModeSticky
	}
	if err := root.Chmod(at, mode); err != nil {
		return err
	}
	return root.Chtimes(at, h.ModTime, h.ModTime)
}

// whiteOut removes what older layers hold: one name, or all of a folder.
func (l *layers) whiteOut(dir, base string) error {
	hidden := strings.TrimPrefix(base, whiteout)
	switch {
	case base == opaque:
		at, err := l.tree.follow(dir)
		if err != nil {
			return err
		}
		return l.removeOlder(at)
	case strings.HasPrefix(base, aufs):
		return nil
	case hidden == "" || hidden == "." || hidden == "..":
		return errors.New("it hides nothing that has a name")
	}
	at, err := l.tree.resolve(path.Join(dir, hidden))
	if err != nil {
		return err
	}
	return l.removeOlderThan(at)
}

// removeOlder empties a folder of what this layer did not write.
func (l *layers) removeOlder(at string) error {
	info, err := l.tree.root.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := fs.ReadDir(l.tree.root.FS(), at)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := l.removeOlderThan(path.Join(at, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeOlderThan removes what a resolved path names, but what this layer
// wrote, at it or below it.
func (l *layers) removeOlderThan(at string) error {
	if l.mine[at] {
		return l.removeOlder(at)
	}
	return l.tree.remove(at)
}

package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Blobs is a folder of contents named by their SHA-256. A blob is written to
// the side and moved into place, so that one which exists is whole. It is safe
// for concurrent use, also by several processes.
type Blobs struct{ dir string }

// OpenBlobs returns the store in dir, making the folder.
func OpenBlobs(dir string) (*Blobs, error) {
	if err := os.MkdirAll(filepath.Join(dir, "new"), 0o700); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	return &Blobs{dir: dir}, nil
}

// Put stores what r yields and returns its hash and size in bytes.
func (b *Blobs) Put(r io.Reader) (hash string, size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(b.dir, "new"), "*")
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // best effort: Sweep takes what is left
		}
	}()
	sum := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, sum), r)
	if err == nil {
		// A pointer to this blob is made durable later; the blob must be first.
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	hash = hex.EncodeToString(sum.Sum(nil))
	path := b.path(hash)
	if err = os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	// Renaming over an equal blob also makes it young, which keeps it from Sweep.
	if err = os.Rename(f.Name(), path); err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	return hash, size, nil
}

// Open returns a blob's content; an unknown hash is an fs.ErrNotExist.
func (b *Blobs) Open(hash string) (io.ReadCloser, error) {
	f, err := b.openFile(hash)
	if err != nil {
		return nil, err // not f: a nil *os.File would be a non-nil interface
	}
	return f, nil
}

func (b *Blobs) openFile(hash string) (*os.File, error) {
	if !validHash(hash) {
		return nil, fmt.Errorf("open blob %q: %w", hash, fs.ErrNotExist)
	}
	f, err := os.Open(b.path(hash))
	if err != nil {
		return nil, fmt.Errorf("open blob: %w", err)
	}
	return f, nil
}

// Touch makes a blob young, which keeps it from Sweep while a release that
// needs it is in the making. An unknown hash is an fs.ErrNotExist.
func (b *Blobs) Touch(hash string, now time.Time) error {
	if !validHash(hash) {
		return fmt.Errorf("touch blob %q: %w", hash, fs.ErrNotExist)
	}
	if err := os.Chtimes(b.path(hash), now, now); err != nil {
		return fmt.Errorf("touch blob: %w", err)
	}
	return nil
}

// Read returns a blob's whole content.
func (b *Blobs) Read(hash string) ([]byte, error) {
	f, err := b.openFile(hash)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	return content, errors.Join(err, f.Close())
}

// Sweep removes the blobs that keep refuses and that nobody wrote since
// before, which protects the ones of a release in the making.
func (b *Blobs) Sweep(keep func(hash string) bool, before time.Time) (removed int, err error) {
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return 0, fmt.Errorf("sweep blobs: %w", err)
	}
	defer func() { _ = root.Close() }() // only a handle
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || keep(entry.Name()) {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // moved into place, or another sweep was faster
		}
		if err != nil || !info.ModTime().Before(before) {
			return err
		}
		if err := root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removed++
		return nil
	})
	if err != nil {
		return removed, fmt.Errorf("sweep blobs: %w", err)
	}
	return removed, nil
}

func (b *Blobs) path(hash string) string { return filepath.Join(b.dir, hash[:2], hash) }

func validHash(hash string) bool {
	if len(hash) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(hash) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

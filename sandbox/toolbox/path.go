//go:build linux

package toolbox

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// tree is the part of the file system that one request may touch: all of it,
// or with the query parameter within=<folder> that folder only, without the
// names right below it that parameters except=<name> say.
type tree struct {
	work   string  // where relative paths start
	folder *folder // nil for everything
}

// tree opens the part of the file system that r may touch; the caller closes
// it.
func (s *Server) tree(r *http.Request) (*tree, error) {
	dir := r.URL.Query().Get("within")
	if dir == "" {
		return &tree{work: s.cfg.WorkDir}, nil
	}
	if !filepath.IsAbs(dir) || strings.ContainsRune(dir, 0) {
		return nil, fail(http.StatusBadRequest, "INVALID_FILE_PATH", "within must be an absolute path")
	}
	f, err := openFolder(filepath.Clean(dir))
	if err != nil {
		return nil, fileError(dir, err)
	}
	f.except = r.URL.Query()["except"]
	return &tree{work: f.dir, folder: f}, nil
}

func (t *tree) close() {
	if t.folder != nil {
		t.folder.close()
	}
}

// abs returns path as an absolute one.
func (t *tree) abs(path string) (string, error) {
	if strings.ContainsRune(path, 0) {
		return "", fail(http.StatusBadRequest, "INVALID_FILE_PATH", "path holds a NUL byte")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.work, path)
	}
	return filepath.Clean(path), nil
}

// leftOut tells whether a path below the folder is one that no path leads to.
func (t *tree) leftOut(abs string) bool {
	if t.folder == nil || len(t.folder.except) == 0 {
		return false
	}
	_, err := t.lstat(abs)
	return errors.Is(err, errExcept)
}

func (t *tree) openFile(abs string, flag int, perm uint32) (*os.File, error) {
	if t.folder != nil {
		return t.folder.open(abs, flag, perm)
	}
	return os.OpenFile(abs, flag, fs.FileMode(perm))
}

// open opens for reading. O_NONBLOCK keeps a FIFO without a writer from
// holding the request for ever.
func (t *tree) open(abs string) (*os.File, error) {
	return t.openFile(abs, os.O_RDONLY|unix.O_NONBLOCK, 0)
}

// openDir opens a directory for reading.
func (t *tree) openDir(abs string) (*os.File, error) {
	f, err := t.open(abs)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.IsDir() {
		err = &os.PathError{Op: "open", Path: abs, Err: unix.ENOTDIR}
	}
	if err != nil {
		_ = f.Close() // read only
		return nil, err
	}
	return f, nil
}

func (t *tree) stat(abs string) (fs.FileInfo, error) {
	if t.folder != nil {
		return t.folder.stat(abs, true)
	}
	return os.Stat(abs)
}

func (t *tree) lstat(abs string) (fs.FileInfo, error) {
	if t.folder != nil {
		return t.folder.stat(abs, false)
	}
	return os.Lstat(abs)
}

func (t *tree) mkdirAll(abs string, mode fs.FileMode) error {
	if t.folder != nil {
		return t.folder.mkdirAll(abs, uint32(mode.Perm()))
	}
	return os.MkdirAll(abs, mode)
}

func (t *tree) remove(abs string, all bool) error {
	switch {
	case t.folder != nil:
		return t.folder.remove(abs, all)
	case all:
		return os.RemoveAll(abs)
	}
	return os.Remove(abs)
}

func (t *tree) rename(from, to string) error {
	if t.folder != nil {
		return t.folder.rename(from, to)
	}
	return os.Rename(from, to)
}

func (t *tree) chmod(abs string, mode fs.FileMode) error {
	if t.folder != nil {
		return t.folder.chmod(abs, syscallMode(mode))
	}
	return os.Chmod(abs, mode)
}

func (t *tree) chown(abs string, uid, gid int) error {
	if t.folder != nil {
		return t.folder.chown(abs, uid, gid)
	}
	return os.Chown(abs, uid, gid)
}

// syscallMode is a mode as the kernel writes it.
func syscallMode(mode fs.FileMode) uint32 {
	m := uint32(mode.Perm())
	for bit, set := range map[uint32]fs.FileMode{
		unix.S_ISUID: fs.ModeSetuid, unix.S_ISGID: fs.ModeSetgid, unix.S_ISVTX: fs.ModeSticky,
	} {
		if mode&set != 0 {
			m |= bit
		}
	}
	return m
}

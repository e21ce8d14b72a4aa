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

// errEscapes: a path that is to stay within a folder leads out of it.
var errEscapes = errors.New("path leads out of the folder")

// tree is the part of the file system that one request may touch: all of it,
// or with the query parameter within=<folder> that folder only. Within a
// folder every part of a path is opened below the one before it, so that
// neither ".." nor a symbolic link leads out, not even one that is made while
// the request runs.
type tree struct {
	work string   // where relative paths start
	dir  string   // the folder, "" for everything
	root *os.Root // nil for everything
}

// tree opens the part of the file system that r may touch; the caller closes
// it.
func (s *Server) tree(r *http.Request) (*tree, error) {
	dir := r.URL.Query().Get("within")
	if dir == "" {
		return &tree{work: s.cfg.WorkDir}, nil
	}
	if !filepath.IsAbs(dir) {
		return nil, fail(http.StatusBadRequest, "INVALID_FILE_PATH", "within must be an absolute path")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fileError(dir, err)
	}
	return &tree{work: filepath.Clean(dir), dir: filepath.Clean(dir), root: root}, nil
}

func (t *tree) close() {
	if t.root != nil {
		_ = t.root.Close() // a handle for looking up names only
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

// name returns what the operations below take for the absolute path abs: abs
// itself, or its form relative to the folder.
func (t *tree) name(abs string) (string, error) {
	if t.root == nil {
		return abs, nil
	}
	rel, err := filepath.Rel(t.dir, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return "", errEscapes
	}
	return rel, nil
}

// within runs the operation that fits the tree. os.Root refuses with an error
// of its own that is not exported; every refusal that is no errno counts as
// an escape.
func within[T any](t *tree, abs string, all func(string) (T, error), rooted func(*os.Root, string) (T, error)) (T, error) {
	name, err := t.name(abs)
	if err != nil {
		var zero T
		return zero, err
	}
	if t.root == nil {
		return all(name)
	}
	v, err := rooted(t.root, name)
	if err != nil {
		var errno unix.Errno
		if !errors.As(err, &errno) {
			err = errEscapes
		}
	}
	return v, err
}

func (t *tree) openFile(abs string, flag int, perm fs.FileMode) (*os.File, error) {
	return within(t, abs,
		func(p string) (*os.File, error) { return os.OpenFile(p, flag, perm) }, //nolint:gosec // the sandbox's own files
		func(r *os.Root, p string) (*os.File, error) { return r.OpenFile(p, flag, perm) })
}

// open opens for reading. O_NONBLOCK keeps a FIFO without a writer from
// holding the request for ever.
func (t *tree) open(abs string) (*os.File, error) {
	return t.openFile(abs, os.O_RDONLY|unix.O_NONBLOCK, 0)
}

func (t *tree) stat(abs string) (fs.FileInfo, error) {
	return within(t, abs, os.Stat, (*os.Root).Stat)
}

func (t *tree) lstat(abs string) (fs.FileInfo, error) {
	return within(t, abs, os.Lstat, (*os.Root).Lstat)
}

func none(err error) (struct{}, error) { return struct{}{}, err }

func (t *tree) mkdirAll(abs string, mode fs.FileMode) error {
	_, err := within(t, abs,
		func(p string) (struct{}, error) { return none(os.MkdirAll(p, mode)) },
		func(r *os.Root, p string) (struct{}, error) { return none(r.MkdirAll(p, mode)) })
	return err
}

func (t *tree) remove(abs string, all bool) error {
	_, err := within(t, abs,
		func(p string) (struct{}, error) {
			if all {
				return none(os.RemoveAll(p))
			}
			return none(os.Remove(p))
		},
		func(r *os.Root, p string) (struct{}, error) {
			if all {
				return none(r.RemoveAll(p))
			}
			return none(r.Remove(p))
		})
	return err
}

func (t *tree) rename(from, to string) error {
	target, err := t.name(to)
	if err != nil {
		return err
	}
	_, err = within(t, from,
		func(p string) (struct{}, error) { return none(os.Rename(p, target)) },
		func(r *os.Root, p string) (struct{}, error) { return none(r.Rename(p, target)) })
	return err
}

func (t *tree) chmod(abs string, mode fs.FileMode) error {
	_, err := within(t, abs,
		func(p string) (struct{}, error) { return none(os.Chmod(p, mode)) },
		func(r *os.Root, p string) (struct{}, error) { return none(r.Chmod(p, mode)) })
	return err
}

func (t *tree) chown(abs string, uid, gid int) error {
	_, err := within(t, abs,
		func(p string) (struct{}, error) { return none(os.Chown(p, uid, gid)) },
		func(r *os.Root, p string) (struct{}, error) { return none(r.Chown(p, uid, gid)) })
	return err
}

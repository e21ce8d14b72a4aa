//go:build linux

package toolbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// errEscapes: a path that is to stay within a folder leads out of it, and
// errExcept, to a name in it that is left out.
var (
	errEscapes = errors.New("path leads out of the folder")
	errExcept  = errors.New("path leads to what is left out")
)

// maxLinks is how many symbolic links one path may go through.
const maxLinks = 40

// folder does operations on files that cannot leave a directory. Paths are
// absolute. Each part of a path is opened below the one before it and looked
// at before it is gone through; symbolic links are followed here, not by the
// kernel, so that neither they nor ".." lead out, not even one that is made
// while the path is walked.
//
// os.Root would do, but it relies on O_DIRECTORY|O_NOFOLLOW refusing a link,
// and gVisor's kernel follows it.
type folder struct {
	dir    string
	fd     int
	except []string // names right below it that no path leads to
}

// openFolder opens dir, itself by any way that leads to it.
func openFolder(dir string) (*folder, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return &folder{dir: dir, fd: fd}, nil
}

func (f *folder) close() { _ = unix.Close(f.fd) } // a handle for looking up names only

// place is where a path ends: a name below an open directory. The name is "."
// for the folder itself.
type place struct {
	fd   int
	name string
}

func (p place) close() { _ = unix.Close(p.fd) } // as above

// rel returns the parts of abs below the folder.
func (f *folder) rel(abs string) ([]string, error) {
	rel, err := filepath.Rel(f.dir, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, errEscapes
	}
	if rel == "." {
		return nil, nil
	}
	return strings.Split(rel, "/"), nil
}

// resolve walks to abs and returns its place, which the caller closes. With
// last, a symbolic link at the end is followed too. The last part need not
// exist. missing, if not nil, is called for each other part that does not and
// may make it.
func (f *folder) resolve(abs string, last bool, missing func(fd int, name string) error) (place, error) {
	parts, err := f.rel(abs)
	if err != nil {
		return place{}, err
	}
	// stack holds the open directories from the folder down.
	top, err := unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return place{}, err
	}
	stack := []int{top}
	defer func() {
		for _, fd := range stack {
			_ = unix.Close(fd)
		}
	}()
	give := func(name string) (place, error) { // the innermost goes to the caller
		fd := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		return place{fd: fd, name: name}, nil
	}
	links := 0
	for i := 0; i < len(parts); i++ {
		name, final := parts[i], i == len(parts)-1
		switch name {
		case "", ".":
			continue
		case "..":
			if len(stack) == 1 {
				return place{}, errEscapes
			}
			_ = unix.Close(stack[len(stack)-1])
			stack = stack[:len(stack)-1]
			continue
		}
		if len(stack) == 1 && slices.ContainsFunc(f.except, func(e string) bool { return strings.EqualFold(e, name) }) {
			return place{}, errExcept
		}
		dir := stack[len(stack)-1]
		if final && !last {
			return give(name)
		}
		fd, st, err := look(dir, name)
		if errors.Is(err, unix.ENOENT) {
			if final {
				return give(name)
			}
			if missing != nil {
				if err = missing(dir, name); err == nil {
					fd, st, err = look(dir, name)
				}
			}
		}
		if err != nil {
			return place{}, &os.PathError{Op: "open", Path: abs, Err: err}
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			_ = unix.Close(fd)
			if links++; links > maxLinks {
				return place{}, &os.PathError{Op: "open", Path: abs, Err: unix.ELOOP}
			}
			target, err := readlink(dir, name)
			if err != nil {
				return place{}, &os.PathError{Op: "readlink", Path: abs, Err: err}
			}
			rest := parts[i+1:]
			if filepath.IsAbs(target) {
				if parts, err = f.rel(filepath.Clean(target)); err != nil {
					return place{}, err
				}
				for _, open := range stack[1:] {
					_ = unix.Close(open)
				}
				stack = stack[:1]
			} else {
				parts = strings.Split(target, "/")
			}
			parts, i = append(append([]string(nil), parts...), rest...), -1
		case unix.S_IFDIR:
			if final {
				_ = unix.Close(fd)
				return give(name)
			}
			stack = append(stack, fd)
		default:
			_ = unix.Close(fd)
			if !final {
				return place{}, &os.PathError{Op: "open", Path: abs, Err: unix.ENOTDIR}
			}
			return give(name)
		}
	}
	return give(".")
}

// look opens one name without following it and tells what it is.
func look(dir int, name string) (int, unix.Stat_t, error) {
	var st unix.Stat_t
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, st, err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// at resolves abs, runs do and closes the place.
func (f *folder) at(op, abs string, last bool, do func(p place) error) error {
	p, err := f.resolve(abs, last, nil)
	if err != nil {
		return err
	}
	defer p.close()
	if err := do(p); err != nil {
		return &os.PathError{Op: op, Path: abs, Err: err}
	}
	return nil
}

func (f *folder) open(abs string, flag int, perm uint32) (*os.File, error) {
	var file *os.File
	err := f.at("open", abs, true, func(p place) error {
		// Resolved, so a link here is one that was made just now.
		fd, err := unix.Openat(p.fd, p.name, flag&^unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, perm)
		if err == nil {
			file = os.NewFile(uintptr(fd), abs)
		}
		return err
	})
	return file, err
}

func (f *folder) stat(abs string, last bool) (fs.FileInfo, error) {
	var info fs.FileInfo
	err := f.at("stat", abs, last, func(p place) error {
		fd, _, err := look(p.fd, p.name)
		if err != nil {
			return err
		}
		file := os.NewFile(uintptr(fd), abs)
		defer func() { _ = file.Close() }()
		info, err = file.Stat()
		return err
	})
	return info, err
}

func (f *folder) mkdirAll(abs string, mode uint32) error {
	mkdir := func(fd int, name string) error {
		if err := unix.Mkdirat(fd, name, mode); !errors.Is(err, unix.EEXIST) {
			return err
		}
		return nil
	}
	p, err := f.resolve(abs, true, mkdir)
	if err != nil {
		return err
	}
	defer p.close()
	if p.name == "." {
		return nil
	}
	err = mkdir(p.fd, p.name)
	if err == nil {
		var fd int
		var st unix.Stat_t
		if fd, st, err = look(p.fd, p.name); err == nil {
			_ = unix.Close(fd)
			if st.Mode&unix.S_IFMT != unix.S_IFDIR {
				err = unix.ENOTDIR
			}
		}
	}
	if err != nil {
		return &os.PathError{Op: "mkdir", Path: abs, Err: err}
	}
	return nil
}

func (f *folder) remove(abs string, all bool) error {
	return f.at("remove", abs, false, func(p place) error {
		if p.name == "." {
			return unix.EINVAL // the folder itself stays
		}
		if all {
			return removeAll(p.fd, p.name)
		}
		err := unix.Unlinkat(p.fd, p.name, 0)
		if errors.Is(err, unix.EISDIR) {
			err = unix.Unlinkat(p.fd, p.name, unix.AT_REMOVEDIR)
		}
		return err
	})
}

// removeAll removes a name and all below it, links as themselves.
func removeAll(dir int, name string) error {
	err := unix.Unlinkat(dir, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) {
		return err
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), name)
	names, err := file.Readdirnames(-1)
	for _, n := range names {
		if err == nil {
			err = removeAll(fd, n)
		}
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

func (f *folder) rename(from, to string) error {
	return f.at("rename", from, false, func(p place) error {
		q, err := f.resolve(to, false, nil)
		if err != nil {
			return err
		}
		defer q.close()
		return unix.Renameat(p.fd, p.name, q.fd, q.name)
	})
}

func (f *folder) chmod(abs string, mode uint32) error {
	return f.at("chmod", abs, true, func(p place) error { return unix.Fchmodat(p.fd, p.name, mode, 0) })
}

func (f *folder) chown(abs string, uid, gid int) error {
	return f.at("chown", abs, true, func(p place) error {
		return unix.Fchownat(p.fd, p.name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
	})
}

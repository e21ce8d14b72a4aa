//go:build linux

package base

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// maxPath is how long a path may be, as in Linux. Every step of a path costs
// time, and an archive's may be of any length.
const maxPath = 4096

// tree is a root file system that is being made, whose contents may be an
// enemy's. Links in it lead where they would lead a program that runs in it:
// an absolute one, and one that climbs too high, starts at the tree's own
// root. Nothing reaches out of the tree, not even by a mistake made here: all
// goes through os.Root. It is for one goroutine, and nobody else may change
// the tree meanwhile.
type tree struct {
	root    *os.Root
	folders map[string]string // what resolve found, until a link or folder goes or comes
	made    int               // folders that no entry named, made on the way to one that did
}

// openTree opens a folder that exists.
func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{root: root, folders: map[string]string{}}, nil
}

func (t *tree) close() { _ = t.root.Close() } // only a descriptor

// clean makes a path relative to the tree, "." for the root itself.
func clean(name string) string {
	if name = path.Clean("/" + name)[1:]; name == "" {
		return "."
	}
	return name
}

// resolve returns where name is, with the links on the way to its last part
// followed. The parts of it need not exist.
func (t *tree) resolve(name string) (string, error) {
	name = clean(name)
	dir, base := path.Split(name)
	dir, err := t.folder(path.Clean(dir))
	if err != nil {
		return "", err
	}
	return path.Join(dir, base), nil
}

// follow returns where name is, with the last part's link followed too.
func (t *tree) follow(name string) (string, error) { return t.folder(clean(name)) }

// folder follows all links of a clean relative path.
func (t *tree) folder(name string) (string, error) {
	if at, ok := t.folders[name]; ok {
		return at, nil
	}
	if len(name) > maxPath {
		return "", tooLong(name)
	}
	at, links := ".", 0
	for todo := strings.Split(name, "/"); len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		info, err := t.root.Lstat(next)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			if at = next; len(at) > maxPath {
				return "", tooLong(name)
			}
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "follow", Path: name, Err: unix.ELOOP}
		}
		target, err := t.root.Readlink(next)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(target, "/") {
			at = "."
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	t.folders[name] = at
	return at, nil
}

func tooLong(name string) error {
	return &fs.PathError{Op: "follow", Path: name[:min(len(name), 80)] + "…", Err: unix.ENAMETOOLONG}
}

// forget drops what resolve remembers, after something that may have been a
// folder or a link on a path has changed.
func (t *tree) forget() { clear(t.folders) }

// mkdir makes a folder and those above it. One that exists is kept.
func (t *tree) mkdir(name string) error {
	at, err := t.follow(name)
	if err != nil || at == "." {
		return err
	}
	for up := at; up != "."; up = path.Dir(up) {
		if _, err := t.root.Lstat(up); err == nil {
			break
		}
		t.made++
	}
	return t.root.MkdirAll(at, 0o755)
}

// place resolves name, makes the folders above it and removes what is there.
func (t *tree) place(name string) (string, error) {
	if dir := path.Dir(clean(name)); dir != "." {
		if err := t.mkdir(dir); err != nil {
			return "", err
		}
	}
	at, err := t.resolve(name)
	if err != nil {
		return "", err
	}
	return at, t.remove(at)
}

// remove removes what a resolved path names, with all that is below it. What
// isn't there is no error.
func (t *tree) remove(at string) error {
	if at == "." {
		return errors.New("the root itself can't be replaced")
	}
	info, err := t.root.Lstat(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&fs.ModeSymlink != 0 {
		t.forget()
	}
	return t.root.RemoveAll(at)
}

// create opens a new file in the place of what may be there.
func (t *tree) create(name string, mode fs.FileMode) (*os.File, error) {
	at, err := t.place(name)
	if err != nil {
		return nil, err
	}
	return t.root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
}

// write writes a file in the place of what may be there.
func (t *tree) write(name string, text []byte, mode fs.FileMode) error {
	f, err := t.create(name, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// link makes a symbolic link in the place of what may be there.
func (t *tree) link(target, name string) error {
	at, err := t.place(name)
	if err != nil {
		return err
	}
	t.forget()
	return t.root.Symlink(target, at)
}

// delete removes name without following a link at its end.
func (t *tree) delete(name string) error {
	at, err := t.resolve(name)
	if err != nil {
		return err
	}
	return t.remove(at)
}

// open opens a regular file of at most limit bytes for reading.
func (t *tree) open(name string, limit int64) (*os.File, error) {
	at, err := t.follow(name)
	if err != nil {
		return nil, err
	}
	info, err := t.root.Lstat(at) // never open a fifo or a device
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is not a plain file of at most %d bytes", name, limit)
	}
	return t.root.Open(at)
}

// read returns a small file's contents, nil when there is none.
func (t *tree) read(name string) ([]byte, error) {
	const limit = 4 << 20
	f, err := t.open(name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, info.Size())
	_, err = io.ReadFull(f, text)
	return text, err
}

// chown gives a folder and all below it to uid and gid, links themselves.
func (t *tree) chown(name string, id int) error {
	at, err := t.follow(name)
	if err != nil {
		return err
	}
	return fs.WalkDir(t.root.FS(), at, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return t.root.Lchown(name, id, id)
	})
}

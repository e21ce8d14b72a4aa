//go:build linux

package toolbox

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func (s *Server) fileRoutes() {
	for pattern, h := range map[string]handler{
		"GET /files":                s.listFiles,
		"DELETE /files":             s.deleteFile,
		"GET /files/info":           s.fileInfo,
		"GET /files/download":       s.download,
		"POST /files/bulk-download": s.bulkDownload,
		"POST /files/upload":        s.upload,
		"POST /files/upload-v2":     s.upload,
		"POST /files/bulk-upload":   s.bulkUpload,
		"POST /files/folder":        s.createFolder,
		"POST /files/move":          s.moveFile,
		"POST /files/permissions":   s.setPermissions,
		"GET /files/find":           s.findInFiles,
		"GET /files/search":         s.searchFiles,
		"POST /files/replace":       s.replaceInFiles,
	} {
		s.handle(pattern, s.asUser(h))
	}
}

// entry is Daytona's FileInfo.
type entry struct {
	Name        string    `json:"name"`
	Path        string    `json:"path"`
	Size        int64     `json:"size"`
	Mode        string    `json:"mode"`
	Permissions string    `json:"permissions"`
	ModTime     string    `json:"modTime"`
	ModifiedAt  time.Time `json:"modifiedAt"`
	IsDir       bool      `json:"isDir"`
	Owner       string    `json:"owner"`
	Group       string    `json:"group"`
}

func newEntry(abs string, info fs.FileInfo) entry {
	e := entry{
		Name: filepath.Base(abs), Path: abs, Size: info.Size(), Mode: info.Mode().String(),
		Permissions: "0" + strconv.FormatUint(uint64(info.Mode().Perm()), 8),
		ModTime:     info.ModTime().UTC().String(), ModifiedAt: info.ModTime().UTC(), IsDir: info.IsDir(),
	}
	if len(e.Permissions) < 4 {
		e.Permissions = strings.Repeat("0", 4-len(e.Permissions)) + e.Permissions
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		e.Owner, e.Group = strconv.FormatUint(uint64(st.Uid), 10), strconv.FormatUint(uint64(st.Gid), 10)
	}
	return e
}

// withPath runs do with the tree of the request and the absolute form of its
// query parameter; an empty one is fallback, or an error when that is empty.
func (s *Server) withPath(r *http.Request, param, fallback string, do func(t *tree, abs string) error) error {
	t, err := s.tree(r)
	if err != nil {
		return err
	}
	defer t.close()
	path := cmp.Or(r.URL.Query().Get(param), fallback)
	if path == "" {
		return badRequest("%s is required", param)
	}
	abs, err := t.abs(path)
	if err != nil {
		return err
	}
	return fileError(path, do(t, abs))
}

func (s *Server) listFiles(w http.ResponseWriter, r *http.Request) error {
	depth := 1
	if q := r.URL.Query().Get("depth"); q != "" {
		n, err := strconv.Atoi(q)
		if err != nil || n < 1 {
			return badRequest("depth must be a number from 1")
		}
		depth = n
	}
	return s.withPath(r, "path", ".", func(t *tree, abs string) error {
		entries, err := list(t, abs, depth, maxEntries)
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, entries)
		return nil
	})
}

// maxEntries bounds what one list answers.
const maxEntries = 10_000

// list reads a folder, and the folders in it down to depth, up to room entries.
// A symbolic link is shown as what it leads to, or as itself when it leads
// nowhere, out, or to what is left out.
func list(t *tree, abs string, depth, room int) ([]entry, error) {
	dir, err := t.openDir(abs)
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(maxEntries)
	if cerr := dir.Close(); err == nil {
		err = cerr
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.Sort(names)
	entries := make([]entry, 0, len(names))
	for _, name := range names {
		if len(entries) >= room {
			break
		}
		path := filepath.Join(abs, name)
		info, err := t.stat(path)
		if err != nil {
			if info, err = t.lstat(path); err != nil {
				continue // it went away while the folder was read, or is left out
			}
		}
		entries = append(entries, newEntry(path, info))
		if depth > 1 && info.IsDir() {
			if link, err := t.lstat(path); err != nil || link.Mode()&fs.ModeSymlink != 0 {
				continue // a link to a parent would never end
			}
			below, err := list(t, path, depth-1, room-len(entries))
			if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			entries = append(entries, below...)
		}
	}
	return entries, nil
}

func (s *Server) fileInfo(w http.ResponseWriter, r *http.Request) error {
	return s.withPath(r, "path", "", func(t *tree, abs string) error {
		info, err := t.stat(abs)
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, newEntry(abs, info))
		return nil
	})
}

func (s *Server) createFolder(w http.ResponseWriter, r *http.Request) error {
	mode, err := parseMode(cmp.Or(r.URL.Query().Get("mode"), "0755"))
	if err != nil {
		return err
	}
	return s.withPath(r, "path", "", func(t *tree, abs string) error {
		if err := t.mkdirAll(abs, mode); err != nil {
			return err
		}
		w.WriteHeader(http.StatusCreated)
		return nil
	})
}

func (s *Server) deleteFile(w http.ResponseWriter, r *http.Request) error {
	recursive := r.URL.Query().Get("recursive") == "true"
	return s.withPath(r, "path", "", func(t *tree, abs string) error {
		info, err := t.lstat(abs)
		if err != nil {
			return err
		}
		if info.IsDir() && !recursive {
			return badRequest("cannot delete directory without recursive flag")
		}
		if err := t.remove(abs, recursive); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
}

func (s *Server) moveFile(w http.ResponseWriter, r *http.Request) error {
	return s.withPath(r, "destination", "", func(t *tree, to string) error {
		return s.withPath(r, "source", "", func(_ *tree, from string) error {
			if _, err := t.lstat(from); err != nil {
				return err
			}
			if _, err := t.lstat(to); err == nil {
				return fail(http.StatusConflict, "CONFLICT", "destination already exists: %s", to)
			}
			if err := t.rename(from, to); err != nil {
				return err
			}
			w.WriteHeader(http.StatusOK)
			return nil
		})
	})
}

func (s *Server) setPermissions(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return s.withPath(r, "path", "", func(t *tree, abs string) error {
		uid, err := lookupID(q.Get("owner"), func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
		if err != nil {
			return err
		}
		gid, err := lookupID(q.Get("group"), func(name string) (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		})
		if err != nil {
			return err
		}
		if m := q.Get("mode"); m != "" {
			mode, err := parseMode(m)
			if err != nil {
				return err
			}
			if err := t.chmod(abs, mode); err != nil {
				return err
			}
		}
		if uid >= 0 || gid >= 0 {
			if err := t.chown(abs, uid, gid); err != nil {
				return err
			}
		}
		w.WriteHeader(http.StatusOK)
		return nil
	})
}

// lookupID turns a name or a number into an id, and "" into -1.
func lookupID(name string, lookup func(string) (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, nil
	}
	id, err := lookup(name)
	if err != nil {
		return 0, badRequest("unknown owner or group %q", name)
	}
	return strconv.Atoi(id)
}

func parseMode(text string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n > 0o7777 {
		return 0, badRequest("invalid mode %q", text)
	}
	mode := fs.FileMode(n & 0o777)
	if n&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if n&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if n&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode, nil
}

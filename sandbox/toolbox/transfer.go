//go:build linux

package toolbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// boundary separates the parts of a bulk download; clients expect this one.
const boundary = "DAYTONA-FILE-BOUNDARY"

// openRegular opens a file to send; anything but a regular file is refused.
func openRegular(t *tree, abs string) (*os.File, fs.FileInfo, error) {
	f, err := t.open(abs)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fail(http.StatusBadRequest, "INVALID_FILE_PATH", "%s is not a regular file", abs)
	}
	if err != nil {
		_ = f.Close() // opened for reading, nothing to lose
		return nil, nil, err
	}
	return f, info, nil
}

func (s *Server) download(w http.ResponseWriter, r *http.Request) error {
	return s.withPath(r, "path", "", func(t *tree, abs string) error {
		f, info, err := openRegular(t, abs)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", disposition("attachment", "", filepath.Base(abs)))
		w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
		w.WriteHeader(http.StatusOK)
		// The length is promised: a file that shrinks meanwhile cuts the
		// connection, one that grows is sent as it was.
		_, _ = io.CopyN(w, f, info.Size())
		return nil
	})
}

func (s *Server) bulkDownload(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Paths []string `json:"paths"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if len(req.Paths) == 0 {
		return badRequest("paths is required")
	}
	t, err := s.tree(r)
	if err != nil {
		return err
	}
	defer t.close()
	mw := multipart.NewWriter(w)
	if err := mw.SetBoundary(boundary); err != nil {
		return fmt.Errorf("start multipart: %w", err)
	}
	w.Header().Set("Content-Type", "multipart/form-data; boundary="+boundary)
	w.WriteHeader(http.StatusOK)
	for _, path := range req.Paths {
		if err := s.downloadPart(mw, r, t, path); err != nil {
			return nil // the client is gone; the answer has begun
		}
	}
	_ = mw.Close() // as above
	return nil
}

// downloadPart writes one file, or in its place why there is none. The error
// returned is the connection's.
func (s *Server) downloadPart(mw *multipart.Writer, r *http.Request, t *tree, path string) error {
	abs, err := t.abs(path)
	var f *os.File
	var info fs.FileInfo
	if err == nil {
		f, info, err = openRegular(t, abs)
	}
	header := textproto.MIMEHeader{}
	if err != nil {
		body, merr := json.Marshal(s.errorBody(r, fileError(path, err)))
		if merr != nil {
			return merr
		}
		header.Set("Content-Disposition", disposition("form-data", "error", path))
		header.Set("Content-Type", "application/json")
		header.Set("Content-Length", strconv.Itoa(len(body)))
		part, err := mw.CreatePart(header)
		if err != nil {
			return err
		}
		_, err = part.Write(body)
		return err
	}
	defer func() { _ = f.Close() }()
	header.Set("Content-Disposition", disposition("form-data", "file", path))
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	part, err := mw.CreatePart(header)
	if err != nil {
		return err
	}
	_, err = io.CopyN(part, f, info.Size())
	return err
}

// disposition writes a Content-Disposition whose filename* is the name byte
// for byte: clients match bulk downloads by it, and read a plain filename as
// Latin-1.
func disposition(kind, field, name string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\' || r < ' ' || r > '~':
			return '_'
		}
		return r
	}, name)
	out := kind
	if field != "" {
		out += fmt.Sprintf(`; name="%s"`, field)
	}
	return out + fmt.Sprintf(`; filename="%s"; filename*=utf-8''%s`, plain, strings.ReplaceAll(url.QueryEscape(name), "+", "%20"))
}

// upload takes one file, as the multipart field "file" or as the body.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) error {
	return s.withPath(r, "path", "", func(t *tree, abs string) error {
		var content io.Reader = r.Body
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
			mr, err := r.MultipartReader()
			if err != nil {
				return badRequest("read multipart: %v", err)
			}
			for {
				part, err := mr.NextPart()
				if err != nil {
					return badRequest("multipart field file is missing")
				}
				if part.FormName() == "file" {
					content = part
					break
				}
			}
		}
		n, err := s.store(t, abs, content)
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, map[string]any{"path": abs, "bytes": n})
		return nil
	})
}

type uploaded struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// bulkUpload takes files as pairs of multipart fields, files[i].path and then
// files[i].file. It reads to the end also when one fails: a client that is
// still sending would see a reset connection instead of the answer.
func (s *Server) bulkUpload(w http.ResponseWriter, r *http.Request) error {
	t, err := s.tree(r)
	if err != nil {
		return err
	}
	defer t.close()
	mr, err := r.MultipartReader()
	if err != nil {
		return badRequest("read multipart: %v", err)
	}
	paths := map[string]string{}
	done, problems := []uploaded{}, []string{}
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return badRequest("read multipart: %v", err)
		}
		index, field, _ := strings.Cut(part.FormName(), ".")
		switch field {
		case "path":
			text, err := io.ReadAll(io.LimitReader(part, 8192))
			if err != nil {
				return badRequest("read %s: %v", part.FormName(), err)
			}
			paths[index] = string(text)
		case "file":
			path, ok := paths[index]
			if !ok || path == "" {
				problems = append(problems, fmt.Sprintf("%s: %s.path must come before it", part.FormName(), index))
				continue
			}
			n, err := s.storePath(t, path, part)
			if err != nil {
				problems = append(problems, fileError(path, err).Error())
				continue
			}
			done = append(done, uploaded{Path: path, Bytes: n})
		}
	}
	if len(problems) > 0 {
		writeJSON(w, http.StatusBadRequest, map[string]any{
			"errors": problems, "files": done, "statusCode": http.StatusBadRequest,
			"message": strings.Join(problems, ", "), "source": source,
		})
		return nil
	}
	writeJSON(w, http.StatusOK, map[string]any{"files": done})
	return nil
}

func (s *Server) storePath(t *tree, path string, content io.Reader) (int64, error) {
	abs, err := t.abs(path)
	if err != nil {
		return 0, err
	}
	return s.store(t, abs, content)
}

// store writes a file and its parents. A new or a regular file is written
// beside and renamed into place, so that nobody, a dev server for one, reads
// half of it, and an upload that breaks off leaves what was there. Anything
// else, such as a symbolic link, is written through.
func (s *Server) store(t *tree, abs string, content io.Reader) (int64, error) {
	if err := t.mkdirAll(filepath.Dir(abs), 0o755); err != nil {
		return 0, err
	}
	mode := fs.FileMode(0o644)
	switch info, err := t.lstat(abs); {
	case err == nil && info.IsDir():
		return 0, fail(http.StatusBadRequest, "INVALID_FILE_PATH", "%s is a directory", abs)
	case err == nil && !info.Mode().IsRegular():
		return writeThrough(t, abs, content)
	case err == nil:
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return 0, err
	}
	tmp, err := os.CreateTemp(filepath.Join(s.cfg.StateDir, "tmp"), "upload-*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone when it was renamed
	n, err := io.Copy(tmp, content)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err != nil {
		_ = tmp.Close()
		return n, err
	}
	err = renameInto(t, tmp.Name(), abs)
	if errors.Is(err, unix.EXDEV) {
		if _, err = tmp.Seek(0, io.SeekStart); err == nil {
			_, err = writeThrough(t, abs, tmp)
		}
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	return n, err
}

// renameInto moves a finished file to abs. The parent is opened through the
// tree, so a link that replaced it meanwhile does not lead out.
func renameInto(t *tree, from, abs string) error {
	parent, err := t.openDir(filepath.Dir(abs))
	if err != nil {
		return err
	}
	defer func() { _ = parent.Close() }()
	err = unix.Renameat(unix.AT_FDCWD, from, int(parent.Fd()), filepath.Base(abs))
	if err != nil {
		return &os.PathError{Op: "rename", Path: abs, Err: err}
	}
	return nil
}

func writeThrough(t *tree, abs string, content io.Reader) (int64, error) {
	f, err := t.openFile(abs, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(patient{f}, content)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fail(http.StatusConflict, "CONFLICT", "%s: nobody reads what is written", abs)
	}
	return n, err
}

// readPatience is how long a FIFO or a terminal may take to be read from.
const readPatience = 5 * time.Second

// patient writes to a file that may be a FIFO or a terminal. Whoever has it
// open need not read, and the request would never end.
type patient struct{ f *os.File }

func (p patient) Write(b []byte) (int, error) {
	_ = p.f.SetWriteDeadline(time.Now().Add(readPatience)) // files of other kinds have none and don't wait
	return p.f.Write(b)
}

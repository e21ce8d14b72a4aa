//go:build linux

package toolbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
)

const (
	// maxMatches bounds the answers of find and search.
	maxMatches = 10_000
	// maxLine is how much of a line is looked at, maxContent how much of it
	// is shown: built code has lines of megabytes.
	maxLine    = 1 << 20
	maxContent = 4 << 10
	// maxReplace is the largest file that is replaced in: it is read whole.
	maxReplace = 64 << 20
)

type match struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Content string `json:"content"`
}

// walk calls visit for everything below abs, folders included, without
// following links. What cannot be read is passed over.
func walk(t *tree, abs string, visit func(path string, d fs.DirEntry) error) error {
	info, err := t.stat(abs)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return visit(abs, fs.FileInfoToDirEntry(info))
	}
	dir, err := t.open(abs)
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(-1)
	if cerr := dir.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	for _, d := range entries {
		path := filepath.Join(abs, d.Name())
		if t.leftOut(path) {
			continue
		}
		if err := visit(path, d); err != nil {
			return err
		}
		if d.IsDir() {
			err := walk(t, path, visit)
			if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// errEnough ends a walk that found all it may return.
var errEnough = errors.New("enough")

func (s *Server) findInFiles(w http.ResponseWriter, r *http.Request) error {
	pattern := r.URL.Query().Get("pattern")
	if pattern == "" {
		return badRequest("pattern is required")
	}
	return s.withPath(r, "path", ".", func(t *tree, abs string) error {
		matches := []match{}
		err := walk(t, abs, func(path string, d fs.DirEntry) error {
			if r.Context().Err() != nil || len(matches) >= maxMatches {
				return errEnough
			}
			if d.Type().IsRegular() {
				matches = append(matches, findInFile(t, path, pattern, maxMatches-len(matches))...)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		writeJSON(w, http.StatusOK, matches)
		return nil
	})
}

// findInFile returns the lines that hold pattern; a file that cannot be read
// or is not text has none.
func findInFile(t *tree, path, pattern string, limit int) []match {
	f, err := t.open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewReaderSize(f, 64<<10)
	if head, _ := in.Peek(512); bytes.IndexByte(head, 0) >= 0 {
		return nil
	}
	var found []match
	for n := 1; len(found) < limit; n++ {
		line, err := readLine(in)
		if bytes.Contains(line, []byte(pattern)) {
			text := bytes.TrimRight(line, "\r\n")
			found = append(found, match{File: path, Line: n, Content: string(text[:min(len(text), maxContent)])})
		}
		if err != nil {
			break
		}
	}
	return found
}

// readLine reads to the end of a line and returns at most maxLine bytes of it.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece[:min(len(piece), maxLine-len(line))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (s *Server) searchFiles(w http.ResponseWriter, r *http.Request) error {
	pattern := r.URL.Query().Get("pattern")
	if pattern == "" {
		return badRequest("pattern is required")
	}
	if _, err := filepath.Match(pattern, ""); err != nil {
		return badRequest("invalid pattern %q", pattern)
	}
	return s.withPath(r, "path", ".", func(t *tree, abs string) error {
		files := []string{}
		err := walk(t, abs, func(path string, d fs.DirEntry) error {
			if r.Context().Err() != nil || len(files) >= maxMatches {
				return errEnough
			}
			if ok, err := filepath.Match(pattern, d.Name()); err == nil && ok {
				files = append(files, path)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		writeJSON(w, http.StatusOK, map[string]any{"files": files})
		return nil
	})
}

type replaced struct {
	File    string `json:"file"`
	Success bool   `json:"success"`
	Error   string `json:"error,omitempty"`
}

func (s *Server) replaceInFiles(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Files    []string `json:"files"`
		Pattern  string   `json:"pattern"`
		NewValue *string  `json:"newValue"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if len(req.Files) == 0 || req.Pattern == "" || req.NewValue == nil {
		return badRequest("files, pattern and newValue are required")
	}
	t, err := s.tree(r)
	if err != nil {
		return err
	}
	defer t.close()
	results := make([]replaced, 0, len(req.Files))
	for _, path := range req.Files {
		res := replaced{File: path, Success: true}
		if err := s.replaceInFile(t, path, req.Pattern, *req.NewValue); err != nil {
			res.Success, res.Error = false, fileError(path, err).Error()
		}
		results = append(results, res)
	}
	writeJSON(w, http.StatusOK, results)
	return nil
}

func (s *Server) replaceInFile(t *tree, path, pattern, value string) error {
	abs, err := t.abs(path)
	if err != nil {
		return err
	}
	f, info, err := openRegular(t, abs)
	if err != nil {
		return err
	}
	if info.Size() > maxReplace {
		_ = f.Close() // read only
		return fail(http.StatusRequestEntityTooLarge, "BAD_REQUEST", "%s is larger than %d bytes", path, maxReplace)
	}
	content, err := io.ReadAll(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	changed := bytes.ReplaceAll(content, []byte(pattern), []byte(value))
	if bytes.Equal(changed, content) {
		return nil // its modification time stays
	}
	_, err = s.store(t, abs, bytes.NewReader(changed))
	return err
}

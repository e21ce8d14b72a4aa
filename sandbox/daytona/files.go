package daytona

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"surgent.dev/surgent/sandbox"
)

// params builds the query of a file request. Every path named is first brought
// to its place within the folder, if there is one; the embedded engine then
// holds the request to it, and for other servers the path is looked up first.
func (t *toolbox) params(ctx context.Context, paths, others map[string]string) (url.Values, error) {
	q := url.Values{}
	for name, p := range paths {
		full, err := t.inside(ctx, p)
		if err != nil {
			return nil, err
		}
		q.Set(name, full)
	}
	for name, value := range others {
		if value != "" {
			q.Set(name, value)
		}
	}
	if t.folder != "" && t.c.embedded {
		q.Set("within", t.folder)
		q["except"] = t.except
	}
	return q, nil
}

// inside returns the path to send for p.
func (t *toolbox) inside(ctx context.Context, p string) (string, error) {
	if t.folder == "" {
		return p, nil
	}
	if strings.ContainsRune(p, 0) {
		return "", fmt.Errorf("path holds a NUL byte: %w", sandbox.ErrInvalid)
	}
	full := p
	if !path.IsAbs(p) {
		full = path.Join(t.folder, p)
	}
	full = path.Clean(full)
	if !below(t.folder, full) {
		return "", fmt.Errorf("%s leads out of %s: %w", p, t.folder, sandbox.ErrInvalid)
	}
	if t.c.embedded {
		return full, nil
	}
	// The server knows no such limit, so its links are resolved first. Between
	// this and the request somebody inside may change them: what can be
	// reached then is what that somebody can reach anyway.
	res, err := (&toolbox{c: t.c, id: t.id}).Execute(ctx, sandbox.ExecRequest{
		Command: "realpath -m -z -- " + quote(t.folder) + " " + quote(full), Timeout: 10 * time.Second,
	})
	if err != nil {
		return "", err
	}
	parts := strings.Split(res.Output, "\x00")
	if res.ExitCode != 0 || len(parts) < 2 {
		return "", fmt.Errorf("resolve %s: %s: %w", p, strings.TrimSpace(res.Output), sandbox.ErrInvalid)
	}
	if !below(parts[0], parts[1]) {
		return "", fmt.Errorf("%s leads out of %s: %w", p, t.folder, sandbox.ErrInvalid)
	}
	if t.leftOut(t.folder, full) || t.leftOut(parts[0], parts[1]) {
		return "", fmt.Errorf("%s leads to what is left out: %w", p, sandbox.ErrInvalid)
	}
	return full, nil
}

// leftOut tells whether the first part of a path below the folder is among the
// exceptions.
func (t *toolbox) leftOut(folder, p string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(p, strings.TrimRight(folder, "/")+"/"), "/")
	return slices.ContainsFunc(t.except, func(e string) bool { return strings.EqualFold(e, first) })
}

// keep drops paths that lead to what is left out from a server's answer.
func (t *toolbox) keep(p string) bool { return len(t.except) == 0 || !t.leftOut(t.folder, p) }

func below(folder, p string) bool {
	folder = strings.TrimRight(folder, "/")
	return p == folder || strings.HasPrefix(p, folder+"/") || folder == ""
}

// quote makes a word of POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// ListFiles implements sandbox.Files.
func (t *toolbox) ListFiles(ctx context.Context, p string) ([]sandbox.FileInfo, error) {
	infos := list[sandbox.FileInfo]{}
	q, err := t.params(ctx, map[string]string{"path": p}, nil)
	if err == nil {
		err = t.get(ctx, "/files", q, &infos)
	}
	if err != nil {
		return nil, fmt.Errorf("list files of %s: %w", p, err)
	}
	if infos == nil {
		infos = list[sandbox.FileInfo]{} // some daemons answer null for an empty folder
	}
	return infos, nil
}

// FileInfo implements sandbox.Files.
func (t *toolbox) FileInfo(ctx context.Context, p string) (*sandbox.FileInfo, error) {
	var info sandbox.FileInfo
	q, err := t.params(ctx, map[string]string{"path": p}, nil)
	if err == nil {
		err = t.get(ctx, "/files/info", q, &info)
	}
	if err != nil {
		return nil, fmt.Errorf("get file %s: %w", p, err)
	}
	return &info, nil
}

// Download implements sandbox.Files.
func (t *toolbox) Download(ctx context.Context, p string) (io.ReadCloser, error) {
	q, err := t.params(ctx, map[string]string{"path": p}, nil)
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", p, err)
	}
	body, err := t.call(ctx, call{method: http.MethodGet, url: "/files/download", query: q, safe: true})
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", p, err)
	}
	return body, nil
}

// UploadFiles implements sandbox.Files. Contents that can be read again, as
// bytes.Reader and os.File can, survive a retry.
func (t *toolbox) UploadFiles(ctx context.Context, files []sandbox.Upload) error {
	if len(files) == 0 {
		return nil
	}
	q, err := t.params(ctx, nil, nil)
	if err != nil {
		return fmt.Errorf("upload files: %w", err)
	}
	paths := make([]string, len(files))
	starts := make([]int64, len(files))
	once := false
	for i, f := range files {
		if paths[i], err = t.inside(ctx, f.Path); err != nil {
			return fmt.Errorf("upload files: %w", err)
		}
		s, ok := f.Content.(io.Seeker)
		if ok {
			starts[i], err = s.Seek(0, io.SeekCurrent)
		}
		once = once || !ok || err != nil
	}
	first := true
	body := func() (io.Reader, string, error) {
		if !first {
			for i, f := range files {
				if _, err := f.Content.(io.Seeker).Seek(starts[i], io.SeekStart); err != nil {
					return nil, "", fmt.Errorf("read %s again: %w", f.Path, err)
				}
			}
		}
		first = false
		return multipartBody(ctx, files, paths)
	}
	err = discard(t.call(ctx, call{
		method: http.MethodPost, url: "/files/bulk-upload", query: q, body: body, once: once, safe: !once,
	}))
	if err != nil {
		return fmt.Errorf("upload files: %w", err)
	}
	return nil
}

// multipartBody streams the files as the pairs of fields that the toolbox
// wants.
func multipartBody(ctx context.Context, files []sandbox.Upload, paths []string) (io.Reader, string, error) {
	pr, pw := io.Pipe()
	mw := multipart.NewWriter(pw)
	// The transport closes the reading end in every case, which ends this.
	go func() {
		var err error
		for i, f := range files {
			if err = ctx.Err(); err != nil {
				break
			}
			field := fmt.Sprintf("files[%d]", i)
			if err = mw.WriteField(field+".path", paths[i]); err != nil {
				break
			}
			var part io.Writer
			if part, err = mw.CreateFormFile(field+".file", path.Base(paths[i])); err != nil {
				break
			}
			if _, err = io.Copy(part, f.Content); err != nil {
				break
			}
		}
		if err == nil {
			err = mw.Close()
		}
		pw.CloseWithError(err)
	}()
	return pr, mw.FormDataContentType(), nil
}

// change makes a file request that answers nothing.
func (t *toolbox) change(ctx context.Context, method, route string, q url.Values, safe bool) error {
	return discard(t.call(ctx, call{method: method, url: route, query: q, timeout: quickTimeout, safe: safe}))
}

// CreateFolder implements sandbox.Files.
func (t *toolbox) CreateFolder(ctx context.Context, p, mode string) error {
	if mode == "" {
		mode = "0755"
	}
	q, err := t.params(ctx, map[string]string{"path": p}, map[string]string{"mode": mode})
	if err == nil {
		err = t.change(ctx, http.MethodPost, "/files/folder", q, true)
	}
	if err != nil {
		return fmt.Errorf("create folder %s: %w", p, err)
	}
	return nil
}

// DeleteFile implements sandbox.Files.
func (t *toolbox) DeleteFile(ctx context.Context, p string, recursive bool) error {
	flag := ""
	if recursive {
		flag = "true"
	}
	q, err := t.params(ctx, map[string]string{"path": p}, map[string]string{"recursive": flag})
	if err == nil {
		err = t.change(ctx, http.MethodDelete, "/files", q, false)
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", p, err)
	}
	return nil
}

// MoveFile implements sandbox.Files.
func (t *toolbox) MoveFile(ctx context.Context, source, destination string) error {
	q, err := t.params(ctx, map[string]string{"source": source, "destination": destination}, nil)
	if err == nil {
		err = t.change(ctx, http.MethodPost, "/files/move", q, false)
	}
	if err != nil {
		return fmt.Errorf("move %s to %s: %w", source, destination, err)
	}
	return nil
}

// SetPermissions implements sandbox.Files.
func (t *toolbox) SetPermissions(ctx context.Context, p, mode, owner, group string) error {
	q, err := t.params(ctx, map[string]string{"path": p}, map[string]string{"mode": mode, "owner": owner, "group": group})
	if err == nil {
		err = t.change(ctx, http.MethodPost, "/files/permissions", q, true)
	}
	if err != nil {
		return fmt.Errorf("set permissions of %s: %w", p, err)
	}
	return nil
}

// SearchFiles implements sandbox.Files.
func (t *toolbox) SearchFiles(ctx context.Context, p, pattern string) ([]string, error) {
	var a struct {
		Files list[string] `json:"files"`
	}
	q, err := t.params(ctx, map[string]string{"path": p}, map[string]string{"pattern": pattern})
	if err == nil {
		err = t.get(ctx, "/files/search", q, &a)
	}
	if err != nil {
		return nil, fmt.Errorf("search files in %s: %w", p, err)
	}
	files := []string{}
	for _, f := range a.Files {
		if t.keep(f) {
			files = append(files, f)
		}
	}
	return files, nil
}

// FindInFiles implements sandbox.Files.
func (t *toolbox) FindInFiles(ctx context.Context, p, pattern string) ([]sandbox.Match, error) {
	var answer list[sandbox.Match]
	q, err := t.params(ctx, map[string]string{"path": p}, map[string]string{"pattern": pattern})
	if err == nil {
		err = t.get(ctx, "/files/find", q, &answer)
	}
	if err != nil {
		return nil, fmt.Errorf("find in files of %s: %w", p, err)
	}
	matches := []sandbox.Match{}
	for _, m := range answer {
		if t.keep(m.File) {
			matches = append(matches, m)
		}
	}
	return matches, nil
}

// ReplaceInFiles implements sandbox.Files.
func (t *toolbox) ReplaceInFiles(ctx context.Context, files []string, pattern, newValue string) ([]sandbox.ReplaceResult, error) {
	q, err := t.params(ctx, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("replace in files: %w", err)
	}
	paths := make([]string, len(files))
	var refused []error
	for i, f := range files {
		paths[i], err = t.inside(ctx, f)
		refused = append(refused, err)
	}
	if err := errors.Join(refused...); err != nil {
		return nil, fmt.Errorf("replace in files: %w", err)
	}
	results := list[sandbox.ReplaceResult]{}
	_, err = t.call(ctx, call{
		method: http.MethodPost, url: "/files/replace", query: q, timeout: quickTimeout, into: &results,
		json: map[string]any{"files": paths, "pattern": pattern, "newValue": newValue},
	})
	if err != nil {
		return nil, fmt.Errorf("replace in files: %w", err)
	}
	return results, nil
}

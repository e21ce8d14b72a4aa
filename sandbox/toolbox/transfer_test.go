//go:build linux

package toolbox_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func form(t *testing.T, fields ...[2]string) (string, io.Reader) {
	t.Helper()
	var buf bytes.Buffer
	mw := multipart.NewWriter(&buf)
	for _, f := range fields {
		var w io.Writer
		var err error
		if strings.HasSuffix(f[0], "file") {
			w, err = mw.CreateFormFile(f[0], "dir/of the client/"+f[0])
		} else {
			w, err = mw.CreateFormField(f[0])
		}
		if err == nil {
			_, err = io.WriteString(w, f[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := mw.Close(); err != nil {
		t.Fatal(err)
	}
	return mw.FormDataContentType(), &buf
}

func (b *box) send(path, kind string, body io.Reader, status int) string {
	b.t.Helper()
	resp := b.request("POST", path, kind, body)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		b.t.Errorf("%s: status %d, want %d: %s, %v", path, resp.StatusCode, status, text, err)
	}
	return string(text)
}

func (b *box) file(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(b.dir + "/work/" + name)
	if err != nil {
		b.t.Error(err)
	}
	return string(data)
}

func TestUpload(t *testing.T) {
	t.Parallel()
	b := open(t)
	kind, body := form(t, [2]string{"other", "x"}, [2]string{"file", "as a form"})
	b.send("/files/upload?path=a/one", kind, body, 200)
	b.send("/files/upload-v2?path=b/two", "application/octet-stream", strings.NewReader("as the body"), 200)
	kind, body = form(t, [2]string{"other", "x"})
	b.send("/files/upload?path=c", kind, body, 400)
	if got := b.file("a/one"); got != "as a form" {
		t.Errorf("got %q", got)
	}
	if got := b.file("b/two"); got != "as the body" {
		t.Errorf("got %q", got)
	}

	kind, body = form(t, [2]string{"files[0].path", "d/x"}, [2]string{"files[0].file", "x"}, [2]string{"files[7].path", b.dir + "/work/y"}, [2]string{"files[7].file", "y"})
	text := b.send("/files/bulk-upload", kind, body, 200)
	if text != `{"files":[{"path":"d/x","bytes":1},{"path":"`+b.dir+`/work/y","bytes":1}]}`+"\n" {
		t.Errorf("got %s", text)
	}
	kind, body = form(t, [2]string{"files[0].file", "no path yet"}, [2]string{"files[1].path", "d"}, [2]string{"files[1].file", "a folder"}, [2]string{"files[2].path", "z"}, [2]string{"files[2].file", "z"})
	answer := decode[struct {
		Errors []string
		Files  []any
	}](t, b.send("/files/bulk-upload", kind, body, 400))
	if len(answer.Errors) != 2 || len(answer.Files) != 1 || b.file("z") != "z" {
		t.Errorf("got %+v", answer)
	}
}

func TestUploadThroughALink(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.execute("echo first >target; ln -s target link; mkfifo fifo")
	b.send("/files/upload-v2?path=link", "application/octet-stream", strings.NewReader("second"), 200)
	if got := b.file("target"); got != "second" {
		t.Errorf("got %q", got)
	}
	// A FIFO that nobody reads neither hangs nor is replaced.
	resp := b.request("POST", "/files/upload-v2?path=fifo", "", strings.NewReader("x"))
	if err := resp.Body.Close(); err != nil || resp.StatusCode < 400 {
		t.Errorf("status %d, %v", resp.StatusCode, err)
	}
	b.do("GET", "/files/download?path=fifo", nil, 400)
}

func TestUploadThatBreaksOff(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.execute("echo whole >f")
	pr, pw := io.Pipe()
	go func() {
		_, _ = io.WriteString(pw, "half of it")
		_ = pw.CloseWithError(io.ErrUnexpectedEOF)
	}()
	req, err := http.NewRequestWithContext(t.Context(), "POST", b.web.URL+"/files/upload-v2?path=f", pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer key")
	if resp, err := b.web.Client().Do(req); err == nil {
		_ = resp.Body.Close()
		t.Errorf("status %d", resp.StatusCode)
	}
	b.until("nothing is left of it", func() bool {
		list, err := os.ReadDir(b.dir + "/state/tmp")
		return err == nil && len(list) == 0
	})
	if got := b.file("f"); got != "whole\n" {
		t.Errorf("got %q", got)
	}
}

// Whoever has a FIFO open need not read it: the upload never ended.
func TestUploadIntoAFIFOThatNobodyReads(t *testing.T) {
	t.Parallel()
	b := open(t)
	path := filepath.Join(b.dir, "work", "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, within := range []string{"", "&within=" + url.QueryEscape(filepath.Join(b.dir, "work"))} {
		text := b.send("/files/upload?path="+url.QueryEscape(path)+within, "application/octet-stream", strings.NewReader(strings.Repeat("x", 2<<20)), 409)
		if !strings.Contains(text, "nobody reads") {
			t.Errorf("answered %s", text)
		}
	}
}

func TestBulkDownload(t *testing.T) {
	t.Parallel()
	b := open(t)
	names := []string{"plain.txt", "grün €.txt", `qu"o\te`, "per%cent+plus", "missing", "."}
	for _, n := range names[:4] {
		if err := os.WriteFile(b.dir+"/work/"+n, []byte("content of "+n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	body := `{"paths":["plain.txt","grün €.txt","qu\"o\\te","per%cent+plus","missing","."]}`
	resp := b.request("POST", "/files/bulk-download", "application/json", strings.NewReader(body))
	defer func() { _ = resp.Body.Close() }()
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || params["boundary"] != "DAYTONA-FILE-BOUNDARY" {
		t.Fatalf("%v, %v", params, err)
	}
	mr := multipart.NewReader(resp.Body, params["boundary"])
	for i, want := range names {
		part, err := mr.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		// As JavaScript clients read it: filename* before filename.
		_, star, _ := strings.Cut(part.Header.Get("Content-Disposition"), "filename*=utf-8''")
		name, err := url.PathUnescape(star)
		if err != nil || name != want || part.Header.Get("Content-Length") != strconv.Itoa(len(text)) {
			t.Errorf("%s: header %v, %v", want, part.Header, err)
		}
		if i < 4 && (part.FormName() != "file" || string(text) != "content of "+want) {
			t.Errorf("%s: field %s, %q", want, part.FormName(), text)
		}
		if i >= 4 {
			e := decode[struct{ Code, Message string }](t, string(text))
			if code := []string{"FILE_NOT_FOUND", "INVALID_FILE_PATH"}[i-4]; part.FormName() != "error" || e.Code != code {
				t.Errorf("%s: field %s, %s", want, part.FormName(), text)
			}
		}
	}
}

func TestListDepth(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.execute("mkdir -p a/b/c; ln -s .. a/up; ln -s nowhere a/broken; touch a/b/f")
	type entry struct {
		Name, Path, ModTime, Owner string
		IsDir                      bool
	}
	for depth, want := range map[string][]string{
		"1": {"a"}, "2": {"a", "a/b", "a/broken", "a/up"}, "9": {"a", "a/b", "a/b/c", "a/b/f", "a/broken", "a/up"},
	} {
		var got []string
		for _, e := range decode[[]entry](t, b.do("GET", "/files?depth="+depth, nil, 200)) {
			got = append(got, strings.TrimPrefix(e.Path, b.dir+"/work/"))
			if e.Owner == "" || e.ModTime == "" || !strings.HasSuffix(e.Path, e.Name) {
				t.Errorf("entry %+v", e)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("depth %s: %q", depth, got)
		}
	}
	b.do("GET", "/files?depth=0", nil, 400)
}

func TestFindInLongLines(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.execute(`(echo first; head -c 3000000 /dev/zero | tr '\0' x; echo needle; echo second; printf 'needle at the end') >f`)
	type match struct {
		Line    int
		Content string
	}
	got := decode[[]match](t, b.do("GET", "/files/find?pattern=needle", nil, 200))
	if len(got) != 1 || got[0] != (match{4, "needle at the end"}) {
		t.Errorf("got %+v", got)
	}
	got = decode[[]match](t, b.do("GET", "/files/find?pattern=xxx", nil, 200))
	if len(got) != 1 || got[0].Line != 2 || len(got[0].Content) != 4096 {
		t.Errorf("%d matches", len(got))
	}
}

func TestPortsAndProxy(t *testing.T) {
	t.Parallel()
	b := open(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI)
	}))
	defer app.Close()
	port := app.URL[strings.LastIndexByte(app.URL, ':')+1:]
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if got := decode[struct{ Ports []int }](t, b.do("GET", "/port", nil, 200)); !slices.Contains(got.Ports, n) {
		t.Errorf("port %d is not among %v", n, got.Ports)
	}
	b.do("GET", "/port/80/in-use", nil, 400)
	resp := b.request("PUT", "/proxy/"+port+"/a%2Fb/c/?d=e%20f", "", nil)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "PUT /a%2Fb/c/?d=e%20f" || resp.Header.Get("X-Seen") != "" {
		t.Errorf("got %q, token seen: %q, %v", body, resp.Header.Get("X-Seen"), err)
	}
	if got := b.do("GET", "/proxy/"+port, nil, 200); got != "GET /" {
		t.Errorf("got %q", got)
	}
	b.do("GET", "/proxy/1/", nil, 502)
	b.do("GET", "/proxy/70000/", nil, 400)
}

func TestListIsBounded(t *testing.T) {
	t.Parallel()
	b := open(t)
	for _, dir := range []string{"flat", "deep/a", "deep/b"} {
		if err := os.MkdirAll(filepath.Join(b.dir, "work", dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 6000 {
			if err := os.WriteFile(filepath.Join(b.dir, "work", dir, strconv.Itoa(i)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for query, want := range map[string]int{"path=flat": 6000, "path=deep&depth=2": 10_000} {
		if got := decode[[]obj](t, b.do("GET", "/files?"+query, nil, 200)); len(got) != want {
			t.Errorf("%s: %d entries, want %d", query, len(got), want)
		}
	}
}

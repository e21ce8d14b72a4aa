package preview_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/server/preview"
)

// serving puts another app behind the preview, which is public.
func serving(t *testing.T, app http.HandlerFunc) (*bench, *http.Client) {
	t.Helper()
	b := setup(t)
	s := httptest.NewServer(app)
	t.Cleanup(s.Close)
	b.target = s.URL
	b.set(preview.Sandbox{State: preview.Started, Public: true})
	return b, b.visitor(t)
}

func TestWhoMayFrameAnApp(t *testing.T) {
	t.Parallel()
	const ours = "frame-ancestors 'self' http://localhost"
	for name, tc := range map[string]struct {
		public bool
		says   http.Header
		want   []string
	}{
		"private":           {false, http.Header{}, []string{ours}},
		"private, closed":   {false, http.Header{"X-Frame-Options": {"DENY"}, "Content-Security-Policy": {"default-src 'self'; Frame-Ancestors 'none'"}}, []string{"default-src 'self';" + ours}},
		"private, two":      {false, http.Header{"Content-Security-Policy": {"img-src *,frame-ancestors *"}}, []string{"img-src *", ours}},
		"public":            {true, http.Header{"Content-Security-Policy": {"img-src *"}}, []string{"img-src *"}},
		"public, closed":    {true, http.Header{"X-Frame-Options": {"SAMEORIGIN"}}, []string{ours}},
		"public, unclosed":  {true, http.Header{}, nil},
		"public, by policy": {true, http.Header{"Content-Security-Policy": {"frame-ancestors 'none'"}}, []string{ours}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := serving(t, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tc.says {
					w.Header()[k] = v
				}
				w.Header().Set("Alt-Svc", `h3=":443"`)
			})
			get(t, c, b.links.Link("box-1", 3000, "/"))
			b.set(preview.Sandbox{State: preview.Started, Public: tc.public})
			res, _ := get(t, c, "http://"+host+"/")
			if diff := cmp.Diff(tc.want, res.Header.Values("Content-Security-Policy")); diff != "" {
				t.Error(diff)
			}
			if res.Header.Get("X-Frame-Options") != "" || res.Header.Get("Alt-Svc") != "" {
				t.Errorf("headers %v", res.Header)
			}
		})
	}
}

func TestBytesPassAsTheyAre(t *testing.T) {
	t.Parallel()
	b, c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		if err != nil {
			t.Errorf("read upload: %v", err)
		}
		for _, hop := range []string{"Connection", "Keep-Alive", "Proxy-Authorization", "X-Hop"} {
			if v := r.Header.Get(hop); v != "" {
				t.Errorf("%s: %s was passed on", hop, v)
			}
		}
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("Connection", "X-Secret")
		w.Header().Set("X-Secret", "for the proxy")
		_, _ = fmt.Fprint(w, n)
		w.Header().Set("X-Sum", hex.EncodeToString(sum.Sum(nil)))
	})
	_ = b
	const size = 24 << 20
	sum := sha256.New()
	hints := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints && h.Get("Link") != "" {
			hints++
		}
		return nil
	}})
	// #nosec G404 -- any bytes will do
	body := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sum)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+host+"/upload", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "X-Hop")
	req.Header.Set("X-Hop", "1")
	req.Header.Set("Proxy-Authorization", "Basic x")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || string(text) != fmt.Sprint(size) {
		t.Errorf("answered %s, %v", text, err)
	}
	if got := res.Trailer.Get("X-Sum"); got != hex.EncodeToString(sum.Sum(nil)) {
		t.Errorf("the trailer is %q", got)
	}
	if hints != 1 {
		t.Errorf("%d early hints came through", hints)
	}
	if res.Header.Get("X-Secret") != "" {
		t.Error("a header for the next hop went further")
	}
}

// An error that the app streams as JSON was held back until 4 KiB had come.
func TestStreamedErrorsReachThePage(t *testing.T) {
	t.Parallel()
	_, c := serving(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "{\"wait\":1}\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != "{\"wait\":1}\n" || res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%d %q, %v", res.StatusCode, line, err)
	}
}

// What listens in a sandbox may answer anything.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no HTTP":         "SSH-2.0-x\r\n",
		"nothing":         "",
		"endless headers": "HTTP/1.1 200 OK\r\nX-Big: " + strings.Repeat("x", 300<<10) + "\r\n\r\n",
		"many headers":    "HTTP/1.1 200 OK\r\n" + strings.Repeat("Set-Cookie: a=b\r\n", 40<<10) + "\r\n",
		"bad status":      "HTTP/1.1 999999 Huh\r\n\r\n",
		"bad length":      "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nabcd",
		"two lengths":     "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
		"bad header":      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"endless hints":   strings.Repeat("HTTP/1.1 103 Early Hints\r\nX-Big: "+strings.Repeat("x", 4<<10)+"\r\n\r\n", 100),
		"unasked upgrade": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.set(preview.Sandbox{State: preview.Started, Public: true})
			b.target = "http://" + rawServer(t, answer)
			res, body := get(t, b.visitor(t), "http://"+host+"/")
			if res.StatusCode != http.StatusBadGateway || !strings.Contains(body, "can&#39;t be read") {
				t.Errorf("%d %.300s", res.StatusCode, body)
			}
		})
	}
}

// rawServer answers every connection's first request with the same bytes and
// hangs up.
func rawServer(t *testing.T, answer string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return l.Addr().String()
}

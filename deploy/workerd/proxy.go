package workerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// requestCF is request.cf on this machine. It is ours alone to say, as is
// every header that tells where a request came from.
const requestCF = `{"colo":"LOCAL","country":"XX","httpProtocol":"HTTP/1.1","clientAcceptEncoding":""}`

// newProxy returns the way from a visitor to the app's process. broke is called
// when the process broke off a request, before the visitor is told.
func newProxy(transport http.RoundTripper, appURL func(name string) string, log *slog.Logger, broke func(context.Context)) *httputil.ReverseProxy {
	scheme := "http"
	if u, err := url.Parse(appURL("x")); err == nil && u.Scheme != "" {
		scheme = u.Scheme
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "app"
			r.Out.Host = r.In.Host
			setOrigin(r.Out.Header, r.In, scheme)
		},
		Transport:     transport,
		FlushInterval: -1,
		ModifyResponse: func(res *http.Response) error {
			keepCookiesHome(res.Header)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			var timeout net.Error
			var large *http.MaxBytesError
			switch {
			case errors.Is(err, context.Canceled):
				// The visitor left.
				w.WriteHeader(http.StatusBadGateway)
			case errors.As(err, &large):
				page(w, http.StatusRequestEntityTooLarge, "This request is too large", fmt.Sprintf("At most %d MiB can be sent to an app at once.", large.Limit>>20))
			case errors.As(err, &timeout) && timeout.Timeout():
				page(w, http.StatusGatewayTimeout, "This app took too long", "It did not begin to answer in time.")
			default:
				log.Info("app's worker broke off", "host", r.Host, "error", err)
				broke(r.Context())
				page(w, http.StatusBadGateway, "This app broke off", "Its code stopped before it answered. It starts anew with the next request.")
			}
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// setOrigin replaces what a visitor may have said about the request's way.
func setOrigin(header http.Header, in *http.Request, scheme string) {
	for name := range header {
		if strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "Cf-") || strings.HasPrefix(name, "Surgent-") ||
			name == "Forwarded" || name == "X-Real-Ip" || name == "True-Client-Ip" {
			delete(header, name)
		}
	}
	client, _, err := net.SplitHostPort(in.RemoteAddr)
	if err != nil {
		client = in.RemoteAddr
	}
	header.Set("X-Forwarded-For", client)
	header.Set("X-Forwarded-Proto", scheme)
	header.Set("X-Forwarded-Host", in.Host)
	header.Set("X-Real-IP", client)
	header.Set("CF-Connecting-IP", client)
	header.Set(cfHeader, requestCF)
}

// keepCookiesHome makes every cookie one of the app's own host: with a Domain
// an app could plant cookies for the workspace or another app.
func keepCookiesHome(header http.Header) {
	cookies := header.Values("Set-Cookie")
	for i, cookie := range cookies {
		parts := strings.Split(cookie, ";")
		kept := parts[:1]
		for _, part := range parts[1:] {
			name, _, _ := strings.Cut(part, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "domain") {
				kept = append(kept, part)
			}
		}
		cookies[i] = strings.Join(kept, ";")
	}
}

// steadyBody is what a visitor sends. It fails when nothing comes for long: a
// visitor who drips would keep the app's process up for ever.
type steadyBody struct {
	io.ReadCloser
	conn  *http.ResponseController
	now   func() time.Time
	limit time.Duration
}

func (b *steadyBody) Read(p []byte) (int, error) {
	// Where there are no deadlines, as on a test's recorder, there is no limit.
	_ = b.conn.SetReadDeadline(b.now().Add(b.limit))
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		// What follows on the connection has its own.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

package workerd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	egressParallel  = 32
	egressPerSecond = 50
	egressBodyBytes = 100 << 20 // of one request or response
	egressPipeBytes = 1 << 30   // of one direction of a joined connection
	egressFirstByte = 60 * time.Second
	egressConnIdle  = 5 * time.Minute
)

// errPrivate: the address is one that apps may not reach.
var errPrivate = errors.New("the address is not public")

// egressRules say where apps may go.
type egressRules struct {
	allow   func(netip.AddrPort) bool
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// domain is what this server's own hosts end in, with a dot before it. An
	// app that called itself or its neighbours would come back as a visitor.
	domain string
}

// ours tells whether a host, with or without a port, is one of this server's.
func (r egressRules) ours(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return r.domain != "" && strings.HasSuffix("."+host, r.domain)
}

// egress is the way out of one box: an HTTP proxy that takes requests in
// absolute form, for which it does TLS itself, and CONNECT. It goes to public
// addresses only.
//
// It reads requests by itself, since the runtime sends them without the Host
// header that net/http's server insists on.
type egress struct {
	rules     egressRules
	now       func() time.Time
	log       *slog.Logger
	complain  rate.Sometimes // an app must not be able to fill the log
	places    chan struct{}  // one send for each connection
	limiter   *rate.Limiter
	transport *http.Transport
}

func newEgress(rules egressRules, now func() time.Time, log *slog.Logger) *egress {
	e := &egress{
		rules: rules, now: now, log: log, places: make(chan struct{}, egressParallel),
		complain: rate.Sometimes{First: 3, Interval: time.Minute},
		limiter:  rate.NewLimiter(egressPerSecond, 2*egressPerSecond),
	}
	e.transport = &http.Transport{
		// No Proxy: what is public is decided here, on the address dialed.
		DialContext: e.dial, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: egressFirstByte, IdleConnTimeout: 30 * time.Second,
	}
	return e
}

// serve answers on l until it is closed, and returns when all connections
// have ended, which ctx's end makes them do.
func (e *egress) serve(ctx context.Context, l net.Listener) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer e.transport.CloseIdleConnections()
	defer all.Wait()
	defer cancel()
	for {
		// A program that opens too many connections waits for its own.
		e.places <- struct{}{}
		conn, err := l.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer func() { <-e.places }()
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			defer func() { _ = conn.Close() }() // may be closed already
			e.talk(ctx, conn)
		})
	}
}

// talk answers the requests of one connection.
func (e *egress) talk(ctx context.Context, conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		// Where deadlines don't work, the box's end ends the connection.
		_ = conn.SetReadDeadline(e.now().Add(egressConnIdle))
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		switch {
		case !e.limiter.Allow():
			err = say(conn, http.StatusTooManyRequests, "Too many requests to other servers.")
		case e.rules.ours(r.Host):
			err = say(conn, http.StatusForbidden, "Apps don't call themselves or each other by address: call the code, or the assets binding for files.")
		case r.Method == http.MethodConnect:
			e.connect(ctx, conn, in, r)
			return
		case r.URL.Scheme == "http" || r.URL.Scheme == "https":
			err = e.forward(ctx, conn, in, r)
		default:
			err = say(conn, http.StatusBadRequest, "Not a proxy request.")
		}
		// What is left of a body cannot be told from the next request.
		if err != nil || r.Close || r.ContentLength != 0 {
			return
		}
	}
}

// hopHeaders speak of one connection only.
var hopHeaders = []string{"Connection", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// forward makes a request on the program's behalf.
func (e *egress) forward(ctx context.Context, conn net.Conn, in io.Reader, r *http.Request) error {
	upgrade := r.Header.Get("Upgrade")
	out := r.WithContext(ctx)
	out.RequestURI = ""
	for _, name := range hopHeaders {
		out.Header.Del(name)
	}
	if upgrade != "" {
		out.Header.Set("Connection", "Upgrade")
		out.Header.Set("Upgrade", upgrade)
	}
	out.Body = &cappedBody{ReadCloser: r.Body, left: egressBodyBytes}
	if out.ContentLength == 0 {
		out.Body = http.NoBody // else the request would be sent in chunks
	}
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", "") // not ours
	}
	res, err := e.transport.RoundTrip(out)
	if err != nil {
		return e.fail(conn, r, err)
	}
	defer func() { _ = res.Body.Close() }() // only read
	if server, ok := res.Body.(io.ReadWriteCloser); ok && res.StatusCode == http.StatusSwitchingProtocols {
		res.Body = nil
		if err := res.Write(conn); err != nil {
			return err
		}
		e.join(conn, in, server)
		return io.EOF
	}
	for _, name := range hopHeaders {
		res.Header.Del(name)
	}
	res.Proto, res.ProtoMajor, res.ProtoMinor = "HTTP/1.1", 1, 1
	res.Body = &cappedBody{ReadCloser: res.Body, left: egressBodyBytes}
	return res.Write(conn)
}

// connect joins the program with a server of its choice.
func (e *egress) connect(ctx context.Context, conn net.Conn, in io.Reader, r *http.Request) {
	server, err := e.dial(ctx, "tcp", r.Host)
	if err != nil {
		_ = e.fail(conn, r, err) // the connection ends either way
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		_ = server.Close()
		return
	}
	e.join(conn, in, server)
}

// join copies both ways until both have ended, or the program has.
func (e *egress) join(conn net.Conn, in io.Reader, server io.ReadWriteCloser) {
	var up sync.WaitGroup
	up.Go(func() {
		e.pipe(server, conn, in)
		// The server may still have to answer to the end of what we sent.
		if half, ok := server.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
			return
		}
		_ = server.Close()
	})
	e.pipe(conn, conn, server)
	_ = conn.Close()
	_ = server.Close()
	up.Wait()
}

// pipe copies until one side ends. Silence in both directions for long makes
// the program's side end.
func (e *egress) pipe(to io.Writer, program net.Conn, from io.Reader) {
	buf := make([]byte, 32<<10)
	for left := egressPipeBytes; left > 0; {
		_ = program.SetReadDeadline(e.now().Add(egressConnIdle)) // as in talk
		n, err := from.Read(buf)
		left -= n
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// dial connects to a name's or literal's first allowed address. The address
// that was judged is the one that is dialed.
func (e *egress) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", portText)
	if err != nil {
		return nil, err
	}
	ips, err := e.rules.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s: %w", host, errPrivate)
	dialer := net.Dialer{Timeout: 10 * time.Second}
	for _, ip := range ips {
		to := netip.AddrPortFrom(ip.Unmap(), uint16(port))
		if !e.rules.allow(to) {
			continue
		}
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, "tcp", to.String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// fail tells the program why a request was not made.
func (e *egress) fail(conn net.Conn, r *http.Request, err error) error {
	if errors.Is(err, errPrivate) {
		e.complain.Do(func() { e.log.Info("app was kept from a private address", "host", r.Host) })
		return say(conn, http.StatusForbidden, "Apps reach public addresses only.")
	}
	e.log.Debug("app's request to another server failed", "host", r.Host, "error", err)
	return say(conn, http.StatusBadGateway, "The other server cannot be reached.")
}

func say(conn net.Conn, status int, text string) error {
	res := http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/plain"}},
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}
	return res.Write(conn)
}

// cappedBody fails, rather than ends, past its cap.
type cappedBody struct {
	io.ReadCloser
	left int64
}

func (c *cappedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, errors.New("message too large")
	}
	return n, err
}

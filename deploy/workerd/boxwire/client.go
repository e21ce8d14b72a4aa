package boxwire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"surgent.dev/surgent/deploy/workerd"
)

// Client is workerd.Boxes in another process of this machine.
type Client struct {
	host string // host:port of the handler's server
	key  string
	http *http.Client

	mu   sync.Mutex
	sums map[string]summed // by path
}

// summed is the hash of a file as it was.
type summed struct {
	hash     string
	size     int64
	modified time.Time
}

var _ workerd.Boxes = (*Client)(nil)

// NewClient returns a client of the handler at an http:// address, of which
// only host and port count. It makes no request.
func NewClient(address, key string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("boxes at %q: not an http address", address)
	}
	return &Client{host: u.Host, key: key, http: &http.Client{Transport: &http.Transport{}}, sums: map[string]summed{}}, nil
}

// New implements workerd.Boxes.
func (c *Client) New(ctx context.Context, label string) (workerd.Box, error) {
	control, err := c.tunnel(ctx, "/boxes/open?label="+url.QueryEscape(label))
	if err != nil {
		return nil, fmt.Errorf("open box: %w", err)
	}
	lines := json.NewDecoder(control)
	var first openMessage
	if err := lines.Decode(&first); err != nil {
		_ = control.Close()
		return nil, fmt.Errorf("open box: %w", err)
	}
	b := &box{c: c, life: context.WithoutCancel(ctx), id: first.ID, control: control, done: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(b.gone)
		defer b.end()
		for {
			var m openMessage
			if lines.Decode(&m) != nil {
				return // the server closed it, or died: either way the box is gone
			}
			if m.Done {
				b.end()
			}
		}
	}()
	return b, nil
}

type box struct {
	c       *Client
	life    context.Context // never ends; for Output, which is given none
	id      string
	control net.Conn
	done    chan struct{} // closed by end
	gone    chan struct{} // closed when the control connection has ended
	ended   sync.Once
	closed  sync.Once

	mu        sync.Mutex
	listeners []*listener
	last      string // output, once the box is closed
}

func (b *box) end() { b.ended.Do(func() { close(b.done) }) }

func (b *box) Done() <-chan struct{} { return b.done }

func (b *box) path(rest string) string { return "/boxes/" + b.id + rest }

func (b *box) Listen(ctx context.Context) (net.Listener, string, error) {
	var m listenMessage
	if err := b.c.post(ctx, b.path("/listen"), struct{}{}, &m); err != nil {
		return nil, "", fmt.Errorf("listen for box: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &listener{b: b, n: len(b.listeners)}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	b.listeners = append(b.listeners, l)
	return l, m.Inside, nil
}

func (b *box) Start(ctx context.Context, p workerd.Program) error {
	m := startMessage{Args: p.Args, Env: p.Env, Memory: p.Memory, CPUs: p.CPUs, Mounts: map[string]mount{}}
	for inside, outside := range p.Files {
		mounted, err := b.c.send(ctx, outside)
		if err != nil {
			b.end()
			return fmt.Errorf("start box: %w", err)
		}
		m.Mounts[inside] = mounted
	}
	if err := b.c.post(ctx, b.path("/start"), m, nil); err != nil {
		b.end()
		return fmt.Errorf("start box: %w", err)
	}
	return nil
}

func (b *box) Dial(ctx context.Context, port int) (net.Conn, error) {
	conn, err := b.c.tunnel(ctx, b.path("/dial/"+strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("dial box: %w", err)
	}
	return conn, nil
}

// outputLimit is how long the last words of a program are waited for.
const outputLimit = 5 * time.Second

func (b *box) Output() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	ctx, cancel := context.WithTimeout(b.life, outputLimit)
	defer cancel()
	if text, err := b.c.get(ctx, b.path("/output")); err == nil {
		b.last = text
	}
	return b.last
}

// closeLimit is how long a box may take to go.
const closeLimit = 15 * time.Second

func (b *box) Close() error {
	var err error
	b.closed.Do(func() {
		b.mu.Lock()
		for _, l := range b.listeners {
			l.cancel()
		}
		b.mu.Unlock()
		// A byte ends the box; the server ends the connection after it.
		_, _ = b.control.Write([]byte{'.'})
		limit := time.NewTimer(closeLimit)
		defer limit.Stop()
		select {
		case <-b.gone:
		case <-limit.C:
			err = errors.New("close box: it took too long")
		}
		_ = b.control.Close()
		<-b.gone
	})
	return err
}

// listener hands out the connections of a box's program one at a time.
type listener struct {
	b      *box
	n      int
	ctx    context.Context // the listener's life, which Accept has no other way to know
	cancel context.CancelFunc
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.b.c.tunnel(l.ctx, l.b.path("/accept/"+strconv.Itoa(l.n)))
	if err != nil {
		return nil, errors.Join(net.ErrClosed, err)
	}
	return conn, nil
}

func (l *listener) Close() error {
	l.cancel()
	return nil
}

func (l *listener) Addr() net.Addr { return l.b.control.RemoteAddr() }

// tunnel makes a request that becomes a connection.
func (c *Client) tunnel(ctx context.Context, path string) (net.Conn, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.host+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", protocol)
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.host)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	in := bufio.NewReader(conn)
	res, err := exchange(conn, in, r)
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &readConn{Conn: conn, in: in}, res.Body.Close()
}

// exchange sends r and reads an answer, which must be 101.
func exchange(conn net.Conn, in *bufio.Reader, r *http.Request) (*http.Response, error) {
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(in, r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		defer func() { _ = res.Body.Close() }() // only read
		return nil, problem(res)
	}
	return res, nil
}

// problem is what a refusing answer says.
func problem(res *http.Response) error {
	var m errorMessage
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || json.Unmarshal(text, &m) != nil || m.Error == "" {
		return fmt.Errorf("status %s", res.Status)
	}
	return errors.New(m.Error)
}

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+c.host+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	return c.http.Do(r)
}

func (c *Client) post(ctx context.Context, path string, message, into any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	res, err := c.request(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // only read
	if res.StatusCode != http.StatusOK {
		return problem(res)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(into)
}

func (c *Client) get(ctx context.Context, path string) (string, error) {
	res, err := c.request(ctx, http.MethodGet, path, http.NoBody)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }() // only read
	if res.StatusCode != http.StatusOK {
		return "", problem(res)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return string(text), err
}

// send brings a file, or a folder's files, to the other side.
func (c *Client) send(ctx context.Context, at string) (mount, error) {
	info, err := os.Stat(at)
	if err != nil {
		return mount{}, err
	}
	if !info.IsDir() {
		hash, err := c.sendFile(ctx, at)
		return mount{Hash: hash}, err
	}
	m := mount{Files: map[string]string{}}
	err = filepath.WalkDir(at, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(at, path)
		if err != nil {
			return err
		}
		m.Files[name], err = c.sendFile(ctx, path)
		return err
	})
	return m, err
}

func (c *Client) sendFile(ctx context.Context, at string) (hash string, err error) {
	f, err := os.Open(at)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	if hash, err = c.sum(at, f); err != nil {
		return "", err
	}
	res, err := c.request(ctx, http.MethodHead, "/boxes/files/sha256/"+hash, http.NoBody)
	if err != nil {
		return "", err
	}
	if err := res.Body.Close(); err != nil || res.StatusCode == http.StatusOK {
		return hash, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	res, err = c.request(ctx, http.MethodPut, "/boxes/files/sha256/"+hash, f)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }() // only read
	if res.StatusCode != http.StatusNoContent {
		return "", problem(res)
	}
	return hash, nil
}

// sum returns a file's hash, which for one that did not change is remembered:
// the runtime is large.
func (c *Client) sum(at string, f *os.File) (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	known, ok := c.sums[at]
	c.mu.Unlock()
	if ok && known.size == info.Size() && known.modified.Equal(info.ModTime()) {
		return known.hash, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	if info.Size() > rememberFrom {
		c.mu.Lock()
		c.sums[at] = summed{hash, info.Size(), info.ModTime()}
		c.mu.Unlock()
	}
	return hash, nil
}

// rememberFrom keeps the small files of each start out of memory.
const rememberFrom = 16 << 20

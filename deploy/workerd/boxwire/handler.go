package boxwire

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"surgent.dev/surgent/deploy/workerd"
)

const (
	maxMessageBytes = 4 << 20
	maxFileBytes    = 256 << 20
)

// HandlerConfig is what a Handler needs; all but Now, which is the real clock
// by default.
type HandlerConfig struct {
	Boxes  workerd.Boxes
	Key    string
	Dir    string // for the files that boxes see; this handler's alone
	Logger *slog.Logger
	Now    func() time.Time
}

// Handler serves boxes to a Client.
type Handler struct {
	c   HandlerConfig
	mux *http.ServeMux

	mu   sync.Mutex
	open map[string]*served
}

// served is one open box.
type served struct {
	box workerd.Box
	dir string

	mu        sync.Mutex
	listeners []chan net.Conn // sent to by the listener's accepter, which closes it
	accepters sync.WaitGroup
}

// NewHandler returns the handler, emptying its folder.
func NewHandler(c HandlerConfig) (*Handler, error) {
	if c.Key == "" {
		return nil, errors.New("serve boxes: no key")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &Handler{c: c, mux: http.NewServeMux(), open: map[string]*served{}}
	if err := os.RemoveAll(h.runDir()); err != nil {
		return nil, fmt.Errorf("serve boxes: %w", err)
	}
	for _, dir := range []string{h.runDir(), h.fileDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("serve boxes: %w", err)
		}
	}
	h.mux.HandleFunc("GET /boxes/open", h.openBox)
	h.mux.HandleFunc("HEAD /boxes/files/sha256/{hash}", h.hasFile)
	h.mux.HandleFunc("PUT /boxes/files/sha256/{hash}", h.putFile)
	h.mux.HandleFunc("POST /boxes/{id}/listen", h.withBox(h.listen))
	h.mux.HandleFunc("GET /boxes/{id}/accept/{n}", h.withBox(h.accept))
	h.mux.HandleFunc("GET /boxes/{id}/dial/{port}", h.withBox(h.dial))
	h.mux.HandleFunc("POST /boxes/{id}/start", h.withBox(h.start))
	h.mux.HandleFunc("GET /boxes/{id}/output", h.withBox(h.output))
	return h, nil
}

func (h *Handler) runDir() string  { return filepath.Join(h.c.Dir, "run") }
func (h *Handler) fileDir() string { return filepath.Join(h.c.Dir, "files") }

func (h *Handler) filePath(hash string) string { return filepath.Join(h.fileDir(), hash) }

// ServeHTTP answers what is below /boxes/.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(key), []byte(h.c.Key)) != 1 {
		refuse(w, http.StatusUnauthorized, errors.New("wrong key"))
		return
	}
	h.mux.ServeHTTP(w, r)
}

// withBox finds the box of a route.
func (h *Handler) withBox(next func(http.ResponseWriter, *http.Request, *served)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		s := h.open[r.PathValue("id")]
		h.mu.Unlock()
		if s == nil {
			refuse(w, http.StatusNotFound, errors.New("no such box"))
			return
		}
		next(w, r, s)
	}
}

// openBox makes a box and holds it for as long as the client holds the
// connection.
func (h *Handler) openBox(w http.ResponseWriter, r *http.Request) {
	h.tidy()
	box, err := h.c.Boxes.New(r.Context(), r.URL.Query().Get("label"))
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	id := rand.Text()
	s := &served{box: box, dir: filepath.Join(h.runDir(), id)}
	h.mu.Lock()
	h.open[id] = s
	h.mu.Unlock()
	var conn net.Conn
	defer func() {
		h.mu.Lock()
		delete(h.open, id)
		h.mu.Unlock()
		if err := s.close(); err != nil {
			h.c.Logger.Warn("close box", "error", err)
		}
		// Last: the client takes it for the sign that the box is gone.
		if conn != nil {
			_ = conn.Close()
		}
	}()
	if conn, err = upgrade(w); err != nil {
		return
	}
	lines := json.NewEncoder(conn)
	if err := lines.Encode(openMessage{ID: id}); err != nil {
		return
	}
	left := make(chan struct{}) // closed when the client says or shows that it is done
	go func() {
		defer close(left)
		_, _ = conn.Read(make([]byte, 1))
	}()
	select {
	case <-left:
		return
	case <-box.Done():
	}
	_ = lines.Encode(openMessage{Done: true}) // a client that left needs it no more
	<-left
}

func (s *served) close() error {
	err := s.box.Close()
	s.accepters.Wait()
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (h *Handler) listen(w http.ResponseWriter, r *http.Request, s *served) {
	l, inside, err := s.box.Listen(r.Context())
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	conns := make(chan net.Conn)
	s.mu.Lock()
	s.listeners = append(s.listeners, conns)
	s.mu.Unlock()
	s.accepters.Go(func() {
		defer close(conns)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case conns <- conn:
			case <-s.box.Done():
				_ = conn.Close()
			}
		}
	})
	answer(w, listenMessage{Inside: inside})
}

func (h *Handler) accept(w http.ResponseWriter, r *http.Request, s *served) {
	n, err := strconv.Atoi(r.PathValue("n"))
	s.mu.Lock()
	if err != nil || n < 0 || n >= len(s.listeners) {
		s.mu.Unlock()
		refuse(w, http.StatusNotFound, errors.New("no such listener"))
		return
	}
	conns := s.listeners[n]
	s.mu.Unlock()
	select {
	case conn, ok := <-conns:
		if !ok {
			refuse(w, http.StatusGone, errors.New("the listener is closed"))
			return
		}
		tunnel(w, conn)
	case <-r.Context().Done():
	}
}

func (h *Handler) dial(w http.ResponseWriter, r *http.Request, s *served) {
	port, err := strconv.ParseUint(r.PathValue("port"), 10, 16)
	if err != nil {
		refuse(w, http.StatusNotFound, errors.New("no such port"))
		return
	}
	conn, err := s.box.Dial(r.Context(), int(port))
	if err != nil {
		refuse(w, http.StatusBadGateway, err)
		return
	}
	tunnel(w, conn)
}

func (h *Handler) start(w http.ResponseWriter, r *http.Request, s *served) {
	var m startMessage
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessageBytes)).Decode(&m); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	files, err := h.lay(s.dir, m.Mounts)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	// The program outlives the request. So does its start, which has time limits
	// of its own: half of one would leave a box that nobody ends.
	ctx := context.WithoutCancel(r.Context())
	if err := s.box.Start(ctx, workerd.Program{Args: m.Args, Files: files, Env: m.Env, Memory: m.Memory, CPUs: m.CPUs}); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, struct{}{})
}

// lay puts the files of a start message into dir and returns what is mounted.
func (h *Handler) lay(dir string, mounts map[string]mount) (map[string]string, error) {
	files := map[string]string{}
	n := 0
	for inside, m := range mounts {
		if !path.IsAbs(inside) || path.Clean(inside) != inside {
			return nil, fmt.Errorf("bad path %q", inside)
		}
		outside := filepath.Join(dir, strconv.Itoa(n))
		n++
		if m.Hash != "" {
			m.Files = map[string]string{"file": m.Hash}
		}
		for name, hash := range m.Files {
			if !filepath.IsLocal(name) || !validHash(hash) {
				return nil, fmt.Errorf("bad file %q", name)
			}
			to := filepath.Join(outside, name)
			// Open to others: the box's user reads it. Above, it is closed.
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return nil, err
			}
			if err := os.Link(h.filePath(hash), to); err != nil {
				return nil, err
			}
		}
		if m.Hash != "" {
			outside = filepath.Join(outside, "file")
		}
		files[inside] = outside
	}
	return files, nil
}

func (h *Handler) output(w http.ResponseWriter, _ *http.Request, s *served) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, s.box.Output()) // a client that left needs it no more
}

func (h *Handler) hasFile(w http.ResponseWriter, r *http.Request) {
	hash := r.PathValue("hash")
	now := h.c.Now()
	// Making it young keeps it from tidy until it is used.
	if !validHash(hash) || os.Chtimes(h.filePath(hash), now, now) != nil {
		w.WriteHeader(http.StatusNotFound)
	}
}

// What tidy leaves alone: files that may be about to be used, and large ones,
// which is the runtime.
const (
	youngFile = time.Hour
	largeFile = 16 << 20
)

// tidy removes files that no box has asked for of late. Boxes have links of
// their own, so one that runs loses nothing. What can't be removed now is
// tried again with the next box.
func (h *Handler) tidy() {
	entries, err := os.ReadDir(h.fileDir())
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.Size() < largeFile && h.c.Now().Sub(info.ModTime()) > youngFile {
			_ = os.Remove(h.filePath(entry.Name()))
		}
	}
}

func (h *Handler) putFile(w http.ResponseWriter, r *http.Request) {
	hash := r.PathValue("hash")
	if err := h.keep(hash, http.MaxBytesReader(w, r.Body, maxFileBytes)); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Handler) keep(hash string, content io.Reader) (err error) {
	f, err := os.CreateTemp(h.runDir(), "put-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // NewHandler empties the folder
		}
	}()
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, sum), content)
	if err = errors.Join(err, f.Chmod(0o755), f.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return fmt.Errorf("the content's hash is %s", got)
	}
	return os.Rename(f.Name(), h.filePath(hash))
}

func validHash(hash string) bool {
	raw, err := hex.DecodeString(hash)
	return err == nil && len(raw) == sha256.Size && hash == strings.ToLower(hash)
}

// tunnel makes the request's connection one with conn.
func tunnel(w http.ResponseWriter, conn net.Conn) {
	client, err := upgrade(w)
	if err != nil {
		_ = conn.Close()
		return
	}
	join(client, conn)
}

// upgrade answers 101 and takes the connection over.
func upgrade(w http.ResponseWriter) (net.Conn, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return nil, err
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n\r\n"); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &readConn{Conn: conn, in: bufio.NewReader(buffered)}, nil
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that left needs it no more
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(errorMessage{Error: err.Error()}) // as in answer
}

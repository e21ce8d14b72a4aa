//go:build linux

package toolbox

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"surgent.dev/surgent/internal/kit/clock"
)

// Version is what /version answers.
const Version = "1.0.0"

// maxJSONBody bounds request bodies that are not files.
const maxJSONBody = 16 << 20

// Config says where the server works. Token, Home, WorkDir and StateDir are
// required.
type Config struct {
	// Token is the bearer token that every request must carry, until /init
	// replaces it.
	Token string
	// Account is who commands run as and files are touched as; nil is the
	// server itself. With one, the server must be root, or at least able to
	// change owners and ids and to signal anybody.
	Account *Account
	// Home is the user's home, WorkDir where relative paths start.
	Home, WorkDir string
	// StateDir keeps sessions, logs and exit codes; its parents must be such
	// that the user can go through them and not change them. It should be on
	// the sandbox's disk, and on the file system of WorkDir so that uploads
	// are renamed into place.
	StateDir string
	// Env is added to the environment of every process started.
	Env map[string]string
	// User is the name that USER and LOGNAME get; "daytona" when empty.
	User string
	// LogLimit is how many bytes of each output stream of one command are
	// kept; what comes after is dropped. 16 MiB when zero.
	LogLimit int64
	// OnInit is told the token and environment after they changed, before the
	// request that changed them is answered. It may be nil.
	OnInit func(State) error
	Logger *slog.Logger
	Now    func() time.Time
}

// State is what outlives the server process: init keeps it in its memory.
type State struct {
	Token string            `json:"token"`
	Env   map[string]string `json:"env"`
}

// Server is one toolbox. Handler serves it; Close lets go of it.
type Server struct {
	cfg   Config
	log   *slog.Logger
	shell string
	mux   *http.ServeMux

	initMu sync.RWMutex // guards token and env
	token  string
	env    map[string]string

	watcher  *fsnotify.Watcher
	sessions *sessionTable
	ptys     *ptyTable

	// stop ends the goroutines that watch; they are counted by wg.
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// Open prepares StateDir, takes up the sessions that an earlier server left
// there and returns a server ready to handle requests. It does not listen. The
// end of ctx ends what it watches; Close waits for that.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Token == "" || !filepath.IsAbs(cfg.Home) || !filepath.IsAbs(cfg.WorkDir) || !filepath.IsAbs(cfg.StateDir) {
		return nil, errors.New("open toolbox: token and absolute home, work and state folders are required")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.LogLimit == 0 {
		cfg.LogLimit = 16 << 20
	}
	if cfg.User == "" {
		cfg.User = "daytona"
	}
	cfg.Now = clock.OrNow(cfg.Now)
	if err := prepare(cfg); err != nil {
		return nil, fmt.Errorf("open toolbox: %w", err)
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Server{
		cfg: cfg, log: cfg.Logger, shell: findShell(),
		token: cfg.Token, env: maps.Clone(cfg.Env),
		watcher: watcher, ctx: ctx, stop: stop,
	}
	s.sessions = newSessionTable(s)
	s.ptys = newPTYTable(s)
	s.routes()
	s.wg.Go(s.sessions.watch)
	if err := s.sessions.load(); err != nil {
		s.Close()
		return nil, fmt.Errorf("open toolbox: %w", err)
	}
	return s, nil
}

// prepare makes the folders of StateDir. Uploads begin in one that is the
// user's; the others are the server's.
func prepare(cfg Config) error {
	for _, dir := range []string{"", "sessions", "run"} {
		if err := mkdir(filepath.Join(cfg.StateDir, dir)); err != nil {
			return err
		}
	}
	tmp := filepath.Join(cfg.StateDir, "tmp")
	if err := os.MkdirAll(tmp, 0o700); err != nil || cfg.Account == nil {
		return err
	}
	return os.Chown(tmp, cfg.Account.UID, cfg.Account.GID)
}

// Close stops watching. Sessions go on running and a later Open with the same
// StateDir takes them up; terminals end.
func (s *Server) Close() {
	s.stop()
	s.ptys.closeAll()
	_ = s.watcher.Close() // nothing is written through it
	s.wg.Wait()
}

// Shutdown ends every session and everything that sessions started, then
// closes the server.
func (s *Server) Shutdown(ctx context.Context) {
	for _, sess := range s.sessions.all() {
		sess.kill(ctx)
	}
	s.Close()
}

func findShell() string {
	for _, name := range []string{"bash", "sh"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	return "/bin/sh"
}

// Handler serves the API. Paths have no prefix: whoever is in front strips it.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.authorized(r) {
			s.writeError(w, r, fail(http.StatusUnauthorized, "UNAUTHORIZED", "Bearer token is invalid"))
			return
		}
		// "/files/" and "/files" are one.
		if len(r.URL.Path) > 1 && strings.HasSuffix(r.URL.Path, "/") && !strings.HasPrefix(r.URL.Path, "/proxy/") {
			r.URL.Path, r.URL.RawPath = strings.TrimRight(r.URL.Path, "/"), strings.TrimRight(r.URL.RawPath, "/")
		}
		s.mux.ServeHTTP(w, r)
	})
}

func (s *Server) authorized(r *http.Request) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return false
	}
	s.initMu.RLock()
	defer s.initMu.RUnlock()
	return subtle.ConstantTimeCompare([]byte(got), []byte(s.token)) == 1
}

// handler is a route: it writes its own success and returns what went wrong.
type handler func(w http.ResponseWriter, r *http.Request) error

func (s *Server) handle(pattern string, h handler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			// A body that is not read makes some clients see a reset
			// connection instead of the answer; a bounded rest is read.
			_, _ = io.CopyN(io.Discard, r.Body, maxJSONBody)
			s.writeError(w, r, err)
		}
	})
}

// decode reads a JSON body into v.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSONBody))
	if err := dec.Decode(v); err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return tooBig
		}
		return fail(http.StatusBadRequest, "INVALID_REQUEST_BODY", "invalid request body: %v", err)
	}
	return nil
}

func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.handle("/", func(_ http.ResponseWriter, r *http.Request) error {
		return fail(http.StatusNotFound, "NOT_FOUND", "no such route: %s %s", r.Method, r.URL.Path)
	})
	s.infoRoutes()
	s.fileRoutes()
	s.processRoutes()
	s.sessionRoutes()
	s.gitRoutes()
	s.portRoutes()
	s.ptyRoutes()
}

// Package api is the door for clients that ask once: the Convex HTTP API under
// /api. Every answer about a function has status 200, also when the function
// failed; other statuses speak about the request itself.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/convex/wire"
)

// Config is what a Handler needs.
type Config struct {
	Registry *function.Registry
	Runner   *function.Runner
	Store    store.Store
	Streams  *stream.Hub
	// Verify returns the identity that a token proves. nil refuses all tokens.
	Verify func(ctx context.Context, token string) (*function.Identity, error)
	// Limits bound what callers can take.
	Limits wire.Limits
	Logger *slog.Logger
}

// Handler serves the endpoints.
type Handler struct {
	config Config
	mux    *http.ServeMux
	work   wire.Work
}

// Drain waits for the calls that run, and refuses those that come later. When
// ctx ends it cancels them and returns its error.
func (h *Handler) Drain(ctx context.Context) error { return h.work.Drain(ctx) }

// New returns a handler for the paths under /api/ but sync, and for /version,
// /instance_name and /instance_version.
func New(c Config) (*Handler, error) {
	if c.Registry == nil || c.Runner == nil || c.Store == nil {
		return nil, errors.New("http door needs a registry, a runner and a store")
	}
	if c.Streams == nil {
		c.Streams = stream.New()
	}
	c.Limits = c.Limits.WithDefaults(c.Verify != nil)
	if c.Verify == nil {
		c.Verify = func(context.Context, string) (*function.Identity, error) {
			return nil, errors.New("no auth provider is configured")
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{config: c, mux: http.NewServeMux()}
	h.mux.HandleFunc("POST /api/query", h.serve(h.query))
	h.mux.HandleFunc("GET /api/query", h.serve(h.query))
	h.mux.HandleFunc("POST /api/mutation", h.serve(h.mutation))
	h.mux.HandleFunc("POST /api/action", h.serve(h.action))
	h.mux.HandleFunc("POST /api/query_ts", h.serve(h.queryTS))
	h.mux.HandleFunc("POST /api/query_at_ts", h.serve(h.queryAtTS))
	h.mux.HandleFunc("POST /api/query_batch", h.serve(h.queryBatch))
	h.mux.HandleFunc("POST /api/function", h.serve(h.anyFunction))
	h.mux.HandleFunc("POST /api/run/{path...}", h.serve(h.run))
	h.mux.HandleFunc("POST /api/debug_event", h.serve(func(*request) (any, error) { return struct{}{}, nil }))
	h.mux.HandleFunc("GET /version", plain("surgent"))
	h.mux.HandleFunc("GET /instance_version", plain("surgent"))
	h.mux.HandleFunc("GET /instance_name", plain("surgent"))
	h.mux.HandleFunc("/api/", h.serve(func(*request) (any, error) {
		return nil, &requestError{http.StatusNotFound, "NotFound", "There is no such endpoint"}
	}))
	return h, nil
}

func plain(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		wire.HangUpOnBody(w, r)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // a client that left needs no answer
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w, r)
	if r.Method == http.MethodOptions {
		wire.HangUpOnBody(w, r)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// allowOrigin lets pages of any origin call: no endpoint looks at cookies.
func allowOrigin(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	head := w.Header()
	head.Add("Vary", "Origin")
	head.Set("Access-Control-Allow-Origin", origin)
	head.Set("Access-Control-Allow-Credentials", "true")
	if r.Method == http.MethodOptions {
		head.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		head.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS, PATCH, DELETE, PUT")
		head.Set("Access-Control-Max-Age", "86400")
	}
}

// requestError is a failure of the request, not of a function.
type requestError struct {
	status  int
	code    string
	message string
}

func (e *requestError) Error() string { return e.code + ": " + e.message }

func badRequest(code, format string, args ...any) error {
	return &requestError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// request is one request with what all endpoints look at.
type request struct {
	*http.Request
	work     context.Context // of what is finished although the client may leave
	body     []byte
	identity *function.Identity
	address  string // where it came from
}

// serve wraps an endpoint: it reads the request and writes the answer.
func (h *Handler) serve(endpoint func(*request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := h.answer(w, r, endpoint)
		status := http.StatusOK
		var re *requestError
		if errors.As(err, &re) {
			status = re.status
			answer = map[string]string{"code": re.code, "message": re.message}
		} else if err != nil {
			h.config.Logger.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
			status = http.StatusInternalServerError
			answer = map[string]string{"code": "InternalServerError", "message": "Your request couldn't be completed. Try again later."}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(answer) // a client that left needs no answer
	}
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, endpoint func(*request) (any, error)) (any, error) {
	req := &request{Request: r, address: h.config.Limits.Address(r)}
	var err error
	req.identity, err = h.identity(r)
	// The body comes first all the same: what is not read would be waited for.
	most := h.config.Limits.Message(req.identity != nil, wire.MaxBody)
	body, bad := wire.ReadBody(w, r, most, h.config.Limits.BodyTimeout)
	switch {
	case bad != nil:
		return nil, &requestError{bad.Status, bad.Code, bad.Text}
	case err != nil:
		return nil, err
	}
	req.body = body
	work, end, ok := h.work.Begin(r.Context())
	if !ok {
		return nil, &requestError{http.StatusServiceUnavailable, "ServerStopping", "The server is stopping"}
	}
	defer end()
	req.work = work
	if head := r.Header.Get("Convex-Client"); head != "" {
		if _, err := wire.ParseClient(head); err != nil {
			return nil, badRequest("InvalidClientVersion", "The header Convex-Client must look like npm-1.28.0")
		}
	}
	return endpoint(req)
}

// identity checks the Authorization header. A token that does not hold is an
// error, never an anonymous caller.
func (h *Handler) identity(r *http.Request) (*function.Identity, error) {
	head := r.Header.Get("Authorization")
	if head == "" {
		return nil, nil
	}
	scheme, token, ok := strings.Cut(head, " ")
	switch {
	case ok && strings.EqualFold(scheme, "Bearer"):
		id, err := h.config.Verify(r.Context(), strings.TrimSpace(token))
		if err != nil {
			return nil, &requestError{http.StatusUnauthorized, "Unauthenticated", "Could not verify the token: " + err.Error()}
		}
		return id, nil
	case ok && strings.EqualFold(scheme, "Convex"):
		return nil, &requestError{http.StatusForbidden, "BadAdminKey", "The admin key is not accepted"}
	default:
		return nil, &requestError{http.StatusUnauthorized, "InvalidAuthHeader", "The Authorization header must be 'Bearer <token>'"}
	}
}

// ask is the body of the function endpoints.
type ask struct {
	Path   string          `json:"path"`
	Format *string         `json:"format"`
	Args   json.RawMessage `json:"args"`
	TS     *string         `json:"ts"`
}

// call is an ask that was understood.
type call struct {
	function.Call
	clean bool // answer in the form for people
}

func (r *request) ask() (ask, error) {
	var a ask
	if r.Method == http.MethodGet {
		q := r.URL.Query()
		a.Path, a.Args = q.Get("path"), json.RawMessage(q.Get("args"))
		if f := q.Get("format"); f != "" {
			a.Format = &f
		}
		return a, nil
	}
	if err := json.Unmarshal(r.body, &a); err != nil {
		return a, badRequest("BadJsonBody", "The request body is not valid JSON: %s", err)
	}
	return a, nil
}

func (r *request) call(a ask) (call, error) {
	c := call{Call: function.Call{Identity: r.identity, Address: r.address, RequestID: r.Header.Get("Convex-Request-Id")}}
	var err error
	if c.Path, err = function.ParsePath(a.Path); err != nil {
		return c, badRequest("BadConvexFunctionIdentifier", "%s", err)
	}
	switch {
	case a.Format == nil:
		c.clean = true
	case *a.Format == "convex_encoded_json" || *a.Format == "convex_json":
	case *a.Format == "json" || *a.Format == "convex_clean_json" || *a.Format == "export_json":
		c.clean = true
	default:
		return c, badRequest("BadFormat", "%q is not a format", *a.Format)
	}
	if len(a.Args) == 0 {
		a.Args = json.RawMessage("{}")
	}
	c.Args = wire.ParseArgs(a.Args)
	if len(c.RequestID) > 64 {
		c.RequestID = ""
	}
	return c, nil
}

// outcome is the answer about a function.
type outcome struct {
	Status       string          `json:"status"`
	Value        json.RawMessage `json:"value,omitempty"`
	ErrorMessage string          `json:"errorMessage,omitempty"`
	ErrorData    json.RawMessage `json:"errorData,omitempty"`
	LogLines     []string        `json:"logLines"`
}

func (c call) outcome(res function.Result) (outcome, error) {
	out := outcome{Status: "success", LogLines: []string{}}
	var err error
	if f := res.Failure; f != nil {
		out.Status, out.ErrorMessage = "error", f.Message
		if f.Data != nil {
			out.ErrorData, err = c.format(f.Data)
		}
		return out, err
	}
	out.Value, err = c.format(res.Value)
	return out, err
}

func (c call) format(encoded []byte) (json.RawMessage, error) {
	if !c.clean {
		return encoded, nil
	}
	v, err := value.Decode(encoded)
	if err != nil {
		return nil, fmt.Errorf("decode result: %w", err)
	}
	return value.EncodeClean(v)
}

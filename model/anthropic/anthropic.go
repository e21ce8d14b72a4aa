// Package anthropic is the model port's driver for the Anthropic Messages API
// and for servers that speak it (a base URL with a path is fine). It uses the
// official client with that client's retries off: the caller journals each
// attempt and decides about the next.
//
// What the client does not check is checked here: that an answer with status
// 200 is an event stream, that the stream came to its end (message_stop with
// a stop reason), and that it did not fall silent. Content blocks are sent
// and returned as raw JSON, so unknown blocks and the signatures of thinking
// survive. Cache marks are set here as well, on the last tool, the system
// text and the newest two user messages: they are this API's matter, not the
// conversation's.
package anthropic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"surgent.dev/surgent/model"
)

// Defaults of Config.
const (
	DefaultBaseURL     = "https://api.anthropic.com"
	DefaultModel       = "claude-sonnet-5-5"
	defaultIdleTimeout = 90 * time.Second
	defaultStepTimeout = 15 * time.Minute
)

// Key is an API key. It prints as "[redacted]".
type Key string

// String keeps the key out of logs.
func (Key) String() string { return "[redacted]" }

// GoString keeps the key out of %#v.
func (Key) GoString() string { return "[redacted]" }

// Config sets up a Model. APIKey is needed; the rest has defaults.
type Config struct {
	APIKey Key
	// BaseURL is what stands before /v1/messages; a path is fine, and so is a
	// /v1 or a slash at its end.
	BaseURL string
	// Model that a request without one gets.
	Model string
	// Prices is the JSON text of a price list that adds to and overrides the
	// embedded one; see prices.json for its form.
	Prices []byte
	// IdleTimeout is how long a stream may be silent (pings count as life),
	// StepTimeout how long one request may take in all.
	IdleTimeout time.Duration
	StepTimeout time.Duration
	// HTTPClient carries the requests; it should have no timeout of its own, and
	// not take the key to another host when it is redirected.
	HTTPClient *http.Client
	Now        func() time.Time
}

// Model is a model.Model. It is safe for concurrent use.
type Model struct {
	cfg      Config
	info     model.Info
	prices   priceList
	messages sdk.MessageService
	models   sdk.ModelService
}

// New checks the configuration; it does no I/O.
func New(cfg Config) (*Model, error) {
	if cfg.APIKey == "" {
		return nil, errors.New("anthropic: an API key is needed")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, errors.New("anthropic: base URL wants the form https://host/path")
	}
	if cfg.Model == "" {
		cfg.Model = DefaultModel
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = defaultIdleTimeout
	}
	if cfg.StepTimeout == 0 {
		cfg.StepTimeout = defaultStepTimeout
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = newClient()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	prices, err := loadPrices(cfg.Prices)
	if err != nil {
		return nil, err
	}
	m := &Model{cfg: cfg, prices: prices}
	m.info = m.describe(cfg.Model)
	// The services themselves read no variables of the environment, which the
	// client around them would.
	options := []option.RequestOption{
		option.WithBaseURL(strings.TrimSuffix(strings.TrimRight(cfg.BaseURL, "/"), "/v1") + "/"),
		option.WithAPIKey(string(cfg.APIKey)),
		option.WithHTTPClient(cfg.HTTPClient),
		option.WithMaxRetries(0),
	}
	m.messages, m.models = sdk.NewMessageService(options...), sdk.NewModelService(options...)
	return m, nil
}

// idleConns is how many connections to the server are kept for the next
// request: many runs ask at once, and not every server speaks HTTP/2.
const idleConns = 100

func newClient() *http.Client {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment} // somebody replaced it
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = idleConns
	return &http.Client{Transport: t, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		// The client would send the key's header along to any host.
		if req.URL.Host != via[0].URL.Host || len(via) > 3 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// Info describes the default model.
func (m *Model) Info() model.Info { return m.info }

// Stream sends one request; see model.Model.
func (m *Model) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		ctx, stop := context.WithTimeout(ctx, m.cfg.StepTimeout)
		defer stop()
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		params, err := m.params(req)
		if err != nil {
			yield(nil, err)
			return
		}
		stream := m.messages.NewStreaming(ctx, params, option.WithMiddleware(m.guard(cancel)))
		defer func() { _ = stream.Close() }() // the answer is read or given up
		a := newAssembly()
		for stream.Next() {
			ev := stream.Current()
			out, err := a.take(ev)
			if err != nil {
				yield(nil, m.transient(err))
				return
			}
			for _, e := range out {
				if !yield(e, nil) {
					return
				}
			}
			if a.done {
				return
			}
		}
		err = stream.Err()
		if err == nil {
			err = model.ErrIncomplete
		}
		yield(nil, m.failure(ctx, err))
	}
}

// guard looks at the response before the client decodes it, and watches over
// its body.
func (m *Model) guard(cancel context.CancelCauseFunc) option.Middleware {
	return func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		watch := newWatch(m.cfg.IdleTimeout, cancel)
		res, err := next(req)
		if err != nil {
			watch.stop()
			return res, err
		}
		if to := res.Header.Get("location"); res.StatusCode >= 300 && res.StatusCode < 400 {
			watch.stop()
			_ = res.Body.Close() // a redirect, not an answer
			return nil, &model.Error{
				Kind: model.BadRequest, Status: res.StatusCode, Type: "redirect",
				Message: fmt.Sprintf("the server sends elsewhere, to %q, where the key does not follow", to),
			}
		}
		kind := res.Header.Get("content-type")
		if res.StatusCode < 300 && !strings.HasPrefix(strings.ToLower(kind), "text/event-stream") {
			watch.stop()
			_ = res.Body.Close() // a page, not an answer
			return nil, &model.Error{
				Kind: model.Transient, Status: res.StatusCode, Type: "not_a_stream",
				Message: fmt.Sprintf("the server answered with %q instead of a stream", kind),
			}
		}
		res.Body = &watchedBody{body: res.Body, watch: watch}
		return res, nil
	}
}

func (m *Model) params(req model.Request) (sdk.MessageNewParams, error) {
	id := req.Model
	if id == "" {
		id = m.info.ID
	}
	limit := req.MaxTokens
	if limit == 0 {
		limit = int(min(m.describe(id).MaxOutput, 32_000))
	}
	p := sdk.MessageNewParams{Model: id, MaxTokens: int64(limit)}
	if req.System != "" {
		p.System = []sdk.TextBlockParam{{Text: req.System, CacheControl: sdk.NewCacheControlEphemeralParam()}}
	}
	if req.UserID != "" {
		p.Metadata = sdk.MetadataParam{UserID: sdk.String(req.UserID)}
	}
	for i, t := range req.Tools {
		raw, err := json.Marshal(t)
		if err != nil {
			return p, fmt.Errorf("encode tool %s: %w", t.Name, err)
		}
		if i == len(req.Tools)-1 {
			raw = mark(raw)
		}
		p.Tools = append(p.Tools, param.Override[sdk.ToolUnionParam](json.RawMessage(raw)))
	}
	marks := 2
	p.Messages = make([]sdk.MessageParam, len(req.Messages))
	for i := len(req.Messages) - 1; i >= 0; i-- {
		msg := req.Messages[i]
		out := sdk.MessageParam{Role: sdk.MessageParamRole(msg.Role)}
		for j, block := range msg.Content {
			if msg.Role == model.User && marks > 0 && j == len(msg.Content)-1 {
				block = mark(block)
				marks--
			}
			out.Content = append(out.Content, param.Override[sdk.ContentBlockParamUnion](block))
		}
		p.Messages[i] = out
	}
	return p, nil
}

// mark adds a cache mark at the end of a JSON object, leaving the bytes before
// it as they are: the cache compares bytes.
func mark(block json.RawMessage) json.RawMessage {
	body := bytes.TrimRight(block, " \n\t\r")
	if len(body) < 3 || body[len(body)-1] != '}' {
		return block
	}
	return append(bytes.Clone(body[:len(body)-1]), `,"cache_control":{"type":"ephemeral"}}`...)
}

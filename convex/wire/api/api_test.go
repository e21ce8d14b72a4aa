package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/convex/wire/api"
)

// door is the HTTP door over a real store.
type door struct {
	t       *testing.T
	url     string
	handler *api.Handler

	// The action acts:wait sends on began and ends with its context or when
	// release is closed.
	began   chan struct{}
	release chan struct{}
}

func openDoor(t *testing.T) *door {
	t.Helper()
	sch, err := schema.New(schema.DefineAny("things"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "s.db"), Schema: sch})
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, began: make(chan struct{}), release: make(chan struct{})}
	r := function.NewRegistry()
	function.Action(r, "acts:wait", func(ctx *function.ActionCtx, _ struct{}) (string, error) {
		d.began <- struct{}{}
		select {
		case <-d.release:
			return "released", nil
		case <-ctx.Done():
			return "told to stop", nil
		}
	})
	function.Mutation(r, "dir/things:add", func(ctx *function.MutationCtx, a struct {
		N value.Int64 `json:"n"`
	},
	) (value.Int64, error) {
		_, err := ctx.DB.Insert(ctx, "things", value.Object{"n": a.N})
		return a.N, err
	})
	function.Query(r, "dir/things:all", func(ctx *function.QueryCtx, _ struct{}) (int, error) {
		all, err := ctx.DB.Paginate(ctx, scanAll, pageOf100)
		return len(all.Page), err
	})
	function.Query(r, "who:am", func(ctx *function.QueryCtx, _ struct{}) (string, error) { return ctx.Identity().UserID(), nil })
	function.Action(r, "acts:fail", func(*function.ActionCtx, struct{}) (struct{}, error) {
		return struct{}{}, function.NewConvexError(value.Int64(5))
	})
	runner, err := function.New(function.Config{Registry: r, Store: st})
	if err != nil {
		t.Fatal(err)
	}
	h, err := api.New(api.Config{Registry: r, Runner: runner, Store: st, Verify: func(_ context.Context, token string) (*function.Identity, error) {
		if token != "ann" {
			return nil, errors.New("no such token")
		}
		return &function.Identity{Subject: "ann|s"}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.handler = h
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.Close()
		if err := st.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	d.url = srv.URL
	return d
}

// ask sends a request and returns the status and the body.
func (d *door) ask(method, path, body string, header ...string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, string(bytes.TrimSpace(b))
}

func (d *door) post(path, body string) (int, string) {
	d.t.Helper()
	return d.ask(http.MethodPost, path, body)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	cases := []struct {
		name, path, body string
		status           int
		want             string // the whole body, or its beginning when it ends in …
	}{
		{"clean form", "/api/mutation", `{"path":"dir/things:add","args":{"n":{"$integer":"BwAAAAAAAAA="}},"format":"json"}`, 200, `{"status":"success","value":"7","logLines":[]}`},
		{"encoded form", "/api/mutation", `{"path":"dir/things:add","args":[{"n":{"$integer":"BwAAAAAAAAA="}}],"format":"convex_encoded_json"}`, 200, `{"status":"success","value":{"$integer":"BwAAAAAAAAA="},"logLines":[]}`},
		{"error data", "/api/action", `{"path":"acts:fail","args":{},"format":"convex_encoded_json"}`, 200, `{"status":"error","errorMessage":"[Request ID: …`},
		{"run a mutation", "/api/run/dir/things/add", `{"args":{"n":{"$integer":"BwAAAAAAAAA="}}}`, 200, `{"status":"success","value":"7","logLines":[]}`},
		{"run a query", "/api/run/dir/things/all", `{"args":{}}`, 200, `{"status":"success","value":3,"logLines":[]}`},
		{"run nothing", "/api/run/dir/things/nope", `{"args":{}}`, 200, `{"status":"error","errorMessage":"[Request ID: …`},
		{"no path", "/api/query", `{"path":"a b","args":{}}`, 400, `{"code":"BadConvexFunctionIdentifier","message":"a b is not a valid path to a Convex function. …`},
		{"bad format", "/api/query", `{"path":"dir/things:all","args":{},"format":"xml"}`, 400, `{"code":"BadFormat",…`},
		{"bad JSON", "/api/query", `{`, 400, `{"code":"BadJsonBody",…`},
		{"admin endpoint", "/api/function", `{}`, 403, `{"code":"BadAdminKey",…`},
		{"no endpoint", "/api/nope", `{}`, 404, `{"code":"NotFound",…`},
		{"debug event", "/api/debug_event", `{"event":{}}`, 200, `{}`},
		{"bad arguments", "/api/query", `{"path":"dir/things:all","args":[1,2]}`, 200, `{"status":"error","errorMessage":"[Request ID: …`},
	}
	for _, c := range cases {
		status, body := d.post(c.path, c.body)
		begin, cut := strings.CutSuffix(c.want, "…")
		if status != c.status || cut && !strings.HasPrefix(body, begin) || !cut && body != c.want {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, body, c.status, c.want)
		}
	}
	q := url.Values{"path": {"dir/things:all"}, "args": {"{}"}, "format": {"json"}}
	if status, body := d.ask(http.MethodGet, "/api/query?"+q.Encode(), ""); status != 200 || !strings.Contains(body, `"value":3`) {
		t.Errorf("GET query: %d %s", status, body)
	}
	if status, body := d.ask(http.MethodGet, "/version", ""); status != 200 || body == "" {
		t.Errorf("version: %d %q", status, body)
	}
	big := `{"path":"dir/things:all","args":{"x":"` + strings.Repeat("x", 17<<20) + `"}}`
	if status, body := d.post("/api/query", big); status != 413 {
		t.Errorf("a body of 17 MiB: %d %s", status, body)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ask := `{"path":"who:am","args":{}}`
	cases := []struct {
		name   string
		header []string
		status int
		want   string
	}{
		{"anonymous", nil, 200, `"value":""`},
		{"bearer", []string{"Authorization", "bEARER ann"}, 200, `"value":"ann"`},
		{"bad token", []string{"Authorization", "Bearer bob"}, 401, `"Unauthenticated"`},
		{"bad scheme", []string{"Authorization", "Basic x"}, 401, `"InvalidAuthHeader"`},
		{"no scheme", []string{"Authorization", "ann"}, 401, `"InvalidAuthHeader"`},
		{"admin", []string{"Authorization", "Convex key"}, 403, `"BadAdminKey"`},
		{"bad client", []string{"Convex-Client", "nonsense"}, 400, `"InvalidClientVersion"`},
	}
	for _, c := range cases {
		if status, body := d.ask(http.MethodPost, "/api/query", ask, c.header...); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, body, c.status, c.want)
		}
	}
	_, body := d.ask(http.MethodPost, "/api/query", `{"path":"no:such","args":{}}`, "Convex-Request-Id", "my-request")
	if !strings.Contains(body, "[Request ID: my-request]") {
		t.Errorf("the request id is not in %s", body)
	}
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	add := func() {
		t.Helper()
		if status, body := d.post("/api/mutation", `{"path":"dir/things:add","args":{"n":{"$integer":"BwAAAAAAAAA="}}}`); status != 200 {
			t.Fatalf("add: %d %s", status, body)
		}
	}
	add()
	var ts struct {
		TS string `json:"ts"`
	}
	_, body := d.post("/api/query_ts", "")
	if err := json.Unmarshal([]byte(body), &ts); err != nil {
		t.Fatal(err)
	}
	at := `{"path":"dir/things:all","args":{},"format":"json","ts":"` + ts.TS + `"}`
	if status, body := d.post("/api/query_at_ts", at); status != 200 || !strings.Contains(body, `"value":1`) {
		t.Errorf("at the newest timestamp: %d %s", status, body)
	}
	add()
	if status, body := d.post("/api/query_at_ts", at); status != 503 {
		t.Errorf("at a timestamp whose answer is gone: %d %s", status, body)
	}
	other := strings.Replace(at, "dir/things:all", "who:am", 1)
	if status, body := d.post("/api/query_at_ts", other); status != 200 {
		t.Errorf("a query that read nothing that changed: %d %s", status, body)
	}
	if status, body := d.post("/api/query_at_ts", `{"path":"who:am","args":{},"ts":"x"}`); status != 400 {
		t.Errorf("a bad timestamp: %d %s", status, body)
	}
	_, body = d.post("/api/query_batch", `{"queries":[{"path":"dir/things:all","args":{},"format":"json"},{"path":"no:such","args":{}}]}`)
	var batch struct{ Results []struct{ Status string } }
	if err := json.Unmarshal([]byte(body), &batch); err != nil || len(batch.Results) != 2 || batch.Results[0].Status != "success" || batch.Results[1].Status != "error" {
		t.Errorf("batch: %s", body)
	}
}

var (
	scanAll   = store.Scan{Table: "things"}
	pageOf100 = store.PageOptions{NumItems: 100}
)

// A stop lets what runs end well, and what takes too long end.
func TestDrain(t *testing.T) {
	t.Parallel()
	for _, patient := range []bool{true, false} {
		d := openDoor(t)
		answers := make(chan string, 1)
		go func() {
			_, body := d.post("/api/action", `{"path":"acts:wait","args":{}}`)
			answers <- body
		}()
		<-d.began
		ctx, cancel := context.WithCancel(t.Context())
		drained := make(chan error, 1)
		go func() { drained <- d.handler.Drain(ctx) }()
		for {
			if status, body := d.post("/api/query", `{"path":"who:am","args":{}}`); status == http.StatusServiceUnavailable && strings.Contains(body, "ServerStopping") {
				break
			}
		}
		want := "released"
		if patient {
			close(d.release)
		} else {
			want = "told to stop"
			cancel()
		}
		if body := <-answers; !strings.Contains(body, want) {
			t.Errorf("patient %v: the action answered %s", patient, body)
		}
		if err := <-drained; (err == nil) != patient {
			t.Errorf("patient %v: the drain ended with %v", patient, err)
		}
		cancel()
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ask := `{"path":"who:am","args":{}}`
	if status, body := d.post("/api/query_batch", `{"queries":[`+ask+`,`+ask+`]}`); status != 200 || strings.Count(body, `"success"`) != 2 {
		t.Errorf("two: %d %s", status, body)
	}
	if status, body := d.post("/api/query_batch", `{"queries":[`+strings.Repeat(ask+",", 1000)+ask+`]}`); status != 400 || !strings.Contains(body, "TooManyQueries") {
		t.Errorf("many: %d %.100s", status, body)
	}
}

// Before signing in, bodies are small.
func TestAnonymousBodiesAreSmall(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	big := `{"path":"who:am","args":{"x":"` + strings.Repeat("x", 2<<20) + `"}}`
	if status, body := d.post("/api/query", big); status != 413 || !strings.Contains(body, "larger than 1048576 bytes") {
		t.Errorf("anonymous: %d %s", status, body)
	}
	if status, _ := d.ask(http.MethodPost, "/api/query", big, "Authorization", "Bearer ann"); status != 200 {
		t.Errorf("signed in: %d", status)
	}
	if status, _ := d.ask(http.MethodPost, "/api/query", big, "Authorization", "Bearer bob"); status != 413 {
		t.Errorf("with a bad token: %d", status)
	}
}

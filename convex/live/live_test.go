package live_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type noteID string

func (noteID) ConvexTable() string { return "notes" }

type note struct {
	ID           noteID  `json:"_id"`
	CreationTime float64 `json:"_creationTime"`
	Topic        string  `json:"topic"`
}

var notes = store.TypedTable[note, noteID]("notes")

// world is a hub that runs over a real store.
type world struct {
	t       testing.TB
	hub     *live.Hub
	runner  *function.Runner
	streams *stream.Hub
	runs    atomic.Int64 // of the query notes:list
	faults  faults
	stop    func() // ends the hub's loop; more than once does no harm
}

type topicArgs struct {
	Topic string `json:"topic"`
}

func newWorld(t testing.TB) *world {
	t.Helper()
	sch, err := schema.New(schema.Define[note]("notes", schema.Index{Name: "by_topic", Fields: []string{"topic"}}))
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "live.db"), Schema: sch})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, streams: stream.New()}
	r := function.NewRegistry()
	w.register(r)
	w.faults.register(r)
	shaky := shakyStore{st, &w.faults}
	if w.runner, err = function.New(function.Config{Registry: r, Store: shaky, Streams: w.streams}); err != nil {
		t.Fatal(err)
	}
	w.hub, err = live.New(live.Config{Store: shaky, Streams: w.streams, Runner: w.runner, Interval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.hub.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() {
		w.stop()
		if err := st.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return w
}

func (w *world) register(r *function.Registry) {
	function.Query(r, "notes:list", func(ctx *function.QueryCtx, a topicArgs) (any, error) {
		w.runs.Add(1)
		all, err := notes.Query(ctx.DB, "by_topic", a.Topic).All(ctx)
		return map[string]any{"who": ctx.Identity().UserID(), "n": len(all)}, err
	})
	function.Query(r, "notes:total", func(ctx *function.QueryCtx, _ struct{}) (int, error) {
		all, err := notes.Query(ctx.DB, "").All(ctx)
		return len(all), err
	})
	function.Query(r, "notes:failing", func(ctx *function.QueryCtx, a topicArgs) (int, error) {
		first, err := notes.Query(ctx.DB, "by_topic", a.Topic).First(ctx)
		if err == nil && first == nil {
			err = function.Errorf("not_found", "Nothing there")
		}
		return 1, err
	})
	function.Query(r, "notes:draft", func(ctx *function.QueryCtx, a topicArgs) (any, error) {
		return ctx.Stream(a.Topic), nil
	})
	function.Mutation(r, "notes:add", func(ctx *function.MutationCtx, a topicArgs) (noteID, error) {
		ctx.ClearStream(a.Topic)
		return notes.Insert(ctx, ctx.DB, note{Topic: a.Topic})
	})
}

func (w *world) add(topic string) {
	w.t.Helper()
	if err := w.runner.Invoke(context.Background(), function.KindMutation, nil, "notes:add", topicArgs{topic}, nil); err != nil {
		w.t.Fatal(err)
	}
}

func query(t testing.TB, id uint32, name string, args value.Object) live.Query {
	t.Helper()
	p, err := function.ParsePath(name)
	if err != nil {
		t.Fatal(err)
	}
	return live.Query{ID: id, Path: p, Args: args}
}

func topic(s string) value.Object { return value.Object{"topic": s} }

// view is what a client has been told, with the rules of versions checked.
type view struct {
	t       testing.TB
	c       *live.Client
	version live.Version
	values  map[uint32]string
	updates int
}

func newView(t testing.TB, c *live.Client) *view {
	return &view{t: t, c: c, values: map[uint32]string{}}
}

// take applies what the client is due, and reports whether there was any.
func (v *view) take() bool {
	v.t.Helper()
	_, tr := v.c.Take()
	if tr == nil {
		return false
	}
	if tr.Start != v.version {
		v.t.Fatalf("transition starts at %+v, the last one ended at %+v", tr.Start, v.version)
	}
	if tr.End.QuerySet < tr.Start.QuerySet || tr.End.Identity < tr.Start.Identity || tr.End.Timestamp < tr.Start.Timestamp {
		v.t.Fatalf("transition goes back: %+v to %+v", tr.Start, tr.End)
	}
	v.version = tr.End
	for _, u := range tr.Updates {
		v.updates++
		switch {
		case u.Result == nil:
			delete(v.values, u.QueryID)
		case u.Result.Failure != nil:
			v.values[u.QueryID] = "error: " + u.Result.Failure.Stable
		default:
			v.values[u.QueryID] = string(u.Result.Value)
		}
	}
	return true
}

// until takes transitions until the condition holds.
func (v *view) until(ok func() bool) {
	v.t.Helper()
	deadline := time.After(20 * time.Second)
	for !ok() {
		if v.take() {
			continue
		}
		select {
		case <-v.c.Ready():
		case <-deadline:
			v.t.Fatalf("nothing more came; at %+v with %v", v.version, v.values)
		}
	}
}

func (v *view) untilValue(id uint32, want string) {
	v.t.Helper()
	v.until(func() bool { return v.values[id] == want })
}

func mustModify(t testing.TB, c *live.Client, base uint32, add []live.Query, remove ...uint32) {
	t.Helper()
	if err := c.ModifyQuerySet(base, base+1, add, remove); err != nil {
		t.Fatal(err)
	}
}

func TestSharedRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var views []*view
	for range 50 {
		c := w.hub.Connect()
		defer c.Close()
		mustModify(t, c, 0, []live.Query{query(t, 0, "notes:list", topic("a"))})
		views = append(views, newView(t, c))
	}
	for _, v := range views {
		v.untilValue(0, `{"n":0,"who":""}`)
	}
	before := w.runs.Load()
	w.add("b")
	w.add("a")
	for _, v := range views {
		v.untilValue(0, `{"n":1,"who":""}`)
		if v.updates != 2 {
			t.Errorf("%d updates, want 2", v.updates)
		}
	}
	if runs := w.runs.Load() - before; runs != 1 {
		t.Errorf("the shared query ran %d times for one change, want 1", runs)
	}
}

// A client that does not read holds its newest state, however much happens.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow, fast := w.hub.Connect(), w.hub.Connect()
	defer slow.Close()
	defer fast.Close()
	for _, c := range []*live.Client{slow, fast} {
		mustModify(t, c, 0, []live.Query{query(t, 0, "notes:list", topic("a"))})
	}
	f, s := newView(t, fast), newView(t, slow)
	for i := range 200 {
		w.add("a")
		f.untilValue(0, fmt.Sprintf(`{"n":%d,"who":""}`, i+1))
	}
	if !s.take() || s.values[0] != `{"n":200,"who":""}` || s.updates != 1 {
		t.Errorf("the slow reader got %d updates and has %v; want one with the newest state", s.updates, s.values)
	}
}

func TestHoldKeepsTheTransitionBehindTheReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, other := w.hub.Connect(), w.hub.Connect()
	defer c.Close()
	defer other.Close()
	add := []live.Query{query(t, 0, "notes:list", topic("a"))}
	mustModify(t, c, 0, add)
	mustModify(t, other, 0, add)
	v, o := newView(t, c), newView(t, other)
	v.untilValue(0, `{"n":0,"who":""}`)
	o.untilValue(0, `{"n":0,"who":""}`)

	p, err := function.ParsePath("notes:add")
	if err != nil {
		t.Fatal(err)
	}
	res := w.runner.Mutation(t.Context(), function.Call{Path: p, Args: topic("a")}, function.MutationOptions{AtCommit: c.Hold})
	if res.Failure != nil {
		t.Fatal(res.Failure.Message)
	}
	// Another client sees the commit, so a batch has published it.
	o.untilValue(0, `{"n":1,"who":""}`)
	if replies, tr := c.Take(); len(replies) != 0 || tr != nil {
		t.Fatalf("before the reply: %q and %+v", replies, tr)
	}
	c.Reply([]byte("reply"), res.Timestamp)
	replies, tr := c.Take()
	if len(replies) != 1 || tr == nil || tr.End.Timestamp < res.Timestamp || len(tr.Updates) != 1 {
		t.Errorf("after the reply: %q and %+v", replies, tr)
	}
}

func TestFailedQueryRunsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.hub.Connect()
	defer c.Close()
	mustModify(t, c, 0, []live.Query{query(t, 0, "notes:failing", topic("a"))})
	v := newView(t, c)
	v.untilValue(0, "error: Uncaught Error: Nothing there")
	w.add("a")
	v.untilValue(0, "1")
}

func TestIdentityChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.hub.Connect()
	defer c.Close()
	v := newView(t, c)
	mustModify(t, c, 0, []live.Query{query(t, 0, "notes:list", topic("a")), query(t, 1, "notes:total", value.Object{})})
	v.untilValue(0, `{"n":0,"who":""}`)
	id := &function.Identity{Subject: "ann|s1", Issuer: "i"}
	if err := c.Authenticate(0, id); err != nil {
		t.Fatal(err)
	}
	v.until(func() bool { return v.version.Identity == 1 })
	if v.values[0] != `{"n":0,"who":"ann"}` {
		t.Errorf("the transition to the identity shows %v", v.values)
	}
	updates := v.updates
	// Another token of the same session changes nothing but the version.
	if err := c.Authenticate(1, &function.Identity{Subject: "ann|s1", Issuer: "i", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	v.until(func() bool { return v.version.Identity == 2 })
	if v.updates != updates {
		t.Errorf("equal results were sent again")
	}
	if err := c.Authenticate(1, nil); err == nil {
		t.Error("an old base version passed")
	}
}

func TestWrongModifications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.hub.Connect()
	defer c.Close()
	q := query(t, 0, "notes:total", value.Object{})
	many := slices.Repeat([]live.Query{q}, 4097)
	for i := range many {
		many[i].ID = uint32(i)
	}
	if err := c.ModifyQuerySet(0, 1, many, nil); !errors.Is(err, live.ErrTooMany) {
		t.Errorf("%d queries: %v", len(many), err)
	}
	for name, err := range map[string]error{
		"wrong base":     c.ModifyQuerySet(1, 2, nil, nil),
		"not newer":      c.ModifyQuerySet(0, 0, nil, nil),
		"duplicate id":   c.ModifyQuerySet(0, 1, []live.Query{q, q}, nil),
		"unknown remove": c.ModifyQuerySet(0, 1, nil, []uint32{9}),
	} {
		if err == nil {
			t.Errorf("%s passed", name)
		}
	}
	v := newView(t, c)
	mustModify(t, c, 0, []live.Query{q})
	v.untilValue(0, "0")
	mustModify(t, c, 1, []live.Query{query(t, 1, "notes:total", value.Object{})}, 1)
	v.until(func() bool { return v.version.QuerySet == 2 })
	mustModify(t, c, 2, nil, 0)
	v.until(func() bool { return v.version.QuerySet == 3 })
	if len(v.values) != 0 {
		t.Errorf("after the removal: %v", v.values)
	}
}

func TestCloseForgetsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 20 {
		c := w.hub.Connect()
		mustModify(t, c, 0, []live.Query{query(t, 0, "notes:list", topic("a")), query(t, 1, "notes:total", value.Object{})})
		c.Close()
	}
	c := w.hub.Connect()
	mustModify(t, c, 0, []live.Query{query(t, 0, "notes:list", topic("a"))})
	newView(t, c).untilValue(0, `{"n":0,"who":""}`)
	if got, want := w.hub.Stats(), (live.Stats{Clients: 1, Queries: 1, Subscriptions: 1}); got != want {
		t.Errorf("stats = %+v, want %+v", got, want)
	}
	c.Close()
	if got := w.hub.Stats(); got != (live.Stats{}) {
		t.Errorf("stats = %+v, want none", got)
	}
}

// TestRandom lets clients and writers do as they like and then compares what
// every client was told with a plain run.
func TestRandom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	topics := []string{"a", "b", "c"}
	rapid.Check(t, func(rt *rapid.T) {
		var clients []*randomClient
		for range rapid.IntRange(1, 4).Draw(rt, "clients") {
			c := w.hub.Connect()
			defer c.Close()
			clients = append(clients, &randomClient{view: newView(t, c), active: map[uint32]live.Query{}})
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				w.add(rapid.SampledFrom(topics).Draw(rt, "topic"))
			case 1:
				w.streams.Set(rapid.SampledFrom(topics).Draw(rt, "stream"), rapid.StringN(0, 3, 3).Draw(rt, "draft"))
			case 2:
				rapid.SampledFrom(clients).Draw(rt, "client").modify(rt, topics)
			case 3:
				rapid.SampledFrom(clients).Draw(rt, "client").authenticate(rt)
			default:
				rapid.SampledFrom(clients).Draw(rt, "client").view.take()
			}
		}
		// Whatever was under way is done when a later commit has arrived.
		p, err := function.ParsePath("notes:add")
		if err != nil {
			rt.Fatal(err)
		}
		res := w.runner.Mutation(context.Background(), function.Call{Path: p, Args: topic("z")}, function.MutationOptions{})
		for _, c := range clients {
			c.view.c.Reply(nil, res.Timestamp)
			c.view.until(func() bool {
				v := c.view.version
				return v.Timestamp >= res.Timestamp && v.QuerySet == c.base && v.Identity == c.identities
			})
			c.check(rt, w)
		}
	})
}

type randomClient struct {
	view             *view
	base, identities uint32
	next             uint32
	identity         *function.Identity
	active           map[uint32]live.Query
}

func (c *randomClient) modify(rt *rapid.T, topics []string) {
	var add []live.Query
	var remove []uint32
	for range rapid.IntRange(0, 3).Draw(rt, "adds") {
		name := rapid.SampledFrom([]string{"notes:list", "notes:failing", "notes:draft"}).Draw(rt, "query")
		q := query(c.view.t, c.next, name, topic(rapid.SampledFrom(topics).Draw(rt, "of")))
		add = append(add, q)
		c.active[q.ID] = q
		c.next++
	}
	for id := range c.active {
		if !slices.ContainsFunc(add, func(q live.Query) bool { return q.ID == id }) && rapid.Bool().Draw(rt, "remove") {
			remove = append(remove, id)
			delete(c.active, id)
		}
	}
	mustModify(c.view.t, c.view.c, c.base, add, remove...)
	c.base++
}

func (c *randomClient) authenticate(rt *rapid.T) {
	c.identity = rapid.SampledFrom([]*function.Identity{nil, {Subject: "ann|1"}, {Subject: "bob|2"}}).Draw(rt, "identity")
	if err := c.view.c.Authenticate(c.identities, c.identity); err != nil {
		rt.Fatal(err)
	}
	c.identities++
}

func (c *randomClient) check(rt *rapid.T, w *world) {
	if len(c.view.values) != len(c.active) {
		rt.Fatalf("the client has %v, it watches %d queries", c.view.values, len(c.active))
	}
	for id, q := range c.active {
		res := w.runner.QueryNow(context.Background(), function.Call{Path: q.Path, Args: q.Args, Identity: c.identity})
		want := string(res.Value)
		if res.Failure != nil {
			want = "error: " + res.Failure.Stable
		}
		if c.view.values[id] != want {
			rt.Fatalf("%s %v: the client has %s, a plain run gives %s", q.Path, q.Args, c.view.values[id], want)
		}
	}
}

// BenchmarkFanOut measures one commit until 1000 clients have its result.
func BenchmarkFanOut(b *testing.B) {
	w := newWorld(b)
	const clients = 1000
	var views []*view
	for range clients {
		c := w.hub.Connect()
		defer c.Close()
		mustModify(b, c, 0, []live.Query{query(b, 0, "notes:draft", topic("a"))})
		views = append(views, newView(b, c))
	}
	n := 0
	for b.Loop() {
		n++
		w.streams.Set("a", n)
		want := fmt.Sprint(n)
		var wg sync.WaitGroup
		for _, v := range views {
			wg.Go(func() { v.untilValue(0, want) })
		}
		wg.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clients, "ns/client")
}

// BenchmarkCommitToClient measures a mutation until its writer's own live query
// shows it.
func BenchmarkCommitToClient(b *testing.B) {
	w := newWorld(b)
	c := w.hub.Connect()
	defer c.Close()
	mustModify(b, c, 0, []live.Query{query(b, 0, "notes:failing", topic("a"))})
	v := newView(b, c)
	v.untilValue(0, "error: Uncaught Error: Nothing there")
	for b.Loop() {
		p, err := function.ParsePath("notes:add")
		if err != nil {
			b.Fatal(err)
		}
		res := w.runner.Mutation(b.Context(), function.Call{Path: p, Args: topic("a")}, function.MutationOptions{})
		c.Reply(nil, res.Timestamp)
		v.until(func() bool { return v.version.Timestamp >= res.Timestamp })
	}
}

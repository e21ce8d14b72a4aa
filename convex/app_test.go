package convex_test

import (
	"errors"
	"strings"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/value"
)

// The app that the official clients are tried against.

type messageID string

func (messageID) ConvexTable() string { return "messages" }

type message struct {
	ID           messageID `json:"_id"`
	CreationTime float64   `json:"_creationTime"`
	Channel      string    `json:"channel"`
	Body         string    `json:"body"`
	Pinned       *bool     `json:"pinned,omitempty"`
}

type thing struct {
	Value any `json:"value"`
}

type userDoc struct {
	Email       *string `json:"email,omitempty"`
	IsAnonymous *bool   `json:"isAnonymous,omitempty"`
}

type mode string

func (mode) ConvexLiterals() []string { return []string{"ask", "code"} }

var messages = store.TypedTable[message, messageID]("messages")

func testTables() []schema.Table {
	return []schema.Table{
		schema.Define[message]("messages", schema.Index{Name: "by_channel", Fields: []string{"channel"}}),
		schema.Define[thing]("anything"),
		schema.Define[userDoc]("users", schema.Index{Name: "email", Fields: []string{"email"}}),
	}
}

type channelArgs struct {
	Channel string `json:"channel"`
}

type sendArgs struct {
	Channel string `json:"channel"`
	Body    string `json:"body"`
}

type valueArgs struct {
	Value any `json:"value"`
}

type none = struct{}

func send(ctx *function.MutationCtx, a sendArgs) (messageID, error) {
	return messages.Insert(ctx, ctx.DB, message{Channel: a.Channel, Body: a.Body})
}

func registerTestFunctions(r *function.Registry, streams *stream.Hub, cut func()) {
	registerMessages(r, cut)
	registerQuota(r)
	registerEcho(r)
	registerFailures(r)
	registerStreams(r, streams)
	function.Query(r, "auth:loggedInUser", func(ctx *function.QueryCtx, _ none) (any, error) {
		if ctx.Identity() == nil {
			return nil, nil
		}
		return ctx.DB.Get(ctx, "users", ctx.Identity().UserID())
	})
	type emailArgs struct {
		Email string `json:"email"`
	}
	function.Mutation(r, "users:importLucia", func(ctx *function.MutationCtx, a emailArgs) (none, error) {
		user, err := ctx.DB.Insert(ctx, "users", value.Object{"email": a.Email})
		if err != nil {
			return none{}, err
		}
		// The hash of "correct horse battery", made with Lucia's parameters by
		// another implementation (node:crypto).
		_, err = ctx.DB.Insert(ctx, "authAccounts", value.Object{
			"userId": user, "provider": "password", "providerAccountId": a.Email, "secret": luciaHash,
		})
		return none{}, err
	})
	type msArgs struct {
		MS float64 `json:"ms"`
	}
	function.Action(r, "slow:action", func(ctx *function.ActionCtx, a msArgs) (none, error) {
		select {
		case <-time.After(time.Duration(a.MS) * time.Millisecond):
		case <-ctx.Done():
		}
		return none{}, nil
	})
	type typedArgs struct {
		ID   messageID `json:"id"`
		Name string    `json:"name"`
		N    float64   `json:"n"`
		Opt  *string   `json:"opt,omitempty"`
		Mode mode      `json:"mode,omitempty"`
	}
	function.Query(r, "args:typed", func(ctx *function.QueryCtx, a typedArgs) (*message, error) {
		return messages.Get(ctx, ctx.DB, a.ID)
	})
}

func registerMessages(r *function.Registry, cut func()) {
	list := func(ctx *function.QueryCtx, a channelArgs) ([]message, error) {
		return messages.Query(ctx.DB, "by_channel", a.Channel).All(ctx)
	}
	function.Query(r, "messages:list", list)
	function.Query(r, "messages:count", func(ctx *function.QueryCtx, a channelArgs) (int, error) {
		all, err := list(ctx, a)
		return len(all), err
	})
	function.Query(r, "messages:hasAny", func(ctx *function.QueryCtx, a channelArgs) (bool, error) {
		first, err := messages.Query(ctx.DB, "by_channel", a.Channel).First(ctx)
		return first != nil, err
	})
	type pageArgs struct {
		Channel           string            `json:"channel"`
		PaginationOptions store.PageOptions `json:"paginationOpts"`
	}
	function.Query(r, "messages:page", func(ctx *function.QueryCtx, a pageArgs) (store.Page[message], error) {
		return messages.Query(ctx.DB, "by_channel", a.Channel).Desc().Paginate(ctx, a.PaginationOptions)
	})
	function.Mutation(r, "messages:send", send)
	function.InternalMutation(r, "messages:internalSend", send)
	function.Mutation(r, "messages:sendThenFail", func(ctx *function.MutationCtx, a sendArgs) (none, error) {
		if _, err := send(ctx, a); err != nil {
			return none{}, err
		}
		return none{}, function.Errorf("invalid", "Changed my mind")
	})
	function.Mutation(r, "messages:sendAndCut", func(ctx *function.MutationCtx, a sendArgs) (messageID, error) {
		ctx.AfterCommit(cut)
		return send(ctx, a)
	})
	function.Mutation(r, "messages:sendAndSchedule", func(ctx *function.MutationCtx, a sendArgs) (messageID, error) {
		_, err := ctx.Scheduler.RunAfter(ctx, 0, "messages:internalSend", sendArgs{a.Channel + "-scheduled", a.Body})
		if err != nil {
			return "", err
		}
		return send(ctx, a)
	})
	type laterArgs struct {
		sendArgs
		MS float64 `json:"ms"`
	}
	function.Mutation(r, "messages:sendLater", func(ctx *function.MutationCtx, a laterArgs) (string, error) {
		return ctx.Scheduler.RunAfter(ctx, time.Duration(a.MS)*time.Millisecond, "messages:internalSend", a.sendArgs)
	})
}

// registerQuota adds a mutation that allows three messages of a channel.
func registerQuota(r *function.Registry) {
	function.Mutation(r, "quota:create", func(ctx *function.MutationCtx, a channelArgs) (messageID, error) {
		have, err := messages.Query(ctx.DB, "by_channel", a.Channel).All(ctx)
		if err != nil {
			return "", err
		}
		if len(have) >= 3 {
			return "", function.Errorf("quota", "Project limit reached: maximum 3 projects per user")
		}
		return send(ctx, sendArgs{Channel: a.Channel})
	})
}

func registerEcho(r *function.Registry) {
	function.Query(r, "echo:query", func(_ *function.QueryCtx, a valueArgs) (any, error) { return a.Value, nil })
	function.Mutation(r, "echo:mutation", func(_ *function.MutationCtx, a valueArgs) (any, error) { return a.Value, nil })
	function.Action(r, "echo:action", func(_ *function.ActionCtx, a valueArgs) (any, error) { return a.Value, nil })
	function.Mutation(r, "echo:nothing", func(*function.MutationCtx, none) (none, error) { return none{}, nil })
	store1 := func(ctx *function.MutationCtx, v any) (string, error) {
		return ctx.DB.Insert(ctx, "anything", value.Object{"value": v})
	}
	function.Mutation(r, "echo:stored", func(ctx *function.MutationCtx, a valueArgs) (any, error) {
		id, err := store1(ctx, a.Value)
		if err != nil {
			return nil, err
		}
		doc, err := ctx.DB.Get(ctx, "anything", id)
		return doc["value"], err
	})
	function.Mutation(r, "echo:storedID", func(ctx *function.MutationCtx, _ none) (string, error) { return store1(ctx, nil) })
	type sizeArgs struct {
		Size float64 `json:"size"`
	}
	function.Query(r, "echo:big", func(_ *function.QueryCtx, a sizeArgs) (string, error) {
		const unit = "añ\\\"\n"
		n := int(a.Size)
		return strings.Repeat(unit, n/5+1)[:n/5*len(unit)] + strings.Repeat("x", n%5), nil
	})
}

func registerFailures(r *function.Registry) {
	function.Mutation(r, "fail:plain", func(*function.MutationCtx, none) (none, error) {
		return none{}, function.Errorf("forbidden", "Forbidden")
	})
	function.Mutation(r, "fail:rich", func(*function.MutationCtx, none) (none, error) {
		return none{}, function.NewConvexError(map[string]string{"code": "quota", "message": "Enough"})
	})
	function.Mutation(r, "fail:hidden", func(*function.MutationCtx, none) (none, error) {
		return none{}, errors.New("the password is hunter2")
	})
	function.Mutation(r, "fail:panics", func(*function.MutationCtx, none) (none, error) { panic("secret") })
	function.Query(r, "fail:query", func(*function.QueryCtx, none) (none, error) {
		return none{}, function.Errorf("invalid", "Not today")
	})
	function.Action(r, "fail:action", func(*function.ActionCtx, none) (none, error) {
		return none{}, function.Errorf("invalid", "Not today")
	})
}

func registerStreams(r *function.Registry, streams *stream.Hub) {
	type keyArgs struct {
		Key string `json:"key"`
	}
	type writeArgs struct {
		Key  string `json:"key"`
		Text string `json:"text"`
	}
	function.Query(r, "streams:get", func(ctx *function.QueryCtx, a keyArgs) (any, error) { return ctx.Stream(a.Key), nil })
	function.Action(r, "streams:write", func(_ *function.ActionCtx, a writeArgs) (none, error) {
		streams.Set(a.Key, a.Text)
		return none{}, nil
	})
	// finish turns what the stream holds into a message of the same name.
	function.Mutation(r, "streams:finish", func(ctx *function.MutationCtx, a keyArgs) (messageID, error) {
		text, _ := streams.Get(a.Key).(string)
		ctx.ClearStream(a.Key)
		return send(ctx, sendArgs{Channel: a.Key, Body: text})
	})
}

const luciaHash = "00112233445566778899aabbccddeeff:267a33c2ae63f1c2d542f84d50b7d87c68900c8b9475f6a47ade71cf44b234822e0a34af1d226572b5caf52809319d4c486f3d209cc2fd022fb53bb4eaeb35b1"
